"""`whoami` tells a client its own address."""

from __future__ import annotations

import dns.message
import pytest
from tests.support.plugin import CLIENT, TCP_CLIENT, ask, question

from podname.engine.base import Client
from podname.plugins.whoami.handler import Whoami

LONG = ".".join(["a" * 63] * 3 + ["a" * 60]) + "."
TABLE = [
    (CLIENT, "Example.org.", ["Example.org. 0 IN A 127.0.0.1", "_udp.Example.org. 0 IN SRV 0 0 40212 ."]),
    (TCP_CLIENT, "a.", ["a. 0 IN A 127.0.0.1", "_tcp.a. 0 IN SRV 0 0 40212 ."]),
    (CLIENT, ".", [". 0 IN A 127.0.0.1", "_udp. 0 IN SRV 0 0 40212 ."]),
    (
        CLIENT._replace(address="2001:db8::7"),
        "a.",
        ["a. 0 IN AAAA 2001:db8::7", "_udp.a. 0 IN SRV 0 0 40212 ."],
    ),
    (
        CLIENT._replace(address="fe80::1%eth0"),
        "a.",
        ["a. 0 IN AAAA fe80::1", "_udp.a. 0 IN SRV 0 0 40212 ."],
    ),
    (CLIENT, LONG, [f"{LONG} 0 IN A 127.0.0.1"]),
]  # fmt: skip


@pytest.mark.parametrize(("client", "name", "additional"), TABLE)
async def test_who_asks(client: Client, name: str, additional: list[str]) -> None:
    reply = await ask(Whoami(), question(name, "MX"), client=client)
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert message.rcode() == 0
    assert message.flags & 0x0400, "authoritative"
    assert not message.answer
    assert [str(rrset) for rrset in message.additional] == additional


@pytest.mark.parametrize("rclass", ["HS", "ANY"])
async def test_the_records_have_the_class_of_the_question(rclass: str) -> None:
    reply = await ask(Whoami(), question("a.", "A", rdclass=rclass))
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert [str(rrset) for rrset in message.additional] == [
        rf"a. 0 {rclass} A \# 4 7f000001",
        rf"_udp.a. 0 {rclass} SRV \# 7 000000009d1400",
    ]
