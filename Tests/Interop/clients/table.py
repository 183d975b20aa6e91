"""All clients, with what each of them is to speak, and what it does with a 103."""

import platform
import sys
from functools import cache
from importlib.metadata import version as installed

from clients.built import BUILT, built
from clients.client import BREAKS, BREAKS_AT_SECOND, SHOWS, SKIPS, UNSENT, Reporting, Starting, found, program, said
from clients.curl import Curl
from clients.load import Ab, H2load, Wrk
from clients.nghttp import Nghttp
from clients.wget import Wget

HTTP1 = {"http": "HTTP/1.1", "https": "HTTP/1.1"}
BY_ALPN = {"http": "HTTP/1.1", "https": "HTTP/2"}
HTTP2 = {"http": "HTTP/2", "https": "HTTP/2"}
BOTH = ("HTTP/1.1", "HTTP/2")


def python(module, name, protocols, hints):
    version = platform.python_version if module is None else lambda: installed(module)
    script = program(f"run_{module or 'http_client'}.py")
    return Reporting(name, lambda: [sys.executable, script], version, protocols, hints)


def node(script, name, protocols, hints, continues=()):
    version = lambda: said(r"v(\S+)", found("node"), "--version")
    return Reporting(name, lambda: [found("node"), program(script)], version, protocols, hints, continues)


@cache
def net_http():
    command = [found("go"), "build", "-o", "net_http", "-ldflags=-s -w"]
    cached = {"GOCACHE": str(BUILT / "go-cache"), "GOPATH": str(BUILT / "go-path"), "GO111MODULE": "off"}
    return [built("go", "net_http.go", *command, **cached) / "net_http"]


@cache
def java_classes():
    return built("java", "JavaClients.java", found("javac"), "-d", ".")


def go():
    version = lambda: said(r"go(\d\S+)", found("go"), "version")
    return Reporting("Go net/http", net_http, version, BY_ALPN, SHOWS, continues=BOTH)


def java(kind, protocols, hints):
    version = lambda: said(r"(\d+\.\d+\.\d+)", found("java"), "--version")
    flags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command = lambda: [found("java"), *flags, "-cp", java_classes(), "JavaClients", kind]
    return Starting(f"Java {kind}", command, version, protocols, hints)


def ruby():
    version = lambda: said(r"ruby (\d+\.\d+\.\d+)", found("ruby"), "--version")
    return Reporting("Ruby net/http", lambda: [found("ruby"), program("net_http.rb")], version, HTTP1, SKIPS)


def perl():
    version = lambda: said(r"(\d\S+)", found("perl"), "-MHTTP::Tiny", "-e", "print $HTTP::Tiny::VERSION")
    return Reporting("Perl HTTP::Tiny", lambda: [found("perl"), program("http_tiny.pl")], version, HTTP1, SKIPS)


def php(script, name, protocols, hints, continues=()):
    version = lambda: said(r"PHP (\d+\.\d+\.\d+)", found("php"), "--version")
    return Reporting(name, lambda: [found("php"), program(script)], version, protocols, hints, continues)


# Those that take longest come first.
CLIENTS = [
    java("HttpURLConnection", HTTP1, BREAKS),
    java("HttpClient", BY_ALPN, SKIPS),
    go(),
    Curl("--http1.0", HTTP1, UNSENT),
    Curl("--http1.1", HTTP1, SHOWS, BOTH),
    Curl("--http2", BY_ALPN, SHOWS, ("HTTP/1.1",)),  # in cleartext it asks for an upgrade, and gets none
    Curl("--http2-prior-knowledge", HTTP2, SHOWS),
    Nghttp(),
    H2load("HTTP/1.1"),
    H2load("HTTP/2"),
    Wrk(),
    Ab(),
    python(None, "Python http.client", HTTP1, BREAKS),
    python("requests", "requests", HTTP1, BREAKS),
    python("httpx", "httpx", BY_ALPN, SKIPS),
    python("aiohttp", "aiohttp", HTTP1, SKIPS),
    node("node_http.mjs", "node http", HTTP1, SHOWS, BOTH),
    node("node_http2.mjs", "node http2", HTTP2, SHOWS, BOTH),
    node("node_fetch.mjs", "node fetch", HTTP1, SKIPS),
    ruby(),
    perl(),
    Wget(),
    php("curl.php", "PHP curl", BY_ALPN, SHOWS, ("HTTP/1.1",)),
    php("streams.php", "PHP streams", HTTP1, BREAKS_AT_SECOND),
]
