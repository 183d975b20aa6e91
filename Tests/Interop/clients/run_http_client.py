"""Python's http.client, with a connection for each request: after a 103 the next response would be the one before."""

import http.client
import ssl
from urllib.parse import urlsplit

import report

context = ssl.create_default_context(cafile=report.trusted)
for url in report.urls:
    place = urlsplit(url)
    if place.scheme == "https":
        connection = http.client.HTTPSConnection(place.hostname, place.port, timeout=30, context=context)
    else:
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    try:
        connection.request(report.method(url), place.path, report.body(url))
        response = connection.getresponse()
        report.tell(url, response.status, f"HTTP/{response.version / 10}", response.read())
    except (OSError, http.client.HTTPException) as fault:
        report.fail(url, fault)
    finally:
        connection.close()
