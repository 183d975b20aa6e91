"""Firefox, told what to do through Marionette: JSON over TCP, each message preceded by its length."""

import base64
import json
import socket
import time

from browsers.browser import LOAD_TIMEOUT, REPORT, START_TIMEOUT, Browser
from clients.client import said
from programs.program import found
from server import free_port
from timing import scaled

PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "services.settings.server": "data:,",
}


class Firefox(Browser):
    name = "firefox"

    @staticmethod
    def version():
        return said(r"Firefox (\d+\.\S+)", found("firefox-esr"), "--version")

    def _start(self):
        profile = self.home / "profile"
        self.trust(profile)
        port = free_port()
        preferences = PREFERENCES | {"marionette.port": port}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
        (profile / "user.js").write_text("".join(lines))
        self.launch([found("firefox-esr"), "--headless", "--marionette", "--no-remote", "--profile", profile])
        deadline = time.monotonic() + scaled(START_TIMEOUT)
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
                break
            except OSError:
                assert time.monotonic() < deadline and self.child.poll() is None, self.state()
                time.sleep(0.1)
        self.socket.settimeout(scaled(LOAD_TIMEOUT))
        self.unread = b""
        self.number = 0
        self._message()  # its greeting
        self._call("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})
        (self.tab,) = self._call("WebDriver:GetWindowHandles", {})

    def load(self, url):
        self._call("WebDriver:Navigate", {"url": url})
        deadline = time.monotonic() + scaled(LOAD_TIMEOUT)
        while True:  # the entry of the page is complete a moment after the event
            report = self.evaluate(REPORT)
            if report["loaded"] > 0:
                return report
            assert time.monotonic() < deadline, report
            time.sleep(0.01)

    def evaluate(self, expression):
        return self._call("WebDriver:ExecuteScript", {"script": f"return {expression}", "args": []})["value"]

    def open_tab(self):
        self.show(self.tab)
        return self._call("WebDriver:NewWindow", {"type": "tab", "focus": False})["handle"]

    def show(self, tab):
        self._call("WebDriver:SwitchToWindow", {"handle": tab, "focus": True})
        self.tab, before = tab, self.tab
        return before

    def close_tab(self, tab):
        before = self.show(tab)
        self._call("WebDriver:CloseWindow", {})
        self.show(before)

    def screenshot(self):
        return base64.b64decode(self._call("WebDriver:TakeScreenshot", {"full": False})["value"])

    def _call(self, method, parameters):
        self.number += 1
        data = json.dumps([0, self.number, method, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(data), data))
        while True:
            kind, number, fault, result = self._message()
            if (kind, number) == (1, self.number):
                assert not fault, f"{method}: {fault}; {self.state()}"
                return result

    def _message(self):
        while b":" not in self.unread:
            self._read()
        size, _, self.unread = self.unread.partition(b":")
        while len(self.unread) < int(size):
            self._read()
        data, self.unread = self.unread[: int(size)], self.unread[int(size) :]
        return json.loads(data)

    def _read(self):
        data = self.socket.recv(1 << 20)
        assert data, self.state()
        self.unread += data

    def end(self):
        super().end()
        if hasattr(self, "socket"):
            self.socket.close()
