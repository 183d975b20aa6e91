"""The headers for C++: <outrider/outrider.hpp> compiles everywhere, and its handlers do what they say in the mock host."""

import re
import shutil
import subprocess

import pytest

from built_once import for_authors, installed, run_make
from mock_host import MOCK
from sdk import built_example
from server import ROOT, run

HEADERS = ROOT / "Sources/COutrider/include"
# With what authors may have turned on.
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
COMPILERS = [name for name in ("g++", "clang++") if shutil.which(name)]


def compile_cpp(compiler, standard, source, *flags):
    """Whether the source compiles, and what the compiler says."""
    command = [compiler, f"-std=c++{standard}", *WARNINGS, "-fsyntax-only", f"-I{HEADERS}", *flags, "-x", "c++", "-"]
    result = subprocess.run(command, input=source, capture_output=True, text=True)
    return result.returncode == 0, result.stderr


@pytest.mark.parametrize("program", ["blocking-20", "event-17", "coroutines-20"])
def test_handlers_in_the_mock_host(program):
    """Each style, and exceptions at every place, under the address and undefined behaviour sanitizers: see Tests/Mock/cpp."""
    run = subprocess.run([MOCK / "cpp" / program], capture_output=True, text=True)
    assert run.returncode == 0 and "tests have passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("standard", [17, 20])
def test_the_headers_are_without_warnings(compiler, standard):
    compiles, said = compile_cpp(
        compiler, standard, "#include <outrider/outrider.hpp>\n#include <outrider/testing.hpp>\n", "-fno-rtti")
    assert compiles, said


def test_the_notes_application_passes_its_own_tests(tmp_path_factory, takes_long):
    """In the mock host, with the sanitizers."""
    folder = built_example(tmp_path_factory, "notes_cpp")
    said = run_make(folder, "test", environment=for_authors(installed(tmp_path_factory)))
    assert "tests have passed" in said, said


def test_a_template_is_built_by_cmake(tmp_path_factory, tmp_path):
    prefix = installed(tmp_path_factory)
    commands = (
        ["cmake", "-S", ROOT / "examples/cpp_async", "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["cmake", "--build", tmp_path],
    )
    for command in commands:
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
    checked = run("-t", tmp_path / "libhello.so")
    assert checked.returncode == 0, checked


def programs(page):
    """The code in a page of the manual, piece by piece."""
    pieces = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", (ROOT / "man" / page).read_text(), re.M | re.S)
    return [piece.replace("\\e", "\\").replace("\\-", "-") for piece in pieces]


def test_the_first_program_of_the_manual_is_the_template():
    template = (ROOT / "examples/cpp_blocking/src/hello.cpp").read_text().replace('"hello", "1.0"', '"demo", "1.0"')
    shown = re.sub(r" *//.*", "", programs("outrider-cpp.7")[0])
    assert shown.split() == re.sub(r" *//.*", "", template).split()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_other_programs_of_the_manual_compile(number):
    shown = programs("outrider-cpp.7")[number]
    source = f"""#include <outrider/outrider.hpp>
    using namespace std::chrono_literals;
    struct application {{ {shown} }};
    OUTRIDER_PLUGIN(application, "shown", "1.0");
    """
    compiles, said = compile_cpp("g++", 20, source)
    assert compiles, said


MISTAKES = {
    "no handler": ("struct app {};", "an application has handle"),
    "two styles": (
        "struct app { class exchange : public outrider::event_handler {}; outrider::task<> serve(outrider::async_request &); };",
        "either a class exchange or serve",
    ),
    "no websocket_handler": (
        "struct app { struct exchange : outrider::event_handler {"
        " exchange(app &, const outrider::opening &o) : event_handler(o) {} void on_text(std::string_view); }; };",
        "has the base outrider::websocket_handler",
    ),
    "another base": ("struct app { class exchange {}; };", "has the base outrider::event_handler"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake):
    application, said = MISTAKES[mistake]
    source = f'#include <outrider/outrider.hpp>\n{application}\nOUTRIDER_PLUGIN(app, "app", "1.0");\n'
    compiles, output = compile_cpp("g++", 20, source)
    assert not compiles and said in output, output


def test_what_is_sent_is_not_forgotten():
    """The result of send() says whether the piece was accepted: to ignore it is a warning."""
    source = """#include <outrider/outrider.hpp>
    struct app {
      struct exchange : outrider::event_handler {
        exchange(app &, const outrider::opening &opening) : event_handler(opening) { %s }
      };
    };
    OUTRIDER_PLUGIN(app, "app", "1.0");
    """
    compiles, output = compile_cpp("g++", 17, source % 'send("piece");')
    assert not compiles and "unused-result" in output, output
    compiles, output = compile_cpp("g++", 17, source % 'if (send("piece") == outrider::flow::again) abort();')
    assert compiles, output
