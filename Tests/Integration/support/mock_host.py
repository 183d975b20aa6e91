"""Programs of calls in a server and in the mock host, and their results."""

import os
import re
import subprocess
from pathlib import Path

from client import Connection
from processes import wait_for
from server import ROOT

MOCK = Path(os.environ.get("OUTRIDER_MOCK", ROOT / ".build/mock"))
RUN_PROGRAMS = MOCK / "run_programs"
OPEN, COMPLETE, PAGE, CUT, NONE = range(5)
SERVERS_OWN = re.compile(rb"(?m)^(?:Server: outrider|Date: \w{3}, [^\r]* GMT|Connection: (?:close|keep-alive))\r\n")


def plain(received: bytes) -> bytes:
    """Output of a server without reason phrases and the lines that it adds to each response."""
    return SERVERS_OWN.sub(b"", re.sub(rb"(?m)^(HTTP/1\.1 \d{3}) [^\r\n]*\r\n", rb"\1 \r\n", received))


def exchange(address, program, report) -> bytes:
    """What a client receives that stays until the plugin has reported: a handler may make calls after its response."""
    with Connection(address) as connection:
        connection.send(program.request, program.method)
        connection.end()
        wait_for(lambda: has_reported(report, program.number), lambda: f"{program} is not in the report")
        return plain(bytes(connection.received))


def has_reported(path, number) -> bool:
    return path.exists() and f"\n{number}:" in "\n" + path.read_text()


def stream(connection, program) -> bytes:
    """The result on an HTTP/2 stream, in the format of Tests/Mock/run_programs.c."""
    with connection.together():  # the body comes with the head
        number = program.begin(connection)
    answer = connection.answer(number)
    sections = [section(block) for block in answer.informational]
    if answer.head:
        sections += [section(answer.head), bytes(answer.body) + b"\0\0"]
    if answer.trailers:
        sections.append(section(answer.trailers))
    return b"".join(sections)


def section(block) -> bytes:
    """The section without fields that the server adds."""
    lines = []
    for name, value in block.fields:
        if name == ":status":
            lines.insert(0, value)
        elif not SERVERS_OWN.match(f"{name.capitalize()}: {value}\r\n".encode()):
            lines.append(f"{name}: {value}")
    return "".join(f"{line}\0" for line in lines).encode("utf-8") + b"\0"


def sorted_lines(sections: bytes) -> list[list[bytes]]:
    """Sorted, because the order of fields with different names is irrelevant."""
    return [sorted(one.split(b"\0")) for one in sections.split(b"\0\0")]


def reports(path) -> dict[int, str]:
    """The statuses that the plugin got, by call."""
    return {int(line.split(":")[0]): line.split(":", 1)[1].strip() for line in path.read_text().splitlines()}


class Mock:
    """Runs programs in the mock host."""

    def __init__(self, plugin, model, programs, report, host=()):
        """host: the version that the host presents, as a number, and how much larger its structures are."""
        report.touch()
        run = subprocess.run(
            [RUN_PROGRAMS, plugin, model, report, *map(str, host)], input="".join(f"{program.line}\n" for program in programs),
            capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        self.responses, self.misuses = {}, []
        for line in run.stdout.splitlines():
            if line.startswith("misuse "):
                self.misuses.append(line.removeprefix("misuse "))
            elif not line.startswith("misuses "):
                number, ending, wire = (*line.split(" "), "")[:3]
                self.responses[int(number)] = int(ending), bytes.fromhex(wire)
        self.told = reports(report)


def is_alike(received, ending, wire, program) -> bool:
    if received == wire or program.version == 20 and sorted_lines(received) == sorted_lines(wire):
        return True
    if program.version == 20 and ending == CUT:  # how much of it precedes the reset is undefined
        statuses = [re.findall(rb"(?:^|\0\0)(\d{3})\0", sections) for sections in (received, wire)]
        return statuses[0] == statuses[1][: len(statuses[0])]
    # How much of a response has been sent when open() fails depends on its size.
    fails = "=" in program.text and ending == CUT
    return fails and bool(wire) and (received.startswith(wire) or wire.startswith(received))


def differences(programs, received, told, mock) -> list[str]:
    """Programs whose results differ between the server and the mock host."""
    return [
        f"{program.line}\n  server {told.get(program.number)} {received[program.number]!r}\n"
        f"  mock   {mock.told.get(program.number)} {mock.responses[program.number]!r}"
        for program in programs
        if told.get(program.number) != mock.told.get(program.number)
        or not is_alike(received[program.number], *mock.responses[program.number], program)
    ]
