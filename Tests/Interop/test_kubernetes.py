"""examples/kubernetes: its manifests are valid, say the same as the configuration in them, and run."""

import copy
import math
import re
import signal
import socket
import tomllib

import client
import kubernetes_validate
import pytest
import yaml

from metrics import Metrics
from pod import MANIFESTS, Pod, configuration, document, documents
from processes import wait_for
from programs.program import with_changes
from recipes import assert_shown
from server import free_port, run

VERSIONS = list(dict.fromkeys(kubernetes_validate.utils.all_versions()))
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
MARGIN = 5  # seconds that a kubelet and the server's last steps may take


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * SECONDS[unit]


def size(text):
    """Of Kubernetes and of Outrider."""
    number, unit = re.fullmatch(r"(\d+)(?:([KMG])i?B?)?", text).groups()
    return int(number) * BYTES[unit or ""]


@pytest.fixture(scope="module")
def effective(tmp_path_factory):
    """The configuration with all defaults, as the server tells it."""
    file = tmp_path_factory.mktemp("configuration") / "outrider.toml"
    file.write_text(configuration())
    told = run("-T", "-c", file)
    assert told.returncode == 0 and not told.stderr, told
    return tomllib.loads(told.stdout)


@pytest.fixture
def pod():
    """What the Deployment makes."""
    return document("Deployment")["spec"]["template"]


@pytest.fixture
def container(pod):
    (container,) = pod["spec"]["containers"]
    return container


def test_there_is_one_document_of_each_kind():
    kinds = {"configmap": "ConfigMap", "deployment": "Deployment", "service": "Service"}
    kinds["poddisruptionbudget"] = "PodDisruptionBudget"
    assert {path.stem: yaml.safe_load(path.read_text())["kind"] for path in MANIFESTS.iterdir()} == kinds
    assert len(documents()) == len(kinds)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_is_what_the_schema_of_kubernetes_allows(version):
    for one in documents():
        assert kubernetes_validate.validate(one, version, strict=True) == version.rpartition(".")[0]


