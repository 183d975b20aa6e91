"""A pod's container, run as a kubelet would run it: the manifests of examples/kubernetes without a cluster."""

import os
import shlex
import subprocess
from pathlib import Path

import yaml

import processes
from programs.program import EXAMPLES
from server import RELEASE, Server

MANIFESTS = EXAMPLES / "kubernetes"


def documents():
    """All of them."""
    return [document for path in sorted(MANIFESTS.glob("*.yaml")) for document in yaml.safe_load_all(path.read_text())]


def document(kind):
    (found,) = [one for one in documents() if one["kind"] == kind]
    return found


def configuration():
    """The outrider.toml of the ConfigMap."""
    return document("ConfigMap")["data"]["outrider.toml"]


class Pod:
    """The server in the container of the Deployment: its command, its user without capabilities, a root that cannot be
    written to, and its volumes. The network is the machine's."""

    def __init__(self, folder, text, port):
        """text: what the file of the ConfigMap is; port: of loopback, at which it then serves."""
        self.spec = document("Deployment")["spec"]["template"]["spec"]
        (self.container,) = self.spec["containers"]
        # Others than root have one user only in a namespace of theirs.
        self.user = self.spec["securityContext"]["runAsUser"] if os.getuid() == 0 else None
        self.root = folder / "root"
        self.root.mkdir()
        self.configuration = folder / "configuration"
        self.configuration.mkdir()
        (self.configuration / "outrider.toml").write_text(text)
        launcher = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if not self.user:
            launcher.insert(1, "--map-root-user")
        launcher += ["sh", "-ec", "\n".join(self._script()), "sh"]
        self.server = Server(*self.container["args"], launcher=launcher, bind=False, port=port)
        (self.supervisor,) = [process.pid for process in processes.children(self.server.pid)]

    def _script(self):
        """What makes the container, and becomes its first process. Its first argument is the server of the tests."""
        root = shlex.quote(str(self.root))
        yield f"mount -t tmpfs none {root} && cd {root}"
        yield "mkdir usr proc dev etc && for i in bin sbin lib lib64; do ln -s usr/$i $i; done"
        yield "for i in usr proc dev; do mount --rbind /$i $i; done"
        yield "mount -t tmpfs none usr/local && mkdir -p usr/local/bin usr/local/lib/outrider/plugins"
        yield f"cp {shlex.quote(str(RELEASE))}/outrider {shlex.quote(str(RELEASE))}/outriderctl usr/local/bin"
        yield f"cp {shlex.quote(str(RELEASE))}/libdemo_*.so usr/local/lib/outrider/plugins"
        volumes = {volume["name"]: volume for volume in self.spec["volumes"]}
        for mount in self.container["volumeMounts"]:
            place = shlex.quote(mount["mountPath"].lstrip("/"))
            yield f"mkdir -p {place}"
            volume = volumes.pop(mount["name"])
            if "configMap" in volume:
                yield f"mount --bind {shlex.quote(str(self.configuration))} {place}"
            else:
                size = volume["emptyDir"]["sizeLimit"].removesuffix("i")
                group = self.spec["securityContext"]["fsGroup"] if self.user else 0
                yield f"mount -t tmpfs -o mode=2777,gid={group},size={size} none {place}"
            if mount.get("readOnly"):
                yield f"mount -o remount,bind,ro {place}"
        assert not volumes, f"mounted nowhere: {volumes}"
        if self.container["securityContext"]["readOnlyRootFilesystem"]:
            yield "for i in usr usr/local .; do mount -o remount,bind,ro $i; done"
        command = " ".join(map(shlex.quote, self.container["command"]))
        # Of the tests' environment it has what their server is found by when they end.
        environment = 'env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin OUTRIDER_TEST_SERVER="$OUTRIDER_TEST_SERVER"'
        yield f'shift; exec {environment} chroot . setpriv {" ".join(self._privileges())} {command} "$@"'

    def _privileges(self):
        rights = self.container["securityContext"]
        if not rights["allowPrivilegeEscalation"]:
            yield "--no-new-privs"
        if rights["capabilities"]["drop"] == ["ALL"]:
            yield from ("--bounding-set=-all", "--inh-caps=-all")
        user = self.spec["securityContext"]
        if self.user:
            yield from (f"--reuid={user['runAsUser']}", f"--regid={user['runAsGroup']}", f"--groups={user['fsGroup']}")

    def tell(self, number):
        self.server.family = processes.family(self.server.pid)
        os.kill(self.supervisor, number)

    def execute(self, *command):
        """As kubectl exec does: what it prints."""
        enter = ["nsenter", "-t", str(self.supervisor), "--mount", "--pid", "--root", "--wd"]
        user = self.spec["securityContext"]
        enter += [f"--setuid={user['runAsUser']}", f"--setgid={user['runAsGroup']}"] if self.user else ["--user", "--preserve-credentials"]
        ended = subprocess.run([*enter, *command], capture_output=True, text=True, timeout=20)
        assert ended.returncode == 0, ended
        return ended.stdout

    def status(self):
        """Of the first process, as the kernel has it."""
        lines = Path(f"/proc/{self.supervisor}/status").read_text().splitlines()
        return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}

    def end(self):
        self.server.kill()
