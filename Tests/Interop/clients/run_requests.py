"""requests, with a connection for each request, since it stands on http.client."""

import requests

import report

for url in report.urls:
    try:
        with requests.request(
            report.method(url), url, data=report.body(url), timeout=30, verify=report.trusted
        ) as response:
            report.tell(url, response.status_code, f"HTTP/{response.raw.version / 10}", response.content)
    except requests.RequestException as fault:
        report.fail(url, fault)
