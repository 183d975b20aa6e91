"""HTTP/2 with nginx, Debian's and a current one, which speaks HTTP/1.1 with Outrider."""

import asyncio
import json

import pytest

from outrider import HTTP2_SETUPS
from programs.nginx import CurrentNginx, Nginx
from setups import Site

NGINXES = [(program, *setup) for program in (Nginx, CurrentNginx) for setup in HTTP2_SETUPS]


@pytest.fixture(params=NGINXES, ids=lambda params: f"{params[0].name}-{params[1]}-{params[2]}")
def proxied(outrider, started, authority, request):
    program, plugin, model = request.param
    return Site(started(program, outrider(plugin, model)).address, authority)


@pytest.fixture
def visitor(proxied):
    with proxied.client() as client:
        yield client


def is_well(answer):
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200), answer


class TestHTTP2BehindProxy:
    def test_get(self, visitor):
        answer = visitor.get("/")
        is_well(answer)
        assert answer.text == "Hello, Outrider!"
        assert visitor.get("/version").text == "HTTP/1.1", "what nginx speaks with Outrider"

    def test_post(self, visitor):
        for size in (0, 20, 64 * 1024):
            answer = visitor.post("/echo-whole", content=b"d" * size)
            is_well(answer)
            assert answer.content == b"d" * size

    def test_fields_are_kept(self, visitor):
        answer = visitor.get("/headers", headers={"X-Custom": "kept", "User-Agent": "a test"})
        is_well(answer)
        fields = json.loads(answer.text)
        assert (fields["x-custom"], fields["user-agent"]) == ("kept", "a test")
        assert answer.headers["x-request-path"] == "/headers"

    def test_forwarded_fields(self, visitor, proxied):
        fields = {name.lower(): value for name, value in json.loads(visitor.get("/headers").text).items()}
        assert (fields["x-forwarded-for"], fields["x-forwarded-proto"]) == ("127.0.0.1", "https")
        assert fields["host"] == f"localhost:{proxied.address[1]}"

    def test_large_response(self, visitor):
        answer = visitor.get("/large")
        is_well(answer)
        assert answer.content == b"X" * 1024 * 1024

    @pytest.mark.parametrize("count", [10, 50])
    def test_concurrent(self, proxied, count):
        async def ask():
            async with proxied.crowd() as crowd:
                return await asyncio.gather(*[crowd.post("/echo-whole", content=b"%d" % i) for i in range(count)])

        for i, answer in enumerate(asyncio.run(ask())):
            is_well(answer)
            assert answer.content == b"%d" % i

    def test_errors(self, visitor):
        for path, status in (("/nope", 404), ("/status?code=500", 500), ("/", 200)):
            answer = visitor.get(path)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", status)
