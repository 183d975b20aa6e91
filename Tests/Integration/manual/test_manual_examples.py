"""The examples in the pages of section 3 compile without a warning, and those that are handlers do what they say."""

import re
import subprocess

import pytest

from metrics import Metrics
from server import ROOT, free_port, run

PAGES = sorted((ROOT / "man").glob("*.3"))
INCLUDES = "".join(f"#include <{name}.h>\n" for name in ("outrider", "errno", "stdio", "stdlib", "string", "strings"))
ARGUMENTS = "const outrider_host *host, outrider_exchange exchange, const outrider_io *io"
# What an example takes from elsewhere. Statements stand in a function, behind what is declared there.
SETTINGS = "typedef struct {\n  const char *path;\n  FILE *data;\n} settings;\n"
APP = (
    "#include <outrider/loop.h>\n#include <poll.h>\ntypedef struct {\n  const outrider_host *host;\n"
    "  const outrider_loop *loop;\n  int own_fd;\n} app;\nvoid act(app *own);\n"
)
TESTED = "#include <assert.h>\n#include <outrider/testing.h>\n"
SHARED = (
    "#include <outrider/store.h>\nextern const outrider_store *store;\nextern const outrider_head *head;\n"
    "outrider_status refuse(outrider_exchange exchange, uint32_t status);\n"
)
DECLARED = {"outrider_plugin": SETTINGS, "outrider_loop": APP, "outrider-testing": TESTED, "outrider_store": SHARED}
STATEMENTS = {
    "outrider_early_hints": "(void)host;",
    "outrider_io": "(void)host;",
    "outrider_log": "(void)io;",
    "outrider_send": "(void)io; outrider_bytes part = {NULL, 0}; struct { int waits; } mine, *own = &mine;",
    "outrider-testing": "",
    "outrider_store": "(void)io;",
    "outrider_status": "(void)host; outrider_bytes chunk = {NULL, 0};",
}
PLUGIN = """
static const outrider_plugin plugin = {.size = sizeof plugin, .abi = OUTRIDER_ABI_VERSION,
  .abi_required = OUTRIDER_ABI(1, 0), .capabilities = OUTRIDER_THREAD_SAFE, .name = "example", .version = "1.0", %s};
const outrider_plugin *outrider_plugin_v1(const outrider_host *host) { (void)host; return &plugin; }
"""


def example(name):
    """The C code of a page."""
    page = (ROOT / f"man/{name}.3").read_text().partition(".Sh EXAMPLES")[2].partition("\n.Sh ")[0]
    code = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", page, re.M | re.S)
    assert len(code) == 1, name
    return code[0].replace("\\en", "\\n").replace("\\-", "-")


def source(name):
    code = example(name)
    if name not in STATEMENTS:
        return INCLUDES + DECLARED.get(name, "") + code
    # Not all of them return.
    returns = "" if "return status;\n" in code.splitlines(keepends=True)[-1] else "return OUTRIDER_OK;"
    function = f"outrider_status run({'void' if name == 'outrider-testing' else ARGUMENTS})"
    return f"{INCLUDES}{DECLARED.get(name, '')}{function};\n{function} {{\n{STATEMENTS[name]}\n{code}{returns}\n}}\n"


def compiled(tmp_path, name, more=""):
    path = tmp_path / f"{name}.c"
    path.write_text(source(name) + more)
    made = path.with_suffix(".so")
    command = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-shared", "-fPIC", "-O2"]
    command += ["-fvisibility=hidden", f"-I{ROOT}/Sources/COutrider/include", "-o", made, path]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return made


@pytest.mark.parametrize("name", [page.stem for page in PAGES])
def test_it_compiles(tmp_path, name):
    compiled(tmp_path, name)


def test_entries_of_one_plugin_keep_their_configuration_apart(own, tmp_path, model):
    plugin = compiled(tmp_path, "outrider_config", PLUGIN % ".load = load, .handle = handle")
    entries = "".join(
        f'[[plugin]]\nname = "{name}"\npath = "{plugin}"\nmount = "/{name}"\n[plugin.config]\ngreeting = "I am {name}"\n'
        for name in ("one", "two")
    )
    config = tmp_path / "outrider.toml"
    config.write_text(entries)
    server = own("-c", config, model=model)
    assert server.get("/one").body == b"I am one"
    assert server.get("/two").body == b"I am two"


def test_a_body_is_counted_by_events(own, tmp_path, model):
    hooks = ".open = open, .on_event = on_event, .close = close"
    server = own(compiled(tmp_path, "outrider_event", PLUGIN % hooks), model=model)
    with server.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)
        assert connection.final().body == b"100000 bytes\n"


EXTENDED = """
static outrider_status handle(void *state, void *thread, outrider_exchange exchange, const outrider_head *head,
                              const outrider_io *io) {
  const settings *own = state;
  (void)thread, (void)head;
  own->metrics->add(own->host, own->greetings, 1);
  return io->respond(io, exchange, 200, NULL, 0, own->greeting);
}
"""


def test_the_example_of_extensions(own, tmp_path, model):
    page = (ROOT / "man/outrider-extensions.7").read_text().partition(".Sh EXAMPLES")[2]
    code = re.search(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", page, re.M | re.S)[1].replace("\\-", "-")
    headers = "#include <outrider/config.h>\n#include <outrider/metrics.h>\n#include <stdlib.h>\n"
    path, plugin = tmp_path / "greet.c", tmp_path / "greet.so"
    path.write_text(headers + code + EXTENDED + PLUGIN % ".load = load, .handle = handle")
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"]
    subprocess.run([*command, f"-I{ROOT}/Sources/COutrider/include", "-o", plugin, path], check=True, timeout=60)
    refused = run("-t", "--config", "greetng=hello", plugin)
    assert refused.returncode == 78 and 'did you mean "greeting"?' in refused.stderr
    admin = free_port()
    settings = ["--set", f'metrics.bind="127.0.0.1:{admin}"', "--config", "greeting=hello"]
    server = own(*settings, plugin, model=model)
    assert server.get("/").body == b"hello"
    assert Metrics(admin).value("outrider_plugin_greetings_total", plugin="greet") == 1
