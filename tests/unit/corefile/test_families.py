"""The Corefiles that clusters come with, as their makers write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from podname.corefile import Corefile, block_keys, parse

Outline = Callable[[Corefile], list[str]]
FOLDER = Path(__file__).parents[2] / "data" / "corefiles"

KUBERNETES = "kubernetes cluster.local in-addr.arpa ip6.arpa"
FALLTHROUGH = "fallthrough in-addr.arpa ip6.arpa"
PLAIN = f"{KUBERNETES} {{pods insecure | {FALLTHROUGH}}}"
PLAIN_TTL = f"{KUBERNETES} {{pods insecure | {FALLTHROUGH} | ttl 30}}"
FORWARD = "forward . /etc/resolv.conf"
FORWARD_MAX = f"{FORWARD} {{max_concurrent 1000}}"
DISABLED = "cache 30 {disable success cluster.local | disable denial cluster.local}"
TAIL = "loop; reload; loadbalance"
LAMEDUCK = "health {lameduck 5s}"
BIND = "bind 169.254.20.10 10.96.0.10; forward . 10.96.0.11 {force_tcp}; prometheus :9253"

FAMILIES = {
    "kubeadm": [
        f".:53: errors; {LAMEDUCK}; ready; {PLAIN_TTL}; prometheus :9153; {FORWARD_MAX}; cache 30; {TAIL}"
    ],
    "kubeadm-2025": [
        f".:53: errors; {LAMEDUCK}; ready; {PLAIN_TTL}; prometheus :9153; {FORWARD_MAX}; {DISABLED}; {TAIL}"
    ],
    "coredns-deployment": [
        (
            f".:53: errors; {LAMEDUCK}; ready; {KUBERNETES} {{{FALLTHROUGH}}}; prometheus :9153; "
            f"{FORWARD_MAX}; cache 30; {TAIL}"
        )
    ],
    "helm": [
        (
            f".:53: errors; health {{lameduck 10s}}; ready; {PLAIN_TTL}; prometheus 0.0.0.0:9153; "
            f"{FORWARD}; cache 30; {TAIL}"
        ),
        (
            "tls://example.com:8853 grpc://example.com:8854: "
            "tls /etc/coredns/tls.crt /etc/coredns/tls.key; forward . 1.1.1.1 {}; errors"
        ),
    ],
    "k3s": [
        (
            f".:53: errors; health; ready; {PLAIN}; "
            "hosts /etc/coredns/NodeHosts {ttl 60 | reload 15s | fallthrough}; prometheus :9153; "
            f"cache 30; {TAIL}; {FORWARD}"
        )
    ],
    "aks/Corefile": [
        (
            f".:53: errors; ready; {LAMEDUCK}; {PLAIN_TTL}; prometheus :9153; {FORWARD}; cache 30; {TAIL}; "
            "log; rewrite stop {name regex (.*)\\.my\\.domain {1}.default.svc.cluster.local | "
            "answer name (.*)\\.default\\.svc\\.cluster\\.local {1}.my.domain}; "
            "template ANY ANY internal.cloudapp.net "
            "{match ^(?:[^.]+\\.){4,}internal\\.cloudapp\\.net\\.$ | rcode NXDOMAIN | fallthrough}; "
            "template ANY ANY reddog.microsoft.com {rcode NXDOMAIN}"
        ),
        "contoso.com:53: errors; cache 30; forward . 10.1.0.10 10.1.0.11",
        "fabrikam.com:53: hosts {10.1.2.3 portal.fabrikam.com | fallthrough}",
    ],
    "eks": [
        f".:53: errors; {LAMEDUCK}; ready; {PLAIN}; prometheus :9153; {FORWARD}; cache 30; {TAIL}"
    ],
    "kops": [
        (
            f".:53: errors; {LAMEDUCK}; ready; {PLAIN_TTL.replace('local', 'local.')}; "
            "hosts /rootfs/etc/hosts prod.k8s.local staging.k8s.local {ttl 30 | fallthrough}; "
            f"prometheus :9153; {FORWARD_MAX}; cache 30; {TAIL}; dns64"
        )
    ],
    "kubespray": [
        (
            "example.com example.io:1053: log; errors {consolidate 5m .* i/o timeout$ warning}; "
            "rewrite name substring website.tld website.namespace.svc.cluster.local; "
            "forward . 1.1.1.1 2.2.2.2; loadbalance; cache 5; reload; "
            "hosts /etc/coredns/hosts {fallthrough}"
        ),
        (
            f".:53: errors {{}}; {LAMEDUCK}; rewrite stop "
            "{name regex (.+)\\.example\\.internal$ {1}.svc.cluster.local | "
            "answer name (.+)\\.svc\\.cluster\\.local$ {1}.example.internal}; ready; "
            "kubernetes cluster.local east.cluster.local in-addr.arpa ip6.arpa "
            f"{{pods insecure | endpoint_pod_names | {FALLTHROUGH}}}; prometheus :9153; "
            f"{FORWARD} {{prefer_udp | max_concurrent 1000 | expire 20s}}; k8s_external example.net; "
            "cache 60 {success 9984 30 | denial 9984 5 | prefetch 10 1m 10% | serve_stale 1h verify}; "
            f"{TAIL}; hosts /etc/coredns/hosts {{fallthrough}}"
        ),
    ],
    "openshift": [
        (
            "corp.example.com:5353 corp.example.org:5353: prometheus 127.0.0.1:9153; "
            "forward . tls://10.9.0.1 tls://10.9.0.2:8853 {tls_servername dns.corp.example.com | "
            "tls /etc/pki/dns.corp.example.com-ca/ca-bundle.crt | policy random}; errors; "
            "log . {class denial error}; bufsize 1232; cache 900 {denial 9984 30}"
        ),
        (
            ".:5353: bufsize 1232; errors; log . {class error}; health {lameduck 20s}; ready; "
            f"{PLAIN}; prometheus 127.0.0.1:9153; {FORWARD} {{policy sequential}}; "
            "cache 900 {denial 9984 30}; reload"
        ),
        "hostname.bind:5353: chaos",
    ],
    "nodelocal": [
        (
            "cluster.local:53: errors; cache {success 9984 30 | denial 9984 5}; reload; loop; "
            f"{BIND}; health 169.254.20.10:8080"
        ),
        f"in-addr.arpa:53: errors; cache 30; reload; loop; {BIND}",
        f"ip6.arpa:53: errors; cache 30; reload; loop; {BIND}",
        (
            ".:53: errors; cache 30; reload; loop; bind 169.254.20.10 10.96.0.10; "
            f"{FORWARD}; prometheus :9253"
        ),
    ],
    "minikube": [
        (
            f".:53: log; errors; {LAMEDUCK}; ready; {PLAIN_TTL}; prometheus :9153; "
            f"hosts {{192.168.49.1 host.minikube.internal | fallthrough}}; {FORWARD_MAX}; {DISABLED}; {TAIL}"
        )
    ],
    "vcluster": [
        (
            ".:1053: errors; health; ready; rewrite name regex .*\\.nodes\\.vcluster\\.com "
            f"kubernetes.default.svc.cluster.local; {PLAIN}; "
            "hosts /etc/NodeHosts {ttl 60 | reload 15s | fallthrough}; prometheus :9153; "
            f"{FORWARD}; cache 30; loop; loadbalance"
        )
    ],
    "gardener": [
        (
            ".:8053: health {lameduck 15s}; ready; rewrite stop {name regex "
            "(^(?:[^\\.]+\\.)+)svc\\.cluster\\.local\\.svc\\.cluster\\.local {1}svc.cluster.local | "
            "answer name (^(?:[^\\.]+\\.)+)svc\\.cluster\\.local {1}svc.cluster.local.svc.cluster.local | "
            "answer value (^(?:[^\\.]+\\.)+)svc\\.cluster\\.local {1}svc.cluster.local.svc.cluster.local}; "
            f"{PLAIN_TTL}; prometheus :9153; loop; errors; log . {{class error}}; {FORWARD}; cache 30; "
            "reload; loadbalance round_robin"
        )
    ],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_structure(name: str, outline: Outline) -> None:
    corefile = parse(FOLDER / name)
    assert outline(corefile) == FAMILIES[name]
    assert all(block_keys(block) for block in corefile.blocks)


def test_every_file_here_is_tested() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}
    assert {name for name in files if "/custom/" not in name} == set(FAMILIES)


def test_k3s_says_that_it_has_no_custom_files() -> None:
    path = FOLDER / "k3s"
    assert parse(path).warnings == (
        f"{path}:19:12: no files match the import pattern '/etc/coredns/custom/*.override'",
        f"{path}:22:8: no files match the import pattern '/etc/coredns/custom/*.server'",
    )


def test_aks_places_are_those_of_the_custom_files() -> None:
    corefile = parse(FOLDER / "aks" / "Corefile")
    places = [str(directive.name.place) for directive in corefile.blocks[0].directives]
    assert f"{FOLDER}/aks/custom/log.override:1:1" in places
    assert str(corefile.blocks[1].keys[0].place) == f"{FOLDER}/aks/custom/contoso.server:1:1"
