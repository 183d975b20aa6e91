"""httpx, with HTTP/2 where TLS lets it choose."""

import ssl

import httpx

import report

with httpx.Client(http2=True, timeout=30, verify=ssl.create_default_context(cafile=report.trusted)) as client:
    for url in report.urls:
        try:
            response = client.request(report.method(url), url, content=report.body(url))
            report.tell(url, response.status_code, response.http_version, response.content)
        except httpx.HTTPError as fault:
            report.fail(url, fault)
