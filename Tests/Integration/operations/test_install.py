"""What `make install` puts in place works from there: without the toolchain, for plugin authors, for systemd."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import processes
from built_once import for_authors
from client import fetch, request
from processes import wait_for
from server import BINARY, RELEASE, ROOT, TEST_PLUGINS, run
from templates import sources, templates
from timing import of_the_shipped_server

# The minor version of the system's Python, if the plugin for its applications can be built.
PYTHON = subprocess.run(["pkg-config", "--modversion", "python3-embed"], capture_output=True, text=True).stdout.strip()
PLUGINS = {
    *("libdemo_blocking.so", "libdemo_event.so", "libinspect.so"),
    *({f"liboutrider-python{PYTHON}.so"} if PYTHON else ()),
}
HEADERS = ROOT / "Sources/COutrider/include"
UNITS = ("outrider.service", "outrider-http.socket", "outrider-https.socket")
FILES = {
    "bin/outrider",
    "bin/outriderctl",
    "include/outrider.h",
    *(f"include/{header.relative_to(HEADERS)}" for header in (HEADERS / "outrider").rglob("*.h*")),
    "include/outrider/module.modulemap",
    "lib/cmake/outrider/outrider-config-version.cmake",
    "lib/cmake/outrider/outrider-config.cmake",
    *(f"lib/outrider/plugins/{plugin}" for plugin in PLUGINS),
    *(f"libexec/outrider/from-gunicorn/{part.name}" for part in (ROOT / "Plugins/python/from-gunicorn").glob("*.py")),
    "lib/liboutrider-testing.a",
    "lib/pkgconfig/outrider-plugin.pc",
    "lib/pkgconfig/outrider-testing.pc",
    *(f"lib/systemd/system/{unit}" for unit in UNITS),
    "lib/sysusers.d/outrider.conf",
    "share/bash-completion/completions/outrider",
    "share/bash-completion/completions/outriderctl",
    "share/doc/outrider/notify-reload.conf",
    "share/doc/outrider/outrider.toml",
    "share/fish/vendor_completions.d/outrider.fish",
    "share/fish/vendor_completions.d/outriderctl.fish",
    *(f"share/man/man{page.suffix[1:]}/{page.name}" for page in (ROOT / "man").iterdir()),
    "share/outrider/plugin.map",
    *(f"share/outrider/templates/{path.name}/{name}" for path in templates() for name in sources(path)),
    *(f"share/outrider/sdk/{name}" for name in sources(ROOT / "Plugins/sdk")),
    "share/zsh/site-functions/_outrider",
    "share/zsh/site-functions/_outriderctl",
}


PROGRAMS = {name for name in FILES if name.startswith("bin/")}
EXECUTABLE = PROGRAMS | {
    f"share/outrider/templates/{path.name}/{name}"
    for path in templates()
    for name in sources(path)
    if os.access(path / name, os.X_OK)
}


def output(*command, **options):
    """What the command says, on either stream; it has to succeed."""
    environment = os.environ | options.pop("env", {})
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def install(*variables):
    output("make", "--no-print-directory", "install", f"RELEASE={RELEASE}", *variables, cwd=ROOT)


def files(tree):
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if not path.is_dir()}


@pytest.fixture
def toolchain():
    """Where the toolchain keeps its libraries."""
    info = json.loads(output("swiftc", "-print-target-info"))
    return Path(info["paths"]["runtimeResourcePath"])


# Files


def test_a_package_is_made_with_destdir(tmp_path):
    install(f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert files(tmp_path / "usr") == FILES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["usr"]
    for name in FILES - PROGRAMS - {f for f in FILES if f.endswith((".so", ".h", ".hpp", ".a"))}:
        text = (tmp_path / "usr" / name).read_text()
        assert "/usr/local" not in text and str(tmp_path) not in text and not re.search(r"@[A-Z_]+@", text), name


def test_everybody_may_read_what_is_installed_under_a_strict_umask(tmp_path):
    output("sh", "-c", f"umask 077; exec make -s install RELEASE={RELEASE} DESTDIR={tmp_path}", cwd=ROOT)
    installed = tmp_path / "usr/local"
    for name in FILES:
        mode = stat.S_IMODE((installed / name).stat().st_mode)
        assert mode == (0o755 if name in EXECUTABLE else 0o644), name
        for folder in (installed / name).relative_to(tmp_path).parents[:-1]:
            assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o755, folder


def test_a_file_in_use_is_replaced_not_overwritten(tmp_path):
    """A running server has the binary and its plugins mapped."""
    install(f"PREFIX={tmp_path}")
    used = [tmp_path / "bin/outrider", *tmp_path.glob("lib/outrider/plugins/*.so")]
    with_handles = [(path, path.open("rb")) for path in used]
    install(f"PREFIX={tmp_path}")
    for path, handle in with_handles:
        assert os.fstat(handle.fileno()).st_ino != path.stat().st_ino
        handle.close()


# The binary


@of_the_shipped_server
@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_it_needs_nothing_of_the_toolchain(tree, program):
    libraries = [line.split()[0].rpartition("/")[2] for line in output("ldd", tree / program).splitlines()]
    assert "libc.so.6" in libraries
    foreign = ("libswift", "libfoundation", "lib_foundation", "libdispatch", "libblocksruntime", "libicu")
    assert not [name for name in libraries if name.lower().startswith(foreign)]
    assert "(RPATH)" not in (dynamic := output("readelf", "-dW", tree / program)), dynamic
    assert "(RUNPATH)" not in dynamic, dynamic


@of_the_shipped_server
def test_it_serves_where_there_is_no_toolchain(own, tree, toolchain):
    # The fixture's own binary comes after the launcher, and is left out.
    script = f'mount -t tmpfs none "{toolchain}" && shift && exec "{tree}/bin/outrider" "$@"'
    server = own(
        tree / "lib/outrider/plugins/libdemo_blocking.so",
        launcher=["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"],
    )
    assert not list(Path(f"/proc/{server.pid}/root{toolchain}").iterdir())
    assert fetch(server.address, request("GET", "/")).status == 200
    assert os.readlink(f"/proc/{server.pid}/exe") == str(tree / "bin/outrider")
    maps = Path(f"/proc/{server.workers()[0]}/maps").read_text()
    assert str(tree / "lib/outrider/plugins") in maps and str(toolchain) not in maps


def test_the_completions_know_the_flags(tree):
    for program in ("outrider", "outriderctl"):
        output("bash", "-n", tree / "share/bash-completion/completions" / program)
    for name in (f for f in FILES if "completions" in f or "site-functions" in f):
        text = (tree / name).read_text()
        flags = ("socket", "json") if "outriderctl" in name else ("worker-model", "check")
        assert all(flag in text for flag in flags), name


def completed(tree, *words):
    """What bash offers for the last of these words."""
    script = (
        f'source "{tree}/share/bash-completion/completions/{words[0]}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        'COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; "_$1" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return set(output("bash", "-c", script, "bash", *words).split())


def test_completions_offer_what_there_is(tree):
    commands = completed(tree, "outriderctl", "")
    assert {"status", "reload", "upgrade", "scale", "stop", "inspect"} <= commands and "help" not in commands
    assert completed(tree, "outriderctl", "up") == {"upgrade"}
    assert {"c", "cpp", "swift", "rust", "go", "zig"} == completed(tree, "outriderctl", "new", "demo", "--lang", "")
    assert completed(tree, "outriderctl", "new", "demo", "--style", "b") == {"blocking"}
    assert "help" not in completed(tree, "outriderctl", "status", "") | completed(tree, "outriderctl", "status", "h")
    for command in commands:
        ended = subprocess.run([tree / "bin/outriderctl", "-s", "/nowhere", command], capture_output=True, text=True)
        assert "unknown command" not in ended.stderr, ended
    for flag in ("-k", "--worker-model"):
        assert completed(tree, "outrider", flag, "") == {"sync", "gthread", "async"}
    assert completed(tree, "outrider", "--load", "") == {"master", "worker"}
    keys = completed(tree, "outrider", "--set", "")
    assert {"timeouts.head=", "server.workers=", "log.level="} <= keys and all(key.endswith("=") for key in keys)
    assert completed(tree, "outrider", "--set", "early_hints.e") == {"early_hints.enabled="}
    assert "help" not in completed(tree, "outrider", "plugin.so", "")


def test_no_shell_is_offered_a_command_that_is_not_there(tree):
    """The argument parser adds `help` to what it makes. What is left of it is a whole script."""
    for name in (f for f in FILES if "completions" in f or "site-functions" in f):
        lines = (tree / name).read_text().splitlines()
        assert not [line for line in lines if "help" in line and not re.search(r"-h |h/help|\bh help", line)], name
        first = [line.split()[0] for line in lines if line.split()]
        if name.endswith(".fish"):
            assert sum(word in ("function", "switch", "while", "for", "if") for word in first) == first.count("end"), name
        else:
            assert first.count("case") == first.count("esac"), name
            assert sum(line.endswith("() {") for line in lines) == lines.count("}"), name


# For authors of plugins


def compiled(tmp_path, *flags):
    plugin = tmp_path / "libhello.so"
    source = ROOT / "examples/c_blocking/src/hello.c"
    output("cc", "-shared", "-fPIC", "-fvisibility=hidden", "-Werror", *flags, "-o", plugin, source)
    return plugin


def test_pkg_config_tells_where_the_header_is(tree, tmp_path):
    environment = for_authors(tree)
    flags = output("pkg-config", "--cflags", "outrider-plugin", env=environment).split()
    assert flags == [f"-I{tree}/include"]
    assert run("-t", "-q", compiled(tmp_path, *flags)).returncode == 0
    assert output("pkg-config", "--libs", "outrider-plugin", env=environment).split() == []
    folder = output("pkg-config", "--variable=plugindir", "outrider-plugin", env=environment).strip()
    assert {path.name for path in Path(folder).iterdir()} == PLUGINS


def test_pkg_config_tells_where_sdk_and_version_script_are(tree):
    for variable, place in ("sdkdir", "share/outrider/sdk"), ("pluginmap", "share/outrider/plugin.map"):
        told = output("pkg-config", f"--variable={variable}", "outrider-plugin", env=for_authors(tree)).strip()
        assert told == str(tree / place)
    assert (tree / "share/outrider/plugin.map").read_text() == (ROOT / "Plugins/plugin.map").read_text()


def test_what_a_build_leaves_in_a_template_is_not_installed(tmp_path):
    """And what an earlier version has installed is removed: it would be copied into new plugins."""
    repository = tmp_path / "repository"
    shutil.copytree(ROOT, repository, ignore=shutil.ignore_patterns(".build*", ".git"))
    built = repository / "examples/c_blocking/build/libhello.so"
    built.parent.mkdir(exist_ok=True)
    built.write_text("built")
    (repository / "examples/c_event/Cargo.lock").write_text("built")
    (tmp_path / "tree/share/outrider/templates/c_former").mkdir(parents=True)
    output("make", "install", f"RELEASE={RELEASE}", f"PREFIX={tmp_path}/tree", cwd=repository)
    installed = tmp_path / "tree/share/outrider/templates"
    assert files(installed) == {f"{path.name}/{name}" for path in templates() for name in sources(path)}
    assert "c_former" not in {path.name for path in installed.iterdir()}


def test_the_packages_have_the_version_of_the_abi(tree):
    header = (tree / "include/outrider.h").read_text()
    version = ".".join(re.findall(r"#define OUTRIDER_ABI_M(?:AJ|IN)OR (\d+)u", header))
    environment = for_authors(tree)
    assert output("pkg-config", "--modversion", "outrider-plugin", env=environment).strip() == version
    assert f'"{version}"' in (tree / "lib/cmake/outrider/outrider-config-version.cmake").read_text()


@pytest.mark.parametrize("wanted, is_there", [("", True), ("1", True), ("1.0", True), ("1.99", False), ("2", False)])
def test_cmake_finds_the_package(tree, tmp_path, wanted, is_there):
    (tmp_path / "hello.c").write_text((ROOT / "examples/c_blocking/src/hello.c").read_text())
    (tmp_path / "CMakeLists.txt").write_text(
        f"""cmake_minimum_required(VERSION 3.16)
