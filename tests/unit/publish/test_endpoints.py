"""What a Service has of a pod."""

from __future__ import annotations

import pytest

from podname.publish.endpoints import endpoints_of, hostname_of
from podname.publish.objects import IPV4, IPV6, Port
from tests.unit.publish.making import named, pod, ports, service


@pytest.mark.parametrize(
    ("name", "hostname"),
    [
        ("web-7bd795854f-298qd", "web-7bd795854f-298qd"),
        ("0", "0"),
        ("a" * 63, "a" * 63),
        ("a" * 64, ""),
        ("a.b", ""),
        ("web-", ""),
        ("10-0-0-1", "10-0-0-1"),
    ],
)
def test_the_hostname_is_the_pods_name_if_that_is_a_label(name: str, hostname: str) -> None:
    assert hostname_of(pod(name)) == hostname
    ((_, endpoint),) = endpoints_of(service(), pod(name, "10.0.0.1"))
    assert (endpoint.hostname, endpoint.pod) == (hostname, name)
    assert endpoint.addresses == ("10.0.0.1",)


@pytest.mark.parametrize(
    ("is_ready", "is_terminating", "not_ready_too", "expected"),
    [
        (True, False, False, (True, True, False)),
        (False, False, False, (False, False, False)),
        (True, True, False, (False, True, True)),
        (False, True, False, (False, False, True)),
        (False, False, True, (True, False, False)),
        (True, True, True, (True, True, True)),
    ],
)
def test_conditions_are_kubernetes_own(
    *, is_ready: bool, is_terminating: bool, not_ready_too: bool, expected: tuple[bool, bool, bool]
) -> None:
    one = pod("a", "10.0.0.1", is_ready=is_ready, is_terminating=is_terminating)
    ((_, endpoint),) = endpoints_of(service(publishes_not_ready=not_ready_too), one)
    assert (endpoint.ready, endpoint.serving, endpoint.terminating) == expected


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        ((IPV4, IPV6), {IPV4: ("10.0.0.1",), IPV6: ("2001:db8::1", "2001:db8::2")}),
        ((IPV6, IPV4), {IPV4: ("10.0.0.1",), IPV6: ("2001:db8::1", "2001:db8::2")}),
        ((IPV4,), {IPV4: ("10.0.0.1",)}),
        ((IPV6,), {IPV6: ("2001:db8::1", "2001:db8::2")}),
    ],
)
def test_each_family_has_its_endpoint(
    families: tuple[str, ...], expected: dict[str, tuple[str, ...]]
) -> None:
    one = pod("a", "10.0.0.1", "2001:db8::1", "2001:db8::2")
    found = {
        group.family: endpoint.addresses
        for group, endpoint in endpoints_of(service(families=families), one)
    }
    assert found == expected


def test_a_pod_without_an_address_has_no_endpoint() -> None:
    assert not list(endpoints_of(service(), pod("a")))


def test_ports_are_resolved_for_each_pod() -> None:
    wanted = service(ports=ports(epmd=4369, dist="dist", web="missing"))
    ((group, _),) = endpoints_of(wanted, pod("a", "10.0.0.1", ports=named(dist=9100)))
    assert group.ports == (Port("epmd", "TCP", 4369, ""), Port("dist", "TCP", 9100, ""))


def test_a_named_port_of_another_protocol_is_another_port() -> None:
    one = pod("a", "10.0.0.1", ports=named(dist=9100))
    (udp,) = ports(dist="dist")
    wanted = service(ports=(type(udp)("dist", "UDP", "dist", ""),))
    ((group, _),) = endpoints_of(wanted, one)
    assert group.ports == ()
