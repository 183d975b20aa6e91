"""Autobahn's fuzzing client against /ws/echo of demo_event: all cases, in cleartext and over TLS, with and without
permessage-deflate. Fails on any case that is not OK or informational.

    .build/venv/bin/python Tests/Autobahn/run.py [CASE …]        # such as 7.* 12.1.1; all without one

The fuzzing client (autobahntestsuite, of PyPI) needs Python 2.7: PYTHON27 names one, or it is python2.7, or pyenv's. Without
one nothing is tested, which is a failure. All cases take about 40 minutes on two cores; the reports are in .build/autobahn.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from threading import Thread

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Integration/support"))

from authority import Authority
from server import RELEASE, Server, free_port

FOLDER = ROOT / ".build/autobahn"
PACKAGE = "autobahntestsuite==0.8.2"
PACKAGES = FOLDER / "packages"
# Verdicts on a case, and on its Close.
GOOD = {"OK", "INFORMATIONAL"}
# What the server need not do without permessage-deflate: the cases of compression.
COMPRESSION = ("12.", "13.")
# The largest message of a case has 16 MiB.
LIMITS = ["--set", "websocket.max_message=16MiB", "--set", "websocket.max_frame=16MiB"]


def python27():
    """A Python 2.7 that runs."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [os.environ.get("PYTHON27"), "python2.7", *sorted(pyenv.glob("versions/2.7*/bin/python2.7"))]
    for candidate in filter(None, candidates):
        try:
            said = subprocess.run([candidate, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True)
        except OSError:
            continue
        if said.stdout.strip() == "(2, 7)":
            return candidate
    sys.exit("Autobahn is left out: its fuzzing client needs Python 2.7, and there is none (PYTHON27 may name one)")


def install(python):
    """Its packages into .build/autobahn, once."""
    mark = PACKAGES / "installed"
    if mark.exists() and mark.read_text() == PACKAGE:
        return
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(PACKAGES), "--upgrade"]
    subprocess.run([*command, PACKAGE], check=True)
    (PACKAGES / "zope/__init__.py").touch()  # pip leaves namespace packages without one
    mark.write_text(PACKAGE)


# In the order in which they run, each by a client of its own: a run that is ended early has the verdicts of those before.
GROUPS = [[f"{n}.*" for n in range(1, 11)], *([f"12.{n}.*"] for n in range(1, 6)), *([f"13.{n}.*"] for n in range(1, 8))]


class Agent(Thread):
    """One server, and the fuzzing clients that try it one after the other."""

    def __init__(self, python, server, compresses, groups):
        super().__init__()
        self.name = f"{'tls' if server.tls else 'cleartext'}{'-compressed' if compresses else ''}"
        self.python, self.server, self.groups = python, server, groups
        # Of the behaviour, and of the Close.
        self.allowed = GOOD if compresses else GOOD | {"UNIMPLEMENTED"}
        self.verdicts, self.faults = Counter(), []
        self.stopping = False
        self.client = None

    def run(self):
        for number, group in enumerate(self.groups):
            if self.stopping:
                return
            report = FOLDER / f"{self.name}-{number}"
            shutil.rmtree(report, ignore_errors=True)
            try:
                self.judge(self.try_out(group, report))
            except Exception as fault:
                self.faults.append(f"{self.name}: {' '.join(group)}: no report: {fault!r} ({report}.log)")
            print(f"{self.name}: {' '.join(group)}: {self.said()}", flush=True)

    def try_out(self, cases, report):
        """Case to verdicts."""
        url = f"{'wss' if self.server.tls else 'ws'}://127.0.0.1:{self.server.port}/ws/echo"
        servers = [{"agent": self.name, "url": url, "options": {"version": 18}}]
        spec = {"outdir": str(report), "servers": servers, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}
        report.with_suffix(".spec").write_text(json.dumps(spec))
        with open(report.with_suffix(".log"), "wb") as log:
            program = Path(__file__).with_name("fuzzing_client.py")
            command = [self.python, "-W", "ignore", str(program), str(PACKAGES), str(report.with_suffix(".spec"))]
            self.client = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.client.wait()
        (results,) = json.loads((report / "index.json").read_text()).values()
        return {case: result | {"report": report / result["reportfile"]} for case, result in results.items()}

    def judge(self, results):
        for case, result in results.items():
            allowed = self.allowed if case.startswith(COMPRESSION) else GOOD
            verdicts = result["behavior"], result["behaviorClose"]
            self.verdicts[verdicts[0]] += 1
            if not allowed.issuperset(verdicts):
                self.faults.append(f"{self.name}: case {case}: {verdicts[0]}, Close {verdicts[1]} ({result['report']})")

    def said(self):
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.verdicts.items()))
        return f"{self.verdicts.total()} cases so far: {counts}"

    def stop(self):
        self.stopping = True
        if self.client and self.client.poll() is None:
            self.client.kill()


def main(cases):
    python = python27()
    install(python)
    agents, servers = [], []
    try:
        with tempfile.TemporaryDirectory() as folder:
            authority = Authority(Path(folder))
            for compresses in (False, True):
                settings = [*LIMITS, "--set", f"websocket.compression={str(compresses).lower()}"]
                for tls in (authority, None):
                    servers.append(Server(*settings, RELEASE / "libdemo_event.so", port=free_port(), tls=tls))
                    agents.append(Agent(python, servers[-1], compresses, [cases] if cases else GROUPS))
                    agents[-1].start()
            for agent in agents:
                agent.join()
            found = [fault for agent in agents for fault in agent.faults]
            for server in servers:
                if "refused" in server.log or "CRITICAL" in server.log:
                    found.append(server.state())
                server.stop()
    finally:
        for agent in agents:
            agent.stop()
        for server in servers:
            server.kill()
    for agent in agents:
        print(f"{agent.name}: {agent.said()}")
    print("\n".join(found) or "all pass")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