project(hello LANGUAGES C)
find_package(outrider {wanted} REQUIRED)
add_library(hello MODULE hello.c)
target_link_libraries(hello PRIVATE outrider::plugin)
"""
    )
    configure = ["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={tree}"]
    result = subprocess.run(configure, capture_output=True, text=True, timeout=300)
    assert (result.returncode == 0) == is_there, result.stdout + result.stderr
    if is_there:
        output("cmake", "--build", tmp_path / "build")
        assert run("-t", "-q", tmp_path / "build/libhello.so").returncode == 0
    else:
        assert "outrider" in result.stderr and wanted in result.stderr


# The manual


@pytest.mark.parametrize("page", sorted((ROOT / "man").iterdir()), ids=lambda page: page.name)
def test_a_page_is_found_and_rendered(tree, page):
    name, _, section = page.name.rpartition(".")
    environment = {"MANPATH": str(tree / "share/man"), "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}
    text = output("man", section, name, env=environment)
    assert text.startswith(name.upper() + f"({section})") and "EXAMPLES" in text
    assert section in ("3", "7") or "FILES" in text


def test_the_manual_lists_every_page():
    """From the server's page each other is reached, and the README names those that are no functions."""
    page = (ROOT / "man/outrider.8").read_text().partition(".Sh SEE ALSO")[2]
    overview = (ROOT / "man/outrider-plugin.7").read_text().partition(".Sh SEE ALSO")[2]
    readme = (ROOT / "README.md").read_text()
    for other in (ROOT / "man").iterdir():
        name, _, section = other.name.rpartition(".")
        named = f".Xr {name} {section}"
        assert other.name == "outrider.8" or named in (page + overview).replace("\\-", "-"), named
        assert section == "3" or f"`{name}({section})`" in readme, other.name


