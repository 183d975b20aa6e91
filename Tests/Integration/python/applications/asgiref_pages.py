"""asgiref's types of scopes and messages as a checker of the server's, and an application of ASGI 2."""

import collections.abc
import json
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, is_typeddict

from asgiref import typing as types
from asgiref.compatibility import guarantee_single_callable


def faults(value, kind, where):
    """What is wrong with a value, by asgiref's types."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return []
    if is_typeddict(kind):
        hints = kind.__annotations__
        if not isinstance(value, dict):
            return [f"{where} is a {type(value).__name__}"]
        found = [f"{where} lacks {name}" for name in hints.keys() - value if get_origin(hints[name]) is not NotRequired]
        known = value.keys() & hints
        return found + [fault for name in known for fault in faults(value[name], hints[name], f"{where}.{name}")]
    if origin is NotRequired:
        return faults(value, arguments[0], where)
    if origin in (Union, UnionType):
        found = [faults(value, argument, where) for argument in arguments]
        return [] if [] in found else found[0]
    if origin is Literal:
        return [] if value in arguments else [f"{where} is {value!r}"]
    if origin is collections.abc.Iterable:
        return [fault for one in value for fault in faults(one, arguments[0], where)]
    if origin is tuple:
        # The specification asks for an iterable of two.
        if not isinstance(value, (tuple, list)) or len(value) != len(arguments):
            return [f"{where} is {value!r}"]
        return [fault for one, argument in zip(value, arguments) for fault in faults(one, argument, where)]
    if origin is dict:
        pairs = [(one, argument) for pair in value.items() for one, argument in zip(pair, arguments)]
        return [fault for one, argument in pairs for fault in faults(one, argument, where)]
    return [] if isinstance(value, kind) else [f"{where} is a {type(value).__name__}"]


SCOPES = {"http": types.HTTPScope, "lifespan": types.LifespanScope}
MESSAGES = {
    "http.request": types.HTTPRequestEvent,
    "http.disconnect": types.HTTPDisconnectEvent,
    "lifespan.startup": types.LifespanStartupEvent,
    "lifespan.shutdown": types.LifespanShutdownEvent,
}
of_lifespan = []
of_ends = []


async def checked(scope, receive, send):
    """Answers with the faults of the scope and of its messages, and with what it had before: the messages of the lifespan,
    and those after the ends of responses."""
    found = faults(scope, SCOPES[scope["type"]], "scope")
    kinds = []

    async def received():
        message = await receive()
        kinds.append(message["type"])
        found.extend(faults(message, MESSAGES[message["type"]], message["type"]))
        return message

    if scope["type"] == "lifespan":
        await received()
        of_lifespan.extend([*kinds, *found])
        await send({"type": "lifespan.startup.complete"})
        await received()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/broken":
        found += faults(scope | {"path": b"/", "server": ("a", "b")}, types.HTTPScope, "scope")
        found += faults({"type": "http.request", "body": ""}, types.HTTPRequestEvent, "http.request")
    while (await received()).get("more_body"):
        pass
    page = {"faults": sorted(found), "messages": sorted(set(kinds)), "lifespan": of_lifespan, "ends": of_ends}
    body = json.dumps(page).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    found.clear()
    await received()
    of_ends.append([kinds[-1], *found])


@guarantee_single_callable
class DoubleCallable:
    """An application of ASGI 2."""

    def __init__(self, scope):
        self.path = scope["path"]

    async def __call__(self, receive, send):
        received = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-callable", b"double")]})
        await send({"type": "http.response.body", "body": self.path.encode() + b" " + received["body"]})
