"""`outriderctl new` makes a folder with a plugin, or says why not and leaves nothing."""

import json
import os
import re
import shutil
import stat
import subprocess

import pytest

from server import ROOT
from templates import sources, templates

TEMPLATES = {tuple(path.name.split("_")) for path in templates()}


@pytest.fixture
def new(tree, tmp_path):
    """new(*arguments, env={}): what `outriderctl new` of the installed tree does in an empty folder."""

    def new(*arguments, env=None):
        environment = {k: v for k, v in os.environ.items() if k != "OUTRIDER_TEMPLATES"} | (env or {})
        command = [tree / "bin/outriderctl", "new", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return new


@pytest.fixture
def own_templates(tmp_path_factory):
    """A folder of templates with one for C, which is not that of the repository."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "c_event/src/libhello").mkdir(parents=True)
    (folder / "c_event/Makefile").write_text("all: build/libhello.so\n")
    return folder


def refused(ended, code, *said):
    assert ended.returncode == code and not ended.stdout, ended
    assert ended.stderr.startswith("outriderctl: new: ") and all(text in ended.stderr for text in said), ended.stderr


@pytest.mark.parametrize("language, style", sorted(TEMPLATES))
def test_a_plugin_is_its_template_with_the_name(new, tree, tmp_path, language, style):
    ended = new("demo", "--lang", language, "--style", style)
    assert ended.returncode == 0 and ended.stdout.endswith("\n  cd demo && make run\n") and not ended.stderr, ended
    template = ROOT / "examples" / f"{language}_{style}"
    assert sources(tmp_path / "demo") == {name.replace("hello", "demo") for name in sources(template)}
    for name in sources(template):
        copied = tmp_path / "demo" / name.replace("hello", "demo")
        kept = re.sub(r"(?<![A-Za-z0-9])(lib)?hello(?![A-Za-z0-9])", r"\1demo", (template / name).read_text())
        assert copied.read_text() == kept.replace("/usr/local", str(tree)), name
        assert os.access(copied, os.X_OK) == os.access(template / name, os.X_OK), name


@pytest.mark.parametrize("language", sorted({language for language, _ in TEMPLATES}))
def test_without_a_style_it_has_the_first_of_the_language(new, tmp_path, language):
    ended = new("demo", "--lang", language, "--json")
    styles = [style for style in ("blocking", "event", "async") if (language, style) in TEMPLATES]
    told = {"folder": "demo", "language": language, "style": styles[0], "next": "cd demo && make run"}
    assert ended.returncode == 0 and json.loads(ended.stdout) == told, ended
    assert (tmp_path / "demo/Makefile").exists()


def test_only_the_word_is_replaced(new, tmp_path, own_templates):
    text = 'hello "hello" libhello.so test_hello hello_test Hello othello hellos 2hello libhello2 xlibhello lib-hello\nhello'
    place = own_templates / "c_event/src/libhello"
    (place / "test_hello.c").write_text(text)
    (place / "othello").write_bytes(b"\0\xff hello")
    (place / "empty").touch()
    assert new("my_app2", "--lang", "c", env={"OUTRIDER_TEMPLATES": str(own_templates)}).returncode == 0
    copied = tmp_path / "my_app2/src/libmy_app2"
    assert (copied / "test_my_app2.c").read_text() == (
        'my_app2 "my_app2" libmy_app2.so test_my_app2 my_app2_test Hello othello hellos 2hello libhello2 xlibhello '
        "lib-my_app2\nmy_app2"
    )
    assert (copied / "othello").read_bytes() == b"\0\xff my_app2"
    assert {path.name for path in copied.iterdir()} == {"test_my_app2.c", "othello", "empty"}


def test_modes_are_kept_but_for_the_umask(new, tmp_path, own_templates):
    script = own_templates / "c_event/run"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    (own_templates / "c_event/Makefile").chmod(0o400)
    before = os.umask(0o027)
    try:
        assert new("demo", "--lang", "c", env={"OUTRIDER_TEMPLATES": str(own_templates)}).returncode == 0
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / "demo" / name).stat().st_mode) for name in ("run", "Makefile", "src")}
    assert modes == {"run": 0o750, "Makefile": 0o640, "src": 0o750}


def test_an_empty_folder_is_filled(new, tmp_path):
    (tmp_path / "demo").mkdir()
    assert new("demo", "--lang", "c").returncode == 0
    assert (tmp_path / "demo/Makefile").exists()


@pytest.mark.parametrize("name", ["file", ".hidden"])
def test_a_folder_that_is_not_empty_is_left_alone(new, tmp_path, name):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / name).write_text("mine")
    refused(new("demo", "--lang", "c"), 64, "the folder demo exists and is not empty")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == [name]


def test_a_file_in_the_place_of_the_folder_is_left_alone(new, tmp_path):
    (tmp_path / "demo").write_text("mine")
    refused(new("demo", "--lang", "c"), 71, "demo: Not a directory")
    assert (tmp_path / "demo").read_text() == "mine"


@pytest.mark.parametrize(
    "name, said",
    [
        ("", "is empty"),
        ("Demo", 'does not begin with a letter from a to z; try "demo"'),
        ("my-app", 'has characters other than a to z, 0 to 9 and _; try "my_app"'),
        ("../demo", "does not begin with a letter"),
        ("a/b", 'has characters other than a to z, 0 to 9 and _; try "a_b"'),
        ("a.b", "has characters other than"),
        ("dömo", "has characters other than"),
        ("1st", "does not begin with a letter"),
        ("_demo", "does not begin with a letter"),
        ("a" * 33, "is longer than 32 characters"),
        ("fn", "is a reserved word of a programming language"),
        ("outrider", "is a reserved word"),
        ("a\nb", "has characters other than"),
    ],
)  # fmt: skip
def test_a_name_that_is_no_identifier_is_refused(new, tmp_path, name, said):
    refused(new(name, "--lang", "c"), 64, "the name ", said)
    assert not list(tmp_path.iterdir())


def test_the_longest_name_is_accepted(new, tmp_path):
    assert new("a" + "_" * 30 + "9", "--lang", "c").returncode == 0
    assert (tmp_path / ("a" + "_" * 30 + "9") / "Makefile").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "expected --lang LANGUAGE"),
        (["--lang", "cobol"], 'no template for the language "cobol"'),
        (["--lang", "c", "--style", "async"], 'no template for c in the style "async"'),
        (["--lang", "c", "--style", "x"], 'no template for c in the style "x"'),
        (["--style", "event"], "expected --lang LANGUAGE"),
    ],
    ids=str,
)
def test_it_tells_which_templates_there_are(new, tmp_path, arguments, said):
    ended = new("demo", *arguments)
    refused(ended, 64, said, "; there are templates for ")
    listed = ended.stderr.partition("; there are templates for ")[2].strip()
    told = {(language, style) for language, styles in re.findall(r"(\w+) \((.*?)\)", listed) for style in styles.split(", ")}
    assert told == TEMPLATES
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["demo", "--now"], ["demo", "--config", "a=b"]], ids=str)
def test_other_arguments_are_refused(new, tmp_path, arguments):
    ended = new(*arguments, "--lang", "c")
    assert ended.returncode == 64 and ended.stderr.startswith("Error: "), ended
    assert not list(tmp_path.iterdir())


def test_its_flags_are_for_no_other_command(tree):
    ended = subprocess.run([tree / "bin/outriderctl", "status", "--lang", "c"], capture_output=True, text=True)
    assert ended.returncode == 64 and "--lang and --style are for new" in ended.stderr


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_folder_without_templates_is_named(new, tmp_path_factory, place):
    folder = tmp_path_factory.mktemp("empty") / ("" if place == "empty" else place)
    refused(new("demo", "--lang", "c", env={"OUTRIDER_TEMPLATES": str(folder)}), 66, str(folder).rstrip("/"), "has no templates")


def test_a_copy_that_fails_leaves_nothing(new, tmp_path, own_templates):
    os.mkfifo(own_templates / "c_event/src/pipe")
    refused(new("demo", "--lang", "c", env={"OUTRIDER_TEMPLATES": str(own_templates)}), 71, "src/pipe, which is a pipe")
    assert not list(tmp_path.iterdir())


def test_a_template_without_an_end_is_refused(new, tmp_path, own_templates):
    (own_templates / "c_event/src/again").symlink_to("..")
    refused(new("demo", "--lang", "c", env={"OUTRIDER_TEMPLATES": str(own_templates)}), 71, "src/again")
    assert not list(tmp_path.iterdir())


def test_a_program_in_a_repository_copies_its_examples(tree, tmp_path):
    """What an earlier build has left there is no part of it."""
    program = tmp_path / "repository/.build/x86_64-unknown-linux-gnu/release/outriderctl"
    program.parent.mkdir(parents=True)
    shutil.copy(tree / "bin/outriderctl", program)
    template = tmp_path / "repository/examples/c_blocking"
    shutil.copytree(ROOT / "examples/c_blocking", template, ignore=shutil.ignore_patterns("build"))
    for built in ("build/libhello.so", "target/hello", ".build/hello", "Cargo.lock", "src/go.sum"):
        (template / built).parent.mkdir(exist_ok=True)
        (template / built).touch()
    ended = subprocess.run([program, "new", "demo", "--lang", "c"], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended
    copied = {str(path.relative_to(tmp_path / "demo")) for path in (tmp_path / "demo").rglob("*") if path.is_file()}
    assert copied == {name.replace("hello", "demo") for name in sources(ROOT / "examples/c_blocking")}
