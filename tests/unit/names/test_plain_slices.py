"""A slice whose endpoints are as nearly all are takes a shorter way to the same names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podname.kube.objects import Endpoint, EndpointSlice, Port, Service
from podname.names import endpoints, reverse, services
from podname.names.endpoints import Plain
from tests.unit.names.cluster import ZONE, options

addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "fd00::1", "bad"])
pods = st.sampled_from(
    ["web-1", "web-2", "Web-3", "p" * 63, "p" * 64, "a.b", "10-0-0-2", "http", ""]
)
made = st.builds(
    Endpoint,
    st.lists(addresses, min_size=1, max_size=2).map(tuple),
    st.sampled_from(["", "", "", "h"]),
    pods,
)
slices = st.builds(
    EndpointSlice.of,
    st.just("default"),
    st.just("web-x"),
    st.just("web"),
    st.just("IPv4"),
    st.lists(made, max_size=4),
    st.sampled_from([(), (Port("http", "TCP", 80),)]),
)


@given(slices, st.booleans(), st.booleans(), st.sampled_from(["web", "w" * 63]))
def test_a_plain_slice_has_the_names_that_any_has(
    one: EndpointSlice, pod_names: bool, endpoint_pod_names: bool, name: str
) -> None:
    chosen = options(pod_names=pod_names, endpoint_pod_names=endpoint_pod_names)
    service = Service("default", name, "ClusterIP", ("None",), "", ())
    every = frozenset(endpoints.named_addresses((one,), chosen))
    short = services.endpoint_names(service, (one,), ZONE, chosen)
    assert short == services.endpoint_names(service, (one,), ZONE, chosen, only=every)
    named = endpoints.names_in(one, chosen)
    ports = one.ports or (endpoints.NO_PORT,)
    assert endpoints.entries((one,), chosen) == [
        endpoints.Entry(each.address, each.primary, port)
        for each in named
        if each.primary
        for port in ports
    ]
    targets: dict[bytes, set[bytes]] = {}
    for each in named:
        if each.primary:
            owner = services.service_owner("default", "web", ZONE) or b""
            targets.setdefault(each.address, set()).add(each.primary + owner)
    assert reverse.targets_in(one, chosen) == targets


def test_a_slice_of_a_deployment_is_plain() -> None:
    one = EndpointSlice.of(
        "default", "web-x", "web", "IPv4", [Endpoint(("10.0.0.1",), "", "web-1")], ()
    )
    found = endpoints.plain_in(one, options(pod_names=True))
    assert found == (Plain(b"\x0a\x00\x00\x01", b"\x0810-0-0-1", b"\x05web-1"),)
    assert endpoints.plain_in(one, options()) is None
