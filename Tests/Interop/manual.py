"""The tables of outrider-interop(7), as they are written there."""

import re

from server import ROOT

PAGE = ROOT / "man/outrider-interop.7"


def table(section):
    """The only table of a section or subsection: row to column to value. Its first column names the row."""
    text = PAGE.read_text()
    start = re.search(rf"^\.S[hs] {re.escape(section)}$", text, re.MULTILINE)
    assert start, f"{PAGE.name} has no section {section}"
    rest = text[start.end() :]
    lists = re.findall(r"^\.Bl -column.*?^\.El$", re.split(r"^\.S[hs] ", rest, flags=re.MULTILINE)[0], re.M | re.S)
    assert len(lists) == 1, f"{section}: {len(lists)} tables"
    lines = re.findall(r"^\.It (.*)$", lists[0], re.MULTILINE)
    head, *rows = ([plain(cell) for cell in re.split(r" Ta ", line)] for line in lines)
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def plain(cell):
    """Without macros and escapes."""
    words = [word for word in cell.replace("\\ ", " ").split() if word not in ("Li", "Sy", "No")]
    return " ".join(words).replace("\\-", "-").replace("\\&", "")
