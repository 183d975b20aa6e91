"""--python on the command line, and python in a [[plugin]]: which plugin that is, its configuration, what is said of errors."""

import os
import shutil
import sys

import pytest

from client import request
from commandline import dump
from python_applications import APPLICATIONS, PLUGIN, toml
from server import BINARY, free_port, run

QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": ""}


@pytest.fixture
def named(own):
    """named(application, *flags): a server of an application that the command line names."""
    return lambda app, *flags, env={}: own("--python", app, *flags, env=QUIET | env)


@pytest.mark.parametrize("model", ["sync", "gthread", "async"])
@pytest.mark.parametrize("app", ["wsgi_pages:app", "asgi_pages:app"])
def test_an_application_is_served_without_a_file(named, app, model):
    server = named(app, "-k", model, "--chdir", APPLICATIONS)
    assert server.get("/").body == b"Hello"
    assert server.fetch(request("POST", "/echo", body=b"body")).body == b"body"


def test_the_working_directory_is_where_it_is_looked_for(tmp_path):
    (tmp_path / "here.py").write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'from here']\n")
    assert run("-t", "--python", "here", cwd=tmp_path, env=QUIET).returncode == 0
    ended = run("-t", "--python", "here", cwd="/", env=QUIET)
    assert ended.returncode == 78 and "No module named 'here'" in ended.stderr


@pytest.mark.parametrize("flags", [["--venv", sys.prefix], []], ids=["flag", "variable"])
def test_a_virtual_environment(named, flags):
    env = {} if flags else {"VIRTUAL_ENV": sys.prefix}
    server = named("applications_in_objects:python", *flags, "--chdir", APPLICATIONS, env=env)
    assert server.get("/").body == f"{sys.prefix} {sys.prefix}/bin/python".encode()


def test_the_interface_can_be_given(named):
    server = named("applications_in_objects:Site.asgi", "--interface", "asgi", "--chdir", APPLICATIONS)
    assert server.get("/").body == b"an object"


def test_other_keys_are_given_with_config(named):
    server = named("applications_in_objects:create_wsgi", "-c", "factory=true", "--chdir", APPLICATIONS)
    assert server.get("/").body == b"made"


def test_asyncio_may_be_a_guest(named):
    for mode, thread in ("thread", b"outrider-asyncio"), ("guest", b"MainThread"):
        server = named("asgi_pages:app", "-c", f"mode={mode}", "-c", "scheduling=normal", "--chdir", APPLICATIONS)
        assert server.get("/thread").body == thread


def test_it_is_loaded_in_each_worker_or_in_the_master():
    for flags, load in ([], "worker"), (["-c", "preload=true"], "master"), (["--load", "master"], "master"):
        values, origins, _ = dump("--python", "shop.wsgi:app", *flags, env=QUIET)
        plugin = values["plugin"][0]
        assert plugin["python"] == "shop.wsgi:app" and plugin["name"] == "shop.wsgi" and plugin["mount"] == "/"
        assert plugin["load"] == load and plugin["config"]["preload"] == (load == "master")
        assert origins["plugin.python"] == "--python"


def test_a_dump_is_read_again(tmp_path):
    first, _, text = dump("--python", "app", "--chdir", "x", "-c", "env.A=b", "-c", "path=[\"p\"]", env=QUIET)
    (tmp_path / "again.toml").write_text(text)
    again, _, _ = dump("-c", tmp_path / "again.toml", env=QUIET)
    assert first["plugin"] == again["plugin"] and first["plugin"][0]["config"]["env"] == {"A": "b"}


@pytest.mark.parametrize("flags, code, said", [
    (["--python", "app", "x.so"], 64, "--python serves an application in place of PLUGIN.so"),
    (["--venv", "v", "x.so"], 64, "--venv needs --python"),
    (["--chdir", "d"], 64, "--chdir needs --python"),
    (["--python", "app", "--interface", "cgi"], 64, '--interface: expected one of "auto", "wsgi", "asgi", found "cgi"'),
    (["--python", ":app"], 64, '--python: expected module:attribute, found ":app"'),
    (["--python", ""], 64, "--python: an empty application"),
    (["-t", "--python", "app", "--venv", "/nowhere"], 78, '--venv: venv = "/nowhere" is no virtual environment'),
    (["-t", "--python", "app", "-c", "lop=uvloop"], 64, 'unknown key "plugin.config.lop"'),
])
def test_errors_of_the_command_line(flags, code, said):
    ended = run(*flags, env=QUIET)
    assert ended.returncode == code and said in ended.stderr, ended.stderr


@pytest.mark.parametrize("preload", [False, True])
@pytest.mark.parametrize("flags", [["-t"], []], ids=["check", "start"])
def test_the_traceback_of_an_import_is_whole(flags, preload):
    ended = run(*flags, "--python", "broken_import:app", "-c", f"path={APPLICATIONS}", "-c", f"preload={preload}".lower(),
                "-b", f"127.0.0.1:{free_port()}", env=QUIET)  # fmt: skip
    assert ended.returncode != 0
    for text in (
        "Traceback (most recent call last):",
        f'File "{APPLICATIONS}/broken_import.py", line 3, in <module>',
        "import a_module_that_is_missing",
        "ModuleNotFoundError: No module named 'a_module_that_is_missing'",
    ):
        assert text in ended.stderr, ended.stderr


