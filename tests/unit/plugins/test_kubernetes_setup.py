"""What a `kubernetes` directive may say: each property's default, value and error, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from podname.corefile import parse_text
from podname.dns.names import from_text
from podname.errors import CorefileError
from podname.plugins.base import Context, Resources
from podname.plugins.kubernetes.handler import Kubernetes
from podname.plugins.kubernetes.options import Options
from podname.plugins.kubernetes.setup import setup


def _set_up(
    text: str, zones: tuple[str, ...] = ("cluster.local.",)
) -> tuple[Kubernetes, list[str]]:
    block = parse_text(f".:53 {{\n{text}\n}}").blocks[0]
    warnings: list[str] = []
    engine, folder = cast("Any", None), Path("/etc/x")
    context = Context(zones, 53, engine, Resources(), folder, warnings.append, elsewhere=True)
    plugin = setup(block.directives, context)
    assert isinstance(plugin, Kubernetes)
    return plugin, warnings


def _settings(*lines: str, head: str = "kubernetes coredns.local") -> Options:
    block = " {\n" + "\n".join(lines) + "\n}" if lines else ""
    return _set_up(head + block)[0].settings


def test_the_defaults_are_coredns_defaults() -> None:
    assert _settings() == Options(
        zones=("coredns.local.",),
        pods="disabled",
        endpoint_pod_names=False,
        pod_names_ttl_seconds=None,
        namespaces=frozenset(),
        ttl_seconds=5,
        endpoints=True,
        ignore_empty_service=False,
        fallthrough=(),
        startup_timeout_seconds=5.0,
    )


def test_the_zones_are_the_server_blocks_unless_named() -> None:
    assert _set_up("kubernetes", ("a.local.", "b.local."))[0].settings.zones == (
        "a.local.",
        "b.local.",
    )
    named = _settings(head="kubernetes Coredns.LOCAL 10.0.0.0/16 2001:db8::/32")
    assert named.zones == ("coredns.local.", "0.10.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.")


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        (["endpoint_pod_names"], "endpoint_pod_names", True),
        (["pod_names"], "pod_names", True),
        (["pod_names"], "pod_ttl_seconds", 5),
        (["pod_names ttl 0"], "pod_ttl_seconds", 0),
        (["pod_names ttl 20"], "pod_names", True),
        (["coredns_ptr"], "coredns_ptr", True),
        (["pods disabled"], "pods", "disabled"),
        (["pods insecure"], "pods", "insecure"),
        (["pods verified"], "pods", "verified"),
        (["namespaces a b", "namespaces c"], "namespaces", frozenset("abc")),
        (["labels environment=prod,application=x"], "labels", "environment=prod,application=x"),
        (["labels env in (a, b)"], "labels", "env in (a, b)"),
        (
            ["namespace_labels istio-injection=enabled"],
            "namespace_labels",
            "istio-injection=enabled",
        ),
        (["endpoint http://localhost:9090"], "endpoint", "http://localhost:9090"),
        (
            ["tls cert.crt key.key cacert.crt"],
            "tls",
            (Path("/etc/x/cert.crt"), Path("/etc/x/key.key"), Path("/etc/x/cacert.crt")),
        ),
        (["kubeconfig file"], "kubeconfig", (Path("/etc/x/file"), "")),
        (["kubeconfig file context"], "kubeconfig", (Path("/etc/x/file"), "context")),
        (["fallthrough"], "fallthrough", (".",)),
        (
            ["fallthrough ip6.arpa inaddr.arpa foo.com"],
            "fallthrough",
            ("ip6.arpa.", "inaddr.arpa.", "foo.com."),
        ),
        (["ttl 0"], "ttl_seconds", 0),
        (["ttl 3600 junk"], "ttl_seconds", 3600),
        (["noendpoints"], "endpoints", False),
        (["ignore empty_service"], "ignore_empty_service", True),
        (["ignore"], "ignore_empty_service", False),
        (["startup_timeout 1m30s"], "startup_timeout_seconds", 90.0),
        (["startup_timeout 5s junk"], "startup_timeout_seconds", 5.0),
        (
            ["manifests a b", "manifests /c"],
            "manifests",
            (Path("/etc/x/a"), Path("/etc/x/b"), Path("/c")),
        ),
        (
            ["apiserver_qps 1.5", "apiserver_burst 3", "apiserver_max_inflight 0"],
            "pods",
            "disabled",
        ),
    ],
)
def test_a_property_is_read(lines: list[str], field: str, value: object) -> None:
    assert getattr(_settings(*lines), field) == value


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("endpoint_pod_names giant_seed", "endpoint_pod_names", 20),
        ("pod_names yes", "pod_names", 11),
        (
            "pods giant_seed",
            "unknown pods 'giant_seed', there are disabled, insecure, verified",
            6,
        ),
        ("pods", "argument count", 1),
        ("pods insecure verified", "argument count", 15),
        ("namespaces", "argument count", 1),
        ("labels", "argument count", 1),
        (
            "labels environment in (production",
            "unable to parse label selector value: 'environment in (",
            8,
        ),
        ("namespace_labels !", "unable to parse namespace_label selector value: '!'", 18),
        ("endpoint", "argument count", 1),
        ("tls a b", "argument count", 7),
        ("tls a b c d", "argument count", 11),
        ("kubeconfig", "argument count", 1),
        ("kubeconfig a b c", "argument count", 16),
        ("ttl", "argument count", 1),
        ("ttl 3601", "ttl must be in range [0, 3600]: 3601", 5),
        ("ttl -1", "ttl must be in range [0, 3600]: -1", 5),
        ("pod_names ttl", "write `pod_names` or `pod_names ttl SECONDS`", 11),
        ("pod_names ttl 3601", "ttl must be in range [0, 3600]: 3601", 15),
        ("coredns_ptr yes", "coredns_ptr", 13),
        ("ttl soon", "'soon' after 'ttl' is not a whole number", 5),
        ("noendpoints ixnay", "noendpoints", 13),
        ("ignore abc", "unable to parse ignore value: 'abc'", 8),
        ("startup_timeout soon", "'soon'", 17),
        ("apiserver_qps much", 'invalid apiserver_qps "much"', 15),
        ("apiserver_burst -1", "apiserver_burst must be >= 0", 17),
        ("apiserver_max_inflight 1 2", "argument count", 26),
        ("manifests", "argument count", 1),
        ("multicluster", "the property 'multicluster' of kubernetes is not supported yet", 1),
        ("zonal", "the property 'zonal' of kubernetes is not supported yet", 1),
        ("nonsense", "unknown property 'nonsense' of kubernetes", 1),
        ("pod_name", "of kubernetes, did you mean 'pod_names'?", 1),
        ("namespace default", "of kubernetes, did you mean 'namespaces'?", 1),
        (
            "namespaces a\nnamespace_labels b",
            "namespaces and namespace_labels cannot both be set",
            None,
        ),
        ("manifests a\nkubeconfig b", "manifests cannot be combined", None),
    ],
)
def test_a_property_is_refused_at_its_place(line: str, message: str, column: int | None) -> None:
    with pytest.raises(CorefileError) as caught:
        _settings(line)
    assert message in caught.value.message
    assert caught.value.place is not None
    if column is not None:
        assert (caught.value.place.line, caught.value.place.column) == (3, column)


def test_a_forward_zone_is_needed() -> None:
    with pytest.raises(CorefileError, match="non-reverse zone name must be used"):
        _settings(head="kubernetes in-addr.arpa ip6.arpa")


def test_it_stands_once_in_a_server_block() -> None:
    with pytest.raises(CorefileError, match="kubernetes can only be used once per Server Block"):
        _settings(head="kubernetes a\nkubernetes b")


def test_words_of_the_past_are_accepted_with_a_warning() -> None:
    _, warnings = _set_up("kubernetes {\nupstream\nresyncperiod 5m\n}")
    assert [warning.split(":")[1] for warning in warnings] == ["3", "4"]


def test_the_table_leaves_with_the_ttls_that_coredns_has() -> None:
    plugin, _ = _set_up("kubernetes cluster.local {\nttl 600\n}")
    (zone,) = plugin.table_options().zones
    assert (zone.soa_ttl_seconds, zone.negative_ttl_seconds) == (300, 600)
    assert zone.mname == from_text("ns.dns.cluster.local.")
    assert plugin.zone_options().ttl_seconds == 600


def test_a_file_that_is_not_there_is_warned_about() -> None:
    _, warnings = _set_up("kubernetes cluster.local {\nmanifests nowhere\n}")
    assert warnings == ["Corefile:3:1: there is no /etc/x/nowhere yet"]
