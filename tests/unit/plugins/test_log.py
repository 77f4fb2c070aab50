"""`log`: formats, classes, names, JSON fields."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.plugin import CLIENT, TCP_CLIENT, ask, context, directives, question

from podname.dns.query import Query, parse
from podname.engine.base import Client
from podname.errors import ServeError
from podname.plugins.base import Draft, Reply, Request
from podname.plugins.log.entry import Entry
from podname.plugins.log.format import compile_format, duration_text
from podname.plugins.log.handler import Log, fields
from podname.plugins.log.setup import setup


def query(name: str = "Example.ORG.", rtype: str = "A", **options: object) -> Query:
    parsed = parse(question(name, rtype, id=29008, **options))
    assert isinstance(parsed, Query)
    return parsed


def response(
    asked: Query,
    answer: str = "",
    authority: str = "",
    rcode: str = "NOERROR",
    flags: str = "QR RD",
) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(asked.packet))
    message.flags = dns.flags.from_text(flags)
    message.set_rcode(dns.rcode.from_text(rcode))
    for section, text in ((message.answer, answer), (message.authority, authority)):
        if text:
            owner, ttl, rtype, rdata = text.split(" ", 3)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, rdata))
    message.use_edns(False)
    return message.to_wire()


def entry(asked: Query | None = None, client: Client = CLIENT, **reply: Any) -> Entry:
    asked = asked or query()
    return Entry(asked, client, response(asked, **reply), 0.00025)


V6 = CLIENT._replace(address="2001:db8::7", server="dns://[::1]:53")
EDNS = query(use_edns=0, payload=4096, want_dnssec=True)
ANSWERED: dict[str, Any] = {"answer": "example.org. 30 A 192.0.2.1", "flags": "QR AA RD"}

FORMATS = [
    (
        "{common}",
        entry(**ANSWERED),
        '127.0.0.1:40212 - 29008 "A IN example.org. udp 29 false 512" NOERROR qr,aa,rd 56 0.00025s',
    ),
    (
        "{combined}",
        entry(EDNS, V6, rcode="NXDOMAIN"),
        '[2001:db8::7]:40212 - 29008 "A IN example.org. udp 40 true 4096" NXDOMAIN qr,rd 29 0.00025s "0"',
    ),
    ("{type} {class} {name}", entry(query("a.b.", "HTTPS")), "HTTPS IN a.b."),
    ("{type}", entry(query("a.b.", "TYPE65280")), "TYPE65280"),
    ("{proto} {>bufsize}", entry(client=TCP_CLIENT), "tcp 65535"),
    ("{remote} {port}", entry(client=V6), "[2001:db8::7] 40212"),
    ("{local}", entry(), "[::]"),
    ("{local}", entry(client=V6), "[::1]"),
    ("{local}", entry(client=CLIENT._replace(server="dns://10.0.0.1:53")), "10.0.0.1"),
    ("{>id} {>opcode} {>do}", entry(EDNS), "29008 0 true"),
    ("{>rflags}", entry(flags="QR AA TC RD RA AD CD"), "qr,aa,tc,rd,ra,ad,cd"),
    ("{rcode} {rsize}", entry(rcode="REFUSED"), "REFUSED 29"),
    ("{rcode}", Entry(query(), CLIENT, None, 0.0), "-"),
    ("{>rflags} {rsize} {duration}", Entry(query(), CLIENT, None, 0.0), "- 0 0s"),
    ("{/log/class} {/log/type}", entry(**ANSWERED), "success NOERROR"),
    ("{/kubernetes/client-pod}", entry(), "-"),
    ("100% {unknown} {} { {type} } }{", entry(), "100% {unknown} {} { A } }{"),
    ("{name", entry(), "{name"),
]


@pytest.mark.parametrize(("form", "seen", "line"), FORMATS)
def test_formats(form: str, seen: Entry, line: str) -> None:
    assert compile_format(form)(seen) == line


@given(st.text(alphabet="{}>/%name type", max_size=40))
def test_a_format_that_means_nothing_is_written_as_it_is(text: str) -> None:
    line = compile_format(text)(entry())
    if "{" not in text or "}" not in text:
        assert line == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (1, "1"), (0.5, "0.5"), (0.000035, "0.000035"), (1e-10, "0"), (12.25, "12.25")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


SOA = "example.org. 30 SOA ns. root. 1 2 3 4 5"
CLASSES = [
    (entry(**ANSWERED), "NOERROR", "success"),
    (entry(), "NOERROR", "success"),
    (entry(authority=SOA), "NODATA", "denial"),
    (entry(authority="org. 30 NS ns."), "DELEGATION", "success"),
    (entry(authority=SOA, rcode="NXDOMAIN"), "NXDOMAIN", "denial"),
    (entry(rcode="NXDOMAIN"), "NXDOMAIN", "denial"),
    (entry(answer="example.org. 1 CNAME a.", rcode="NXDOMAIN"), "OTHERERROR", "error"),
    (entry(rcode="SERVFAIL"), "SERVERERROR", "error"),
    (entry(rcode="NOTIMP"), "SERVERERROR", "error"),
    (entry(rcode="REFUSED"), "OTHERERROR", "error"),
    (entry(query(rtype="AXFR")), "META", "error"),
    (Entry(query(), CLIENT, None, 0.0), "OTHERERROR", "error"),
]


@pytest.mark.parametrize(("seen", "kind", "class_"), CLASSES)
def test_classes(seen: Entry, kind: str, class_: str) -> None:
    assert seen.classify() == (kind, class_)


@given(st.binary(min_size=12, max_size=60))
def test_no_response_is_too_malformed_to_be_logged(octets: bytes) -> None:
    seen = Entry(query(), CLIENT, octets, 0.1)
    compile_format("{common} {/log/class}")(seen)
    fields(seen)


def test_response_octets_are_those_without_compression() -> None:
    asked = query("a.example.org.", "MX", use_edns=0)
    message = dns.message.make_response(dns.message.from_wire(asked.packet))
    mx = ["10 mx1.example.org.", "20 mx2.example.org."]
    message.answer.append(dns.rrset.from_text("a.example.org.", 5, "IN", "MX", *mx))
    soa = "ns.example.org. r.example.org. 1 2 3 4 5"
    message.authority.append(dns.rrset.from_text("example.org.", 5, "IN", "SOA", soa))
    compressed = message.to_wire()
    names = len(b"\x01a\x07example\x03org\x00"), len(b"\x07example\x03org\x00")
    mx_octets = names[0] + 10 + 2 + 4 + names[1]
    soa_octets = names[1] + 10 + 3 + names[1] + 2 + names[1] + 20
    whole = 12 + names[0] + 4 + 2 * mx_octets + soa_octets
    assert Entry(asked, CLIENT, compressed, 0).response_octets() == whole > len(compressed)


def make(text: str) -> Log:
    return setup(directives(f".:53 {{\n{text}\n}}", "log"), context())


def answering(asked: bytes, **reply: str) -> Callable[[Request], Awaitable[Reply]]:
    async def next_(_: Request) -> Reply:
        parsed = parse(asked)
        assert isinstance(parsed, Query)
        return response(parsed, **reply)

    return next_


RULES = [
    ("log", "a.org.", "NOERROR", "a.org. NOERROR"),
    ("log org", "a.org.", "NOERROR", "a.org. NOERROR"),
    ("log org", "a.net.", "NOERROR", None),
    ("log org net", "a.net.", "NOERROR", "a.net. NOERROR"),
    ("log a.org\nlog org {\nclass error\n}", "b.org.", "NOERROR", None),
    ("log a.org {\nclass error\n}\nlog org", "x.a.org.", "NOERROR", None),
    ("log {\nclass denial\n}", "a.org.", "NXDOMAIN", "a.org. NXDOMAIN"),
    ("log {\nclass denial\nclass error\n}", "a.org.", "REFUSED", "a.org. REFUSED"),
    ("log {\nclass success error\n}", "a.org.", "NXDOMAIN", None),
    ("log {\nclass all\n}", "a.org.", "NXDOMAIN", "a.org. NXDOMAIN"),
]


@pytest.mark.parametrize(("text", "name", "rcode", "line"), RULES)
async def test_the_first_rule_that_covers_a_name_decides(
    caplog: pytest.LogCaptureFixture, text: str, name: str, rcode: str, line: str | None
) -> None:
    caplog.set_level(logging.INFO, "podname.queries")
    plugin = make(text)
    packet = question(name)
    await ask(plugin, packet, answering(packet, rcode=rcode))
    written = [
        " ".join((r.getMessage().split()[5], r.getMessage().split()[10])) for r in caplog.records
    ]
    assert written == ([line] if line else [])


async def test_what_the_engine_answered_is_logged_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "podname.queries")
    plugin, draft = make('log . "{name} {rcode} {duration}"'), Draft()
    plugin.plan(draft)
    asked = query()
    for observe in draft.observers:
        observe(asked.packet, response(asked, rcode="NXDOMAIN"), CLIENT, "kubernetes", 0.002)
    assert [r.getMessage() for r in caplog.records] == ["example.org. NXDOMAIN 0.002s"]


async def test_an_error_is_logged_with_its_rcode_and_passes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "podname.queries")

    async def fails(_: Request) -> Reply:
        raise ServeError(2, "broken")

    with pytest.raises(ServeError):
        await ask(make('log . "{rcode} {>rflags} {rsize}"'), question("a."), fails)
    assert [r.getMessage() for r in caplog.records] == ["SERVFAIL qr,rd 19"]


def test_the_fields_of_a_json_record() -> None:
    seen = entry(query("Example.org.", use_edns=0, payload=1232), **ANSWERED)
    assert fields(seen) == {
        "plugin": "log",
        "client_ip": "127.0.0.1",
        "client_port": 40212,
        "qname": "example.org.",
        "qtype": "A",
        "qclass": "IN",
        "protocol": "udp",
        "id": 29008,
        "opcode": 0,
        "request_size": 40,
        "dnssec_ok": False,
        "bufsize": 1232,
        "rcode": "NOERROR",
        "response_size": 56,
        "duration_seconds": 0.00025,
    }
    assert fields(Entry(query(), V6, None, 1.0))["rcode"] is None
    assert fields(Entry(query(), V6, None, 1.0))["client_ip"] == "2001:db8::7"
