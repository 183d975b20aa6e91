"""103 Early Hints over HTTP/2: that clients bear them, and that they are what the plugin has sent."""

import asyncio

import pytest

import eyes
import hints
from programs.haproxy import Haproxy
from programs.nginx import CurrentNginx
from setups import Site


def is_the_page(answer):
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200), answer
    assert "<h1>Early hints</h1>" in answer.text and answer.headers["content-type"] == "text/html"


async def several(site, count):
    """Pages with hints, all at once."""
    async with site.crowd() as crowd:
        return await asyncio.gather(*[crowd.get(path) for path in hints.PAGES for _ in range(count)])


@pytest.fixture(params=[CurrentNginx, Haproxy], ids=lambda program: program.name)
def proxied(outrider, started, authority, request, setup):
    """A proxy that passes them on, reached with TLS; Outrider behind it, by HTTP/2 where the setup is h2c."""
    server = outrider(setup.plugin, setup.model, early_hints={"http1": "on"})
    proxy = started(request.param, server, behind="http/1" if setup.tls else "h2c")
    return Site(proxy.address, authority)


class TestHTTP2EarlyHints:
    """First as the seed has it, with a client that keeps the 103s to itself."""

    def test_hints_once(self, client):
        is_the_page(client.get("/early-hints"))

    def test_several_hints(self, client):
        is_the_page(client.get("/early-hints-multiple"))

    def test_through_a_proxy(self, proxied):
        with proxied.client() as client:
            for path in hints.PAGES:
                is_the_page(client.get(path))
                is_the_page(client.get(path, headers=[eyes.NAVIGATION]))

    def test_concurrent(self, site):
        for answer in asyncio.run(several(site, 10)):
            is_the_page(answer)

    def test_other_requests_go_on(self, client):
        for _ in range(3):
            is_the_page(client.get("/early-hints-multiple"))
            assert client.get("/").text == "Hello, Outrider!"


class TestThe103sThemselves:
    @pytest.mark.parametrize("path", hints.PAGES)
    def test_number_order_fields_and_time(self, site, path):
        hints.assert_bare(hints.see_all(path, lambda: eyes.look(site, path)))

    @pytest.mark.parametrize("path", hints.PAGES)
    def test_over_http_1(self, site, path):
        hints.assert_bare(hints.see_all(path, lambda: eyes.look(site, path, speaks_http2=False)))

    @pytest.mark.parametrize("path", hints.PAGES)
    def test_through_a_proxy(self, proxied, path):
        hints.see_all(path, lambda: eyes.look(proxied, path, eyes.NAVIGATION))

    def test_of_streams_at_once(self, site):
        paths = [*hints.PAGES] * 5

        def look_at_all():
            with eyes.connection(site) as connection:
                streams = [connection.request("GET", path) for path in paths]
                return [eyes.of_stream(connection.answer(stream)) for stream in streams]

        for _ in range(hints.LOOKS):
            seen = look_at_all()
            for one, path in zip(seen, paths, strict=True):
                hints.assert_all(one, path)
            if all(map(hints.in_time, seen, paths)):
                break
        else:
            raise AssertionError(f"the 103s come late: {seen}")

    def test_of_head(self, site):
        seen = eyes.look(site, "/early-hints", method="HEAD")
        assert seen.status == 200 and seen.body == b""
        assert [hint.links for hint in seen.hints] == hints.PAGES["/early-hints"][0]

    @pytest.mark.parametrize("path", ["/", "/nope", "/large"])
    def test_none_where_the_plugin_sends_none(self, site, path):
        assert eyes.look(site, path).hints == []
