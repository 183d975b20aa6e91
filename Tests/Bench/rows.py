"""What is measured: one row a server, with the row it is compared to and the goal."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One server of the benchmark.

    `command` is its argument list, with `{port}` where the port goes; it must stay in the foreground.
    `reference` names the row whose CPU per request in the same round is 1.00; `goal` is the ratio to reach.
    `counted` asks for the counts below the table too, `crowded` for the figures of many connections.
    """

    name: str
    command: tuple[str, ...]
    reference: str | None = None
    goal: float | None = None
    counted: bool = False
    crowded: bool = False

    def arguments(self, port: int) -> list[str]:
        """The command line on this port."""
        return [part.replace("{port}", str(port)) for part in self.command]


NULL = "null server"
NULL_CLOSE = "null server, close"


def all_rows(build: Path) -> list[Row]:
    """The table, with the programs under `build` (the folder `.build`)."""
    null_server = str(build / "bench" / "null_server")
    return [
        Row(NULL, (null_server, "{port}", "keepalive"), counted=True),
        Row("outrider async, event plugin", outrider(build, "async", "event"), NULL, 1.08, counted=True, crowded=True),
        Row("outrider gthread, blocking plugin", outrider(build, "gthread", "blocking"), NULL, 1.5),
        Row("outrider async, blocking plugin", outrider(build, "async", "blocking"), NULL, 1.8),
        Row(NULL_CLOSE, (null_server, "{port}", "close")),
        Row("outrider sync, blocking plugin", outrider(build, "sync", "blocking"), NULL_CLOSE, 1.1),
        Row("outrider sync, event plugin", outrider(build, "sync", "event"), NULL_CLOSE, 1.1),
        *language_rows(build),
        # The SDKs, beside C.
        Row("async, event plugin in C++", outrider(build, "async", "cpp_event"), "outrider async, event plugin", 1.01),
        Row("gthread, blocking plugin in C++", outrider(build, "gthread", "cpp_blocking"), "outrider gthread, blocking plugin", 1.01),
    ]


# The same plugin in other languages, and the goal beside the one in C.
LANGUAGES = (("Zig", "blocking", 1.01), ("Zig", "event", 1.01), ("Go", "blocking", None))


def language_rows(build: Path) -> list[Row]:
    """Plugins in other languages as far as they are built, each compared with that in C."""
    rows = []
    for language, style, goal in LANGUAGES:
        model = "async" if style == "event" else "gthread"
        if (build / "bench" / f"libsame_answer_{language.lower()}_{style}.so").exists():
            command = outrider(build, model, f"{language.lower()}_{style}")
            # The runtime of Go has threads.
            command += ("--load", "worker") if language == "Go" else ()
            rows.append(Row(f"outrider {model}, {style} plugin in {language}", command, f"outrider {model}, {style} plugin", goal))
    return rows


def peer_rows(build: Path) -> list[Row]:
    """Servers of others, for what their ratios are on this machine."""
    folder, template = build / "bench", Path(__file__).with_name("nginx.conf")
    start = f"sed s/PORT/{{port}}/ '{template}' > nginx.conf && exec nginx -e stderr -p . -c nginx.conf"
    return [Row("nginx, return 200", ("sh", "-c", f"cd '{folder}' && {start}"), NULL)]


def outrider(build: Path, model: str, style: str) -> tuple[str, ...]:
    """Outrider's command line: one worker of this model, with the plugin of this style that answers as the null server."""
    plugin = str(build / "bench" / f"libsame_answer_{style}.so")
    return (str(build / "release" / "outrider"), plugin, "-b", "127.0.0.1:{port}", "-w", "1", "-k", model)


def with_references(rows: list[Row], text: str) -> list[Row]:
    """The rows whose names contain `text`, and the rows they are compared to, in the table's order."""
    chosen = [row for row in rows if text.lower() in row.name.lower()]
    wanted = {row.name for row in chosen} | {row.reference for row in chosen}
    return [row for row in rows if row.name in wanted]
