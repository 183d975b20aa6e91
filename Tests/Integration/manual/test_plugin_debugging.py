"""Debugging a plugin as in outrider-deployment(7): addr2line from a line of the log, and AddressSanitizer."""

import re
import subprocess

from client import Closed
from processes import wait_for
from server import ROOT
from timing import of_the_shipped_server

SOURCE = r"""
#include <outrider.h>
#include <stdlib.h>

static volatile size_t place;

__attribute__((noinline)) static int read_from(const volatile char *bytes) { return bytes[place]; }

static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  (void)thread, (void)state;
  char *bytes = head->path.size == 1 ? NULL : calloc(1, 8);
  place = bytes ? 8 : 0;
  const int got = read_from(bytes);
  free(bytes);
  return io->respond(io, exchange, got ? 500 : 200, NULL, 0, outrider_text("ok"));
}

static const outrider_plugin plugin = {.size = sizeof plugin, .abi = OUTRIDER_ABI_VERSION,
  .abi_required = OUTRIDER_ABI(1, 0), .name = "faulty", .version = "1.0", .handle = handle};

const outrider_plugin *outrider_plugin_v1(const outrider_host *host) { (void)host; return &plugin; }
"""
PAGE = (ROOT / "man/outrider-deployment.7").read_text().replace("\\-", "-")


def made(folder, *flags):
    source, plugin = folder / "faulty.c", folder / "libfaulty.so"
    source.write_text(SOURCE)
    command = ["gcc", "-g", "-O1", *flags, "-shared", "-fPIC", "-fvisibility=hidden"]
    subprocess.run([*command, f"-I{ROOT}/Sources/COutrider/include", "-o", plugin, source], check=True, timeout=60)
    return plugin


def line_of(text):
    return next(number for number, line in enumerate(SOURCE.splitlines(), 1) if text in line)


def request_that_fails(server, target):
    try:
        server.get(target)
    except Closed:
        pass


def test_addr2line_finds_the_line_of_a_crash(own, tmp_path):
    plugin = made(tmp_path)
    server = own(plugin)
    request_that_fails(server, "/")
    crash = r"got the signal at libfaulty\.so\+(0x[0-9a-f]+)"
    wait_for(lambda: re.search(crash, server.log) and "its replacement starts" in server.log, server.state)
    command = re.search(r"^\$ (addr2line .*) libhello\.so 0x\w+$", PAGE, re.M)[1].split()
    address = re.search(crash, server.log)[1]
    found = subprocess.run([*command, plugin, address], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "read_from" in found and f"faulty.c:{line_of('return bytes[place]')}" in found, found


@of_the_shipped_server
def test_the_address_sanitizer_reports_a_fault(own, tmp_path):
    plugin = made(tmp_path, "-fsanitize=address")
    options, preload = re.search(r"^\$ ASAN_OPTIONS=(\S+) LD_PRELOAD=\$\((gcc .*?)\)", PAGE, re.M).groups()
    library = subprocess.run(preload.split(), capture_output=True, text=True, check=True).stdout.strip()
    server = own(plugin, env={"ASAN_OPTIONS": options, "LD_PRELOAD": library})
    request_that_fails(server, "/overflow")
    wait_for(lambda: "heap-buffer-overflow" in server.log, server.state)
    wait_for(lambda: re.search(rf"in read_from .*faulty\.c:{line_of('return bytes[place]')}", server.log), server.state)
    # Its worker ends when the report is written: while the server runs on, and not in the middle of its end.
    wait_for(lambda: "its replacement starts" in server.log, server.state)
