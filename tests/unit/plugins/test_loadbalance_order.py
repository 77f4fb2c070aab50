"""`loadbalance weighted` and `prefer`: who comes first, and what the weight file may say."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.plugin import ask, context, directives, question, until

from podname.dns import constants as c
from podname.engine.base import Code
from podname.errors import CorefileError
from podname.plugins.base import Draft, Reply, Request
from podname.plugins.loadbalance.handler import LoadBalance
from podname.plugins.loadbalance.setup import setup
from podname.plugins.loadbalance.weights import WeightFileError, parse

WEIGHTS = """
# of two names
www.example

192.0.2.1 3
192.0.2.2 1
2001:DB8::1 255
other.example.
192.0.2.1 1
"""


def balancer(text: str, folder: Path, warnings: list[str] | None = None) -> LoadBalance:
    found = directives(f".:53 {{\n{text}\n}}", "loadbalance")
    return setup(found, context(folder=folder, warnings=warnings))


def reply_to(packet: bytes, *answer: str, additional: tuple[str, ...] = ()) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(packet))
    for section, lines in ((message.answer, answer), (message.additional, additional)):
        for line in lines:
            owner, rtype, rdata = line.split(maxsplit=2)
            section.append(dns.rrset.from_text(owner, 30, "IN", rtype, rdata))
    return message.to_wire()


async def rdatas(plugin: LoadBalance, packet: bytes, reply: bytes) -> tuple[list[str], list[str]]:
    async def next_(_: Request) -> Reply:
        return reply

    out = await ask(plugin, packet, next_)
    assert out is not None
    message = dns.message.from_wire(out, one_rr_per_rrset=True)
    return [str(rr[0]) for rr in message.answer], [str(rr[0]) for rr in message.additional]


async def test_who_comes_first_follows_the_weights(tmp_path: Path) -> None:
    (tmp_path / "w").write_text(WEIGHTS)
    plugin = balancer("loadbalance weighted w", tmp_path)
    packet = question("WWW.example.")
    reply = reply_to(packet, *(f"WWW.example. A 192.0.2.{number}" for number in (3, 2, 1)))
    seen = [(await rdatas(plugin, packet, reply))[0] for _ in range(1000)]
    orders = Counter(tuple(address[-1] for address in one) for one in seen)
    assert set(orders) == {tuple("321"), tuple("231"), tuple("123")}, "only the first one moves"
    assert 500 < orders[tuple("123")] < 700  # three of five


async def test_an_address_without_a_weight_weighs_one(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("a.example\n192.0.2.1 255\n")
    plugin = balancer("loadbalance weighted w", tmp_path)
    packet = question("b.example.")
    reply = reply_to(packet, "b.example. A 192.0.2.1", "b.example. A 192.0.2.2")
    first = Counter([(await rdatas(plugin, packet, reply))[0][0] for _ in range(400)])
    assert min(first.values()) > 100


@pytest.mark.parametrize("policy", ["loadbalance", "loadbalance weighted w"])
async def test_an_alias_stands_before_its_address(policy: str, tmp_path: Path) -> None:
    (tmp_path / "w").write_text(WEIGHTS)
    plugin = balancer(policy, tmp_path)
    packet = question("a.example.")
    reply = reply_to(packet, "www.example. A 192.0.2.1", "a.example. CNAME www.example.")
    assert await rdatas(plugin, packet, reply) == (["www.example.", "192.0.2.1"], [])


async def test_networks_come_in_their_order() -> None:
    text = "loadbalance {\n prefer 10.0.0.0/8 2001:db8::/32\n prefer 192.168.1.77/24\n}"
    plugin = balancer(text, Path("/"))
    packet = question("a.example.", "SRV")
    addresses = ["192.168.1.1", "203.0.113.1", "10.1.1.1", "203.0.113.2", "10.2.2.2"]
    records = [f"a.example. A {address}" for address in addresses]
    records += ["a.example. AAAA 2001:db8::1"]
    reply = reply_to(packet, "a.example. SRV 0 0 1 a.example.", additional=tuple(records))
    seen = [(await rdatas(plugin, packet, reply))[1] for _ in range(50)]
    assert all(set(one[:2]) == {"10.1.1.1", "10.2.2.2"} for one in seen)
    assert all(one[2:4] == ["2001:db8::1", "192.168.1.1"] for one in seen)
    assert len(set(map(tuple, seen))) == 4, "within a network they take turns"


async def test_a_changed_weight_file_counts_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "w").write_text(WEIGHTS)
    plugin = balancer("loadbalance weighted w {\n reload 1ms\n}", tmp_path)
    await plugin.start()
    assert plugin.weights is not None
    (tmp_path / "w").write_text("new.example\n192.0.2.1 7\n")
    await until(lambda: list(plugin.weights.weights) == [b"\x03new\x07example\x00"])  # type: ignore[union-attr]
    await plugin.stop()


async def test_a_broken_change_leaves_the_weights_as_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "w").write_text(WEIGHTS)
    plugin = balancer("loadbalance weighted w {\n reload 1ms\n}", tmp_path)
    assert plugin.weights is not None
    before = plugin.weights.weights
    await plugin.start()
    (tmp_path / "w").write_text("new.example\n192.0.2.1 0\n")
    await until(lambda: f"{tmp_path}/w:2: a weight is a whole number" in caplog.text)
    await plugin.stop()
    assert plugin.weights.weights is before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("192.0.2.1\n", "w:1: '192.0.2.1' stands where a name is expected"),
        ("a.example\n\n192.0.2.300 1", "w:3: '192.0.2.300' is not an IP address"),
        ("192.0.2.1 1", "w:1: an address before the first name"),
        ("a.example\n192.0.2.1 256", "w:2: a weight is a whole number from 1 to 255, not '256'"),
        ("a.example\n192.0.2.1 +1", "w:2: a weight is"),
        ("a.example\n192.0.2.1 1 1", "w:2: expected a name, or an address and a weight"),
        ("a..example", "w:1: 'a..example' is not a name"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(WeightFileError, match=f"^{message}"):
        parse(text, "w")
    (tmp_path / "w").write_text(text)
    with pytest.raises(CorefileError, match=message) as found:
        balancer("loadbalance weighted w", tmp_path)
    assert found.value.place is not None
    assert found.value.place.column == 22


@given(st.text())
def test_any_file_is_read_or_refused(text: str) -> None:
    with suppress(WeightFileError):
        parse(text, "w")


def test_a_missing_file_is_looked_for_again_or_refused(tmp_path: Path) -> None:
    warnings: list[str] = []
    balancer("loadbalance weighted w", tmp_path, warnings)
    assert "looked for again later" in warnings[0]
    with pytest.raises(CorefileError, match="unable to read weight file"):
        balancer("loadbalance weighted w {\n reload 0s\n}", tmp_path)


def test_the_last_policy_counts_and_all_networks() -> None:
    lines = "loadbalance {\n prefer 10.0.0.0/8\n}\nloadbalance {\n prefer 192.0.2.0/24\n}"
    assert [str(network) for network in balancer(lines, Path("/")).preferred] == [
        "10.0.0.0/8",
        "192.0.2.0/24",
    ]


@pytest.mark.parametrize(
    "policy", ["loadbalance weighted w", "loadbalance {\n prefer 10.0.0.0/8\n}"]
)
def test_the_engine_hands_on_what_it_cannot_order(policy: str, tmp_path: Path) -> None:
    draft = Draft()
    plugin = balancer(policy, tmp_path)
    plugin.plan(draft)
    assert not plugin.is_planned
    assert draft.layers == [Code((b"\x00",), frozenset({c.A, c.AAAA, c.SRV}))]
