"""CoreDNS in pods as the cluster's DNS: as kubeadm installs it, or with the files to import that k3s and AKS have.

Sources: cmd/kubeadm/app/phases/addons/dns of Kubernetes; manifests/coredns.yaml of k3s.
"""

import tarfile
import tempfile
from pathlib import Path

import yaml
from tests.cluster.harness import images
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster

IMAGE = "localhost/coredns:1"
HOME = "kube-system"
MANIFESTS = Path(__file__).parents[1] / "coredns" / "kubeadm.yaml"
CUSTOM = "/etc/coredns/custom"


def bring_in(cluster: Cluster, program: Path) -> None:
    """Make the image of the program and bring it in."""
    with tempfile.TemporaryDirectory(dir=cluster.folder) as work:
        layer, image = Path(work) / "layer.tar", Path(work) / "coredns.tar"
        with tarfile.open(layer, "w") as tar:
            tar.add(program, "coredns")
        images.write_archive(image, IMAGE, [layer], {"Entrypoint": ["/coredns"]})
        cluster.node.import_image(image)


def install(cluster: Cluster, *, custom: bool = False) -> None:
    """Apply its objects, or make what is there like them, and wait until all its pods are ready."""
    items = list(yaml.safe_load_all(MANIFESTS.read_text()))
    if custom:
        items = [_with_custom_files(item) for item in items]
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(items))
    restart(cluster)


def restart(cluster: Cluster) -> None:
    """Start its pods anew, which is quicker than to wait for `reload`, and wait for them."""
    cluster.kubectl("-n", HOME, "rollout", "restart", "deployment", "coredns")
    cluster.kubectl("-n", HOME, "rollout", "status", "deployment", "coredns", "--timeout=90s")


def _with_custom_files(item: Object) -> Object:
    """Let the Corefile import from a folder, and the ConfigMap `coredns-custom` be that folder."""
    if item["kind"] == "ConfigMap":
        inside = f"    import {CUSTOM}/*.override\n}}\nimport {CUSTOM}/*.server\n"
        item["data"]["Corefile"] = item["data"]["Corefile"].rstrip().removesuffix("}") + inside
    if item["kind"] == "Deployment":
        spec = item["spec"]["template"]["spec"]
        folder = {"name": "coredns-custom", "optional": True}
        spec["volumes"].append({"name": "custom", "configMap": folder})
        mount = {"name": "custom", "mountPath": CUSTOM, "readOnly": True}
        spec["containers"][0]["volumeMounts"].append(mount)
    return item
