"""TOML as text."""

import json


def value(given):
    if isinstance(given, dict):
        return "{ " + ", ".join(f"{key(name)} = {value(one)}" for name, one in given.items()) + " }" if given else "{}"
    if isinstance(given, list):
        return "[" + ", ".join(map(value, given)) + "]"
    # A JSON string is a TOML string, except for DEL.
    return json.dumps(given, ensure_ascii=False).replace("\x7f", "\\u007f")


def key(name):
    is_bare = name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    return name if is_bare else value(name)


def comment(text):
    return "".join(c if c.isprintable() else "?" for c in text)


def document(path, translation):
    """The whole file."""
    lines = [comment(f"# From {path}. Check it with: outrider -t -c FILE")]
    if translation.untranslated:
        lines += ["#", "# Not translated:"]
        lines += [comment(f"#   {setting}: {reason}") for setting, reason in translation.untranslated]
    for header, keys in translation.tables():
        if keys or header == "[[plugin]]":
            lines += ["", header, *(f"{key(name)} = {value(given)}" for name, given in keys.items())]
    return "\n".join(lines) + "\n"
