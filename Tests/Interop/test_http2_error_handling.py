"""Errors over HTTP/2 are answers like others: the connection goes on."""

import pytest


class TestHTTP2ErrorHandling:
    def test_404(self, client):
        answer = client.get("/nope")
        assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/2", 404, "Not found\n")

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_500(self, client, status):
        answer = client.get(f"/status?code={status}")
        assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/2", status, f"status {status}\n")

    def test_the_connection_is_used_again_after_an_error(self, client, direct):
        before = direct.accepted()
        for path, status in [("/", 200), ("/nope", 404), ("/status?code=500", 500), ("/status?code=oops", 400), ("/", 200)]:
            answer = client.get(path)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", status), path
        assert answer.text == "Hello, Outrider!"
        direct.assert_accepted(before + 1)

    def test_a_body_that_nobody_reads(self, client, direct):
        before = direct.accepted()
        for _ in range(5):
            answer = client.post("/nope", content=b"x" * 30_000)
            assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/2", 404, "Not found\n")
        direct.assert_accepted(before + 1)