@pytest.mark.parametrize(
    "path, value",
    [
        (("spec", "template", "spec", "terminationGracePeriod"), 45),
        (("spec", "template", "spec", "terminationGracePeriodSeconds"), "45s"),
        (("spec", "template", "spec", "containers", 0, "livenessProbe", "httpGet"), {"path": "/healthz"}),
        (("spec", "strategy", "rollingUpdate", "maxSurges"), 1),
        (("spec", "selector"), {"matchLabels": {"tier": 1}}),
    ],
    ids=str,
)
def test_the_schema_tells_mistakes(path, value):
    wrong = copy.deepcopy(document("Deployment"))
    place = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_each_finds_the_others(pod):
    labels = pod["metadata"]["labels"].items()
    spec = pod["spec"]
    selectors = [document("Service")["spec"]["selector"]]
    selectors += [document(kind)["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]
    selectors += [one["labelSelector"]["matchLabels"] for one in spec["topologySpreadConstraints"]]
    assert all(selector and selector.items() <= labels for selector in selectors)
    configured = [volume["configMap"]["name"] for volume in spec["volumes"] if "configMap" in volume]
    assert configured == [document("ConfigMap")["metadata"]["name"]]


def test_the_grace_period_is_enough(pod, effective):
    """After it the kubelet kills what is left."""
    needed = seconds(effective["timeouts"]["shutdown_delay"]) + seconds(effective["server"]["graceful_timeout"])
    assert pod["spec"]["terminationGracePeriodSeconds"] >= needed + MARGIN
    assert seconds(effective["timeouts"]["shutdown_delay"]) >= MARGIN, "nodes need a while to hear of it"


def test_ports_are_those_that_the_configuration_binds(container, effective):
    def port(bind):
        host, _, number = bind.rpartition(":")
        assert host == "0.0.0.0", "the kubelet and other pods come from elsewhere"
        return int(number)

    (listener,) = effective["listener"]
    bound = {"http": port(listener["bind"]), "metrics": port(effective["metrics"]["bind"])}
    assert {one["name"]: one["containerPort"] for one in container["ports"]} == bound
    (published,) = document("Service")["spec"]["ports"]
    assert published["targetPort"] == "http"
    probes = [container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert [(probe["path"], probe["port"]) for probe in probes] == [
        ("/readyz", "metrics"), ("/readyz", "metrics"), ("/healthz", "metrics"),
    ]  # fmt: skip
    assert "lifecycle" not in container


def test_a_start_has_the_time_that_the_server_gives_it(container, effective):
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > seconds(effective["server"]["boot_timeout"])


def test_memory_and_disk_are_enough_for_all_workers(pod, container, effective):
    assert effective["server"]["workers"] == "auto"
    limits = container["resources"]["limits"]
    workers = math.ceil(float(limits["cpu"]))
    volumes = {volume["name"]: volume.get("emptyDir") for volume in pod["spec"]["volumes"]}
    places = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
    in_memory = sum(size(one["sizeLimit"]) for one in places.values() if one and one.get("medium") == "Memory")
    replaced_at = size(effective["server"]["memory_limit"])
    # One that is replaced overlaps with its successor.
    assert 0 < (workers + 1) * replaced_at + in_memory < size(limits["memory"])
    assert workers * size(effective["limits"]["worker_spool"]) < size(places["/var/tmp"]["sizeLimit"])
    assert size(effective["limits"]["spool"]) <= size(effective["limits"]["worker_spool"])
    socket = effective["control"]["socket"]
    assert places[socket.rpartition("/")[0]] is not None, "there the supervisor makes its socket"


def test_it_is_restricted_as_pod_security_standards_say(pod, container):
    """The profile `restricted`."""
    spec, rights = pod["spec"], container["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert rights == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all(volume.keys() & {"configMap", "emptyDir"} for volume in spec["volumes"])
    assert spec["automountServiceAccountToken"] is False


def test_a_pod(tmp_path, container, effective):
    """It starts, is probed, serves, writes to its volumes and to nothing else, and stops."""
    ports = {"http": free_port(), "metrics": free_port()}
    moved = {f'"0.0.0.0:{one["containerPort"]}"': f'"127.0.0.1:{ports[one["name"]]}"' for one in container["ports"]}
    pod = Pod(tmp_path, with_changes(configuration(), moved), ports["http"])

    def probe(name):
        asked = container[name]["httpGet"]
        return client.fetch(("127.0.0.1", ports[asked["port"]]), client.request("GET", asked["path"])).status

    try:
        assert {name: probe(name) for name in container if name.endswith("Probe")} == {
            "startupProbe": 200, "readinessProbe": 200, "livenessProbe": 200,
        }  # fmt: skip
        assert pod.server.get("/").body == b"Hello, Outrider!"
        assert not complaints(pod), pod.server.log
        status = pod.status()
        assert status["NSpid"][-1] == "1", "the supervisor is the first process"
        assert {int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")} == {0}
        assert status["NoNewPrivs"] == ["1"]
        if pod.user:
            assert {*status["Uid"], *status["Gid"]} == {str(pod.user)}
        assert "configuration OK" in pod.execute(*container["command"], "-t", *container["args"])
        assert "ready" in pod.execute("outriderctl", "status")
        assert writable(pod) == {"/run/outrider", "/var/tmp"}
        spools(pod, Metrics(ports["metrics"]))

        pod.tell(signal.SIGTERM)
        wait_for(lambda: probe("readinessProbe") == 503, pod.server.state)
        assert probe("livenessProbe") == 200
        assert pod.server.get("/").body == b"Hello, Outrider!", "for shutdown_delay"
        pod.tell(signal.SIGTERM)  # not to wait for all of it
        pod.server.ended_well()
    finally:
        pod.end()


def complaints(pod):
    """The warnings and errors in its log."""
    lines = [line for line in pod.server.log.splitlines() if " [INFO] " not in line]
    return [line for line in lines if pod.user or "started as root without server.user" not in line]


def writable(pod):
    """The folders in which the container can make files."""
    folders = "/ /etc /etc/outrider /usr /usr/local /usr/local/bin /usr/local/lib/outrider/plugins /run /run/outrider /var /var/tmp"
    script = f"for i in {folders}; do (: >$i/new) 2>/dev/null && rm $i/new && echo $i; done; true"
    return set(pod.execute("sh", "-c", script).split())


def spools(pod, metrics):
    """A response that its client does not read goes to /var/tmp, and reaches it whole all the same."""
    body = b"0123456789abcdef" * (12 << 16)
    with pod.server.connect(receive_buffer=4096) as reader:
        reader.send(client.request("POST", "/echo-whole", body=body), "POST")
        wait_for(lambda: metrics.value("outrider_spooled_bytes_total") > 0, "a response in a file")
        reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        assert reader.final(timeout=60).body == body


def test_the_manual_shows_the_deployment():
    assert_shown("# In the Deployment", "kubernetes/deployment.yaml")
