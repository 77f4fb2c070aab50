"""The way of nodes that run with the module podname_epmd."""

from __future__ import annotations

from ipaddress import ip_address

import dns.message
import dns.rdatatype
import pytest

from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.erlang import epmd_module
from podname.erlang.environment import Erlang
from podname.erlang.nodename import parse
from tests.support.upstream import Replies, free_port, response, scripted

SEARCH = ("ns.svc.z", "svc.z", "z")


def podname(packet: bytes) -> Replies:
    """Know a port of `app`, and no other."""
    question = dns.message.from_wire(packet).question[0]
    name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    known = {
        ("_app._tcp.there.ns.pod.z.", "SRV"): "@ 5 SRV 0 100 9100 there.ns.pod.z.",
        ("there.ns.pod.z.", "A"): "@ 5 A 10.0.0.7",
    }
    if (name, kind) in known:
        return [response(packet, known[name, kind])]
    return [response(packet, "authority:z. 17 SOA ns.z. h.z. 1 2 3 4 30", rcode=3)]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ("app@there.ns.pod.z", (("10.0.0.7",), 9100)),
        ("app@there", (("10.0.0.7",), 9100)),
        ("other@there", (("10.0.0.7",), 0)),
        ("app@nowhere", ((), 0)),
        ("app@" + "x" * 64, ((), 0)),
    ],
)
async def test_through_podname(node: str, expected: tuple[tuple[str, ...], int]) -> None:
    async with scripted(podname) as server:
        variables = {"PODNAME_DNS": f"127.0.0.1:{free_port()},{server.at}"}
        conf = ResolvConf((), SEARCH)
        lookup = await epmd_module.look_up(parse(node), conf, variables, "inet")
    assert (lookup.addresses, lookup.port) == expected
    assert lookup.by == "podname_epmd"


async def test_without_an_address_of_podname_the_nameservers_are_asked() -> None:
    async with scripted(podname) as server:
        conf = ResolvConf((Nameserver(ip_address("127.0.0.1"), server.port),), SEARCH)
        lookup = await epmd_module.look_up(parse("app@there"), conf, {}, "inet")
        nobody = await epmd_module.look_up(parse("app@there"), ResolvConf(), {}, "inet")
    assert lookup.addresses == ("10.0.0.7",)
    assert nobody.error == "no nameserver answers"


def test_by_the_api_server() -> None:
    node, addresses, ports = parse("my_app@there"), ("10.0.0.7", "fd00::7"), {"my-app": 9100}
    found = epmd_module.by_api(node, addresses, ports, "inet")
    assert (found.addresses, found.port) == (("10.0.0.7",), 9100)
    assert epmd_module.by_api(node, addresses, ports, "inet6").addresses == ("fd00::7",)
    assert "no such pod" in epmd_module.by_api(node, (), {}, "inet").error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("10.0.0.1", (Nameserver.parse("10.0.0.1"),)),
        ("10.0.0.1:1053, [fd00::53]:54,[::1]", (
            Nameserver(ip_address("10.0.0.1"), 1053), Nameserver(ip_address("fd00::53"), 54), Nameserver.parse("::1"),
        )),
        ("fd00::53", (Nameserver.parse("fd00::53"),)),
        ("name 10.0.0.1:0 10.0.0.1:x 10.0.0.1: [10.0.0 [fd00::53", ()),
    ],
)  # fmt: skip
def test_where_podname_is(text: str, expected: tuple[Nameserver, ...]) -> None:
    assert epmd_module.servers({"PODNAME_DNS": text}) == expected


def test_what_completes_a_short_name() -> None:
    conf = ResolvConf((), SEARCH)
    assert epmd_module.domain(conf, {}) == "ns.pod.z"
    assert epmd_module.domain(conf, {"PODNAME_DOMAIN": ".a.b."}) == "a.b"
    assert epmd_module.domain(ResolvConf(), {}) == ""


@pytest.mark.parametrize(
    ("erlang", "variables", "port"),
    [
        (Erlang(), {}, 4370),
        (Erlang(), {"PODNAME_DIST_PORT": "9100"}, 9100),
        (Erlang(fixed_port=9200), {"PODNAME_DIST_PORT": "9100"}, 9200),
        (Erlang(), {"PODNAME_DIST_PORT": "x"}, 4370),
    ],
)
def test_the_fixed_port(erlang: Erlang, variables: dict[str, str], port: int) -> None:
    assert epmd_module.fixed_port(erlang, variables) == port
