"""An ASGI application for the tests: each path is one behaviour of ASGI 3. It speaks the protocol itself."""

import asyncio
import contextvars
import gc
import inspect
import json
import logging
import os
import sys
import tempfile
import threading
from urllib.parse import parse_qs

PLAIN = [(b"content-type", b"text/plain")]
LINK = b"</style.css>; rel=preload; as=style"
EVENTS = os.environ.get("PAGES_EVENTS")  # a file that gets a line for each thing that happens outside of responses
seen = []
state = {}
go_on = None


def note(text):
    seen.append(text)
    if EVENTS:
        with open(EVENTS, "a") as file:
            file.write(text + "\n")


async def respond(send, body=b"Hello", status=200, headers=PLAIN):
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def number(scope, name="n", default="0"):
    return int(parse_qs(scope["query_string"].decode()).get(name, [default])[0])


async def hello(scope, receive, send):
    await respond(send)


async def scope_page(scope, receive, send):
    shown = {key: value for key, value in scope.items() if key != "state"}
    shown["state"] = sorted(scope.get("state", {}))
    await respond(send, json.dumps(shown, default=lambda value: value.decode("latin-1")).encode())


async def whole_body(receive):
    body, parts = b"", 0
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        body += message["body"]
        parts += 1
        if not message["more_body"]:
            return body, parts


async def echo(scope, receive, send):
    body, _ = await whole_body(receive)
    await respond(send, body)


async def echo_parts(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})


async def big(scope, receive, send):
    await respond(send, b"x" * number(scope))


async def blocks(scope, receive, send):
    """As fast as send() lets it; what it has sent is in `seen`."""
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    for i in range(number(scope)):
        await send({"type": "http.response.body", "body": b"%0999d\n" % i, "more_body": True})
        state["blocks"] = i + 1
    await send({"type": "http.response.body"})


async def sent_blocks(scope, receive, send):
    await respond(send, str(state.get("blocks", 0)).encode())


async def stream(scope, receive, send):
    """Two parts, the second when another request says so."""
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await asyncio.wait_for(go_on.wait(), 10)
    await send({"type": "http.response.body", "body": b"second"})


async def go(scope, receive, send):
    go_on.set()
    await respond(send)


async def disconnect(scope, receive, send):
    """Waits until the client leaves."""
    await whole_body(receive)
    note("waits for the client to leave")
    message = await receive()
    note(message["type"])
    try:
        await respond(send)
    except OSError:
        note("send raises OSError")


async def seen_page(scope, receive, send):
    await respond(send, json.dumps(seen).encode())


async def after_response(scope, receive, send):
    await respond(send)
    note("after the response: " + (await receive())["type"])


async def background(scope, receive, send):
    await respond(send)
    await asyncio.sleep(number(scope) / 1000)
    note("background task ran")


async def receive_in_task(scope, receive, send):
    """Cancelled, and asked again; as a task and within wait_for."""
    body, _ = await whole_body(receive)
    task = asyncio.create_task(receive())
    await asyncio.sleep(0)
    task.cancel()
    found = []
    try:
        await task
    except asyncio.CancelledError:
        found.append("cancelled")
    try:
        await asyncio.wait_for(receive(), 0.01)
    except TimeoutError:
        found.append("timeout")
    await asyncio.create_task(send({"type": "http.response.start", "status": 200, "headers": PLAIN}))
    await send({"type": "http.response.body", "body": " ".join([*found, body.decode()]).encode()})


async def marks(scope, receive, send):
    """What libraries look at that treat plain functions in another way, and what each makes of wrong arguments."""
    found = [asyncio.iscoroutinefunction(function) for function in (receive, send)]
    found += [inspect.iscoroutinefunction(function) for function in (receive, send)] if sys.version_info >= (3, 12) else []
    for call in (lambda: receive(1), lambda: send(), lambda: send(event={}), lambda: send({}, {})):
        try:
            call()
        except TypeError as error:
            found.append(str(error))
    await send(message={"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": "\n".join(map(str, found)).encode()})


async def fails(scope, receive, send):
    raise ValueError("the handler fails")


async def fails_within(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise ValueError("fails within the body")


async def fails_after(scope, receive, send):
    await respond(send)
    raise ValueError("fails after the response")


async def never_starts(scope, receive, send):
    pass


async def never_completes(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})


async def too_short(scope, receive, send):
    await respond(send, b"12345", headers=[*PLAIN, (b"content-length", b"10")])


async def too_long(scope, receive, send):
    await respond(send, b"123456789", headers=[*PLAIN, (b"content-length", b"5")])


BAD_MESSAGES = {
    "body-first": [{"type": "http.response.body", "body": b"x"}],
    "unknown": [{"type": "http.response.unknown"}],
    "no-dict": ["http.response.start"],
    "status": [{"type": "http.response.start", "status": "OK"}],
    "status-1xx": [{"type": "http.response.start", "status": 103}],
    "text-header": [{"type": "http.response.start", "status": 200, "headers": [("x", "y")]}],
    "line-feed": [{"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\r\nb: c")]}],
    "twice": [{"type": "http.response.start", "status": 200}] * 2,
    "text-body": [{"type": "http.response.start", "status": 200}, {"type": "http.response.body", "body": "text"}],
    "hint": [{"type": "http.response.early_hint", "links": [b"</a>\r\nx: y"]}],
    "hint-status": [{"type": "http.response.informational", "status": 100}],
}


