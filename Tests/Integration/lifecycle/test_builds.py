"""--watch-run: a command builds the plugin, again whenever a source changes, and what it has built is served."""

import os
import re
import signal
import threading

import pytest

import processes
from processes import wait_for, watched_folders
from server import ROOT, run

SOURCE = """
#include <outrider.h>
static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)state, (void)thread, (void)head;
  return io->respond(io, exchange, 200, NULL, 0, outrider_text("TEXT"));
}
static const outrider_plugin plugin = {.size = sizeof plugin, .abi = OUTRIDER_ABI_VERSION,
  .abi_required = OUTRIDER_ABI(1, 0), .capabilities = OUTRIDER_THREAD_SAFE, .name = "built", .version = "1",
  .handle = handle};
const outrider_plugin *outrider_plugin_v1(const outrider_host *host) { (void)host; return &plugin; }
"""
COMPILE = (
    f"cc -shared -fPIC -fvisibility=hidden -I{ROOT}/Sources/COutrider/include -o libbuilt.so.new src/built.c"
    " && mv libbuilt.so.new libbuilt.so && echo it is compiled >&2"
)


class Project:
    """A plugin's source, and a server that builds it."""

    def __init__(self, own, folder, command=COMPILE):
        self.folder = folder
        self.source = folder / "src" / "built.c"
        self.source.parent.mkdir()
        self.own = own
        self.command = f"cd {folder}; {command}"
        self.write("one")

    def write(self, text):
        """As many editors do it: a new file takes the name of the former."""
        new = self.source.with_name("built.c.tmp")
        new.write_text(SOURCE.replace("TEXT", text))
        new.rename(self.source)

    @property
    def flags(self):
        return ["--watch-run", self.command, "--watch-path", self.source.parent, self.folder / "libbuilt.so"]

    def start(self):
        self.server = self.own(*self.flags)
        (self.builder,) = [p.pid for p in processes.children(self.server.pid) if p.session != p.pid]
        wait_for(lambda: watched_folders(self.builder), self.server.state)
        return self

    def answers(self, text):
        wait_for(lambda: self.server.get("/").body == text.encode(), self.server.state)

    def says(self, pattern):
        wait_for(lambda: re.search(pattern, self.server.log), lambda: f"{pattern}; {self.server.state()}")


@pytest.fixture
def project(own, tmp_path):
    return Project(own, tmp_path).start()


def test_a_changed_source_is_built_and_served(project):
    assert project.server.get("/").body == b"one"
    project.write("two")
    project.answers("two")
    project.says(r"build: \S*/src/built\.c has changed: running '")
    project.says(r"build: '.*' succeeded in \d+ ms: reloading")
    # What a build says that succeeds interests nobody; the first one writes to the terminal.
    assert project.server.log.splitlines().count("it is compiled") == 1


def test_a_broken_source_leaves_the_old_answer_and_shows_why(project):
    project.write('two"); nonsense(')
    project.says(r"error: expected ")
    project.says(r"\[ERROR\] build: '.*' exited with 1: no reload, the former build serves on")
    assert project.server.get("/").body == b"one"
    project.write("three")
    project.answers("three")


def test_a_source_that_changes_during_a_build_is_built_again(own, tmp_path):
    project = Project(own, tmp_path, "echo x >> builds; sleep 0.3; " + COMPILE)
    project.start()
    project.write("two")
    wait_for(lambda: len((tmp_path / "builds").read_text().split()) == 2, project.server.state)
    project.write("three")
    project.answers("three")


def test_a_new_folder_is_watched(project):
    folder = project.source.parent / "more"
    folder.mkdir()
    wait_for(lambda: watched_folders(project.builder) == 2, project.server.state)
    (folder / "part.h").write_text("")
    project.says(r"build: \S*/src/more/part\.h has changed")


@pytest.mark.parametrize("name", [".built.c.swp", "built.c~", "4913", "built.o", "#built.c#"])
def test_files_of_tools_are_no_sources(project, name):
    (project.source.parent / name).write_text("x")
    project.write("two")
    project.answers("two")
    assert name not in project.server.log


def test_what_a_command_leaves_running_is_not_waited_for(own, tmp_path):
    project = Project(own, tmp_path, f"sleep 60 & echo $! >> left; {COMPILE}")
    try:
        project.start()
        project.write("two")
        project.answers("two")
    finally:
        for pid in (tmp_path / "left").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_the_middle_of_long_output_is_left_out(own, tmp_path):
    project = Project(own, tmp_path, f"[ -e libbuilt.so ] && {{ seq 100000; exit 3; }}; {COMPILE}")
    project.start()
    project.write("two")
    project.says(r"exited with 3: no reload")
    assert re.search(r"\n1\n2\n(.*\n)*\[\d+ bytes of output omitted\]\n(.*\n)*100000\n", project.server.log)
    assert len(project.server.log) < 100_000


def test_serving_begins_when_the_first_build_succeeds(own, tmp_path):
    project = Project(own, tmp_path, f"{COMPILE} || {{ touch failed; exit 1; }}")
    project.write('one"); nonsense(')

    def mend():
        wait_for((tmp_path / "failed").exists, str)
        project.write("two")

    mending = threading.Thread(target=mend)
    mending.start()
    project.start()
    mending.join()
    project.says(r"error: expected ")
    project.says(r"build: '.*' exited with 1: serving begins when it succeeds")
    project.answers("two")


def test_a_check_builds_nothing(own, tmp_path):
    project = Project(own, tmp_path)
    assert run("-t", *project.flags).returncode == 66
    assert not (tmp_path / "libbuilt.so").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_server(project, number):
    builder = processes.look(project.builder)
    os.kill(project.server.pid, number)
    wait_for(lambda: not processes.still_there([builder]), str)


def test_mistakes_on_the_command_line(tmp_path):
    for flags, code, message in [
        (["--watch-path", "src", "x.so"], 64, "--watch-path src needs --watch-run"),
        (["--watch-run", " ", "x.so"], 64, "--watch-run: expected a command"),
        (["--watch-run", "true", "--watch-path", "nowhere", "x.so"], 71, "watch nowhere: No such file or directory"),
        (["--watch-run", "true", "x.so"], 66, "x.so: No such file or directory"),
    ]:
        ended = run(*flags, cwd=tmp_path)
        assert (ended.returncode, message in ended.stderr) == (code, True), ended
