"""Applications in all the shapes that frameworks give them."""

import os
import sys


def answer(text):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode()]

    return app


async def respond(send, text):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": text.encode()})


application = answer("the default name")
environment = answer(f"{os.environ.get('GREETING')} {os.getcwd()}")
python = answer(f"{sys.prefix} {sys.executable}")
not_callable = 5


class Wsgi:
    def __call__(self, environ, start_response):
        return answer("an object")(environ, start_response)


class Asgi:
    async def __call__(self, scope, receive, send):
        assert scope["type"] == "http"
        await respond(send, "an object")

    async def method(self, scope, receive, send):
        await self(scope, receive, send)


class Site:
    wsgi = Wsgi()
    asgi = Asgi()
    method = asgi.method


def create_wsgi(name="made"):
    return answer(name)


def create_asgi():
    return Asgi()


def fails():
    raise RuntimeError("the factory fails")
