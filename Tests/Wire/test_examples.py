"""Each example builds with the command in its head and does what it says."""

import re
import subprocess
from pathlib import Path

import pytest

from client import request

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*/*.c"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request, tmp_path):
    """The example's plugin, made by its own command with warnings as errors."""
    text = request.param.read_text().replace("\\\n *", "")
    command = re.search(r"cc (-shared .*?\.c)\n", text)[1]
    made = re.search(r"-o (\S+)", command)[1]
    command = command.replace(f"-o {made}", f"-o {tmp_path / made}")
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", *command.split()], cwd=ROOT, check=True)
    return tmp_path / made


def test_it_hints_and_answers(own, model, example):
    server = own(example, model=model)
    with server.connect() as connection:
        connection.send(request("GET", "/"))
        hint = connection.informational()
        assert hint.status == 103 and hint.get("link") == "</style.css>; rel=preload; as=style"
        assert connection.final().body == b"hello\n"


def test_the_readme_shows_the_example():
    """The handler in README.md is the one in examples/."""
    shown = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    kept = (ROOT / "examples/hello_c/hello.c").read_text().split("*/\n", 1)[1]
    assert shown.split() == kept.split()
