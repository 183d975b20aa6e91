"""The Makefile: its requirements, and actions that it takes only on request."""

import os
import subprocess

import pytest

from server import ROOT

INSTALLERS = ("sudo", "apt-get")


@pytest.fixture
def machine(tmp_path):
    """An environment where no package is installed, and installers note that they were called."""
    called = tmp_path / "called"
    for name in (*INSTALLERS, "dpkg-query"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} >> {called}\nexit 1\n" if name in INSTALLERS else "#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    return os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, called


def make(*targets, env=None):
    return subprocess.run(["make", "-C", ROOT, *targets], env=env, capture_output=True, text=True, timeout=300)


def test_a_build_names_what_is_missing_and_installs_nothing(machine):
    env, called = machine
    ended = make("needed", env=env)
    assert ended.returncode != 0 and not called.exists()
    for package in ("libssl-dev", "libnghttp2-dev", "zlib1g-dev", "libsystemd-dev", "libtomlplusplus-dev"):
        assert package in ended.stderr
    assert "make run and make test install it" in ended.stderr


@pytest.mark.parametrize("target", ["build", "install", "plugins", "test-plugins"])
def test_these_install_no_packages(target):
    """As a distribution builds: without root and without network."""
    planned = make("--dry-run", "--always-make", target)
    assert planned.returncode == 0, planned.stderr
    for word in (*INSTALLERS, "debian.sh", "python.sh"):
        assert word not in planned.stdout


@pytest.mark.parametrize("target", ["run", "test"])
def test_these_install_what_is_missing(machine, target):
    env, called = machine
    assert make(target, env=env).returncode != 0
    assert set(called.read_text().split()) <= set(INSTALLERS) and called.read_text()
