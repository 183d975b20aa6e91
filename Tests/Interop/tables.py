"""The tables that a run makes: programs by what was seen of them. outrider-interop(7) has the same ones."""

ORDER = ("103", "proxies", "clients", "browsers")


def gathered(reports):
    """Of all tests, those of other processes too: table to row to column to value, and the rows' versions."""
    found, versions = {}, {}
    for report in reports:
        for name, what in getattr(report, "user_properties", ()):
            if name != "cell":
                continue
            table, row, column, value, version = what
            found.setdefault(table, {}).setdefault(row, {})[column] = value
            if version:
                versions[row] = version
    return found, versions


def lines(rows, versions):
    """One table as text."""
    columns = sorted({column for cells in rows.values() for column in cells})
    text = [["", "version", *columns]]
    for row in sorted(rows):
        text.append([row, versions.get(row, ""), *(str(rows[row].get(column, "")) for column in columns)])
    widths = [max(len(line[i]) for line in text) for i in range(len(text[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in text]


def print_all(terminalreporter):
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    found, versions = gathered(reports)
    for table in sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)):
        terminalreporter.section(table)
        for line in lines(found[table], versions):
            terminalreporter.write_line(line)
