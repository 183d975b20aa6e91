"""JSON output has the members in the manual: the access log, and each answer of outriderctl."""

import json
import re

import pytest

from client import request
from control import Control, outriderctl
from matrix import Combination
from processes import wait_for
from server import ROOT

DEMO = Combination("async", "event").demo
CONTROL_PAGE = (ROOT / "man/outriderctl.1").read_text().partition(".Ss JSON")[2].partition(".Sh ")[0]
ACCESS_PAGE = (ROOT / "man/outrider.toml.5").read_text().partition("Sy Member")[2].partition(".El")[0]


def told(command):
    """The members that the page gives an answer; those of what the answer is compared with are named in it again."""
    entry = re.search(rf"^\.It Cm {command}\n(.*?)^\.(?:It|El)", CONTROL_PAGE, re.M | re.S)[1]
    return set(re.findall(r"^\.Li (\w+)", entry.replace(".Li last_reload\nabove", "that"), re.M))


def members(value):
    """All names in it, those of restarts left out: outrider-metrics(7) has them."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if not isinstance(value, dict):
        return set()
    inner = [members(part) for name, part in value.items() if not name.endswith("_restarts")]
    return set(value).union(*inner)


@pytest.fixture
def control(own, tmp_path):
    """Of a server with a request in flight, and a reload behind it."""
    path, config = tmp_path / "control.sock", tmp_path / "outrider.toml"
    config.write_text(f'[control]\nsocket = "{path}"\n[[plugin]]\npath = "{DEMO}"\n')
    server = own("-c", config, model="async")
    control = Control(path)
    wait_for(control.takes_clients, server.state)
    control.ask("reload")
    wait_for(lambda: [worker["generation"] for worker in control.ask("workers")] == [2], server.state)
    with server.connect() as connection:
        connection.send(request("GET", "/delay?s=5"))
        wait_for(lambda: control.ask("status")["in_flight"] == 1, server.state)
        yield control


@pytest.mark.parametrize("command", ["status", "workers", "listeners", "plugins", "reload"])
def test_answers_have_the_members_of_the_page(control, command):
    answer = json.loads(control.run("--json", command))
    assert members(answer) == told(command)
    assert isinstance(answer, dict if command in ("status", "reload") else list)


def test_the_answer_to_inspect_has_the_members_of_the_page():
    assert members(json.loads(outriderctl("--json", "inspect", DEMO).stdout)) == told("inspect")


@pytest.mark.parametrize("command", [["scale", "+1"], ["upgrade"]], ids=" ".join)
def test_answers_to_changes_have_the_members_of_the_page(control, command):
    answer = json.loads(control.run("--json", *command))
    assert members(answer) == told(command[0])


def test_other_answers_are_what_the_page_says(control):
    assert all(isinstance(json.loads(control.run("--json", command)), str) for command in ("config", "metrics"))
    worker = control.ask("workers")[0]["pid"]
    for command in (["reopen"], ["retire", worker], ["stop", "--now"]):
        assert json.loads(control.run("--json", *command)) is None, command


def test_lines_of_the_access_log_have_the_members_of_the_page(own, tmp_path):
    file = tmp_path / "access.log"
    settings = ["--set", f"log.access={file}", "--set", "log.access_format=json"]
    server = own(*settings, DEMO, model="async")
    trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    fields = ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Referer: http://a/", "User-Agent: test", trace)
    assert server.get("/early-hints?query", *fields).status == 200
    wait_for(lambda: file.exists() and file.read_text().endswith("\n"), server.state)
    line = json.loads(file.read_text())
    rows = re.findall(r"^\.It Li (\w+) Ta an? (string|number|object) Ta Li (\S+)$", ACCESS_PAGE, re.M)
    assert [name for name, _, _ in rows] == list(line)
    assert line.pop("notes") is None, "test_request_notes.py has those of a plugin that notes"
    for name, kind, _ in rows[:-1]:
        assert isinstance(line[name], str if kind == "string" else (int, float)), name


def test_the_members_of_the_access_log_are_the_atoms_that_the_page_names(own, tmp_path):
    """The format that the page makes of the atoms gives what json gives, but for what differs between requests."""
    rows = re.findall(r"^\.It Li (\w+) Ta an? \w+ Ta Li (\S+)$", ACCESS_PAGE, re.M)
    lines = []
    for form in ("json", "|".join(atom for _, atom in rows)):
        file = tmp_path / f"access-{len(lines)}.log"
        config = tmp_path / f"outrider-{len(lines)}.toml"
        config.write_text(
            f'[log]\naccess = "{file}"\naccess_format = {json.dumps(form)}\n[[plugin]]\npath = "{DEMO}"\n'
        )
        server = own("-c", config, model="async")
        fields = ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Referer: http://a/", "User-Agent: test", "X-Request-ID: x")
        assert server.get("/early-hints?query", *fields).status == 200
        wait_for(lambda: file.exists() and file.read_text().endswith("\n"), server.state)
        lines.append(file.read_text().rstrip("\n"))
    by_name, by_atom = json.loads(lines[0]), lines[1].split("|")
    changing = {"time", "duration_seconds", "pid", "host"}
    for (name, _), value in zip(rows, by_atom, strict=True):
        assert name in changing or ("-" if by_name[name] is None else str(by_name[name])) == value, name
