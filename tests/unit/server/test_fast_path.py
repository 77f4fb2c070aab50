"""Corefiles that people have: a question about the cluster never reaches the plugins, whatever stands around."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.server import addresses, port_of, serving
from tests.unit.server.test_serving import kubernetes

KUBEADM = """
.:0 {
    bind 127.0.0.1
    errors
    health localhost:0 {
        lameduck 0s
    }
    ready localhost:0
    KUBERNETES
    prometheus localhost:0
    forward . 192.0.2.1 {
        max_concurrent 1000
    }
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""
WITHOUT_LOOP = KUBEADM.replace("    loop\n", "")  # the loop's probe would be a miss
HOSTS = """
    hosts hosts {
        ttl 60
        reload 15s
        fallthrough
    }
    prometheus"""
REWRITE = r"""
    rewrite name db.example.org web-1.default.pod.cluster.local
    rewrite name suffix .old.local. .cluster.local. answer auto
    rewrite stop {
        name regex (.*)\.my\.domain\.$ {1}.default.svc.cluster.local
        answer name (.*)\.default\.svc\.cluster\.local {1}.my.domain
    }
"""
FAMILIES = {
    "kubeadm": WITHOUT_LOOP,
    "with log": WITHOUT_LOOP.replace("    reload\n", "    reload\n    log\n"),
    "k3s": WITHOUT_LOOP.replace("\n    prometheus", HOSTS),
    "with rewrite": WITHOUT_LOOP.replace("    errors\n", "    errors\n" + REWRITE),
    "bare": ".:0 {\n    bind 127.0.0.1\n    KUBERNETES\n}\n",
}


@pytest.mark.parametrize("family", list(FAMILIES))
async def test_what_the_cluster_has_is_answered_by_the_engine(tmp_path: Path, family: str) -> None:
    (tmp_path / "hosts").write_text("192.0.2.7 node-1\n")
    text = FAMILIES[family].replace("KUBERNETES", kubernetes(tmp_path))
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        web = "web-1.default.pod.cluster.local"
        assert await addresses(port, web) == ["10.0.0.7"]
        assert await addresses(port, web, "AAAA") == []
        assert await addresses(port, "web-2.default.pod.cluster.local") == ["NXDOMAIN"]
        assert await addresses(port, "google.com.default.svc.cluster.local") == ["NXDOMAIN"]
        if family == "k3s":
            assert await addresses(port, "node-1") == ["192.0.2.7"]
        assert server.engine.stats.misses == 0
        if family == "with rewrite":
            for name in ("db.example.org", "web-1.default.pod.old.local"):
                assert await addresses(port, name) == ["10.0.0.7"]


FIELD = Path(__file__).parents[2] / "data" / "corefiles"
MOVED = {  # to ports and files that a test may have; the loop's probe would be a miss
    ".:53": ".:0",
    "    errors\n": "    errors\n    bind 127.0.0.1\n",
    "    health": "    health localhost:0",
    "    ready": "    ready localhost:0",
    ":9153": "localhost:0",
    "lameduck 5s": "lameduck 0s",
    "    loop\n": "",
    "/etc/resolv.conf": "192.0.2.1",
    "/etc/coredns/NodeHosts": "hosts",
    "ip6.arpa {\n": "ip6.arpa {\n manifests cluster.yaml\n pod_names\n",
    "import custom/*.server\n": "",
}


@pytest.mark.parametrize(
    "family",
    ["aks/Corefile", "coredns-deployment", "eks", "k3s", "kubeadm", "kubeadm-2025", "minikube"],
)
async def test_corefiles_in_the_field_keep_the_cluster_in_the_engine(
    tmp_path: Path, family: str
) -> None:
    kubernetes(tmp_path)
    (tmp_path / "hosts").write_text("192.0.2.7 node-1\n")
    text = (FIELD / family).read_text()
    for found, put in MOVED.items():
        text = text.replace(found, put)
    async with serving(tmp_path, text) as server:
        port = port_of(server)
        assert await addresses(port, "web-1.default.pod.cluster.local") == ["10.0.0.7"]
        assert await addresses(port, "web-2.default.pod.cluster.local") == ["NXDOMAIN"]
        assert await addresses(port, "web-1.default.pod.cluster.local", "TXT") == []
        assert server.engine.stats.misses == 0


async def test_a_question_for_the_plugins_is_counted(tmp_path: Path) -> None:
    async with serving(tmp_path, ".:0 {\nbind 127.0.0.1\nwhoami\n}") as server:
        await addresses(port_of(server), "example.org.")
        assert server.engine.stats.misses == 1
