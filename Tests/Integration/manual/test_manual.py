"""The manual: it reads the same in every program, and the pages of section 3 have all that outrider.h has."""

import re
import subprocess
import sys

import pytest

from server import ROOT

HEADER = (ROOT / "Sources/COutrider/include/outrider.h").read_text()
CODE = re.sub(r"/\*.*?\*/|(?<!define )\bOUTRIDER_(?:NULLABLE|NONNULL) ?", "", HEADER, flags=re.S)
PAGES = {page.name: page.read_text() for page in sorted((ROOT / "man").glob("*.3"))}
ALL_PAGES = sorted((ROOT / "man").glob("*.[1-9]"))
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUES", "THREADS AND OWNERSHIP", "EXAMPLES", "SEE ALSO"]

# Members of tables that a plugin calls or is called by, and functions; release and run are arguments.
MEMBERS = set(re.findall(r"\(\*(\w+)\)\(", CODE)) - {"release", "run"}
FUNCTIONS = set(re.findall(r"^(?:static inline .*?|const outrider_plugin \*)(outrider_\w+)\(", CODE, re.M))
TYPES = set(re.findall(r"^typedef (?:struct|int32_t) (outrider_\w+)", CODE, re.M))
CONSTANTS = set(re.findall(r"^#define (OUTRIDER_\w+)", CODE, re.M)) - {"OUTRIDER_H"}
CONSTANTS |= set(re.findall(r"\bOUTRIDER_NO_\w+", CODE))  # those that a plugin may define

# Of the extensions that have a page of their own in section 3.
EXTENSIONS = {
    name: re.sub(r"/\*.*?\*/", "", (ROOT / f"Sources/COutrider/include/outrider/{name}.h").read_text(), flags=re.S)
    for name in ("loop", "store")
}
# Of the library that plugins are tested with.
TESTING = (ROOT / "Sources/COutrider/include/outrider/testing.h").read_text()
TESTING = re.sub(r"/\*.*?\*/", "", TESTING, flags=re.S)
CONSTANTS_OF_EXTENSIONS = set(re.findall(r"^#define (OUTRIDER_\w+)", "".join(EXTENSIONS.values()) + TESTING, re.M))


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
        assert not described - CONSTANTS - CONSTANTS_OF_EXTENSIONS - titles, name


@pytest.mark.parametrize("name", EXTENSIONS)
def test_the_page_of_an_extension_has_all_of_it(name):
    page, header = PAGES[f"outrider_{name}.3"], EXTENSIONS[name]
    assert set(re.findall(r"\(\*(\w+)\)\(const", header)) <= names_in(synopsis(page))
    constants = set(re.findall(r"^#define (OUTRIDER_\w+)", header, re.M)) - {f"OUTRIDER_{name.upper()}_H"}
    assert constants <= names_in(page)


def test_the_page_of_the_library_for_tests_has_all_of_it():
    page = PAGES["outrider-testing.3"]
    assert set(re.findall(r"\b(outrider_mock_\w+)\((?!\*)", TESTING)) <= names_in(synopsis(page))
    assert set(re.findall(r"^#define (OUTRIDER_\w+)", TESTING, re.M)) - {"OUTRIDER_TESTING_H"} <= names_in(page)


@pytest.mark.parametrize("name", PAGES)
def test_each_page_has_its_sections(name):
    sections = re.findall(r"^\.Sh (.*)$", PAGES[name], re.M)
    assert [section for section in sections if section in SECTIONS] == SECTIONS
    for page, section in re.findall(r"^\.Xr (\S+) (\d)", PAGES[name].replace("\\-", "-"), re.M):
        assert (ROOT / f"man/{page}.{section}").exists() or not page.startswith("outrider"), page
    overview = (ROOT / "man/outrider-plugin.7").read_text().replace("\\-", "-")
    assert f".Xr {name.removesuffix('.3')} 3" in overview


def compared(*pages):
    """What mandoc and man show differently."""
    command = [sys.executable, ROOT / "Tests/Manual/compare_renderings.py", *pages]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == bool(result.stdout), result.stderr
    return result.stdout


def test_no_page_has_a_fault():
    command = ["mandoc", "-T", "lint", "-W", "warning", *ALL_PAGES]
    assert subprocess.run(command, capture_output=True, text=True).stdout == ""


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_mandoc_and_man_show_the_same(page):
    assert compared(page) == ""


def test_a_section_that_man_drops_is_found(tmp_path):
    """A title that begins with the name of a macro takes the rest of the page along under groff."""
    page = (ROOT / "man/outrider-plugin.7").read_text()
    (tmp_path / "outrider-plugin.7").write_text(page.replace(".%T \\&An ", ".%T An "))
    assert "heading: mandoc shows 'CAVEATS'" in compared(tmp_path / "outrider-plugin.7")
