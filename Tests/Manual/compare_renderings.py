"""Compares what mandoc and man (groff) show of manual pages, word for word: each drops what the other may show.

Usage: compare_renderings.py PAGE... Prints the differences, and exits with 1 if there are any.
"""

import difflib
import os
import re
import subprocess
import sys

WIDTH = 200


def rendered(*command, **environment):
    """The text without emphasis, and what the program complains of."""
    environment = os.environ | {"LC_ALL": "C", "MANPAGER": "cat"} | environment
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    return re.sub(".\b", "", result.stdout), result.stderr.strip()


def with_mandoc(page):
    return rendered("mandoc", "-T", "ascii", "-O", f"width={WIDTH}", page)


def with_man(page):
    return rendered("man", "--nh", "--nj", "-E", "ascii", "-l", page, MANWIDTH=str(WIDTH))


def headings(text):
    """Sections and subsections, without the line above and below the page."""
    return [line.strip() for line in text.splitlines()[1:-1] if re.match(r"(   )?\S", line)]


def words(text):
    """Without the line above and below the page, in which the two name the system differently."""
    lines = text.strip().splitlines()[1:-1]
    # ASCII has one quote and one dash more for the one than for the other.
    return ["-" if word == "--" else word.replace("`", "'") for line in lines for word in line.split()]


def differences(page):
    (by_mandoc, _), (by_man, complaints) = with_mandoc(page), with_man(page)
    found = [f"{page}: man: {line}" for line in complaints.splitlines()]
    for name, part in (("heading", headings), ("text", words)):
        one, other = part(by_mandoc), part(by_man)
        matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
        for kind, from_one, to_one, from_other, to_other in matcher.get_opcodes():
            if kind == "equal":
                continue
            here, there = " ".join(one[from_one:to_one]), " ".join(other[from_other:to_other])
            found.append(f"{page}: {name}: mandoc shows {here!r}, man shows {there!r}")
    return found


if __name__ == "__main__":
    faults = [fault for page in sys.argv[1:] for fault in differences(page)]
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(bool(faults))
