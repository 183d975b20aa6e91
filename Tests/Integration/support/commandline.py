"""Running command lines and reading dumps."""

import re
import tomllib

from server import RELEASE, run

PLUGIN = RELEASE / "libdemo_blocking.so"


def write(tmp_path, text, name="outrider.toml"):
    config = tmp_path / name
    config.write_text(text)
    return config


def plugin_table():
    return f'\n[[plugin]]\npath = "{PLUGIN}"\n'


def dump(*arguments, env=None):
    """The output of -T: the values, and each value's comment by key."""
    result = run("-T", *arguments, env=env)
    assert result.returncode == 0, result.stderr
    assert not result.stderr, result.stderr
    origins, table = {}, ""
    for line in result.stdout.splitlines():
        if header := re.fullmatch(r"\[\[?([a-z0-9_.]+)\]?\]\s*(#.*)?", line):
            table = header[1]
        elif setting := re.fullmatch(r"([a-z0-9_]+) = (.*?)\s+# (.*)", line):
            origins[f"{table}.{setting[1]}"] = setting[3]
    return tomllib.loads(result.stdout), origins, result.stdout
