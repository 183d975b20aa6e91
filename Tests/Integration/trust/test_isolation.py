"""No byte of one client is ever seen by another: in answers, in what plugins are told, in the logs.

`make soak` runs it for minutes, the test suite for seconds. The seed is in the messages; OUTRIDER_SEED repeats it.
"""

import json
import os
import random

from isolation import BODY_LIMIT, ECHO, Crowd, foreign_lines
from matrix import INSPECTING
from processes import wait_for
from server import RELEASE, free_port

SECONDS = float(os.environ.get("OUTRIDER_SOAK_SECONDS", 8))
SEED = int(os.environ.get("OUTRIDER_SEED", random.randrange(1 << 32)))
MOUNTS = {"/event": INSPECTING["event"], "/blocking": INSPECTING["blocking"], "/demo": RELEASE / "libdemo_event.so"}


def configuration(model, ports, authority, log):
    plain, secure = ports
    plugins = "".join(f'[[plugin]]\npath = "{path}"\nmount = "{mount}"\n' for mount, path in MOUNTS.items())
    return (
        f'[server]\nworker_model = "{model}"\nworkers = 1\n[log]\naccess = "{log}"\naccess_format = "json"\n'
        f"[limits]\nbody = {BODY_LIMIT}\n[http2]\nmax_resets_per_second = 100000\nmax_window_updates_per_second = 100000\n"
        f'[[listener]]\nbind = "127.0.0.1:{plain}"\n{"" if model == "sync" else "h2c = true"}\n'
        f"{authority.listener(f'127.0.0.1:{secure}')}\n{plugins}"
    )


def test_isolation(own, authority, tmp_path, model):
    ports, log, file = (free_port(), free_port()), tmp_path / "access.log", tmp_path / "outrider.toml"
    file.write_text(configuration(model, ports, authority, log))
    server = own("-c", file, bind=False, port=ports[0])
    workers = server.workers()
    crowd = Crowd(
        server, ["/event", "/blocking", ECHO], SEED, secure=("127.0.0.1", ports[1]), http2=model != "sync", closes=model == "sync",
        contexts=(authority.client(), authority.client(protocols=("h2",))),
    )  # fmt: skip
    crowd.run(SECONDS)
    said = crowd.summary()
    print(f"{model}: {said}")

    assert not crowd.faults, f"{said}; {crowd.faults[:3]}\n{server.log[-2000:]}"
    assert server.workers() == workers, f"{said}; the worker ended\n{server.state()}"
    answered = sum(client.answered for client in crowd.clients)
    # How many there are is the machine's; a client without any saw nothing that could be wrong.
    assert all(client.answered for client in crowd.clients), f"{said}; {[client.answered for client in crowd.clients]}"
    wait_for(lambda: log.read_text("latin-1").count("\n") >= answered, f"{answered} lines in the access log")
    with log.open(encoding="latin-1") as lines:
        wrong = foreign_lines(lines)
    assert not wrong, f"{said}; {len(wrong)} lines of the access log, such as {wrong[:3]}"
    with log.open(encoding="latin-1") as lines:
        assert all(json.loads(line) for line in lines)
    wrong = foreign_lines(server.log.splitlines())
    assert not wrong, f"{said}; {len(wrong)} lines of the error log, such as {wrong[:3]}"
