"""The smallest applications of each interface, and the same with a 103 before the response."""

BODY = b"Hello, world!"
LINK = "</style.css>; rel=preload; as=style"
WSGI_FIELDS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
ASGI_FIELDS = [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())]


def wsgi(environ, start_response):
    start_response("200 OK", WSGI_FIELDS)
    return [BODY]


def wsgi_hints(environ, start_response):
    environ["wsgi.early_hints"]([("Link", LINK)])
    start_response("200 OK", WSGI_FIELDS)
    return [BODY]


async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": ASGI_FIELDS})
    await send({"type": "http.response.body", "body": BODY})


async def asgi_hints(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.informational", "status": 103, "headers": [(b"link", LINK.encode())]})
    await asgi(scope, receive, send)