def test_the_manual_lists_every_flag_and_exit_code():
    page = output("mandoc", "-T", "ascii", ROOT / "man/outrider.8")
    page = re.sub(".\b", "", page)  # overstruck
    for flag in re.findall(r"--[a-z-]+", output(BINARY, "--help").partition("OPTIONS")[2]):
        assert re.search(rf"^     (-\w, )?{flag}\b", page, re.M), flag
    codes = re.findall(r"case \w+ = (\d+)", (ROOT / "Sources/Platform/Processes/ExitCode.swift").read_text())
    told = page.partition("EXIT STATUS")[2].partition("EXAMPLES")[0]
    assert codes and re.findall(r"^     (\d+) ", told, re.M) == codes


def test_the_examples_of_the_configuration_are_read(tmp_path):
    """Each is a file of its own, but for a plugin where it has none."""
    page = (ROOT / "man/outrider.toml.5").read_text()
    examples = re.findall(r"\.Bd -literal -offset indent\n(.*?)\.Ed", page, re.S)
    assert len(examples) == 5
    for example in examples:
        config = tmp_path / "outrider.toml"
        config.write_text(example if "[[plugin]]" in example else example + '[[plugin]]\npath = "a.so"\n')
        result = run("-T", "-c", config)
        assert result.returncode == 0 and result.stdout, result.stderr


