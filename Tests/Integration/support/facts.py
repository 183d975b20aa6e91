"""The plugin that reports the host's information."""

from server import TEST_PLUGINS

FACTS = {style: TEST_PLUGINS / f"libfacts_{style}.so" for style in ("blocking", "event")}


def told(body):
    """Parses its response: one `name=value` on each line; names may repeat."""
    lines = (line.partition("=") for line in bytes(body).decode().splitlines())
    return [(name, value) for name, _, value in lines]


def configured(folder, style, *entries, more=""):
    """A configuration with one [[plugin]] for each entry: (mount, name, additional lines of [plugin.config])."""
    file = folder / "facts.toml"
    file.write_text(
        more
        + "".join(
            f'[[plugin]]\npath = "{FACTS[style]}"\nname = "{name}"\nmount = "{mount}"\n{table}'
            f'[plugin.config]\nname = "{name}"\n{config}\n'
            for mount, name, table, config in entries
        )
    )
    return file
