"""The pages for contributors: what they name exists, and what they say of modules is what Package.swift says."""

import os
import re
from functools import cache
from pathlib import Path

import pytest

from server import ROOT

TOPS = ("Sources", "Tests", "Plugins", "examples")
PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for top in TOPS for page in (ROOT / top).rglob("*.md"))]
SOURCE_PAGES = [page for page in PAGES if page.startswith("Sources/")]
# What looks like a file and is none of the repository: what is installed, made, or shown as an example.
ELSEWHERE = re.compile(r"^(/|\.?build/|target/|\.venv|\./|-|(lib|libexec|share)/|https?:|Sec-|[a-z]+\.sock)|[<>*…$ ]")
FILE = re.compile(r"[\w.+/-]+\.(swift|py|c|h|cpp|sh|toml|md|json|map|in|cfg|service|socket|js|mk)|[\w.+-]+(/[\w.+-]*)+")


@cache
def files():
    """Every file of the repository, and every folder with a slash at its end."""
    found = set()
    for folder, children, names in os.walk(ROOT):
        children[:] = [child for child in children if not re.match(r"\.build|\.git$|\.venv$|__pycache__$", child)]
        place = "" if Path(folder) == ROOT else os.path.relpath(folder, ROOT)
        found.update(os.path.join(place, name) for name in names)
        found.update(os.path.join(place, child) + "/" for child in children)
    return found


@cache
def code():
    """Every word of the sources, the tests and what builds them."""
    text = "".join(
        (ROOT / name).read_text(errors="replace")
        for name in files()
        if name == "Makefile" or re.search(r"\.(swift|c|h|py|cpp|sh|mk|[1-9])$", name)
    )
    return set(re.findall(r"\w+", text))


def spans(page):
    """What stands between backticks, outside of blocks of code."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", text)


def is_there(name, page):
    """From the top, from the page's folder, or anywhere below the page's top folder by the end of its path."""
    folder = page.rpartition("/")[0]
    top = page.partition("/")[0] + "/" if "/" in page else ""
    for form in {name, name.removesuffix("/") + "/"}:
        if form in files() or f"{folder}/{form}" in files():
            return True
        if any(known.startswith(top) and known.endswith("/" + form) for known in files()):
            return True
    return False


@pytest.mark.parametrize("page", PAGES)
def test_each_file_in_it_exists(page):
    named = {span for span in spans(page) if FILE.fullmatch(span) and not ELSEWHERE.search(span)}
    missing = {name for name in named if not is_there(name, page)}
    assert not missing, f"{page} names what is not there: {sorted(missing)}"


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())
    missing = {t for t in targets if not t.startswith("http") and not (ROOT / page).parent.joinpath(t).exists()}
    assert not missing, f"{page} links to what is not there: {sorted(missing)}"


@pytest.mark.parametrize("page", SOURCE_PAGES)
def test_each_name_of_the_code_exists(page):
    """`Type`, `function`, `Type.member`; but for what a recipe adds as an example."""
    examples = set(re.findall(r"\w+", " ".join(re.findall(r"^Example: .*$", (ROOT / page).read_text(), re.M))))
    plain = [span for span in spans(page) if re.fullmatch(r"\w+(\.\w+)*(\([\w:]*\))?", span)]
    names = {name for span in plain if not FILE.fullmatch(span) for name in re.findall(r"[A-Za-z]\w+", span)}
    missing = names - code() - examples
    assert not missing, f"{page} names what no source has: {sorted(missing)}"


def calls(page):
    """The lines of the page's drawings of calls."""
    blocks = re.findall(r"^```calls\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("page", [page for page in SOURCE_PAGES if calls(page)])
def test_each_call_and_its_place_exist(page):
    """A line has functions, and behind at least two spaces the files and types where they are."""
    missing = set()
    for line in calls(page):
        names, _, place = line.strip().partition("  ")
        missing |= {name for name in re.findall(r"\w+", names) if name not in code()}
        words = [word for word in re.split(r"[\s,;:.]+", place) if word]
        missing |= {word for word in words if re.search(r"[/+]", word) and not is_there(f"{word}.swift", page)}
        missing |= {word for word in words if re.fullmatch(r"[A-Z]\w*[a-z]\w*[A-Z]\w*", word) and word not in code()}
    assert not missing, f"{page} names what is not there: {sorted(missing)}"


def modules():
    """Each target of Sources in Package.swift, with what it imports of ours."""
    package = (ROOT / "Package.swift").read_text()
    ours = {folder.name for folder in (ROOT / "Sources").iterdir() if folder.is_dir()}
    found = {}
    target = r"\.(?:executableTarget|target|systemLibrary)\(\s*name: \"([\w-]+)\"(.*?)(?=\n    \.|\n  \])"
    for name, rest in re.findall(target, package, re.S):
        if name not in ours:
            continue
        dependencies = re.search(r"dependencies: \[(.*?)\]", re.sub(r"\.product\([^)]*\)", "", rest), re.S)
        found[name] = set(re.findall(r'"(\w+)"', dependencies[1])) if dependencies else set()
    assert found.keys() == ours
    return found


def test_modules_are_those_of_the_package():
    table = (ROOT / "Sources/README.md").read_text().partition("| module |")[2]
    told = {}
    for names, imports in re.findall(r"^\| (`.*?`) \|.*\| ?(.*?) ?\|$", table, re.M):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = set(re.findall(r"\w+", imports))
    assert told == modules()


def test_each_page_is_reached_from_its_readme():
    overview = (ROOT / "Sources/README.md").read_text()
    for page in (ROOT / "Sources").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in overview, page.name
    start = (ROOT / "README.md").read_text()
    for folder in ("Sources", "Tests", "Plugins", "examples"):
        assert f"]({folder}/README.md)" in start, folder


@pytest.mark.parametrize("folder", ["Tests", "Plugins", "examples"])
def test_each_folder_has_its_line(folder):
    table = (ROOT / folder / "README.md").read_text()
    for child in (ROOT / folder).iterdir():
        if child.is_dir() and f"{folder}/{child.name}/" in files():
            assert f"`{child.name}/`" in table, child.name
