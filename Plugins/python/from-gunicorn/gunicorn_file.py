"""The settings of a gunicorn.conf.py."""

import os
import sys


def read(path):
    """Run the file like gunicorn, and return the names that it sets. gunicorn ignores names that are not settings."""
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    # Replaces the folder of this program, whose modules may have the same names as others.
    own = sys.path[0]
    sys.path[0] = os.getcwd()
    for name, module in list(sys.modules.items()):
        if name != "__main__" and os.path.dirname(getattr(module, "__file__", None) or "") == own:
            del sys.modules[name]
    names = {"__name__": "__config__", "__file__": path, "__doc__": None, "__package__": None}
    # Its output is not TOML.
    output, sys.stdout = sys.stdout, sys.stderr
    try:
        exec(code, names)
    finally:
        sys.stdout = output
    return {name.lower(): value for name, value in names.items() if not name.startswith("__")}
