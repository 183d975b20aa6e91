# The event loop, on a separate thread or as a guest on the worker's loop, and the lifespan.
import asyncio
import selectors
import threading

GRACE = 1.0  # seconds that cancelled tasks get


class Lifespan:
    """The application's lifespan (ASGI). mode is "on", "off", or "auto", where an exception means that it has none."""

    def __init__(self, application, mode, log):
        self.application = application
        self.mode = mode
        self.log = log
        self.state = {}
        self.is_supported = mode != "off"
        self.failure = None
        self.task = None

    async def startup(self):
        if not self.is_supported:
            return
        self.messages = asyncio.Queue()
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self.run(), name="lifespan")
        self.messages.put_nowait({"type": "lifespan.startup"})
        await self.started.wait()
        if self.failure:
            raise RuntimeError(self.failure)

    async def run(self):
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.application(scope, self.messages.get, self.send)
        except Exception as error:
            if self.started.is_set():
                self.log(error, "exception in the lifespan of the ASGI application")
            elif self.mode == "on" or self.failure:
                self.failure = self.failure or f"the lifespan ended with {error!r}"
                self.log(error, "exception in the lifespan of the ASGI application")
            self.is_supported = False
        finally:
            self.started.set()
            self.stopped.set()

    async def send(self, message):
        kind = message["type"]
        if kind == "lifespan.startup.failed":
            self.failure = "the application's startup failed: " + (message.get("message") or "no reason given")
        elif kind == "lifespan.shutdown.failed":
            reason = message.get("message") or "no reason given"
            self.log(None, f"the application's shutdown failed: {reason}")
        elif kind not in ("lifespan.startup.complete", "lifespan.shutdown.complete"):
            raise RuntimeError(f"unexpected message {kind!r} of the lifespan")
        (self.started if kind.startswith("lifespan.startup") else self.stopped).set()

    async def shutdown(self, seconds):
        if not self.is_supported or self.task is None or self.task.done():
            return
        self.messages.put_nowait({"type": "lifespan.shutdown"})
        try:
            await asyncio.wait_for(self.stopped.wait(), seconds)
        except TimeoutError:
            self.log(None, "the application's shutdown took too long and was cancelled")
        else:
            await asyncio.wait([self.task], timeout=GRACE)


class Loop:
    """The common part of both kinds of event loop."""

    def __init__(self, application, kind, lifespan, drain, running, log, wake):
        self.kind = kind
        self.drain = drain  # takes the messages of the worker's loop
        self.running = running  # the tasks of requests
        self.log = log
        self.wake = wake  # a descriptor that is readable when messages wait
        self.lifespan = Lifespan(application, lifespan, log)

    async def finish(self, seconds):
        """Requests and their background tasks end first, then the lifespan, then all other tasks."""
        deadline = self.loop.time() + max(0.0, seconds - 2 * GRACE)
        self.drain()
        if tasks := self.running():
            await asyncio.wait(tasks, timeout=max(0.0, deadline - self.loop.time()))
        await self.cancel(self.running(), "a request's task was still running, and is cancelled")
        await self.lifespan.shutdown(max(GRACE, deadline - self.loop.time()))
        await self.cancel(asyncio.all_tasks() - {asyncio.current_task()}, None)

    async def cancel(self, tasks, why):
        for task in tasks:
            if why:
                self.log(None, f"{why}: {task.get_coro()!r}")
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)


class Threaded(Loop):
    """An event loop on a separate thread."""

    def make_loop(self):
        if self.kind == "uvloop":
            import uvloop

            return type("Loop", (uvloop.Loop,), {})()  # whose attributes can be set
        return asyncio.SelectorEventLoop()

    def run(self):
        try:
            with asyncio.Runner(loop_factory=self.make_loop) as runner:
                runner.run(self.main())
        except BaseException as error:
            if self.ready.is_set():
                self.log(error, "the event loop failed")
            else:
                self.failure = error
        finally:
            self.ready.set()

    async def main(self):
        self.loop = asyncio.get_running_loop()
        self.stopping = self.loop.create_future()
        await self.lifespan.startup()
        self.ready.set()
        seconds = await self.stopping
        try:
            await self.finish(seconds)
        finally:
            self.loop.remove_reader(self.wake)

    # Called from C

    def start(self):
        """Returns asyncio's loop, which takes requests after this call."""
        self.ready = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run, name="outrider-asyncio")
        self.thread.start()
        self.ready.wait()
        if self.failure:
            self.thread.join()
            raise self.failure
        self.loop.call_soon_threadsafe(self.loop.add_reader, self.wake, self.drain)
        return self.loop

    def stop(self, seconds):
        try:
            self.loop.call_soon_threadsafe(self.stopping.set_result, seconds)
        except RuntimeError:
            pass  # the loop has failed before
        self.thread.join()


class GuestSelector(selectors.EpollSelector):
    """The selector of asyncio. A guest never waits in it: the worker's loop waits, and runs asyncio in turns."""

    ROUNDS = 10  # of asyncio's loop in a turn; the rest follows in the next one, after other work of the worker's loop

    def __init__(self, drain):
        super().__init__()
        self.drain = drain
        self.loop = None  # while it is a guest
        self.round = 0
        self.is_readable = False  # a descriptor is ready
        self.seconds = None  # to the next turn: 0 if there is work, None if there is no timer

    def select(self, timeout=None):
        if self.loop is None:
            return super().select(timeout)
        self.round += 1
        if self.round == 1:
            self.drain()
            return super().select(0) if self.is_readable else ()
        if timeout != 0 or self.round > self.ROUNDS:
            self.seconds = timeout
            self.loop.stop()
        return ()


class Guest(Loop):
    """An event loop of asyncio that runs in turns of the worker's loop, on its thread."""

    # Called from C

    def start(self):
        self.selector = GuestSelector(self.drain)
        self.loop = asyncio.SelectorEventLoop(self.selector)
        self.loop.run_until_complete(self.lifespan.startup())
        return self.loop

    def enter(self):
        """A descriptor that is readable when one of asyncio's descriptors is ready."""
        self.selector.loop = self.loop
        return self.selector.fileno()

    def turn(self):
        self.selector.round = 0
        self.loop.run_forever()
        return self.selector.seconds

    def readable(self):
        self.selector.is_readable = True
        try:
            return self.turn()
        finally:
            self.selector.is_readable = False

    def stop(self, seconds):
        self.selector.loop = None
        try:
            self.loop.run_until_complete(self.finish(seconds))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()
