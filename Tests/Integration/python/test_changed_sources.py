"""--watch of applications in Python: which files count, and what becomes of a fault in them."""

import re
import shutil

import pytest

from processes import wait_for, watched_folders

QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": ""}
PAGE = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [{}]\n"


@pytest.fixture
def site(own, tmp_path):
    """A server of <tmp_path>/site/app.py with --watch, and that folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "app.py").write_text(PAGE.format("b'first'"))
    server = own("--watch", "--python", "app:app", "--chdir", folder, env=QUIET)
    assert server.get("/").body == b"first"
    return server, folder


def shows(server, text):
    wait_for(lambda: server.get("/").body == text.encode(), server.state, 15)


def changes(server):
    return re.findall(r"supervisor: (.*?) (?:and .*)?ha[sv]e? changed", server.log)


def test_a_source_that_is_written_is_served(site):
    server, folder = site
    (folder / "app.py").write_text(PAGE.format("b'second'"))
    shows(server, "second")
    (folder / "new").write_text(PAGE.format("b'third'"))
    (folder / "new").rename(folder / "app.py")
    shows(server, "third")
    assert set(changes(server)) == {f"{folder}/app.py"}


def test_a_fault_shows_its_traceback_and_leaves_the_old_application(site):
    server, folder = site
    (folder / "app.py").write_text("def app(:\n")
    wait_for(lambda: "goes on serving" in server.log, server.state, 15)
    for text in (f'File "{folder}/app.py", line 1', "def app(:", "SyntaxError", "reload failed"):
        assert text in server.log, server.log
    assert server.get("/").body == b"first"
    (folder / "app.py").write_text(PAGE.format("b'mended'"))
    shows(server, "mended")


def test_modules_of_new_folders_count(site):
    server, folder = site
    (folder / "package/inner").mkdir(parents=True)
    (folder / "package/inner/text.py").write_text("text = b'one'\n")
    (folder / "app.py").write_text("from package.inner.text import text\n" + PAGE.format("text"))
    shows(server, "one")
    (folder / "package/inner/text.py").write_text("text = b'two'\n")
    shows(server, "two")


def test_a_folder_that_is_moved_away_is_no_more_watched(site):
    server, folder = site
    before = watched_folders(server.pid)
    (folder / "package").mkdir()
    (folder / "package/text.py").write_text("text = b'one'\n")
    (folder / "app.py").write_text("from package.text import text\n" + PAGE.format("text"))
    shows(server, "one")
    wait_for(lambda: watched_folders(server.pid) == before + 1, server.state)
    (folder / "package").rename(folder.parent / "elsewhere")
    wait_for(lambda: watched_folders(server.pid) == before, server.state)


def test_a_source_that_is_removed_counts(site):
    server, folder = site
    (folder / "extra.py").write_text("text = b'extra'\n")
    (folder / "app.py").write_text(
        "try:\n    from extra import text\nexcept ImportError:\n    text = b'none'\n" + PAGE.format("text")
    )
    shows(server, "extra")
    (folder / "extra.py").unlink()
    shows(server, "none")


def test_what_is_no_source_does_not_count(site):
    server, folder = site
    (folder / "env").mkdir()
    (folder / "env/pyvenv.cfg").write_text("version = 3.11.2\n")
    for name in ("__pycache__", ".git", "venv", "node_modules", "env"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "module.py").write_text("x = 1\n")
    for name in ("data.json", "page.html", ".hidden.py", "app.py.swp"):
        (folder / name).write_text("x")
    (folder / "app.py").write_text(PAGE.format("b'second'"))
    shows(server, "second")
    assert set(changes(server)) == {f"{folder}/app.py"}


def test_folders_of_path_count(own, tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library/app.py").write_text(PAGE.format("b'first'"))
    server = own("--watch", "--python", "app:app", "-c", f"path={tmp_path}/library", env=QUIET)
    assert server.get("/").body == b"first"
    (tmp_path / "library/app.py").write_text(PAGE.format("b'second'"))
    shows(server, "second")


def test_the_number_of_folders_is_bounded(own, tmp_path):
    for number in range(1100):
        (tmp_path / f"site/{number}").mkdir(parents=True)
    (tmp_path / "site/app.py").write_text(PAGE.format("b'first'"))
    server = own("--watch", "--python", "app:app", "--chdir", tmp_path / "site", env=QUIET)
    assert f"more than 1024 folders below {tmp_path}/site" in server.log
    assert watched_folders(server.pid) == 1024
    (tmp_path / "site/app.py").write_text(PAGE.format("b'second'"))
    shows(server, "second")


def test_a_working_directory_that_is_made_anew_is_watched_again(site):
    server, folder = site
    shutil.rmtree(folder)
    new = folder.with_name("new")
    new.mkdir()
    (new / "app.py").write_text(PAGE.format("b'second'"))
    new.rename(folder)
    shows(server, "second")
    (folder / "app.py").write_text(PAGE.format("b'third'"))
    shows(server, "third")
