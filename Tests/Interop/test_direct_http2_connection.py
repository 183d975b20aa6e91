"""A client of HTTP/2 without anything between: every kind of request has its answer, whole."""

import json

import pytest

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATUSES = (200, 201, 204, 205, 301, 304, 400, 403, 404, 418, 429, 500, 502, 503)


def is_well(answer, status=200):
    assert (answer.http_version, answer.status_code) == ("HTTP/2", status), answer


class TestDirectHTTP2Connection:
    def test_simple_get(self, client):
        answer = client.get("/")
        is_well(answer)
        assert answer.text == "Hello, Outrider!" and answer.headers["content-type"] == "text/plain"

    def test_health(self, client):
        answer = client.get("/health")
        is_well(answer)
        assert answer.text == "OK"

    @pytest.mark.parametrize("path", ["/echo", "/echo-whole"])
    def test_post_with_a_body(self, client, path):
        answer = client.post(path, content=b"test data for HTTP/2", headers={"content-type": "application/x-test"})
        is_well(answer)
        assert answer.content == b"test data for HTTP/2" and answer.headers["content-type"] == "application/x-test"

    @pytest.mark.parametrize("path", ["/echo", "/echo-whole"])
    def test_post_of_64_kib(self, client, path):
        data = bytes(range(256)) * 256
        answer = client.post(path, content=data)
        is_well(answer)
        assert answer.content == data

    def test_fields_arrive(self, client):
        answer = client.get("/headers", headers={"X-Custom": "a value", "X-Another": "b"})
        is_well(answer)
        fields = json.loads(answer.text)
        assert (fields["x-custom"], fields["x-another"]) == ("a value", "b")

    def test_version(self, client):
        answer = client.get("/version")
        is_well(answer)
        assert answer.text == "HTTP/2"

    def test_response_of_1_mib(self, client):
        answer = client.get("/large")
        is_well(answer)
        assert answer.content == b"X" * 1024 * 1024 and answer.headers["content-length"] == "1048576"

    @pytest.mark.parametrize("method", METHODS)
    def test_methods(self, client, method):
        answer = client.request(method, "/method")
        is_well(answer)
        assert answer.text == method

    def test_head(self, client):
        answer = client.head("/large")
        is_well(answer)
        assert answer.content == b"" and answer.headers["content-length"] == "1048576"

    @pytest.mark.parametrize("status", STATUSES)
    def test_status_codes(self, client, status):
        answer = client.get(f"/status?code={status}")
        is_well(answer, status)
        assert answer.text == ("" if status in (204, 205, 304) else f"status {status}\n")

    def test_not_found(self, client):
        answer = client.get("/nowhere/at/all")
        is_well(answer, 404)
        assert answer.text == "Not found\n"
