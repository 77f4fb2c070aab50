"""Questions to nameservers on loopback, of which some do not answer, and some repeat old answers."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import pytest

from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.erlang import asking, erlang_resolver, native_resolver
from podname.erlang.asking import Pointers
from podname.erlang.inetrc_effect import Inetrc
from tests.support.upstream import Replies, answering, free_port, response, scripted

SOA = "authority:z. 17 SOA ns.z. h.z. 1 2 3 4 30"
HOST = "there.ns.pod.z"


NATIVE = native_resolver._native


@pytest.fixture(autouse=True)
def no_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask the machine's own nameservers."""
    monkeypatch.setattr(native_resolver, "_native", lambda host, family: ((), "not asked"))


def zone(packet: bytes) -> Replies:
    """Know one host."""
    name = dns.message.from_wire(packet).question[0].name.to_text()
    known = name == f"{HOST}."
    return [response(packet, "@ 5 A 10.0.0.7") if known else response(packet, SOA, rcode=3)]


async def test_names_are_asked_for_in_order_until_there_is_an_address() -> None:
    async with scripted(zone) as server:
        at = Nameserver(ip_address("127.0.0.1"), server.port)
        conf = ResolvConf((at,), ("ns.svc.z", "ns.pod.z", "z"), "", 5)
        lookup = await native_resolver.look_up("there", conf)
    assert [(each.name, each.rcode) for each in lookup.asked] == [
        ("there.ns.svc.z", "NXDOMAIN"),
        ("there.ns.pod.z", "NOERROR"),
    ]
    assert lookup.found is not None
    assert lookup.found.addresses == ("10.0.0.7",)
    assert lookup.asked[0].negative_ttl_seconds == 17
    assert lookup.past_caches == ()


async def test_a_negative_answer_is_asked_for_again_past_the_cache() -> None:
    """CoreDNS's cache keeps answers for questions with CD apart."""

    def cache(packet: bytes) -> Replies:
        is_fresh = bool(dns.message.from_wire(packet).flags & dns.flags.CD)
        return zone(packet) if is_fresh else [response(packet, SOA, rcode=3)]

    async with scripted(cache) as server:
        conf = ResolvConf((Nameserver(ip_address("127.0.0.1"), server.port),))
        lookup = await native_resolver.look_up(HOST, conf)
    assert lookup.found is None
    assert [each.addresses for each in lookup.past_caches] == [("10.0.0.7",)]


async def test_a_server_that_is_not_there_is_a_fact() -> None:
    gone = Nameserver(ip_address("127.0.0.1"), free_port())
    lookup = await native_resolver.look_up(HOST, ResolvConf((gone,), ("a", "b")))
    assert [(each.name, each.error) for each in lookup.asked] == [
        (HOST, "refused: nothing listens there")
    ]


async def test_a_server_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "QUESTION_SECONDS", 0.05)
    async with scripted(lambda _: []) as server:
        asked = await asking.ask(Nameserver(ip_address("127.0.0.1"), server.port), HOST)
    assert asked.error == "no answer in 0.05 s, twice"


async def test_a_datagram_may_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([dns.exception.Timeout(), None])  # type: ignore[no-untyped-call]
    exchange = asking._exchange

    async def once_in_vain(query: dns.message.Message, server: Nameserver) -> dns.message.Message:
        if (lost := next(answers)) is not None:
            raise lost
        return await exchange(query, server)

    monkeypatch.setattr(asking, "_exchange", once_in_vain)
    async with scripted(zone) as server:
        asked = await asking.ask(Nameserver(ip_address("127.0.0.1"), server.port), HOST)
    assert asked.addresses == ("10.0.0.7",)


@pytest.mark.parametrize("name", ["x" * 64, "a..b", "a." * 130, "\udc80"])
async def test_a_name_that_cannot_be_asked_for(name: str) -> None:
    asked = await asking.ask(Nameserver(ip_address("127.0.0.1"), free_port()), name)
    assert asked.error


async def test_broken_messages_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "QUESTION_SECONDS", 0.05)
    for reply in (b"", b"\x00" * 11, b"\xff" * 40):
        async with scripted(lambda packet: [packet[:2] + reply]) as server:  # noqa: B023
            asked = await asking.ask(Nameserver(ip_address("127.0.0.1"), server.port), HOST)
        assert asked.error


@pytest.mark.parametrize(("rcode", "text"), [(2, "SERVFAIL"), (5, "REFUSED")])
async def test_a_failure_is_no_negative_answer(rcode: int, text: str) -> None:
    async with scripted(answering(SOA, rcode=rcode)) as server:
        asked = await asking.ask(Nameserver(ip_address("127.0.0.1"), server.port), HOST)
    assert (asked.rcode, asked.negative_ttl_seconds, asked.error) == (text, None, "")


async def test_an_address_is_found_behind_an_alias() -> None:
    async with scripted(answering("@ 5 CNAME b.z.", "b.z. 5 A 10.0.0.9")) as server:
        asked = await asking.ask(Nameserver(ip_address("127.0.0.1"), server.port), HOST)
    assert asked.addresses == ("10.0.0.9",)


async def test_an_address_has_all_the_names_that_the_first_nameserver_to_answer_gives() -> None:
    gone = Nameserver(ip_address("127.0.0.1"), free_port())
    async with scripted(answering("@ 5 PTR b.z.", "@ 5 PTR a.z.")) as server:
        at = Nameserver(ip_address("127.0.0.1"), server.port)
        twice = await asking.names_of("10.0.0.7", [gone, at])
    (question,) = server.asked
    asked = dns.message.from_wire(question.packet).question[0]
    assert asked.name.to_text() == "7.0.0.10.in-addr.arpa."
    assert twice == Pointers(at, "10.0.0.7", ("a.z", "b.z"))
    none = await asking.names_of("fd00::7", [gone])
    assert none == Pointers(gone, "fd00::7", error="refused: nothing listens there")
    assert await asking.names_of("10.0.0.7", []) is None
    async with scripted(answering(SOA, rcode=3)) as server:
        at = Nameserver(ip_address("127.0.0.1"), server.port)
        assert await asking.names_of("10.0.0.7", [at]) == Pointers(at, "10.0.0.7")


async def test_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_resolver, "_native", NATIVE)
    assert await native_resolver.native("127.0.0.1", "inet") == (("127.0.0.1",), "")

    def refuse(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert await native_resolver.native(HOST, "inet") == ((), "Name or service not known")


async def test_by_an_inetrc_the_alternative_is_asked_for_what_the_first_does_not_know() -> None:
    async with scripted(answering(SOA, rcode=3)) as first, scripted(zone) as other:
        one, two = (Nameserver(ip_address("127.0.0.1"), each.port) for each in (first, other))
        rc = Inetrc("F", methods=("dns",), nameservers=(one,), alternatives=(two,))
        lookup = await erlang_resolver.look_up(HOST, rc)
        nothing = await erlang_resolver.look_up("there", rc)
    assert lookup.addresses == ("10.0.0.7",)
    assert [each.server for each in lookup.asked] == [one, two]
    assert (nothing.addresses, nothing.error) == ((), "nxdomain, by dns")
    assert {each.server for each in nothing.asked} == {one}  # it has no dot


async def test_by_an_inetrc_a_hosts_file_comes_first(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"10.0.0.3 {HOST}\n")
    rc = Inetrc("F", methods=("file", "dns"))
    assert (await erlang_resolver.look_up(HOST, rc, hosts=hosts)).addresses == ("10.0.0.3",)
    assert (await erlang_resolver.look_up("10.0.0.5", rc)).addresses == ("10.0.0.5",)
