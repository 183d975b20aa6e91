"""What the programs in Python report: a line of JSON for each response."""

import hashlib
import json
import sys
from urllib.parse import urlsplit

trusted, content_file, *urls = sys.argv[1:]
with open(content_file, "rb") as file:
    content = file.read()


def method(url):
    return "POST" if urlsplit(url).path == "/echo" else "GET"


def body(url):
    return content if method(url) == "POST" else None


def tell(url, status, protocol, data):
    said = {"url": url, "status": status, "protocol": protocol, "size": len(data)}
    print(json.dumps(said | {"sha256": hashlib.sha256(data).hexdigest()}), flush=True)


def fail(url, fault):
    print(json.dumps({"url": url, "fault": repr(fault)}), flush=True)
