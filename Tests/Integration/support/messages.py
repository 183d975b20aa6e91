"""The numbers of message kinds between master and supervisor, and between worker and master."""

LISTENER, READY, SETTING, CONFIGURED, CLAIM, STEP, FAILED = 1, 3, 6, 7, 8, 9, 10
SCALE, SCOREBOARD, TICKET_KEYS, WORKER, PLUGIN, CONFIGURATION, UNKNOWN = 12, 13, 14, 16, 17, 18, 0xEE
PAUSED = 24
WORKER_READY, WORKER_DRAIN = 1, 3


def fields(*pairs, **values):
    """The text of a message: a line for each value, in the format of `Sources/IPC/KeyedFields.swift`."""
    return "".join(f"{key}={escaped(str(value))}\n" for key, value in [*pairs, *values.items()])


def escaped(value):
    value = value.replace("\\", "\\\\").replace("\n", "\\n")
    return "".join(rf"\x{ord(c):02x}" if ord(c) < 0x20 or ord(c) == 0x7F else c for c in value)


def worker(slot=0, pid=1, worker_index=0, state="ready"):
    return fields(slot=slot, pid=pid, worker_index=worker_index, state=state)


def pause(plugin, until):
    return fields(plugin=plugin, until=until)


def plugin(title, styles=""):
    return fields(name="name", mount="/", path="/x.so", title=title, styles=styles)
