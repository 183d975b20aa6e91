"""The pages of section 3: they have all that outrider.h has, in the same words."""

import re
import subprocess

import pytest

from server import ROOT

HEADER = (ROOT / "Sources/COutrider/include/outrider.h").read_text()
CODE = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.S)
PAGES = {page.name: page.read_text() for page in sorted((ROOT / "man").glob("*.3"))}
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "THREADS AND OWNERSHIP", "EXAMPLES", "SEE ALSO"]

# Members of tables that a plugin calls or is called by, and functions; release and run are arguments.
MEMBERS = set(re.findall(r"\(\*(\w+)\)\(", CODE)) - {"release", "run"}
FUNCTIONS = set(re.findall(r"^(?:static inline .*?|const outrider_plugin \*)(outrider_\w+)\(", CODE, re.M))
TYPES = set(re.findall(r"^typedef (?:struct|int32_t) (outrider_\w+)", CODE, re.M))
CONSTANTS = set(re.findall(r"^#define (OUTRIDER_\w+)", CODE, re.M)) - {"OUTRIDER_H"}


def synopsis(page):
    return page.partition(".Sh SYNOPSIS\n")[2].partition(".Sh ")[0]


def names_in(text):
    return set(re.findall(r"\w+", text.replace("\\->", " ")))


def test_the_header_is_understood():
    assert {"read", "informational", "send", "cancel", "open", "config_json"} <= MEMBERS
    assert {"outrider_plugin_v1", "outrider_text", "outrider_send_abort"} <= FUNCTIONS
    assert {"outrider_head", "outrider_host", "outrider_status"} <= TYPES
    assert {"OUTRIDER_E_IO", "OUTRIDER_HAS", "OUTRIDER_MODEL_SYNC"} <= CONSTANTS


def test_each_function_is_in_a_synopsis():
    told = set().union(*(names_in(synopsis(page)) for page in PAGES.values()))
    assert not (MEMBERS | FUNCTIONS) - told


def test_each_type_and_constant_is_in_a_page():
    told = set().union(*map(names_in, PAGES.values()))
    assert not (TYPES | CONSTANTS) - told


def test_nothing_is_in_a_page_that_is_not_in_the_header():
    for name, page in PAGES.items():
        described = {word for word in names_in(page) if re.fullmatch(r"OUTRIDER_\w+", word)}
        titles = {other.removesuffix(".3").upper() for other in PAGES}
        assert not described - CONSTANTS - titles, name


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_its_sections(name):
    sections = re.findall(r"^\.Sh (.*)$", PAGES[name], re.M)
    assert [section for section in sections if section in SECTIONS] == SECTIONS
    for page, section in re.findall(r"^\.Xr (\S+) (\d)", PAGES[name], re.M):
        assert (ROOT / f"man/{page}.{section}").exists() or not page.startswith("outrider"), page
    overview = (ROOT / "man/outrider-plugin.7").read_text()
    assert f".Xr {name.removesuffix('.3')} 3" in overview


def test_no_page_has_a_fault():
    pages = [str(ROOT / "man" / name) for name in PAGES]
    assert subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True).stdout == ""
