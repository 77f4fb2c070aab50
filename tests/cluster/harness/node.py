"""A node: scheduler, containerd, kubelet and kube-proxy, so that pods really run.

The pods hang on the bridge of the namespace, with addresses of 10.42.3.0/24 and Service addresses
of 10.43.0.0/16 translated by kube-proxy; their DNS server is 10.43.0.10. The node's own DNS server, which
a pod with `dnsPolicy: Default` has, would be the node itself: a test that needs one starts it there.

Sources: KubeletConfiguration v1beta1; containerd 1.6's CRI configuration; the CNI specification's
network configuration lists.
"""

import json
import subprocess
from pathlib import Path

from tests.cluster.harness import images
from tests.cluster.harness.api import Object
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.namespace import HOST, POD_NETWORK
from tests.cluster.harness.processes import Program
from tests.cluster.harness.programs import Programs

NAME = "node-1"
DNS_ADDRESS = "10.43.0.10"
ZONE = "cluster.local"

# Without CAP_SYS_RESOURCE runc may not lower an OOM score: hence restrict_oom_score_adj.
CONTAINERD = """
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
"""

NETWORK: Object = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods0",
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": POD_NETWORK}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}

KUBELET: Object = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    "clusterDNS": [DNS_ADDRESS],
    "clusterDomain": ZONE,
    # The machine's control groups, disks and swap are nobody's business here.
    "failCgroupV1": False,
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    "evictionHard": {},
    "imageGCHighThresholdPercent": 100,
    "localStorageCapacityIsolation": False,
    "failSwapOn": False,
    "maxPods": 200,
}


class Node:
    """The programs of a node; `start` returns when the Node is ready."""

    def __init__(self, control_plane: ControlPlane, programs: Programs, folder: Path) -> None:
        self._control_plane = control_plane
        self._programs = programs
        self._folder = folder
        self._socket = folder / "containerd.sock"

    def start(self) -> None:
        """Start everything and bring in the images."""
        self._write_configuration()
        kubeconfig = f"--kubeconfig={self._control_plane.kubeconfig}"
        self._program("kube-scheduler", kubeconfig, "--leader-elect=false")
        self._start_containerd()
        self.import_image(images.pause_image())
        self._program(
            "kubelet",
            kubeconfig,
            f"--config={self._folder / 'kubelet.json'}",
            f"--hostname-override={NAME}",
            f"--node-ip={HOST}",
        ).wait_until(self._is_ready)
        self._program(
            "kube-proxy",
            kubeconfig,
            "--proxy-mode=iptables",
            "--cluster-cidr=10.42.0.0/16",
            f"--hostname-override={NAME}",
            "--conntrack-max-per-core=0",
            "--iptables-min-sync-period=100ms",
        )
        self.import_image(images.erlang_image())

    def import_image(self, archive: Path) -> None:
        """Make an image known that a `docker save` archive holds."""
        command = [*self._control_plane.namespace.into(), "ctr", "--address", str(self._socket)]
        command += ["--namespace", "k8s.io", "images", "import", str(archive)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def _program(self, name: str, *arguments: str) -> Program:
        log = self._folder / f"{name}.log"
        return Program(self._control_plane.namespace, [self._programs[name], *arguments], log)

    def _start_containerd(self) -> None:
        command = ["containerd", "--config", str(self._folder / "containerd.toml")]
        log = self._folder / "containerd.log"
        Program(self._control_plane.namespace, command, log).wait_until(self._socket.exists)

    def _write_configuration(self) -> None:
        folder = self._folder
        text = CONTAINERD.format(folder=folder, pause=images.PAUSE)
        (folder / "containerd.toml").write_text(text)
        (folder / "cni").mkdir()
        (folder / "cni" / "pods.conflist").write_text(json.dumps(NETWORK))
        (folder / "resolv.conf").write_text(f"nameserver {HOST}\n")
        kubelet = {
            **KUBELET,
            "resolvConf": str(folder / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "volumePluginDir": str(folder / "volume-plugins"),
        }
        (folder / "kubelet.json").write_text(json.dumps(kubelet))

    def _is_ready(self) -> bool:
        nodes = self._control_plane.api.find("Node")
        conditions = [state for node in nodes for state in node["status"].get("conditions", [])]
        return any(state["type"] == "Ready" and state["status"] == "True" for state in conditions)
