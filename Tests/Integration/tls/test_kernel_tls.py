"""TLS whose records the kernel makes (kTLS), so that files go out by sendfile. Tests/Kernel/run.sh has a kernel that can,
where this one can't (conftest.py)."""

import re
import ssl
from pathlib import Path

import pytest

from client import request
from http2 import connect
from matrix import COMBINATIONS, http2
from patterns import file_bytes
from processes import wait_for
from strace import Trace

SIZE = 300000


def sessions():
    """How many connections the kernel has taken up to encrypt what they send, since it started."""
    return int(re.search(r"TlsTxSw\s+(\d+)", Path("/proc/net/tls_stat").read_text())[1])


def assert_sent(trace, size):
    wait_for(lambda: trace.total("sendfile") == size, lambda: trace.path.read_text())
    assert trace.total("pread64", "preadv") == 0, "no byte of the file has come into the process"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_file_goes_out_by_sendfile(secure, authority, combination, version, tmp_path):
    server = secure(combination.misbehaving, model=combination.model)
    before = sessions()
    with Trace(server.workers()[0], tmp_path / "trace", "sendfile", "pread64", "preadv") as trace:
        with server.connect(tls=authority.client(minimum=version, maximum=version)) as connection:
            connection.send(request("GET", "/sendfile"))
            assert connection.final().body == file_bytes(SIZE)
        assert_sent(trace, SIZE)
    assert sessions() == before + 1


@http2
def test_a_file_in_frames(secure, combination):
    """Frames are made in the process, from what it reads; the records around them are the kernel's."""
    server = secure(combination.misbehaving, model=combination.model)
    before = sessions()
    with connect(server) as connection:
        for _ in range(5):
            assert connection.get("/sendfile").body == file_bytes(SIZE)
    assert sessions() == before + 1


@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_a_client_that_reads_late(secure, combination):
    """The kernel's buffers are full within a record, more than once."""
    server = secure(combination.misbehaving, model=combination.model)
    for _ in range(5):
        with server.connect(receive_buffer=4096) as connection:
            connection.send(request("GET", "/sendfile"))
            connection.head()
            assert connection.final(timeout=30).body == file_bytes(SIZE)
