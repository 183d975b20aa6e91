"""The rules of outrider.h and the manual on hooks and on the time at which a head is sent, observed from outside."""

import re
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

import http2
from client import request
from processes import wait_for
from server import ROOT, TEST_PLUGINS, run
from timing import of_the_shipped_server

PLUGIN = TEST_PLUGINS / "libcontract.so"
# More than a thread waits for before it takes a request under gthread (limits on what the loop reads ahead).
BODY = b"x" * 200_000


def configured(tmp_path, *, load="master", refuse=""):
    config = tmp_path / "outrider.toml"
    config.write_text(f'[[plugin]]\npath = "{PLUGIN}"\nload = "{load}"\n[plugin.config]\nrefuse = "{refuse}"\n')
    return config


def said(text):
    """What the plugin has said, in order."""
    return re.findall(r"plugin contract: (.*)$", text, re.M)


# When a head goes out


@contextmanager
def nearly_whole_request(server, path):
    """A connection that has sent all of a request but the last byte; at the end the answer is whole."""
    with server.connect() as connection:
        connection.send(request("POST", path, f"Content-Length: {len(BODY)}") + BODY[:-1])
        yield connection
        connection.send(BODY[-1:])
        assert connection.final().status == 200


@pytest.mark.parametrize("path", ["/held", "/event"])
@pytest.mark.parametrize("model", ["sync", "gthread"])
def test_a_blocking_head_is_held(own, model, path):
    with nearly_whole_request(own(PLUGIN, model=model), path) as connection:
        connection.assert_open(within=0.5)


@pytest.mark.parametrize("model", ["sync", "gthread"])
def test_an_empty_write_sends_the_head(own, model):
    with nearly_whole_request(own(PLUGIN, model=model), "/flushed") as connection:
        assert connection.head().status == 200


def test_a_start_event_goes_out_at_once(own):
    with nearly_whole_request(own(PLUGIN, model="async"), "/held") as connection:
        assert connection.head().status == 200


def test_over_http2_it_is_the_same(own):
    """The request's body is not at its end, so that nothing but the head is due."""
    for model, path in (("async", "/held"), ("gthread", "/flushed")):
        with http2.connect(own(PLUGIN, model=model, h2c=True)) as connection:
            stream = connection.request("POST", path, body=b"x", end=False)
            answer = connection.answers[stream]
            connection.read_until(lambda: answer.head, f"head under {model}")
            assert answer.status == 200 and not answer.ended
            connection.body(stream, b"x")
            connection.answer(stream)
            assert answer.ended and not answer.reset


# Signals


@of_the_shipped_server
def test_signals_in_a_worker_are_as_the_header_says(own, model):
    paragraph = re.search(r"SIGNALS\. (.*?)\n \*\n", (ROOT / "Sources/COutrider/include/outrider.h").read_text(), re.S)[1]
    handled = {getattr(signal, f"SIG{name}") for name in re.findall(r"\b[A-Z]{3,4}\d?\b", paragraph) if name != "RTMIN"}
    handled |= {signal.SIGRTMIN + 13} if "RTMIN+13" in paragraph else set()
    assert {signal.SIGSEGV, signal.SIGTERM, signal.SIGXFSZ, signal.SIGUSR1} < handled
    (worker,) = own(PLUGIN, model=model).workers()
    for thread in Path(f"/proc/{worker}/task").iterdir():
        sets = dict(re.findall(r"^Sig(Blk|Ign|Cgt):\s+(\w+)", (thread / "status").read_text(), re.M))
        caught, ignored = ({n + 1 for n in range(64) if int(sets[name], 16) >> n & 1} for name in ("Cgt", "Ign"))
        # 32 and 33 are glibc's own.
        assert int(sets["Blk"], 16) == 0 and (caught | ignored) - {32, 33} == handled


# Hooks


@pytest.mark.parametrize("load", ["master", "worker"])
def test_post_works_from_worker_start_on(own, tmp_path, model, load):
    """In the master there is no loop to run it."""
    server = own("-c", configured(tmp_path, load=load), model=model)
    runs = 1 if load == "master" else 2
    wait_for(lambda: said(server.log).count("run has 0") == runs, server.state)
    assert said(server.log)[:2] == [f"post in load {-1 if load == 'master' else 0}", "post in worker_start 0"]


@pytest.mark.parametrize("load", ["master", "worker"])
def test_unload_is_the_last_hook(own, tmp_path, model, load):
    server = own("-c", configured(tmp_path, load=load), model=model)
    server.tell(signal.SIGTERM)
    server.ended_well()
    assert said(server.log)[-2:] == ["worker_stop 0", "unload 0"]


@pytest.mark.parametrize("load", ["master", "worker"])
@pytest.mark.parametrize("hook", ["load", "worker_start"])
def test_no_hook_follows_a_refusal(tmp_path, load, hook):
    result = run("-c", configured(tmp_path, load=load, refuse=hook), "-b", "127.0.0.1:0")
    assert result.returncode == 78 and f"{hook} refused: as configured" in result.stderr
    assert said(result.stderr)[-1].startswith(f"post in {hook} ")
    assert not {"worker_stop 0", "unload 0", "run has 0"} & set(said(result.stderr))
