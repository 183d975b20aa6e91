"""--watch: a change of the configuration or of a plugin's file brings a reload, and a bad one leaves the old generation."""

import os
import re
import shutil
import signal

import pytest

from processes import wait_for, watched_folders
from server import RELEASE, free_port
from service import CONFIGURED, Service
from slow_requests import begin_slow

INSPECT = RELEASE / "libinspect.so"
DEMO = RELEASE / "libdemo_event.so"


@pytest.fixture
def service(own, tmp_path):
    service = WatchedService(own, tmp_path)
    wait_until_it_watches(service.server)
    return service


class WatchedService(Service):
    """One whose file has `watch = true` unless told otherwise."""

    def write(self, *, server="watch = true", **changes):
        super().write(server=server, **changes)


def wait_until_it_watches(server):
    """From here on no change is overlooked: the supervisor hears a moment later than clients that it serves."""
    wait_for(lambda: watched_folders(server.pid), server.state)


def said(server, text):
    wait_for(lambda: text in server.log, server.state, 10)


# The configuration file


def test_a_file_that_is_written_is_read(service):
    service.write()
    service.wait_for_number()
    said(service.server, f"{service.file} has changed: reloading")


def test_a_file_that_is_renamed_into_its_place_is_read(service):
    former = service.file
    service.file = former.with_name("new")
    service.write()
    service.file.rename(former)
    service.wait_for_number()


def test_a_bad_file_leaves_the_old_generation_until_it_is_mended(service):
    number = service.number
    service.write(settings="[servr]\nx = 1")
    said(service.server, "reload failed")
    assert re.search(rf"{service.file}:\d+:\d+: unknown table", service.server.log)
    assert service.serving() == number
    service.write()
    service.wait_for_number()


def test_other_files_beside_it_bring_no_reload(service):
    for name in ("notes.txt", "outrider.toml.swp", ".outrider.toml.swx"):
        (service.folder / name).write_text("x")
    service.write()
    service.wait_for_number()
    assert re.findall(r"supervisor: (.*) has changed", service.server.log) == [str(service.file)]


def test_a_file_in_a_mounted_config_map_is_read(own, tmp_path):
    """It is a link through another link, which is replaced by a rename."""
    port = free_port()

    def publish(version, number):
        (tmp_path / version).mkdir()
        (tmp_path / version / "outrider.toml").write_text(
            f'[server]\nwatch = true\n[[listener]]\nbind = "127.0.0.1:{port}"\n'
            f'[[plugin]]\npath = "{CONFIGURED}"\n[plugin.config]\nnumber = {number}\n'
        )
        (tmp_path / "..new").symlink_to(version)
        (tmp_path / "..new").rename(tmp_path / "..data")

    publish("..1", 1)
    (tmp_path / "outrider.toml").symlink_to("..data/outrider.toml")
    server = own("-c", tmp_path / "outrider.toml", port=port, bind=False)
    assert b"loaded=1" in server.get("/").body
    wait_until_it_watches(server)
    publish("..2", 2)
    wait_for(lambda: b"loaded=2" in server.get("/").body, server.state, 10)


# Whether there is anything to watch


def test_without_it_nothing_is_watched(own, tmp_path):
    service = Service(own, tmp_path)
    assert watched_folders(service.server.pid) is None


def test_it_can_be_switched_on_and_off_by_a_reload(service):
    pid = service.server.pid
    assert watched_folders(pid) == len({service.folder, CONFIGURED.parent.resolve(), DEMO.parent.resolve()})
    service.write(server="")
    service.wait_for_number()
    wait_for(lambda: watched_folders(pid) is None, service.server.state)
    service.reload()
    wait_until_it_watches(service.server)
    service.write()
    service.wait_for_number()


def test_it_goes_on_after_the_supervisor_is_replaced(service):
    service.server.tell(signal.SIGUSR2)
    said(service.server, "the supervisor has been replaced")
    service.write()
    service.wait_for_number()


# Files of plugins


@pytest.fixture
def plugin(own, tmp_path):
    """A server of one plugin in a folder of its own, with --watch and no file."""
    (tmp_path / "build").mkdir()
    path = tmp_path / "build/libmine.so"
    shutil.copy(INSPECT, path)
    server = own("--watch", path)
    server.path = path
    wait_until_it_watches(server)
    assert is_inspect(server)
    return server


def is_inspect(server):
    return b'"scheme"' in server.get("/").body


def is_demo(server):
    return server.get("/early-hints").status == 200 and not is_inspect(server)


def install(source, path):
    shutil.copy(source, path.with_suffix(".new"))
    path.with_suffix(".new").rename(path)


def test_a_plugin_that_is_installed_anew_is_loaded(plugin):
    install(DEMO, plugin.path)
    wait_for(lambda: is_demo(plugin), plugin.state, 10)
    install(INSPECT, plugin.path)
    wait_for(lambda: is_inspect(plugin), plugin.state, 10)


def test_a_plugin_is_loaded_when_the_linker_has_closed_it(plugin):
    """Linkers remove a file, make another one, and write to it as they go."""
    data = DEMO.read_bytes()
    plugin.path.unlink()
    with open(plugin.path, "wb", buffering=0) as file:
        for at in range(0, len(data), len(data) // 20):
            file.write(data[at : at + len(data) // 20])
            (plugin.path.parent / "part.o").write_text("x")
    wait_for(lambda: is_demo(plugin), plugin.state, 10)
    assert "reload failed" not in plugin.log


def test_a_hard_link_is_complete(plugin):
    plugin.path.unlink()
    os.link(shutil.copy(DEMO, plugin.path.with_suffix(".built")), plugin.path)
    wait_for(lambda: is_demo(plugin), plugin.state, 10)


def test_a_bad_plugin_leaves_the_old_generation_until_it_is_mended(plugin):
    master = plugin.master()
    (plugin.path.parent / "new").write_text("this is no plugin")
    (plugin.path.parent / "new").rename(plugin.path)
    said(plugin, "not an ELF object")
    said(plugin, "generation 1 goes on serving")
    assert is_inspect(plugin) and plugin.master() == master
    install(DEMO, plugin.path)
    wait_for(lambda: is_demo(plugin), plugin.state, 10)


def test_a_folder_that_is_removed_and_made_anew_is_watched_again(plugin):
    """As by `make clean all`."""
    shutil.rmtree(plugin.path.parent)
    plugin.path.parent.mkdir()
    install(DEMO, plugin.path)
    wait_for(lambda: is_demo(plugin), plugin.state, 10)
    install(INSPECT, plugin.path)
    wait_for(lambda: is_inspect(plugin), plugin.state, 10)


def test_what_a_failed_generation_has_is_watched_too(service, tmp_path):
    """The configuration names another plugin, which has a fault: to mend the plugin is enough."""
    (tmp_path / "other").mkdir()
    broken = tmp_path / "other/libother.so"
    broken.write_text("this is no plugin")
    service.write(plugin=broken)
    said(service.server, "not an ELF object")
    install(CONFIGURED, broken)
    service.wait_for_number(timeout=10)


def test_requests_in_flight_finish(plugin):
    install(DEMO, plugin.path)
    wait_for(lambda: is_demo(plugin), plugin.state, 10)
    with plugin.connect() as connection:
        begin_slow(connection, 5)
        before = plugin.log.count(" finishes")
        install(INSPECT, plugin.path)
        wait_for(lambda: plugin.log.count(" finishes") > before, plugin.state, 10)
        assert connection.final().status == 200
    wait_for(lambda: is_inspect(plugin), plugin.state, 10)
