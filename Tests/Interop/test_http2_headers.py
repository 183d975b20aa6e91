"""Fields over HTTP/2, in both directions."""

import json

NAMES = [f"x-field-{i}" for i in range(20)]


class TestHTTP2Headers:
    def test_fields_of_the_response(self, client):
        answer = client.get("/large")
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        fields = answer.headers
        assert (fields["x-request-path"], fields["x-request-method"]) == ("/large", "GET")
        assert (fields["content-type"], fields["content-length"]) == ("text/plain", "1048576")
        assert fields["date"].endswith(" GMT")
        assert not {"connection", "keep-alive", "transfer-encoding", "upgrade"} & set(fields), "RFC 9113 section 8.2.2"

    def test_20_fields_of_the_request(self, client):
        answer = client.get("/headers", headers={name: f"value of {name}" for name in NAMES})
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        fields = json.loads(answer.text)
        assert {name: fields[name] for name in NAMES} == {name: f"value of {name}" for name in NAMES}

    def test_names_are_in_lower_case(self, client):
        answer = client.get("/headers", headers={"X-Mixed-CASE": "Value In Mixed Case"})
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        fields = json.loads(answer.text)
        assert fields["x-mixed-case"] == "Value In Mixed Case" and "X-Mixed-CASE" not in fields
        assert all(name == name.lower() for name, _ in answer.headers.raw)

    def test_a_long_field(self, client):
        answer = client.get("/headers", headers={"x-long": "v" * 6000})
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        assert json.loads(answer.text)["x-long"] == "v" * 6000

    def test_fields_that_repeat_themselves(self, client):
        """The second time they are numbers of HPACK's table."""
        for _ in range(3):
            fields = json.loads(client.get("/headers", headers={"x-again": "and again", "cookie": "a=b; c=d"}).text)
            assert (fields["x-again"], fields["cookie"]) == ("and again", "a=b; c=d")