# systemd


def units(tree):
    return [str(tree / "lib/systemd/system" / unit) for unit in UNITS]


def test_systemd_finds_no_fault_in_the_units(tree):
    environment = {"MANPATH": str(tree / "share/man"), "LC_ALL": "C.UTF-8"}
    assert output("systemd-analyze", "verify", *units(tree), env=environment) == ""


def test_the_service_waits_for_addresses_that_come_late(tree):
    """At the start of the machine, and later: a listener whose address is not there yet is no reason to give up soon."""
    unit = Path(units(tree)[0]).read_text()
    settings = dict(re.findall(r"(?m)^(\w+)=(.*)$", unit))
    assert settings["After"] == settings["Wants"] == "network-online.target"
    tries, window, pause = (
        int(settings[name].removesuffix("s")) for name in ("StartLimitBurst", "StartLimitIntervalSec", "RestartSec")
    )
    assert window > tries * pause >= 120
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    result = run("-b", f"192.0.2.1:{port}", tree / "lib/outrider/plugins/libdemo_event.so")
    assert "Cannot assign requested address" in result.stderr
    assert str(result.returncode) not in settings["RestartPreventExitStatus"].split(), "it is tried again"


@pytest.mark.parametrize("plugin", ["load_exits", "load_crashes", "load_hangs"])
def test_a_reload_of_the_service_checks_first(tree, tmp_path, plugin):
    """With the file that the server reads. What a plugin makes of the check ends the reload, and not the service."""
    unit = Path(units(tree)[0]).read_text()
    (start,) = re.findall(r"(?m)^ExecStart=(.*)$", unit)
    check, reload = re.findall(r"(?m)^ExecReload=(.*)$", unit)
    program, config = start.split()[0], start.split()[-1]
    assert reload == "/bin/kill -HUP $MAINPID" and check.split()[0] == program and check.split()[-1] == config
    file = tmp_path / "outrider.toml"
    file.write_text(f'[server]\nboot_timeout = "1s"\n[[plugin]]\npath = "{TEST_PLUGINS / f"lib{plugin}.so"}"\n')
    result = run(*check.replace(config, str(file)).split()[1:])
    assert result.returncode == 78 and f'plugin "{plugin}"' in result.stderr, result