async def bad_message(scope, receive, send):
    """The name of the exception that the last message of the case raises."""
    *before, last = BAD_MESSAGES[scope["query_string"].decode()]
    for message in before:
        await send(message)
    try:
        await send(last)
    except Exception as error:
        text = type(error).__name__.encode()
    else:
        text = b"none"
    if not before:
        await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": text})


async def hop_by_hop(scope, receive, send):
    await respond(send, headers=[*PLAIN, (b"connection", b"close"), (b"keep-alive", b"timeout=5"), (b"transfer-encoding", b"chunked")])


async def no_content(scope, receive, send):
    await respond(send, b"", 204, [])


async def not_modified(scope, receive, send):
    await respond(send, b"", 304, [(b"etag", b'"1"')])


async def hints(scope, receive, send):
    links = [LINK, b"</app.js>; rel=preload; as=script"]
    await send({"type": "http.response.early_hint", "links": links})
    if scope["query_string"] == b"wait":
        await asyncio.wait_for(go_on.wait(), 10)
    await respond(send)


async def informational(scope, receive, send):
    await send({"type": "http.response.informational", "status": number(scope, default="103"), "headers": [(b"link", LINK)]})
    await respond(send)


async def many_hints(scope, receive, send):
    failed = b"none"
    for i in range(number(scope)):
        try:
            await send({"type": "http.response.informational", "status": 103, "headers": [(b"link", b"</%d>" % i)]})
        except Exception as error:
            failed = b"%d %s" % (i, type(error).__name__.encode())
            break
    await respond(send, failed)


async def late_hint(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": b"part,", "more_body": True})
    try:
        await send({"type": "http.response.early_hint", "links": [LINK]})
    except RuntimeError:
        await send({"type": "http.response.body", "body": b"refused"})


async def pathsend(scope, receive, send):
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"".join(b"%07d\n" % i for i in range(20000)))
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.pathsend", "path": file.name})
    os.unlink(file.name)


async def trailers(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN, "trailers": True})
    await send({"type": "http.response.body", "body": b"body"})
    await send({"type": "http.response.trailers", "headers": [(b"x-checksum", b"42")]})


async def logs(scope, receive, send):
    logging.getLogger("shop").warning("a record of %s", "logging")
    await asyncio.create_task(in_child_task())
    await respond(send)


async def logs_behind(scope, receive, send):
    logging.getLogger("shop").warning("a record before")
    await respond(send)
    await asyncio.sleep(number(scope) / 1000)
    logging.getLogger("shop").warning("a record behind")


async def in_child_task():
    logging.getLogger("shop").error("a record of a child task")


async def lifespan_state(scope, receive, send):
    await respond(send, scope["state"]["greeting"].encode() if "state" in scope else b"none")


async def thread(scope, receive, send):
    await respond(send, threading.current_thread().name.encode())


async def context(scope, receive, send):
    before = variable.get(None)
    variable.set(scope["query_string"].decode())
    await asyncio.sleep(0)
    await respond(send, f"{before} {variable.get()}".encode())


variable = contextvars.ContextVar("variable")


async def in_thread(scope, receive, send):
    await respond(send, await asyncio.to_thread(lambda: b"from a thread"))


async def sockets(scope, receive, send):
    """A server and a client of asyncio's, with more bytes than a socket takes at once."""

    async def serve(reader, writer):
        await reader.readexactly(1)
        writer.write(b"x" * 300000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"?")
    body = await reader.read()
    writer.close()
    server.close()
    await respond(send, body)


async def program(scope, receive, send):
    process = await asyncio.create_subprocess_exec("echo", "a program", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    await respond(send, output)


async def timers(scope, receive, send):
    loop, order = asyncio.get_running_loop(), []
    done = loop.create_future()
    loop.call_later(0.06, done.set_result, None)
    loop.call_later(0.05, order.append, "5")
    loop.call_later(0.04, order.append, "4").cancel()
    loop.call_later(0.01, lambda: loop.call_later(0.001, order.append, "2"))
    loop.call_later(0.03, order.append, "3")
    loop.call_later(0.005, order.append, "1")
    await done
    await respond(send, " ".join(order).encode())


async def spin(scope, receive, send):
    """Leaves a task that never rests."""

    async def endless():
        while True:
            state["spun"] = state.get("spun", 0) + 1
            await asyncio.sleep(0)

    state["endless"] = asyncio.create_task(endless())
    await respond(send)


async def spun(scope, receive, send):
    state["endless"].cancel()
    await respond(send, str(state["spun"]).encode())


async def exits(scope, receive, send):
    sys.exit(3)


async def objects(scope, receive, send):
    """How many blocks of memory Python has given out: exact, unlike the process's size."""
    gc.collect()
    await respond(send, str(sys.getallocatedblocks()).encode())


PAGES = {
    name.replace("_", "-"): page
    for name, page in list(globals().items())
    if asyncio.iscoroutinefunction(page) and name not in ("respond", "whole_body", "in_child_task")
}
PAGES |= {"": hello, "scope": scope_page, "seen": seen_page}


async def lifespan(scope, receive, send):
    global go_on
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            go_on = asyncio.Event()
            scope["state"]["greeting"] = "from the lifespan"
            note("startup")
            await send({"type": "lifespan.startup.complete"})
        else:
            note("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
            return


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    else:
        path = scope["path"].removeprefix(scope["root_path"])
        await PAGES[path.strip("/")](scope, receive, send)


async def without_lifespan(scope, receive, send):
    assert scope["type"] == "http"
    await PAGES[scope["path"].strip("/")](scope, receive, send)


async def fails_at_startup(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is down"})
