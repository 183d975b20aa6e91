"""What a proxy does with requests and responses: each function returns what came out, as the tables have it, and fails where
something is lost or wrong."""

import json
import time

import client
import eyes
from processes import wait_for

MIB = 1024 * 1024


def is_well(answer, status=200):
    assert answer.status_code == status, f"{answer} {answer.text[:200]}"


def answers(site, http2):
    """Methods, paths, fields and streamed content arrive as they were sent, and errors are the handler's own."""
    with site.client(http2) as visitor:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = visitor.request(method, "/method")
            is_well(answer)
            assert answer.text == method
        answer = visitor.get("/stream")
        is_well(answer)
        assert answer.text == "".join(f"chunk {i}\n" for i in range(10))
        for path, status in (("/nope", 404), ("/status?code=500", 500), ("/caf%C3%A9?a=b&c", 404)):
            is_well(visitor.get(path), status)
        sent = {f"x-field-{i}": f"value {i}" for i in range(20)}
        answer = visitor.get("/headers", headers=sent)
        is_well(answer)
        got = {name.lower(): value for name, value in json.loads(answer.text).items()}
        assert {name: got[name] for name in sent} == sent
        assert (answer.headers["x-request-path"], answer.headers["x-request-method"]) == ("/headers", "GET")
    return "yes"


def keepalive(site, http2, server):
    """200 requests of one client: whether few connections to Outrider are enough for them."""
    before = server.accepted()
    with site.client(http2) as visitor:
        for _ in range(200):
            answer = visitor.get("/")
            is_well(answer)
            assert answer.text == "Hello, Outrider!"
    return "yes" if server.accepted() - 1 - before <= 5 else "no"


def upload(site, http2):
    """1 MiB with a length and without one."""
    data = bytes(range(256)) * (MIB // 256)
    return judged(posted(site, http2, "/echo-whole", data, 4), lambda one: (one.status, one.body) == (200, data))


def download(site, http2):
    """1 MiB, three times."""
    with site.client(http2) as visitor:
        for _ in range(3):
            answer = visitor.get("/large")
            is_well(answer)
            assert answer.content == b"X" * MIB
    return "yes"


def head(site, http2):
    """The length of what GET would give, and no content; the connection goes on."""
    with site.client(http2) as visitor:
        for _ in range(3):
            answer = visitor.head("/large")
            is_well(answer)
            assert answer.content == b"" and answer.headers["content-length"] == str(MIB)
            assert visitor.get("/").text == "Hello, Outrider!"
    return "yes"


def without_content(site, http2, status):
    """204 or 304; the connection goes on."""
    with site.client(http2) as visitor:
        for _ in range(3):
            answer = visitor.get(f"/status?code={status}")
            is_well(answer, status)
            assert answer.content == b""
            assert visitor.get("/").text == "Hello, Outrider!"
    return "yes"


def no_content(site, http2):
    return without_content(site, http2, 204)


def not_modified(site, http2):
    return without_content(site, http2, 304)


def expect(site, _):
    """Whether a client of HTTP/1.1 that waits for 100 (Continue) gets it. What it then sends arrives."""
    with eyes.connection(site, speaks_http2=False) as connection:
        told = is_told_to_continue(connection)
        connection.send(b"x" * 50_000)
        answer = connection.final(15)
    assert (answer.status, answer.body) == (200, b"x" * 50_000)
    return told


def is_told_to_continue(connection):
    """The beginning of a request with 50 kB: whether 100 (Continue) comes, for which its client waits."""
    fields = ("Expect: 100-continue", "Content-Length: 50000")
    connection.send(client.request("POST", "/echo-whole", *fields), "POST")
    try:
        return "yes" if connection.informational(5).status == 100 else "no"
    except client.Timeout:
        return "no"


def abort(site, http2, server):
    """Whether the handler hears that its client has left."""

    def gone():
        return server.metrics.value("outrider_request_outcomes_total", outcome="client_gone")

    before = gone()
    with eyes.connection(site, http2) as connection:
        in_flight = server.metrics.value("outrider_requests_in_flight")
        if http2:
            connection.request("GET", "/delay?s=5")
        else:
            connection.send(client.request("GET", "/delay?s=5"))
        wait_for(lambda: server.metrics.value("outrider_requests_in_flight") > in_flight, "the request has not come")
    began = time.monotonic()
    while gone() == before and time.monotonic() - began < 4.5:
        time.sleep(0.05)
    return "yes" if gone() > before else "no"


def told(site, http2):
    """The client that the inspect plugin reports: the test connects from 127.0.0.2, and claims another address and
    scheme."""
    spoofed = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "http" if site.authority else "https"}
    with site.client(http2, source="127.0.0.2") as visitor:
        answer = visitor.get("/", headers=spoofed)
    is_well(answer)
    seen = json.loads(answer.text)
    return seen["client"], seen["scheme"]


def client_and_scheme(site, http2):
    seen = told(site, http2)
    return "yes" if seen == ("127.0.0.2", "https" if site.authority else "http") else f"no: {seen}"


def posted(site, http2, path, data, count):
    """The responses to so many requests with this content, with and without a length, as streams of one connection or each on
    a connection of its own. Of those that are lost, why."""
    found = []
    while len(found) < count:
        with eyes.connection(site, http2) as connection:
            while len(found) < count:
                length = [("content-length", str(len(data)))] if len(found) % 2 else []
                try:
                    if http2:
                        found.append(connection.upload("POST", path, data, *length))
                        continue
                    connection.send(with_content(path, data, bool(length)), "POST")
                    found.append(eyes.of_message(connection.final(15)))
                    break
                except (AssertionError, OSError) as fault:
                    found.append(fault)
                    break
    return found


def with_content(path, data, has_length):
    if has_length:
        return client.request("POST", path, body=data)
    return client.request("POST", path, "Transfer-Encoding: chunked") + client.chunked(data)


def judged(answers, is_right):
    """yes, or length where those are lost that come without one: the first, the third and so on of posted()."""
    lost = [one for one in answers if isinstance(one, Exception) or not is_right(one)]
    if not lost:
        return "yes"
    if lost == answers[::2] and all(not isinstance(one, Exception) and one.status == 411 for one in lost):
        return "length"
    return f"no: {len(lost)} of {len(answers)}, {lost[0]}"


def too_large(site, http2):
    """1 MiB where limits.body is less: whether the client sees 413 each time."""
    return judged(posted(site, http2, "/echo-whole", b"x" * MIB, 20), lambda one: one.status == 413)


def unread(site, http2, count=200):
    """Requests with 100 kB that their handler does not read: whether all of them are answered."""
    answers = posted(site, http2, "/", b"x" * 100_000, count)
    return judged(answers, lambda one: (one.status, one.body) == (200, b"Hello, Outrider!"))


def trailers(site, http2):
    """Whether those of a response arrive at a client that says that it takes them."""
    fields = [("te", "trailers")] if http2 else [("TE", "trailers"), ("Connection", "TE")]
    seen = eyes.look(site, "/trailers", *fields, speaks_http2=http2)
    assert seen.status == 200, seen
    return "yes" if ("x-checksum", "abc") in [(name.lower(), value) for name, value in seen.trailers] else "no"
