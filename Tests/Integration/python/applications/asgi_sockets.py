"""ASGI's WebSockets for the tests: each path is one behaviour. What happens out of a client's sight is noted: GET /seen has it,
and the file PAGES_EVENTS."""

import asyncio
import gc
import json
import os
import sys
from urllib.parse import parse_qs

EVENTS = os.environ.get("PAGES_EVENTS")
seen = []


def note(scope, text):
    """A line that begins with what the client calls itself."""
    line = f"{argument(scope, 'as')}: {text}"
    seen.append(line)
    if EVENTS:
        with open(EVENTS, "a") as file:
            file.write(line + "\n")


def argument(scope, name, default=""):
    return parse_qs(scope["query_string"].decode()).get(name, [default])[0]


async def connected(receive):
    message = await receive()
    assert message == {"type": "websocket.connect"}, message


async def accepted(receive, send, **more):
    await connected(receive)
    await send({"type": "websocket.accept", **more})


async def say(send, text):
    await send({"type": "websocket.send", "text": text})


async def until_the_end(scope, receive):
    while (message := await receive())["type"] != "websocket.disconnect":
        pass
    note(scope, f"disconnect {message['code']} {message.get('reason', '')}".strip())


async def scope_page(scope, receive, send):
    await accepted(receive, send)
    shown = scope | {"state": sorted(scope.get("state", {}))}
    await say(send, json.dumps(shown, default=lambda value: value.decode("latin-1")))
    await until_the_end(scope, receive)


async def echo(scope, receive, send):
    await accepted(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        kind = "text" if message.get("text") is not None else "bytes"
        assert message.get("bytes" if kind == "text" else "text") is None
        await send({"type": "websocket.send", kind: message[kind]})
    note(scope, f"disconnect {message['code']} {message.get('reason', '')}".strip())


async def chooses(scope, receive, send):
    headers = [(b"x-hall", b"main"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    await accepted(receive, send, subprotocol=scope["subprotocols"][-1], headers=headers)
    await until_the_end(scope, receive)


async def chooses_another(scope, receive, send):
    await connected(receive)
    try:
        await send({"type": "websocket.accept", "subprotocol": "other"})
    except ValueError as error:
        note(scope, error)
        await send({"type": "websocket.accept"})
    await until_the_end(scope, receive)


async def closes(scope, receive, send):
    await accepted(receive, send)
    await say(send, "last")
    message = {"type": "websocket.close"}
    if code := argument(scope, "code"):
        message |= {"code": int(code), "reason": argument(scope, "reason")}
    await send(message)
    await until_the_end(scope, receive)


async def waits(scope, receive, send):
    await connected(receive)
    note(scope, "waits")
    await until_the_end(scope, receive)


async def denies(scope, receive, send):
    await connected(receive)
    await send({"type": "websocket.close", "code": 4000})
    await until_the_end(scope, receive)


async def responds(scope, receive, send):
    await connected(receive)
    headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Basic")]
    await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"first,", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"second"})
    await until_the_end(scope, receive)


async def fails(scope, receive, send):
    await connected(receive)
    raise ValueError("fails before it accepts")


async def fails_later(scope, receive, send):
    await accepted(receive, send)
    await say(send, "before")
    raise ValueError("fails after it has accepted")


async def returns(scope, receive, send):
    await connected(receive)


async def returns_later(scope, receive, send):
    await accepted(receive, send)
    await say(send, "last")


async def accepts_late(scope, receive, send):
    await connected(receive)
    await asyncio.sleep(0.02)
    await send({"type": "websocket.accept"})
    await say(send, "late")
    await until_the_end(scope, receive)


async def sends_behind_the_end(scope, receive, send):
    await accepted(receive, send)
    await say(send, "ready")
    await until_the_end(scope, receive)
    try:
        await say(send, "too late")
    except OSError:
        note(scope, "send raises OSError")


async def fails_behind_the_end(scope, receive, send):
    await accepted(receive, send)
    await say(send, "ready")
    await until_the_end(scope, receive)
    await say(send, "too late")


async def flood(scope, receive, send):
    """As many messages as asked for, as fast as send() lets it."""
    await accepted(receive, send)
    for i in range(int(argument(scope, "n"))):
        await send({"type": "websocket.send", "bytes": b"%09d" % i + b"x" * int(argument(scope, "size", "991"))})
        sent[argument(scope, "as")] = i + 1
    await send({"type": "websocket.close"})
    await until_the_end(scope, receive)


async def talks_both_ways(scope, receive, send):
    """Sends while a task receives, and waits in receive() without use until then."""
    await accepted(receive, send)
    try:
        await asyncio.wait_for(receive(), 0.01)
    except TimeoutError:
        await say(send, "nothing yet")
    reading = asyncio.create_task(receive())
    for i in range(5):
        await say(send, str(i))
        await asyncio.sleep(0)
    await say(send, "got " + (await reading)["text"])
    await until_the_end(scope, receive)


BAD_MESSAGES = {
    "send-first": [{"type": "websocket.send", "text": "x"}],
    "http": [{"type": "http.response.start", "status": 200}],
    "unknown": [{"type": "websocket.unknown"}],
    "body-first": [{"type": "websocket.http.response.body", "body": b"x"}],
    "text-header": [{"type": "websocket.accept", "headers": [("x", "y")]}],
    "own-header": [{"type": "websocket.accept", "headers": [(b"sec-websocket-accept", b"x")]}],
    "line-feed": [{"type": "websocket.accept", "headers": [(b"x", b"a\r\nb: c")]}],
    "bytes-subprotocol": [{"type": "websocket.accept", "subprotocol": b"chat"}],
    "denial-status": [{"type": "websocket.http.response.start", "status": "OK"}],
    "twice": [{"type": "websocket.accept"}] * 2,
    "late-denial": [{"type": "websocket.accept"}, {"type": "websocket.http.response.start", "status": 404}],
    "nothing": [{"type": "websocket.accept"}, {"type": "websocket.send"}],
    "bytes-text": [{"type": "websocket.accept"}, {"type": "websocket.send", "text": b"x"}],
    "text-bytes": [{"type": "websocket.accept"}, {"type": "websocket.send", "bytes": "x"}],
    "surrogate": [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "\ud800"}],
    "reserved-code": [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1005}],
    "small-code": [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 0}],
    "text-code": [{"type": "websocket.accept"}, {"type": "websocket.close", "code": "1000"}],
    "bytes-reason": [{"type": "websocket.accept"}, {"type": "websocket.close", "reason": b"x"}],
}


