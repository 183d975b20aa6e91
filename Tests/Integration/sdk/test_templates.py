"""What each template makes: a plugin that is replaced as a whole, serves in every worker model, and has no findings.

The first minute asserts the same of what it has built anyway. It is for the shipped server: this is for the others."""

import shutil

import pytest

from built_once import for_authors, run_make
from client import request
from control import outriderctl
from matrix import MODELS
from server import ROOT
from templates import BUILT_FOLDERS, each_template, sources
from timing import SLOWNESS, scaled_timeout
from visible import visible_folder


pytestmark = pytest.mark.skipif(SLOWNESS == 1, reason="the first minute asserts the same")


@pytest.fixture
def folder(template):
    """A copy of the template, without what earlier builds have left."""
    with visible_folder() as place:
        shutil.copytree(ROOT / "examples" / template, place / template, ignore=shutil.ignore_patterns(*BUILT_FOLDERS))
        yield place / template


@each_template
def test_a_template_makes_a_plugin(own, tree, template, folder, takes_long):
    """One test, for each build takes its time."""
    before = sources(folder)
    run_make(folder, environment=for_authors(tree))
    plugin = folder / "build/libhello.so"
    # Its runtime starts threads, so the master, which forks, cannot load it.
    place = ["--load", "worker"] if template.startswith("go_") else []
    for model in MODELS:
        server = own(plugin, *place, model=model)
        with server.connect() as connection:
            connection.send(request("GET", "/"))
            hint, response = connection.informational(), connection.final()
        assert hint.status == 103 and hint.get("link") == "</style.css>; rel=preload; as=style"
        assert response.status == 200 and response.body == b"hello\n"
    checked = outriderctl("check", plugin, timeout=scaled_timeout(120))
    assert checked.returncode == 0, checked.stdout + checked.stderr

    with plugin.open("rb") as former:
        content = former.read()
        for name in before:
            text = (folder / name).read_text()
            (folder / name).write_text(text.replace('hello\\n"', 'other\\n"'))
        run_make(folder, environment=for_authors(tree))
        former.seek(0)
        assert former.read() == content, "the former build was overwritten, which a server has mapped"
    assert plugin.read_bytes() != content

    run_make(folder, "clean", environment=for_authors(tree))
    assert sources(folder) == before
