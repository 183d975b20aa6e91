"""outrider-metrics(7) and /metrics have the same metrics: names, types, labels and their values."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from client import request
from metrics import Metrics
from processes import kill, wait_for
from server import ROOT, TEST_PLUGINS, free_port

PAGE = (ROOT / "man/outrider-metrics.7").read_text()
METRICS, REASONS = PAGE.partition(".Sh METRICS")[2].partition(".Sh EXAMPLES")[0].split(".Ss Reasons")
# What these labels have is the operator's, or in the page's list of reasons.
OPEN_LABELS = {"plugin", "le", "reason", "status"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]


def told():
    """Of each metric in the page: its type, the unit, its labels, and the values that the page gives them."""
    found = {}
    for name, entry in re.findall(r"^\.It Ic (\w+)\n(.*?)(?=^\.It|^\.El)", METRICS, re.M | re.S):
        kind, unit, declaration = re.match(r"(Counter|Gauge|Histogram) of (\w+)(.*?)\.\n", entry, re.S).groups()
        values = re.findall(r"^\.Cm (\S+)", declaration, re.M)
        labels = re.findall(r"^\.Va (\w+)", declaration, re.M)
        assert name not in found, f"{name} is there twice"
        found[name] = kind.lower(), unit, set(labels), set(values)
    return found


def sentence(entry):
    """The first one, without mdoc's macros."""
    text = re.sub(r"\bXr (\S+) (\d)", r"\1(\2)", entry.replace("\\-", "-"))
    text = re.sub(r"^\.Pq (.*?)( \.)?$", r"(\1)\2", text, flags=re.M)
    text = re.sub(r"(^\.|\b)(Ic|Cm|Va|Li|Dv) ", "", text, flags=re.M)
    return re.match(r".*?\.(?= |$)", text.replace(" .", ".").replace("\n", " "))[0]


@pytest.fixture
def families(own):
    """What the server prints when requests of each method and class have ended."""
    port = free_port()
    metrics = Metrics(port)
    server = own("--set", f'metrics.bind="127.0.0.1:{port}"', TEST_PLUGINS / "libcontract.so", model="async")
    wait_for(lambda: metrics.get("/readyz").status == 200, server.state)
    for method in METHODS:
        with server.connect() as connection:
            connection.send(request(method, "/204"))
            assert connection.final().status == 204
    for status in (302, 404, 500):
        assert server.get(f"/{status}").status == status
    with server.connect() as connection:
        connection.send(request("POST", "/held", "Content-Length: 1"))
        metrics.wait(1, "outrider_requests_in_flight")
        kill(server.workers()[0])
        name = "outrider_request_outcomes_total"
        metrics.wait(1, name, outcome="crashed")
    return list(text_string_to_metric_families(metrics.get("/metrics").body.decode()))


def full_name(family):
    return family.name + ("_total" if family.type == "counter" else "")


def test_the_page_has_what_the_server_prints(families):
    page = told()
    assert {full_name(family) for family in families} == set(page)
    for family in families:
        kind, unit, labels, values = page[full_name(family)]
        printed = {label: set() for label in labels}
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le":
                    printed[label].add(value)
        assert family.type == kind, family.name
        assert all(printed.values()), f"{family.name}: {printed}"
        told_values = set().union(*(printed[label] for label in labels - OPEN_LABELS))
        assert told_values == values, family.name
        in_name = re.search("_(seconds|bytes)", family.name)
        assert (unit if unit in ("seconds", "bytes") else None) == (in_name and in_name[1]), family.name


def test_help_is_the_first_sentence_of_the_page(families):
    for family in families:
        entry = re.search(rf"^\.It Ic {full_name(family)}\n.*?\.\n(.*?)(?=^\.It|^\.El)", METRICS, re.M | re.S)[1]
        assert family.documentation == sentence(entry), full_name(family)


def test_the_page_has_each_reason_with_its_status(families):
    (refusals,) = [family for family in families if full_name(family) == "outrider_refusals_total"]
    printed = {(sample.labels["reason"], sample.labels["status"]) for sample in refusals.samples}
    assert set(re.findall(r"^\.It Cm (\w+) No (\d+)$", REASONS, re.M)) == printed


def test_keys_in_the_page_are_keys():
    keys = (ROOT / "man/outrider.toml.5").read_text()
    for key in re.findall(r"\b(?:server|limits|timeouts|http2?|plugin|proxy|metrics)\.([a-z_]+)\b", PAGE):
        assert f".It Ic {key}\n" in keys, key
