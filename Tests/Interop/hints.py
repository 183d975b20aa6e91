"""The 103s of the demo pages: what they are, and when."""

STYLE = "</style.css>; rel=preload; as=style"
SCRIPT = "</app.js>; rel=preload; as=script"
FONT = "</font.woff2>; rel=preload; as=font; crossorigin"
# Path to the links of each 103, in order, and how long its handler waits after each.
PAGES = {
    "/early-hints": ([[STYLE, SCRIPT]], 0.3),
    "/early-hints-multiple": ([[STYLE], [SCRIPT], [FONT]], 0.05),
}


LOOKS = 5  # the machine may keep a client from reading in time, but not each time


def in_time(seen, path):
    """Whether each 103 came before what follows by the handler's wait: half of it at least."""
    times = [hint.at for hint in seen.hints] + [seen.at]
    return all(after - before > PAGES[path][1] / 2 for before, after in zip(times, times[1:]))


def see_all(path, look):
    """What look() has seen of the page: each 103, in order, with its fields, before what follows by the handler's wait."""
    for _ in range(LOOKS):
        seen = look()
        assert_all(seen, path)
        if in_time(seen, path):
            return seen
    raise AssertionError(f"{path}: the 103s come late: {seen}")


def assert_all(seen, path):
    """Every 103 is there, in order, with its fields."""
    links, _ = PAGES[path]
    assert seen.status == 200 and b"<h1>Early hints</h1>" in seen.body, seen
    assert [hint.status for hint in seen.hints] == [103] * len(links), seen
    assert [hint.links for hint in seen.hints] == links, seen


def assert_bare(seen):
    """A 103 of Outrider itself has the plugin's fields, and no others."""
    for hint in seen.hints:
        assert {name.lower() for name, _ in hint.fields} == {"link"}, hint
