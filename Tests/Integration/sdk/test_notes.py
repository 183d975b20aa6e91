"""The notes application does what examples/notes.md says, in each language: the same requests, the same responses."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from notes import WAYS
from processes import wait_for
from server import run
from timing import seen

in_each_way = pytest.mark.parametrize(
    ("notes", "client"), WAYS, ids=["-".join(way) for way in WAYS], indirect=True, scope="session")

LARGE = bytes(range(256)) * (20 * 1024 * 1024 // 256)  # 20 MiB


def is_error(answer, status):
    """The response is an error with its reason."""
    assert answer.status == status and set(answer.json) == {"error"} and answer.json["error"], answer
    return True


# Notes


@in_each_way
def test_a_note_is_added_listed_read_and_deleted(client):
    answer = client.ask("POST", "/notes", body=b'{"text":"buy milk"}')
    assert answer.status == 201, answer
    note = answer.json
    assert set(note) == {"id", "text"} and type(note["id"]) is int and note["text"] == "buy milk"
    place = f"/notes/{note['id']}"
    assert answer.get("location") == place

    answer = client.ask("GET", "/notes")
    assert answer.status == 200 and note in answer.json
    assert [other["id"] for other in answer.json] == sorted(other["id"] for other in answer.json)

    answer = client.ask("GET", place)
    assert (answer.status, answer.get("content-type"), answer.body) == (200, "text/plain; charset=utf-8", b"buy milk")

    answer = client.ask("DELETE", place)
    assert (answer.status, answer.body) == (204, b"")
    assert is_error(client.ask("GET", place), 404) and is_error(client.ask("DELETE", place), 404)
    assert note not in client.ask("GET", "/notes").json
    assert client.add("another") > note["id"], "an id is used once"


@in_each_way
def test_the_list_is_preceded_by_early_hints(client):
    assert client.ask("GET", "/notes").hints == [[("link", "</notes.css>; rel=preload; as=style")]]


@in_each_way
def test_text_of_any_kind_is_kept(client):
    """In the content of the request escaped or not, and in the response as JSON has it."""
    text = 'quotes " and \\, / and controls \n\r\t\b\f\x01, \u00fc, \u20ac, \U0001f600'
    for content in (json.dumps({"text": text}), json.dumps({"text": text}, ensure_ascii=False), '{"text":"\\/\\u00FC"}'):
        answer = client.ask("POST", "/notes", body=content.encode())
        assert answer.status == 201 and answer.json["text"] == json.loads(content)["text"], answer
        assert client.listed()[answer.json["id"]] == answer.json["text"]
        assert client.ask("GET", answer.get("location")).body.decode() == answer.json["text"]


@in_each_way
def test_other_members_are_ignored(client):
    content = b' {"a":[1,-2.5e3,{"text":"inner"}],"b":{"c":null,"d":[true,false,[]]},\r\n\t"text" : "outer" , "e":"x"} '
    assert client.ask("POST", "/notes", body=content).json["text"] == "outer"


@in_each_way
def test_what_is_no_note_is_refused(client):
    before = client.listed()
    for content in (
        b"", b"{", b"null", b'"text"', b'["text"]', b"{}", b'{"text":1}', b'{"text":null}', b'{"text":""}', b'{"txt":"a"}',
        b'{"text":"a"', b'{"text":"a"} x', b'{"text":"a\nb"}', b'{"text":"\\x"}', b'{"text":"\\u12"}', b'{"text":"a",}',
        b"{'text':'a'}", b'{"text" "a"}',
    ):  # fmt: skip
        assert is_error(client.ask("POST", "/notes", body=content), 400), content
    assert client.listed() == before


@in_each_way
def test_a_note_is_at_most_64_kib(client):
    """The limit is that of the content, of which the text is a part."""
    frame = len(b'{"text":""}')
    longest = b'{"text":"%s"}' % (b"x" * (65536 - frame))
    answer = client.ask("POST", "/notes", body=longest)
    assert answer.status == 201 and len(client.ask("GET", answer.get("location")).body) == 65536 - frame
    assert is_error(client.ask("POST", "/notes", body=longest + b" "), 413)


@in_each_way
def test_workers_share_the_database(client):
    """Each request is on a connection of its own, and may meet either worker."""
    with ThreadPoolExecutor(4) as several:
        added = list(several.map(lambda number: (client.add(f"note {number}"), f"note {number}"), range(24)))
    assert len(dict(added)) == 24, "each has an id of its own"
    assert dict(added).items() <= client.listed().items()


@in_each_way
def test_a_range_of_a_note(client):
    place = f"/notes/{client.add('0123456789')}"
    for wanted, part, place_of_it in (
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-4", b"4", "bytes 4-4/10"),
        ("bytes=6-99", b"6789", "bytes 6-9/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ):
        answer = client.ask("GET", place, ("Range", wanted))
        assert (answer.status, answer.get("content-range"), answer.body) == (206, place_of_it, part), wanted
        assert answer.get("content-length") == str(len(part))
    for wanted in ("bytes=10-", "bytes=10-20", "bytes=-0"):
        answer = client.ask("GET", place, ("Range", wanted))
        assert is_error(answer, 416) and answer.get("content-range") == "bytes */10", wanted
    for ignored in ("bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=", "bytes=-"):
        answer = client.ask("GET", place, ("Range", ignored))
        assert (answer.status, answer.get("content-range"), answer.body) == (200, None, b"0123456789"), ignored


@in_each_way
def test_head_gets_the_head_of_get(client):
    place = f"/notes/{client.add('0123456789')}"
    answer = client.ask("HEAD", place, ("Range", "bytes=0-3"))  # which applies to GET alone
    assert (answer.status, answer.get("content-length"), answer.body) == (200, "10", b"")
    assert answer.get("content-type") == "text/plain; charset=utf-8"
    answer = client.ask("HEAD", "/notes")
    assert (answer.status, answer.media_type, answer.body) == (200, "application/json", b"")
    answer = client.ask("HEAD", "/notes/0")
    assert (answer.status, answer.body) == (404, b"")


# Events


@in_each_way
def test_five_events_and_then_the_end(client):
    """The first at once, the others 200 ms apart."""
    count = len(client.listed())

    def spread():
        answer, came = client.events()
        assert answer.status == 200 and answer.media_type == "text/event-stream"
        assert answer.body == b'data: {"count":%d}\n\n' % count * 5
        assert len(came) == 5, "an event is a piece of its own"
        return came[-1] - came[0]

    # A client that stands still sees late what came in time, and never early: one that stands still first sees less.
    assert seen(spread, lambda seconds: seconds > 0.75) > 0.75


# Uploads


@in_each_way
def test_an_upload_of_20_mb(client, notes):
    answer = client.ask("PUT", "/upload/large.bin", body=LARGE)
    assert answer.status == 201 and answer.json == {"bytes": len(LARGE)}
    assert (notes.uploads / "large.bin").read_bytes() == LARGE
    (notes.uploads / "large.bin").unlink()


@in_each_way
def test_an_upload_replaces_an_earlier_one(client, notes):
    for content in (b"a longer one", b"short", b""):
        answer = client.ask("PUT", "/upload/some-file_1.txt", body=content)
        assert answer.status == 201 and answer.json == {"bytes": len(content)}
        assert (notes.uploads / "some-file_1.txt").read_bytes() == content
    assert notes.files(hidden=True) == []


@in_each_way
def test_an_upload_that_is_cut_leaves_no_file(client, notes):
    client.ask("PUT", "/upload/kept", body=b"an earlier one")
    for name in ("cut", "kept"):
        upload = client.begin_upload(name)
        wait_for(lambda: notes.files(hidden=True), lambda: f"the file of the upload; {notes.server.state()}")
        client.cut(upload)
        wait_for(lambda: not notes.files(hidden=True), lambda: f"the end of {notes.files(hidden=True)}")
    assert "cut" not in notes.files() and (notes.uploads / "kept").read_bytes() == b"an earlier one"


@in_each_way
def test_names_that_are_not_for_uploads(client, notes):
    before = notes.files()
    for name in ("", ".hidden", "a%20b", "a%2Fb", "a/b", "x" * 65, "%C3%BC", "a%00b"):
        answer = client.ask("PUT", f"/upload/{name}", body=b"content")
        assert answer.status == 400, (name, answer)
    assert client.ask("PUT", f"/upload/{'x' * 64}", body=b"content").status == 201
    assert set(notes.files()) - set(before) <= {"x" * 64} and not notes.files(hidden=True)


# What there is not


@in_each_way
def test_other_paths_and_methods(client):
    place = f"/notes/{client.add('a note')}"
    for path in ("/", "/other", "/notes/", "/notes/0", "/notes/x", f"{place}/x", "/notes/99999999999999999999", "/events/"):
        assert is_error(client.ask("GET", path), 404), path
    for method, path, allowed in (
        ("PUT", "/notes", {"GET", "HEAD", "POST"}),
        ("POST", place, {"GET", "HEAD", "DELETE"}),
        ("POST", "/events", {"GET"}),
        ("GET", "/upload/name", {"PUT"}),
    ):
        answer = client.ask(method, path)
        assert is_error(answer, 405) and set(answer.get("allow").replace(" ", "").split(",")) == allowed, path


@pytest.mark.parametrize("missing", ["database", "uploads"])
def test_it_does_not_load_without_its_keys(language, plugin, tmp_path, missing):
    keys = {"database": f"database={tmp_path}/notes.db", "uploads": f"uploads={tmp_path}"}
    complete = run("-t", *language.flags, "-c", keys["database"], "-c", keys["uploads"], plugin)
    assert complete.returncode == 0 and not list(tmp_path.iterdir()), complete
    del keys[missing]
    refused = run("-t", *language.flags, *(word for key in keys.values() for word in ("-c", key)), plugin)
    assert refused.returncode == 78 and missing in refused.stderr, refused
