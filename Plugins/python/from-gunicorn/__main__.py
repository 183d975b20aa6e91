"""Print an outrider.toml for a gunicorn.conf.py: `python3 from-gunicorn FILE [key=value]…`.

The key of an argument is a setting of gunicorn's, which counts in place of the file's, such as wsgi_app.
"""

import sys
import traceback

import gunicorn_file
import toml_text
from translation import Translation

# As in sysexits.h.
NO_INPUT, INVALID = 66, 78


def main(path, *arguments):
    try:
        settings = gunicorn_file.read(path)
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return NO_INPUT
    except BaseException:
        traceback.print_exc()
        print(f"{path}: it is a program in Python, and can't be run", file=sys.stderr)
        return INVALID
    settings |= dict(argument.split("=", 1) for argument in arguments)
    translation = Translation(settings)
    print(toml_text.document(path, translation), end="")
    for setting, reason in translation.untranslated:
        print(f"{path}: {setting}: {reason}", file=sys.stderr)
    return 0


sys.exit(main(*sys.argv[1:]))
