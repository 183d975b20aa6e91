"""Browser, nginx or haproxy, Outrider: what outrider-deployment(7) tells operators to write for 103s in production."""

import re

import pytest

import eyes
import hints
from programs.haproxy import Haproxy
from programs.nginx import CurrentNginx
from programs.program import with_changes
from server import RELEASE, ROOT, Server, free_port
from setups import Site

PAGE = (ROOT / "man/outrider-deployment.7").read_text()
SECTION = PAGE.partition(".Ss Early hints through a proxy\n")[2].partition("\n.Sh ")[0]
BLOCKS = [
    block.replace("\\-", "-").replace("\\e", "\\")
    for block in re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$", SECTION, re.M | re.S)
]


@pytest.mark.parametrize("example", ["nginx/outrider.conf", "haproxy/haproxy.cfg"])
def test_the_page_has_the_examples(example):
    assert (ROOT / "examples" / example).read_text() in BLOCKS


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Outrider with the lines of the page, on a port of the test's."""
    (recipe,) = [block for block in BLOCKS if block.startswith("# outrider.toml\n")]
    port = free_port()
    configuration = tmp_path_factory.mktemp("recipe") / "outrider.toml"
    plugin = f'[[plugin]]\npath = "{RELEASE}/libdemo_event.so"\n'
    configuration.write_text(with_changes(recipe, {"127.0.0.1:8000": f"127.0.0.1:{port}"}) + plugin)
    server = Server("-c", configuration, bind=False, port=port)
    try:
        yield server
        server.stop()
    finally:
        server.kill()


@pytest.mark.parametrize("program", [CurrentNginx, Haproxy], ids=lambda program: program.name)
@pytest.mark.parametrize("path", hints.PAGES)
def test_a_browser_gets_them(server, started, authority, program, path):
    site = Site(started(program, server).address, authority)
    hints.see_all(path, lambda: eyes.look(site, path, eyes.NAVIGATION))


@pytest.mark.parametrize("program", [CurrentNginx, Haproxy], ids=lambda program: program.name)
def test_other_clients_get_none(server, started, authority, program):
    site = Site(started(program, server).address, authority)
    for speaks_http2 in (True, False):
        for fields in ([], [("sec-fetch-mode", "no-cors")]):
            seen = eyes.look(site, "/early-hints", *fields, speaks_http2=speaks_http2)
            assert (seen.status, seen.hints) == (200, [])
    assert server.get("/early-hints").informational == []
