"""Certificates and keys that are wrong: what -t and a start say of them, and where."""

import datetime
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from processes import wait_for
from server import BINARY, RELEASE, environment, free_port, run

DEMO = RELEASE / "libdemo_event.so"


def check(path, *flags):
    """What -t says to a configuration."""
    return run("-t", *flags, "-c", path, DEMO)


@pytest.fixture
def broken(authority, tmp_path):
    """broken(certificate, key, *lines): a configuration with these files."""

    def write(certificate=None, key=None, *lines):
        path = tmp_path / "broken.toml"
        path.write_text(
            "[[listener]]\n"
            'bind = "127.0.0.1:0"\n'
            "[listener.tls]\n"
            f'certificate = "{certificate or authority.server.certificate}"\n'
            f'key = "{key or authority.server.key}"\n' + "\n".join(lines)
        )
        return path

    return write


def assert_refused(path, place, message):
    """By -t, with the place, and by a start, which says the same and ends with 78."""
    for said in (check(path), run("-c", path, DEMO)):
        assert said.returncode == 78, said
        assert re.search(rf"^{re.escape(str(path))}:{place}: {message}", said.stderr, re.M), said.stderr


def test_good_files(authority, broken):
    said = check(broken())
    assert (said.returncode, said.stdout, said.stderr) == (0, "configuration OK\n", "")


def test_a_key_of_another_certificate(authority, broken):
    other = authority.sign("other.example")
    assert_refused(
        broken(key=other.key), "5:7", f"listener.tls.key: {other.key}: not the key of the certificate in "
    )


def test_files_that_are_not_there(broken, tmp_path):
    path = broken(tmp_path / "none.crt", "none.key")
    assert_refused(path, "4:15", "listener.tls.certificate: open .*/none.crt: No such file or directory")
    assert_refused(path, "5:7", f"listener.tls.key: open {tmp_path}/none.key: No such file or directory")


def test_files_without_pem(authority, broken, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    assert_refused(broken(tmp_path / "empty"), "4:15", ".*/empty: no certificate in it")
    assert_refused(broken(key=tmp_path / "empty"), "5:7", ".*/empty: no private key in it")
    assert_refused(broken(tmp_path / "text"), "4:15", "listener.tls.certificate: .*/text: certificate 1: ")
    assert_refused(broken(key=authority.server.certificate), "5:7", ".*: no private key in it")
    cut = authority.server.certificate.read_bytes() + b"-----BEGIN CERTIFICATE-----\n"
    (tmp_path / "cut").write_bytes(cut)
    assert_refused(broken(tmp_path / "cut"), "4:15", "listener.tls.certificate: .*/cut: certificate 2: ")


def test_files_that_are_none(authority, broken, tmp_path):
    """A FIFO that nobody writes to is not waited for."""
    os.mkfifo(tmp_path / "fifo")
    for other in (tmp_path / "fifo", tmp_path, "/dev/null"):
        assert_refused(broken(other), "4:15", f"listener.tls.certificate: {other}: not a regular file")
    assert_refused(broken(key=tmp_path / "fifo"), "5:7", "listener.tls.key: .*/fifo: not a regular file")
    lines = [f'client_ca = "{tmp_path}/fifo"', 'client_auth = "required"']
    assert_refused(broken(None, None, *lines), "6:13", "listener.tls.client_ca: .*/fifo: not a regular file")


def test_a_key_with_a_passphrase(authority, broken, tmp_path):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(authority.server.key.read_bytes(), None)
    (tmp_path / "locked").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    assert_refused(broken(key=tmp_path / "locked"), "5:7", ".*/locked: the key is encrypted")


def test_other_faults(authority, broken, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    lines = [f'client_ca = "{tmp_path}/empty"', 'client_auth = "required"']
    assert_refused(broken(None, None, *lines), "6:13", "listener.tls.client_ca: .*/empty: no certificate in it")
    assert_refused(broken(None, None, 'ciphers = "NONE"'), "6:11", "listener.tls.ciphers: names no cipher")
    other = authority.sign("other.example")
    lines = ["[[listener.tls.sni]]", 'names = ["other.example"]', f'certificate = "{other.certificate}"']
    lines.append(f'key = "{authority.server.key}"')
    assert_refused(broken(None, None, *lines), "9:7", "listener.tls.sni.key: .*: not the key")


@pytest.fixture
def stranger():
    """A folder that everybody can read, with the programs, and what starts them as somebody who is not root."""
    folder = Path(tempfile.mkdtemp(prefix="outrider-public-"))
    folder.chmod(0o755)
    for file in (BINARY, DEMO):
        shutil.copy(file, folder)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    yield folder, [*as_nobody, folder / BINARY.name]
    shutil.rmtree(folder)


def test_a_key_that_may_not_be_read(authority, stranger):
    folder, command = stranger
    (folder / "readable.crt").write_bytes(authority.server.certificate.read_bytes())
    for file in ("readable.key", "locked.key"):
        (folder / file).write_bytes(authority.server.key.read_bytes())
    (folder / "locked.key").chmod(0)
    path = folder / "outrider.toml"

    def check(key):
        path.write_text(
            f'[[listener]]\nbind = "127.0.0.1:0"\n[listener.tls]\ncertificate = "readable.crt"\nkey = "{key}"\n'
        )
        arguments = [*command, "-t", "-c", path, folder / DEMO.name]
        return subprocess.run(arguments, env=environment(), capture_output=True, text=True, timeout=20)

    (folder / "readable.key").chmod(0o644)
    assert check("readable.key").returncode == 0
    said = check("locked.key")
    assert said.returncode == 78
    assert f"{path}:5:7: listener.tls.key: open {folder}/locked.key: Permission denied" in said.stderr


@pytest.mark.parametrize("days, words", [((-30, -1), "has expired on"), ((1, 30), "is not valid before")], ids=str)
def test_a_certificate_of_another_day(own, authority, broken, days, words):
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    begin, end = (now + datetime.timedelta(days=day) for day in days)
    stale = authority.sign("localhost", file="stale", not_before=begin, not_after=end)
    path = broken(stale.certificate, stale.key)
    year = end.year if end < now else begin.year
    place = rf"{re.escape(str(path))}:4:15"
    warning = rf"{place}: warning: listener.tls.certificate: .*a certificate {words} .*{year}"
    for flags in ([], ["-q"]):
        said = check(path, *flags)
        assert said.returncode == 0
        assert re.search(warning, said.stderr), said.stderr
    port = free_port()
    path.write_text(path.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    server = own("-c", path, DEMO, bind=False, port=port)
    wait_for(lambda: re.search(r"\[WARNING\] master: " + warning, server.log), lambda: server.log)
