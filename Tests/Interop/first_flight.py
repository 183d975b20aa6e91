"""A relay before a server of HTTP/2 that decides what a client reads at once: the beginning of the first response with the
server's SETTINGS, or not before the client has acknowledged those."""

import asyncio
from contextlib import suppress

from http2 import ACK, DATA, HEADERS, SETTINGS
from relay import Relay

PREFACE = 24


class FirstFlight(Relay):
    def __init__(self, address, together):
        super().__init__(address, 0)
        self.together = together
        self.begun = False  # the first HEADERS of the server's have been passed on
        self.content = 0  # of requests, in bytes

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        acknowledged = asyncio.Event()
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                back, onward = await asyncio.open_connection(*self.address)
                await asyncio.gather(self._upward(reader, onward, acknowledged), self._downward(back, writer, acknowledged))
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _upward(self, reader, writer, acknowledged):
        writer.write(await reader.readexactly(PREFACE))
        while True:
            kind, flags, frame = await self._frame(reader)
            writer.write(frame)
            if kind == DATA:
                self.content += len(frame) - 9
            if kind == SETTINGS and flags & ACK:
                acknowledged.set()

    async def _downward(self, reader, writer, acknowledged):
        held = b""
        while True:
            kind, _, frame = await self._frame(reader)
            if kind == HEADERS and not self.together:
                await acknowledged.wait()
            held += frame
            if kind == HEADERS or self.begun or not self.together:
                writer.write(held)
                held = b""
                self.begun = self.begun or kind == HEADERS

    @staticmethod
    async def _frame(reader):
        head = await reader.readexactly(9)
        return head[3], head[4], head + await reader.readexactly(int.from_bytes(head[:3], "big"))