@pytest.mark.parametrize("flags", [["-t"], []], ids=["check", "start"])
def test_a_long_traceback_is_whole_and_told_once(tmp_path, flags):
    calls = "".join(f"def call_{n}():\n    call_{n + 1}()  # {'x' * 60}\n" for n in range(80))
    (tmp_path / "deep.py").write_text(f"{calls}def call_80():\n    raise RuntimeError('at the bottom')\ncall_0()\n")
    ended = run(*flags, "--python", "deep", "--chdir", tmp_path, "-b", f"127.0.0.1:{free_port()}", env=QUIET)
    assert ended.returncode != 0
    for number in range(81):
        assert ended.stderr.count(f", in call_{number}\n") == 1, ended.stderr
    assert "cannot import the application deep: RuntimeError: at the bottom\n" in ended.stderr


# Which plugin it is


def installed(tree, *versions):
    """The program in a tree as make install makes it, with plugins that only have their names."""
    (tree / "bin").mkdir()
    (tree / "lib/outrider/plugins").mkdir(parents=True)
    shutil.copy(BINARY, tree / "bin/outrider")
    for version in versions:
        (tree / f"lib/outrider/plugins/liboutrider-python{version}.so").touch()
    return tree / "bin/outrider"


def environment_of(folder, line):
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\n")
    return folder


@pytest.mark.parametrize("line, chosen", [
    (None, "3.14"), ("version = 3.9.1", "3.9"), ("version_info = 3.11.2.final.0", "3.11"),
])
def test_the_plugin_is_that_of_the_version(tmp_path, monkeypatch, line, chosen):
    monkeypatch.setattr("server.BINARY", installed(tmp_path, "3.9", "3.11", "3.14"))
    flags = ["--venv", environment_of(tmp_path / "v", line)] if line else []
    values, origins, _ = dump("--python", "app", *flags, env=QUIET)
    assert values["plugin"][0]["path"] == f"{tmp_path}/lib/outrider/plugins/liboutrider-python{chosen}.so"


def test_a_version_without_a_plugin_is_named(tmp_path, monkeypatch):
    binary = installed(tmp_path, "3.9")
    monkeypatch.setattr("server.BINARY", binary)
    venv = environment_of(tmp_path / "v", "version = 3.12.0")
    ended = run("--python", "app", "--venv", venv, env=QUIET)
    places = f"{tmp_path}/bin and {tmp_path}/lib/outrider/plugins"
    assert ended.returncode == 78
    assert (
        f"--venv: there is no plugin for Python 3.12, the version of {venv}: "
        f"looked for liboutrider-python3.12.so in {places}; there is one for 3.9"
    ) in ended.stderr
    os.unlink(tmp_path / "lib/outrider/plugins/liboutrider-python3.9.so")
    ended = run("--python", "app", env=QUIET)
    assert ended.returncode == 78
    assert f"there is no plugin for applications in Python: looked for liboutrider-python3.*.so in {places}" in ended.stderr


def test_an_installed_plugin_serves(tmp_path, own, monkeypatch):
    monkeypatch.setattr("server.BINARY", installed(tmp_path))
    shutil.copy(PLUGIN, tmp_path / "lib/outrider/plugins")
    server = own("--python", "wsgi_pages:app", "--chdir", APPLICATIONS, env=QUIET)
    assert server.get("/").body == b"Hello"


# In a file


def write(folder, text, **config):
    file = folder / "site.toml"
    port = free_port()
    keys = "\n".join(f"{key} = {toml(value)}" for key, value in config.items())
    file.write_text(f'[[listener]]\nbind = "127.0.0.1:{port}"\n[[plugin]]\n{text}\n[plugin.config]\n{keys}\n')
    return file, port


def test_a_plugin_of_a_file_may_be_an_application(own, tmp_path):
    """Paths in the file begin at its folder."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/pages.py").write_text("""
import os
def make():
    def app(environ, start_response):
        start_response("200 OK", [])
        return [f"{os.environ['GREETING']} {os.getcwd()} {environ['SCRIPT_NAME']}".encode()]
    return app
""")
    file, port = write(tmp_path, 'python = "pages:make"\nmount = "/app"', chdir="site", factory=True,
                       env={"GREETING": "hello"}, venv="")  # fmt: skip
    server = own("-c", file, bind=False, port=port, env=QUIET)
    assert server.get("/app").body == f"hello {tmp_path}/site /app".encode()


@pytest.mark.parametrize("preload", [False, True])
def test_preload_imports_in_the_master(own, tmp_path, preload):
    (tmp_path / "where.py").write_text("""
import os
imported = os.getpid()
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"here" if os.getpid() == imported else b"before"]
""")
    file, port = write(tmp_path, 'python = "where"', path=str(tmp_path), preload=preload)
    server = own("-c", file, bind=False, port=port, env=QUIET)
    assert server.get("/").body == (b"before" if preload else b"here")


@pytest.mark.parametrize("text, line, said", [
    ('python = "app"\n[plugin.config]\nintrface = "wsgi"', 3, 'did you mean "plugin.config.interface"?'),
    ('python = "app"\n[plugin.config]\nfactory = "yes"', 3, "plugin.config.factory: expected true or false"),
    ('python = "app"\n[plugin.config]\napp = "other"', 3, "plugin.config.app: plugin.python"),
    ('python = "app"\n[plugin.config]\nvenv = "nowhere"', 3, "is no virtual environment"),
    ('python = "app"\nload = "worker"\n[plugin.config]\npreload = true', 4, 'but plugin.load is "worker"'),
    ("python = 3", 1, "plugin.python: expected text in quotes"),
])
@pytest.mark.parametrize("flags", [["-t"], ["-T"], []], ids=["check", "dump", "start"])
def test_errors_of_a_file_have_their_place(tmp_path, text, line, said, flags):
    file = tmp_path / "site.toml"
    file.write_text(f"[[plugin]]\n{text}\n")
    ended = run(*flags, "-c", file, env=QUIET)
    assert ended.returncode == 78
    assert f"{file}:{line + 1}:" in ended.stderr and said in ended.stderr, ended.stderr
