"""Many requests at once over one connection of HTTP/2."""

import asyncio

import pytest

from timing import seen

# Each with its answer.
MIXED = (
    ("GET", "/", None, b"Hello, Outrider!"),
    ("GET", "/health", None, b"OK"),
    ("POST", "/echo", b"some data", b"some data"),
    ("POST", "/echo-whole", b"d" * 50_000, b"d" * 50_000),
    ("GET", "/large", None, b"X" * 1024 * 1024),
    ("GET", "/stream", None, b"".join(b"chunk %d\n" % i for i in range(10))),
    ("GET", "/delay?s=0.1", None, b"delayed 0.1\n"),
    ("PUT", "/method", b"", b"PUT"),
    ("GET", "/early-hints-multiple", None, None),
    ("GET", "/version", None, b"HTTP/2"),
)


def at_once(site, requests):
    """What all of them are answered with, in their order."""

    async def ask():
        async with site.crowd() as crowd:
            asked = [crowd.request(method, path, content=content) for method, path, content in requests]
            return await asyncio.gather(*asked)

    return asyncio.run(ask())


class TestConcurrentStreams:
    @pytest.mark.parametrize("count", [10, 50])
    def test_streams(self, site, direct, count):
        before = direct.accepted()
        answers = at_once(site, [("POST", "/echo", b"stream %d" % i) for i in range(count)])
        assert [(a.http_version, a.status_code, a.content) for a in answers] == [
            ("HTTP/2", 200, b"stream %d" % i) for i in range(count)
        ]
        direct.assert_accepted(before + 1)

    def test_they_run_at_the_same_time(self, site):
        """Ten answers that take a while each take less than two of them, one after the other, would."""

        def took():
            answers = at_once(site, [("GET", "/delay?s=1", None)] * 10)
            assert [(a.http_version, a.status_code, a.text) for a in answers] == [("HTTP/2", 200, "delayed 1\n")] * 10
            return max(answer.elapsed.total_seconds() for answer in answers)

        assert seen(took, lambda seconds: seconds < 2) >= 1

    def test_mixed(self, site):
        answers = at_once(site, [(method, path, content) for method, path, content, _ in MIXED] * 2)
        for answer, (_, path, _, body) in zip(answers, MIXED * 2, strict=True):
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200), path
            if body is None:
                assert b"<h1>Early hints</h1>" in answer.content
            else:
                assert answer.content == body, path
