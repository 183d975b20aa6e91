"""The first minute of an author, with each template: Tests/FirstMinute, which hides this repository and the network."""

import subprocess
import sys

from server import ROOT
from templates import each_template
from timing import of_the_shipped_server, scaled_timeout


@of_the_shipped_server
@each_template
def test_the_first_minute(tree, template, takes_long):
    command = [sys.executable, ROOT / "Tests/FirstMinute/first_minute.py", tree, template]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=scaled_timeout(600))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    steps = [line.split(" s  ")[1] for line in ended.stdout.splitlines() if line.startswith(template)]
    assert len(steps) == 7 and steps[-1] == "make test", ended.stdout
