"""Servers of applications in Python: which are measured, and the bars that Outrider's are held to."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from processes import Failure

APPLICATIONS = Path(__file__).with_name("python_applications")


@dataclass(frozen=True)
class Row:
    """One server with one application. `command` has `{port}` where the port goes. `has_hints`: a 103 comes first."""

    name: str
    command: tuple[str, ...]
    has_hints: bool = False

    def arguments(self, port: int) -> list[str]:
        """The command line on this port."""
        return [part.replace("{port}", str(port)) for part in self.command]


@dataclass(frozen=True)
class Bar:
    """CPU per request of `row`, divided by that of the best of `peers` in the same round, is to be at most `goal`."""

    work: str
    row: str
    peers: tuple[str, ...]
    goal: float


@dataclass(frozen=True)
class Places:
    """Where the programs are. `environment` is the virtual environment that all servers share."""

    outrider: Path
    plugin: Path
    environment: Path
    folder: Path

    def program(self, name: str) -> str:
        return str(self.environment / "bin" / name)


def places(build: Path) -> Places:
    """Those of a build; the variables are those of the tests."""
    release = Path(os.environ.get("OUTRIDER_RELEASE") or build / "release")
    named = os.environ.get("OUTRIDER_PYTHON_PLUGIN")
    found = [Path(named)] if named else sorted(release.glob("liboutrider-python3.*.so"))
    if not found:
        raise Failure(f"the plugin for Python is missing in {release}: install python3-dev, and run make plugins")
    return Places(release / "outrider", found[0], build / "bench-venv", build / "bench")


def outrider(where: Places, app: str, model: str, threads: int = 1, workers: int = 1, load: str = "worker", **config):
    """Outrider's command line, with a configuration file of its own."""
    values = {"app": app, "venv": str(where.environment), "path": str(APPLICATIONS)} | config
    lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    name = "-".join([app.replace(":", "-"), model, str(threads), load, *map(str, config.values())])
    file = where.folder / f"python-{name}.toml"
    file.write_text(f'[[plugin]]\npath = "{where.plugin}"\nload = "{load}"\n[plugin.config]\n{lines}\n')
    return (
        str(where.outrider), "-c", str(file), "-b", "127.0.0.1:{port}", "-w", str(workers), "-k", model,
        "--threads", str(threads),
    )


def granian(where: Places, app: str, interface: str, *more: str):
    return (
        where.program("python"), "-m", "granian", "--interface", interface, "--port", "{port}", "--workers", "1",
        "--http", "1", "--no-ws", "--log-level", "error", *more, app,
    )


def gunicorn(where: Places, app: str, kind: str, *more: str):
    return (
        where.program("python"), "-m", "gunicorn", "-b", "127.0.0.1:{port}", "-k", kind, "--keep-alive", "75",
        "--log-level", "error", *(more or ("-w", "1")), app,
    )


def uvicorn(where: Places, app: str):
    return (
        where.program("python"), "-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--http", "httptools", "--ws", "none",
        "--no-access-log", "--log-level", "error", app,
    )


def wsgi_rows(where: Places, work: str, app: str) -> list[Row]:
    return [
        *(Row(f"{work}: outrider gthread, {n}", outrider(where, app, "gthread", n)) for n in (1, 4)),
        *(Row(f"{work}: granian, {n}", granian(where, app, "wsgi", "--blocking-threads", str(n))) for n in (1, 4)),
        Row(f"{work}: gunicorn gthread, 4", gunicorn(where, app, "gthread", "--threads", "4")),
    ]


def asgi_rows(where: Places, work: str, app: str) -> list[Row]:
    return [
        *(Row(f"{work}: outrider, {mode}", outrider(where, app, "async", mode=mode)) for mode in MODES),
        Row(f"{work}: granian", granian(where, app, "asgi", "--loop", "uvloop")),
        Row(f"{work}: uvicorn", uvicorn(where, app)),
    ]


def hint_rows(where: Places) -> list[Row]:
    wsgi, asgi = "hello:wsgi_hints", "hello:asgi_hints"
    return [
        Row("103: outrider gthread, 1", outrider(where, wsgi, "gthread"), True),
        *(Row(f"103: outrider, {mode}", outrider(where, asgi, "async", mode=mode), True) for mode in MODES),
        Row("103: gunicorn gthread, 4", gunicorn(where, wsgi, "gthread", "--threads", "4"), True),
        Row("103: gunicorn asgi", gunicorn(where, asgi, "asgi"), True),
    ]


MODES = ("thread", "guest")


def all_rows(where: Places) -> list[Row]:
    return [
        *wsgi_rows(where, "WSGI", "hello:wsgi"),
        *asgi_rows(where, "ASGI", "hello:asgi"),
        Row("ASGI: outrider, thread, uvloop", outrider(where, "hello:asgi", "async", mode="thread", loop="uvloop")),
        *hint_rows(where),
        *asgi_rows(where, "Starlette", "starlette_hello:app"),
        *asgi_rows(where, "FastAPI", "fastapi_hello:app"),
        *wsgi_rows(where, "Flask", "flask_hello:app"),
        *wsgi_rows(where, "Django", "django_hello:app"),
    ]


def wsgi_bars(work: str, against_granian: float, against_gunicorn: float) -> list[Bar]:
    own = [f"{work}: outrider gthread, {n}" for n in (1, 4)]
    best = tuple(f"{work}: granian, {n}" for n in (1, 4))
    return [
        *(Bar("granian at its best", row, best, against_granian) for row in own),
        *(Bar("gunicorn", row, (f"{work}: gunicorn gthread, 4",), against_gunicorn) for row in own),
    ]


def asgi_bars(work: str, goals: dict[str, float]) -> list[Bar]:
    return [
        Bar(peer, f"{work}: outrider, {mode}", (f"{work}: {peer}",), goal)
        for peer in ("granian", "uvicorn")
        for mode, goal in goals.items()
    ]


def hint_bars() -> list[Bar]:
    own = ["103: outrider gthread, 1", *(f"103: outrider, {mode}" for mode in MODES)]
    return [
        *(Bar("gunicorn gthread", row, ("103: gunicorn gthread, 4",), 0.15) for row in own),
        *(Bar("gunicorn asgi", row, ("103: gunicorn asgi",), 0.30) for row in own),
    ]


def framework_bars(work: str) -> list[Bar]:
    peers = (f"{work}: granian", f"{work}: uvicorn")
    return [Bar("the better of the two", f"{work}: outrider, {mode}", peers, 0.7) for mode in MODES]


def all_bars() -> list[Bar]:
    return [
        *wsgi_bars("WSGI", 0.70, 0.10),
        *asgi_bars("ASGI", {"thread": 0.55, "guest": 0.42}),
        *hint_bars(),
        *framework_bars("Starlette"),
        *framework_bars("FastAPI"),
        *wsgi_bars("Flask", 1.0, 0.5),
        *wsgi_bars("Django", 1.0, 0.5),
    ]
