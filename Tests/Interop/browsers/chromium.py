"""Chromium, told what to do through its DevTools protocol, over a pair of pipes."""

import base64
import json
import os
import select
import time

from browsers.browser import LOAD_TIMEOUT, REPORT, START_TIMEOUT, Browser
from clients.client import said
from programs.program import found
from timing import scaled

# It reads orders from descriptor 3 and answers on 4.
AT_3_AND_4 = 'exec "$@" 3<&"$ORDERS" 4>&"$ANSWERS"'
FLAGS = [
    "--headless=new",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--remote-debugging-pipe",
]


class Chromium(Browser):
    name = "chromium"

    @staticmethod
    def version():
        return said(r"Chromium (\d+\.\S+)", found("chromium"), "--version")

    def _start(self):
        self.trust(self.home / ".pki/nssdb")
        order_end, self.orders = os.pipe()
        self.answers, answer_end = os.pipe()
        words = [found("chromium"), *FLAGS, f"--user-data-dir={self.home / 'profile'}", "about:blank"]
        try:
            self.launch(
                ["bash", "-c", AT_3_AND_4, "bash", *words],
                pass_fds=(order_end, answer_end),
                variables={"ORDERS": str(order_end), "ANSWERS": str(answer_end)},
            )
        finally:
            os.close(order_end)
            os.close(answer_end)
        self.unread = b""
        self.number = 0
        self.events = []
        self.targets = {}  # of sessions
        self.session = self.open_tab(timeout=START_TIMEOUT)

    def open_tab(self, timeout=LOAD_TIMEOUT):
        before = getattr(self, "session", None)
        target = self._call("Target.createTarget", {"url": "about:blank"}, timeout=timeout)["targetId"]
        attached = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})
        self.session = tab = attached["sessionId"]
        self.targets[tab] = target
        self._call("Page.enable")
        self.session = before
        return tab

    def show(self, tab):
        self.session, before = tab, self.session
        return before

    def close_tab(self, tab):
        self._call("Target.closeTarget", {"targetId": self.targets.pop(tab)})

    def load(self, url):
        self.events.clear()
        answer = self._call("Page.navigate", {"url": url})
        assert "errorText" not in answer, f"{url}: {answer}; {self.state()}"
        self._wait(lambda: any(map(self._is_load, self.events)), f"load of {url}")
        deadline = time.monotonic() + scaled(LOAD_TIMEOUT)
        while True:  # the entry of the page is complete a moment after the event
            report = self.evaluate(REPORT)
            if report["loaded"] > 0:
                return report
            assert time.monotonic() < deadline, report
            time.sleep(0.01)

    def _is_load(self, event):
        return event["method"] == "Page.loadEventFired" and event.get("sessionId") == self.session

    def evaluate(self, expression):
        answer = self._call("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self):
        self._call("Page.bringToFront")  # what is behind is not drawn
        return base64.b64decode(self._call("Page.captureScreenshot", {"format": "png"})["data"])

    # The protocol: JSON, each message ended by a NUL

    def _call(self, method, parameters=None, timeout=LOAD_TIMEOUT):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if not method.startswith("Target."):
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.orders, data) :]
        found = []

        def answered():
            found.extend(event for event in self.events if event.get("id") == self.number)
            return found

        self._wait(answered, method, timeout)
        assert "error" not in found[0], f"{method}: {found[0]}; {self.state()}"
        return found[0]["result"]

    def _wait(self, condition, what, timeout=LOAD_TIMEOUT):
        deadline = time.monotonic() + scaled(timeout)
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0 and self.child.poll() is None, f"no {what}; {self.state()}"
            if not select.select([self.answers], [], [], min(left, 1))[0]:
                continue
            data = os.read(self.answers, 1 << 20)
            assert data, f"no {what}; {self.state()}"
            *messages, self.unread = (self.unread + data).split(b"\0")
            self.events += map(json.loads, messages)
            for event in self.events:
                event.setdefault("method", "")

    def end(self):
        super().end()
        for descriptor in ("orders", "answers"):
            if hasattr(self, descriptor):
                os.close(getattr(self, descriptor))
                delattr(self, descriptor)
