"""HTTP/2 under more than one request: much at once, and much one after the other."""

import asyncio


class TestHTTP2Performance:
    def test_5_times_1_mib_in_parallel(self, site, direct):
        async def ask():
            async with site.crowd() as crowd:
                return await asyncio.gather(*[crowd.get("/large") for _ in range(5)])

        before = direct.accepted()
        for answer in asyncio.run(ask()):
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
            assert answer.content == b"X" * 1024 * 1024
        direct.assert_accepted(before + 1)

    def test_the_connection_is_kept(self, client, direct):
        before = direct.accepted()
        for i in range(50):
            answer = client.post("/echo", content=b"number %d" % i)
            assert (answer.http_version, answer.status_code, answer.content) == ("HTTP/2", 200, b"number %d" % i)
        direct.assert_accepted(before + 1)

    def test_uploads_in_parallel(self, site):
        data = [bytes([i]) * 1024 * 1024 for i in range(3)]

        async def ask():
            async with site.crowd() as crowd:
                return await asyncio.gather(*[crowd.post("/echo-whole", content=one) for one in data])

        assert [answer.content for answer in asyncio.run(ask())] == data
