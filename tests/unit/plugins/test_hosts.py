"""`hosts`: what a Corefile and a file say, asked of the engine and of the plugin chain, which must agree."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import dns.reversename
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import engines
from tests.support.plugin import ask, context, directives, link, question, samples, until
from tests.support.tables import Asker, lines, plan, responder

from podname.dns import constants as c
from podname.dns import names
from podname.dns.records import walk
from podname.errors import CorefileError, ServeError
from podname.plugins.base import Draft, Reply, Request, Resources
from podname.plugins.cache.setup import setup as setup_cache
from podname.plugins.hosts.entries import Entries, parse, ready_answers
from podname.plugins.hosts.handler import Hosts
from podname.plugins.hosts.options import DEFAULT_PATH, Options
from podname.plugins.hosts.setup import parse as parse_directive
from podname.plugins.hosts.setup import setup

pytestmark = pytest.mark.usefixtures("engine")  # runs over both

FILE = """
# A comment
10.0.0.1 Alice.Example.ORG alice
10.0.0.2\talice.example.org bob.example.org   # another
fd00::1 alice.example.org
::ffff:10.0.0.3 mapped.example.org
fe80::1%eth0 local.example.org
10.0.0.4 here.example.org#there
10.0.0.5 *.wild.example.org
10.0.0.6 a.wild.example.org
10.0.0.300 nobody.example.org
10.0.0.7
10.0.0.8 elsewhere.test a..b
"""


class House:
    """A `hosts` directive at work, asked both ways."""

    def __init__(self, plugin: Hosts) -> None:
        self.plugin = plugin

    async def ask(self, name: str, rtype: str = "A") -> list[str]:
        """Return the RCODE and records; NEXT when another plugin is to answer."""
        draft = Draft()
        self.plugin.plan(draft)
        asked = Asker(responder(plan(*draft.layers)))(f"{name} {rtype}")
        found = ["NEXT"] if asked == ["MISS"] else asked
        assert found == await self._through_the_chain(name, rtype)
        return found

    async def _through_the_chain(self, name: str, rtype: str) -> list[str]:
        async def next_(_: Request) -> Reply:
            return None

        try:
            reply = await ask(self.plugin, question(name, rtype), next_)
        except ServeError as error:
            return [{c.SERVFAIL: "SERVFAIL"}[error.rcode]]
        return ["NEXT"] if reply is None else lines(dns.message.from_wire(reply))


def made(
    text: str, folder: Path, zones: Sequence[str] = (".",), warnings: list[str] | None = None
) -> Hosts:
    (directive,) = directives(f".:53 {{\n{text}\n}}", "hosts")
    return setup(
        [directive],
        context(zones, engine=engines.current().engine(), folder=folder, warnings=warnings),
    )


@asynccontextmanager
async def serving(
    tmp_path: Path,
    block: str = "",
    file: str = FILE,
    arguments: str = "",
    zones: Sequence[str] = (".",),
) -> AsyncIterator[House]:
    (tmp_path / "hosts").write_text(file)
    text = f"hosts hosts {arguments} {{\nreload 0s\n{block}\n}}"
    plugin = made(text, tmp_path, zones, [])
    await plugin.start()
    try:
        yield House(plugin)
    finally:
        await plugin.stop()


def addresses(*texts: str, ttl: int = 3600) -> list[str]:
    """Return the answer of alice.example.org."""
    kinds = [("AAAA" if ":" in text else "A", text) for text in texts]
    return ["NOERROR", *(f"alice.example.org. {ttl} IN {kind} {text}" for kind, text in kinds)]


# Answers


@pytest.mark.parametrize(
    ("name", "rtype", "answer"),
    [
        ("alice.example.org.", "A", addresses("10.0.0.1", "10.0.0.2")),
        ("alice.example.org.", "AAAA", addresses("fd00::1")),
        ("alice.", "A", ["NOERROR", "alice. 3600 IN A 10.0.0.1"]),
        ("mapped.example.org.", "A", ["NOERROR", "mapped.example.org. 3600 IN A 10.0.0.3"]),
        ("mapped.example.org.", "AAAA", ["NOERROR"]),
        ("local.example.org.", "AAAA", ["NOERROR", "local.example.org. 3600 IN AAAA fe80::1"]),
        ("here.example.org.", "A", ["NOERROR", "here.example.org. 3600 IN A 10.0.0.4"]),
        (
            "bob.example.org.",
            "TXT",
            ["NOERROR"],
        ),  # it exists, with no such type, and nothing to say who says so
        ("bob.example.org.", "ANY", ["NOERROR"]),
        ("nobody.example.org.", "A", ["SERVFAIL"]),
        ("example.org.", "A", ["SERVFAIL"]),  # an empty non-terminal is no name
        ("a.bob.example.org.", "A", ["SERVFAIL"]),
        ("1.0.0.10.in-addr.arpa.", "A", ["SERVFAIL"]),
        (".", "A", ["SERVFAIL"]),
        ("bob.example.org.", "PTR", ["NEXT"]),
        ("nobody.example.org.", "PTR", ["NEXT"]),
        ("9.0.0.10.in-addr.arpa.", "PTR", ["NEXT"]),
        ("bob.example.org.", "AXFR", ["SERVFAIL"]),
    ],
)
async def test_answers(tmp_path: Path, name: str, rtype: str, answer: list[str]) -> None:
    async with serving(tmp_path) as house:
        if rtype == "AXFR":
            assert await house._through_the_chain(name, rtype) == answer
        else:
            assert await house.ask(name, rtype) == answer


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("1.0.0.10.in-addr.arpa.", ["alice.example.org.", "alice."]),
        ("2.0.0.10.in-addr.arpa.", ["alice.example.org.", "bob.example.org."]),
        ("3.0.0.10.in-addr.arpa.", ["mapped.example.org."]),
        ("5.0.0.10.in-addr.arpa.", None),  # a wildcard has no PTR
    ],
)
async def test_ptr(tmp_path: Path, address: str, found: list[str] | None) -> None:
    async with serving(tmp_path) as house:
        answer = await house.ask(address, "PTR")
        if found is None:
            assert answer == ["NEXT"]
        else:
            assert answer == ["NOERROR", *(f"{address} 3600 IN PTR {name}" for name in found)]


async def test_ptr_of_ipv6(tmp_path: Path) -> None:
    async with serving(tmp_path) as house:
        address = "fd00::1"
        owner = dns.reversename.from_address(address).to_text()
        assert await house.ask(owner, "PTR") == [
            "NOERROR",
            f"{owner} 3600 IN PTR alice.example.org.",
        ]


async def test_no_reverse(tmp_path: Path) -> None:
    async with serving(tmp_path, "no_reverse") as house:
        assert await house.ask("1.0.0.10.in-addr.arpa.", "PTR") == ["NEXT"]


@pytest.mark.parametrize(
    ("name", "rtype", "answer"),
    [
        ("alice.example.org.", "A", addresses("10.0.0.1", "10.0.0.2")),
        ("nobody.example.org.", "A", ["SERVFAIL"]),
        ("alice.", "A", ["NEXT"]),
        ("elsewhere.test.", "A", ["NEXT"]),
        (
            "1.0.0.10.in-addr.arpa.",
            "PTR",
            ["NOERROR", "1.0.0.10.in-addr.arpa. 3600 IN PTR alice.example.org."],
        ),
        ("1.0.0.10.in-addr.arpa.", "A", ["NEXT"]),
        ("8.0.0.10.in-addr.arpa.", "PTR", ["NEXT"]),
    ],
)
async def test_zones(tmp_path: Path, name: str, rtype: str, answer: list[str]) -> None:
    async with serving(tmp_path, arguments="example.org") as house:
        assert await house.ask(name, rtype) == answer


@pytest.mark.parametrize(
    ("block", "name", "rtype", "answer"),
    [
        ("fallthrough", "nobody.example.org.", "A", ["NEXT"]),
        ("fallthrough", "example.org.", "A", ["NEXT"]),
        ("fallthrough", "1.0.0.10.in-addr.arpa.", "A", ["NEXT"]),
        ("fallthrough", "bob.example.org.", "AAAA", ["NOERROR"]),
        ("fallthrough", "bob.example.org.", "TXT", ["NOERROR"]),
        ("fallthrough test", "nobody.test.", "A", ["NEXT"]),
        ("fallthrough test", "nobody.example.org.", "A", ["SERVFAIL"]),
        ("fallthrough\nfallthrough_unsupported", "bob.example.org.", "TXT", ["NEXT"]),
        ("fallthrough\nfallthrough_unsupported", "bob.example.org.", "AAAA", ["NOERROR"]),
        ("fallthrough test\nfallthrough_unsupported", "bob.example.org.", "TXT", ["NOERROR"]),
        ("fallthrough test\nfallthrough_unsupported", "nobody.example.org.", "TXT", ["SERVFAIL"]),
    ],
)
async def test_fallthrough(
    tmp_path: Path, block: str, name: str, rtype: str, answer: list[str]
) -> None:
    async with serving(tmp_path, block) as house:
        assert await house.ask(name, rtype) == answer


@pytest.mark.parametrize(
    ("name", "rtype", "rdatas"),
    [
        ("b.wild.example.org.", "A", ["10.0.0.5", "10.0.1.1"]),
        (
            "a.wild.example.org.",
            "A",
            ["10.0.0.6", "10.0.1.1"],
        ),  # what each source says, one after the other
        ("a.wild.example.org.", "AAAA", ["fd00::2"]),
        ("*.wild.example.org.", "A", ["10.0.0.5", "10.0.1.1"]),
        ("b.wild.example.org.", "TXT", []),
        ("c.b.wild.example.org.", "A", None),
        ("wild.example.org.", "A", None),
    ],
)
async def test_wildcards(tmp_path: Path, name: str, rtype: str, rdatas: list[str] | None) -> None:
    inline = "10.0.1.1 *.wild.example.org\nfd00::2 *.WILD.example.org"
    async with serving(tmp_path, inline) as house:
        answer = await house.ask(name, rtype)
        if rdatas is None:
            assert answer == ["SERVFAIL"]
        else:
            assert answer == ["NOERROR", *(f"{name} 3600 IN {rtype} {text}" for text in rdatas)]


async def test_a_wildcard_of_top_level_names(tmp_path: Path) -> None:
    async with serving(tmp_path, file="10.0.0.1 *") as house:
        assert await house.ask("com.") == ["NOERROR", "com. 3600 IN A 10.0.0.1"]
        assert await house.ask("example.com.") == ["SERVFAIL"]
        assert await house.ask(".") == ["SERVFAIL"]


async def test_the_question_keeps_its_case(tmp_path: Path) -> None:
    async with serving(tmp_path) as house:
        assert await house.ask("BOB.example.org.") == [
            "NOERROR",
            "BOB.example.org. 3600 IN A 10.0.0.2",
        ]


async def test_inline_entries_follow_those_of_the_file(tmp_path: Path) -> None:
    async with serving(tmp_path, "10.9.9.9 alice.example.org\nttl 60\nfallthrough") as house:
        assert await house.ask("alice.example.org.") == addresses(
            "10.0.0.1", "10.0.0.2", "10.9.9.9", ttl=60
        )
        assert await house.ask("9.9.9.10.in-addr.arpa.", "PTR") == [
            "NOERROR",
            "9.9.9.10.in-addr.arpa. 60 IN PTR alice.example.org.",
        ]


async def test_cache_caps_the_ttl(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(FILE)
    plugin = made("hosts hosts", tmp_path)
    cache = setup_cache(
        directives(". {\ncache 30 example.org\n}", "cache"), context(resources=Resources())
    )
    link(plugin, cache)
    await plugin.start()
    house = House(plugin)
    assert await house.ask("bob.example.org.") == ["NOERROR", "bob.example.org. 30 IN A 10.0.0.2"]
    assert await house.ask("alice.") == ["NOERROR", "alice. 3600 IN A 10.0.0.1"]
    await plugin.stop()


# The file changes


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    async with serving(tmp_path, "10.9.9.9 inline.test") as house:
        path = tmp_path / "hosts"
        path.write_text("10.0.0.9 bob.example.org\n10.0.0.1 alice.example.org\n")
        await house.plugin.look()
        assert await house.ask("bob.example.org.") == [
            "NOERROR",
            "bob.example.org. 3600 IN A 10.0.0.9",
        ]
        assert await house.ask("alice.example.org.", "AAAA") == ["NOERROR"]
        assert await house.ask("here.example.org.") == ["SERVFAIL"]
        assert await house.ask("2.0.0.10.in-addr.arpa.", "PTR") == ["NEXT"]
        path.unlink()
        await house.plugin.look()
        assert len(await house.ask("bob.example.org.")) == 2
        path.write_text("")
        await house.plugin.look()
        assert await house.ask("bob.example.org.") == ["SERVFAIL"]
        assert len(await house.ask("inline.test.")) == 2


async def test_what_did_not_change_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as house:
        path = tmp_path / "hosts"
        seen: list[object] = []
        for table in house.plugin._tables:
            monkeypatch.setattr(
                type(table), "update", lambda _, changes: seen.extend(changes), raising=True
            )
        path.write_text(FILE.replace("10.0.0.4", "10.0.0.44"))
        await house.plugin.look()
        assert len(seen) == 3  # one address, and the PTR records of two
        await house.plugin.look()
        assert len(seen) == 3


async def test_a_link_that_points_elsewhere_is_a_change(tmp_path: Path) -> None:
    """A ConfigMap changes so; time and size may be the same."""
    for number in (1, 2):
        (tmp_path / f"{number}").write_text(f"10.0.0.{number} a.test\n")
        os.utime(tmp_path / f"{number}", (1, 1))
    (tmp_path / "hosts").symlink_to("1")
    plugin = made("hosts hosts", tmp_path)
    await plugin.start()
    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(tmp_path / "hosts")
    await plugin.look()
    assert await House(plugin).ask("a.test.") == ["NOERROR", "a.test. 3600 IN A 10.0.0.2"]
    await plugin.stop()


async def test_the_file_is_looked_at_now_and_then(tmp_path: Path) -> None:
    plugin = made("hosts hosts {\nreload 1ms\n}", tmp_path, warnings=[])
    await plugin.start()
    (tmp_path / "hosts").write_text("10.0.0.1 a.test")
    await until(lambda: len(plugin.file.entries) > 0)
    await asyncio.sleep(0)
    await plugin.stop()
    await plugin.stop()


async def test_metrics(tmp_path: Path) -> None:
    async with serving(
        tmp_path, "10.0.0.1 a.test", file="10.0.0.1 a.test b.test\n10.0.0.2 *.test\n"
    ) as house:
        os.utime(tmp_path / "hosts", (12.5, 12.5))
        await house.plugin.look()
        assert samples(house.plugin.collect()) == {
            ("coredns_hosts_entries", str(tmp_path / "hosts")): 7,
            ("coredns_hosts_reload_timestamp_seconds",): 12.5,
        }


async def test_a_file_that_was_never_there_has_no_metrics(tmp_path: Path) -> None:
    plugin = made("hosts none {\nreload 0s\n}", tmp_path, warnings=[])
    await plugin.start()
    assert samples(plugin.collect()) == {}


# Any text is a hosts file


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_octets_are_a_hosts_file(octets: bytes) -> None:
    assert_sound(parse(octets, frozenset({names.ROOT}), reverse=True))


_WORD = st.one_of(
    st.sampled_from(
        ["10.0.0.1", "::1", "fe80::1%lo", "a.test", "*.test", "*", ".", "..", "#", "\\.", "x" * 64]
    ),
    st.text(min_size=1, max_size=8),
)


@settings(max_examples=60)
@given(st.lists(st.lists(_WORD, min_size=1, max_size=4).map(" ".join), max_size=6))
def test_any_text_is_a_hosts_file(text: list[str]) -> None:
    octets = "\n".join([*text, "10.0.0.99 last.test"]).encode()
    entries = parse(octets, frozenset({names.ROOT}), reverse=True)
    assert_sound(entries)
    assert entries.of(names.from_text("last.test"), c.A)[-1:] == [b"\x0a\x00\x00\x63"]


def assert_sound(entries: Entries) -> None:
    for (owner, rtype), ready in ready_answers([entries], lambda _: 60).items():
        assert owner == owner.lower()
        assert len(owner) <= 255
        names.starts_of(owner)
        assert {rr.rtype for rr in walk(ready, 6, ready[0] << 8 | ready[1])} == {rtype}


def test_long_words_are_left_out() -> None:
    octets = (
        b"10.0.0.1 a.test "
        + b"x" * 5000
        + b" b.test\n"
        + b"1" * 5000
        + b" c.test\n10.0.0.2 d.test\n"
    )
    entries = parse(octets, frozenset({names.ROOT}), reverse=False)
    assert sorted(entries.exact) == [
        (names.from_text(name), c.A) for name in ("a.test", "b.test", "d.test")
    ]


# The Corefile


def options(text: str, warnings: list[str] | None = None, folder: Path = Path("/")) -> Options:
    (directive,) = directives(f".:53 {{\n{text}\n}}", "hosts")
    return parse_directive(directive, context(("example.org.",), warnings=warnings, folder=folder))


def test_the_defaults() -> None:
    found = options("hosts")
    assert found == Options(DEFAULT_PATH, (names.from_text("example.org"),))
    assert (found.ttl_seconds, found.reverse, found.reload_seconds) == (3600, True, 5.0)


def test_what_k3s_and_minikube_write() -> None:
    warnings: list[str] = []
    found = options("hosts /no/NodeHosts {\nttl 60\nreload 15s\nfallthrough\n}", warnings)
    assert found == Options(
        Path("/no/NodeHosts"),
        (names.from_text("example.org"),),
        ttl_seconds=60,
        reload_seconds=15.0,
        fallthrough=(names.ROOT,),
    )
    assert warnings == ["Corefile:2:7: the hosts file /no/NodeHosts does not exist"]
    found = options("hosts {\n192.168.49.1 host.minikube.internal\nfallthrough\n}")
    assert found.inline == b"192.168.49.1 host.minikube.internal"


def test_zones_of_arguments_and_of_fallthrough(tmp_path: Path) -> None:
    warnings: list[str] = []
    block = "{\nfallthrough in-addr.arpa B.test\n}"
    found = options(f"hosts {tmp_path} A.test 10.0.0.0/8 {block}", warnings)
    assert found.zones == (names.from_text("a.test"), names.from_text("10.in-addr.arpa"))
    assert found.fallthrough == (names.from_text("in-addr.arpa"), names.from_text("b.test"))
    assert warnings == [f"Corefile:2:7: the hosts file {tmp_path} is a directory"]


def test_a_line_that_says_nothing_is_named() -> None:
    warnings: list[str] = []
    options("hosts {\ntll 30\n}", warnings)
    assert warnings == [
        "Corefile:3:1: 'tll' is neither a property of hosts nor an address, the line is left out"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hosts {\nfallthrough\n10.0.0.1 a.test\n}", "4:1: unknown property '10.0.0.1'"),
        ("hosts {\nttl\n}", "3:1: wrong argument count"),
        ("hosts {\nttl 0\n}", "3:5: ttl must be in range [1, 65535]: 0"),
        ("hosts {\nttl 65536\n}", "ttl must be in range"),
        ("hosts {\nttl ten\n}", "'ten' after 'ttl' is not a whole number"),
        ("hosts {\nreload\n}", "3:1: wrong argument count"),
        ("hosts {\nreload -1s\n}", "3:8: invalid negative duration for reload '-1s'"),
        ("hosts {\nreload 5\n}", "'5' after 'reload' is not a duration"),
        ("hosts {\nno_reverse please\n}", "3:12: wrong argument count"),
        (
            "hosts {\nfallthrough_unsupported\n}",
            "2:1: fallthrough_unsupported requires fallthrough",
        ),
        ("hosts {\nfallthrough\nfallthrough_unsupported x\n}", "4:25: wrong argument count"),
        ("hosts {\nfallthrough a..b\n}", "3:13: zone is not a valid domain name"),
        ("hosts /dev/null/x", "2:7: unable to access hosts file '/dev/null/x'"),
        ("hosts /dev/null a..b", "2:17: zone is not a valid domain name"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(CorefileError) as caught:
        options(text, [])
    assert str(caught.value).startswith("Corefile:")
    assert message in str(caught.value)


def test_once_per_server_block() -> None:
    with pytest.raises(CorefileError, match="3:1: hosts can only be used once"):
        setup(
            directives(".:53 {\nhosts\nhosts\n}", "hosts"),
            context(engine=engines.current().engine()),
        )
