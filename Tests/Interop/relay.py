"""A relay that makes a way longer: what comes in goes out later, in both directions."""

import asyncio
import threading
from contextlib import suppress


class Relay:
    """Listens on ports of its own and passes everything on to one address, each piece half a round trip later."""

    def __init__(self, address, round_trip):
        self.address = address
        self.round_trip = round_trip
        self.loop = asyncio.new_event_loop()
        self.servers = []
        self.tasks = set()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self._run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def port(self):
        """One more port: to a browser it is an origin that it knows nothing of."""
        return self._run(self._listen())

    def _run(self, what):
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(10)

    async def _listen(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.servers.append(server)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            # Whose task is cancelled has nobody to tell.
            with suppress(OSError, asyncio.CancelledError):
                # The kernel has shaken hands at once. Over the longer way that takes a round trip.
                await asyncio.sleep(self.round_trip)
                onward = await asyncio.open_connection(*self.address)
                await asyncio.gather(self._pass(reader, onward[1]), self._pass(onward[0], writer))
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _pass(self, reader, writer):
        """Reads at once and writes later: pieces follow each other at the pace at which they came."""
        pending = asyncio.Queue()
        reading = asyncio.create_task(self._read(reader, pending))
        try:
            while True:
                due, data = await pending.get()
                await asyncio.sleep(max(0, due - self.loop.time()))
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        finally:
            reading.cancel()
            writer.close()

    async def _read(self, reader, pending):
        data = True
        while data:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            pending.put_nowait((self.loop.time() + self.round_trip / 2, data))

    async def _close(self):
        for server in self.servers:
            server.close()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close their sockets in a later turn of the loop