async def bad_message(scope, receive, send):
    """The name of the exception that the last message of the case raises, which leaves the WebSocket as it was."""
    *before, last = BAD_MESSAGES[argument(scope, "case")]
    await connected(receive)
    for message in before:
        await send(message)
    try:
        await send(last)
    except Exception as error:
        text = type(error).__name__
    else:
        text = "none"
    if not before:
        await send({"type": "websocket.accept"})
    await say(send, text)
    await send({"type": "websocket.close"})
    for message in ({"type": "websocket.send", "text": "x"}, {"type": "websocket.close"}):
        try:
            await send(message)
        except (RuntimeError, OSError):
            note(scope, f"{message['type']} raises")
    await until_the_end(scope, receive)


PAGES = {
    name.replace("_", "-"): page
    for name, page in list(globals().items())
    if asyncio.iscoroutinefunction(page) and name not in ("connected", "accepted", "say", "until_the_end")
}
PAGES["scope"] = scope_page
sent = {}


def blocks():
    """How many blocks of memory Python has given out."""
    seen.clear()
    gc.collect()
    return sys.getallocatedblocks()


async def respond(send, body):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def lifespan(scope, receive, send):
    await receive()
    scope["state"]["greeting"] = "from the lifespan"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    elif scope["type"] == "http":
        pages = {"/seen": lambda: seen, "/sent": lambda: sent, "/blocks": blocks}
        await respond(send, pages[scope["path"]]())
    else:
        path = scope["path"].removeprefix(scope["root_path"])
        await PAGES[path.strip("/")](scope, receive, send)


async def of_http_only(scope, receive, send):
    """As many were written before there was anything else."""
    assert scope["type"] == "http"
    await respond(send, "Hello")