def test_the_service_is_hardened(tree):
    report = output("systemd-analyze", "security", "--offline=true", units(tree)[0])
    assert float(re.search(r"exposure level for outrider.service: ([0-9.]+)", report)[1]) <= 1.5


def test_the_user_of_the_service_is_made(tree):
    users = output("systemd-sysusers", "--dry-run", "--root=/nonexistent", tree / "lib/sysusers.d/outrider.conf")
    assert "Creating user 'outrider'" in users
    assert "\nUser=outrider\n" in Path(units(tree)[0]).read_text()


def test_the_units_and_the_example_configuration_belong_together(tree):
    """Each socket is for a listener that the example has, be it in a comment; each plugin is there."""
    example = tree / "share/doc/outrider/outrider.toml"
    names = [re.search("FileDescriptorName=(.*)", Path(unit).read_text())[1] for unit in units(tree)[1:]]
    assert re.findall('bind = "systemd:(.*)"', example.read_text()) == names
    # Without the socket units nothing is passed, and -t does not ask for it.
    assert run("-t", "-c", example).stdout == "configuration OK\n"


def system_calls(group):
    """The calls of a group such as @system-service, those of the groups in it too; or a call."""
    if not group.startswith("@"):
        return {group}
    words = [line.split("#")[0].strip() for line in output("systemd-analyze", "syscall-filter", group).splitlines()[1:]]
    groups = [word for word in words if word.startswith("@")]
    return {word for word in words if word and word not in groups}.union(*map(system_calls, groups))


def test_the_service_allows_the_system_calls_that_are_made(own, tree, tmp_path, model):
    """What a start, a request, a reload and the end take is within the filter of the service."""
    allowed = set()
    for groups in re.findall("SystemCallFilter=(.*)", Path(units(tree)[0]).read_text()):
        calls = set().union(*map(system_calls, groups.removeprefix("~").split()))
        allowed = allowed - calls if groups.startswith("~") else allowed | calls
    trace = tmp_path / "trace"
    plugin = tree / "lib/outrider/plugins/libdemo_blocking.so"
    server = own(plugin, model=model, launcher=["strace", "-D", "-f", "-qq", "-o", trace])
    assert fetch(server.address, request("GET", "/")).status == 200
    former = processes.children(server.pid)
    server.tell(signal.SIGHUP)
    wait_for(lambda: not processes.still_there(former), "the next generation")
    assert fetch(server.address, request("GET", "/")).status == 200
    server.stop()
    made = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", trace.read_text(), re.M))
    assert {"execve", "accept4", "setsockopt", "exit_group"} <= made
    assert made <= allowed, made - allowed
