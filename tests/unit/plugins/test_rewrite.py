"""`rewrite`: what the next plugin is asked, and what the client is told."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from tests.support.plugin import ask, context, directives, question, request

from podname.dns import constants as c
from podname.dns.names import from_text
from podname.engine.base import Client, Code
from podname.errors import CorefileError, ServeError
from podname.plugins.base import Draft, Reply, Request
from podname.plugins.rewrite.handler import Rewrite
from podname.plugins.rewrite.setup import setup


def rewrite(text: str) -> Rewrite:
    return setup(directives(f". {{\n{text}\n}}", "rewrite"), context())


class Next:
    """The next plugin: keeps what it was asked, and answers with the records of a script."""

    def __init__(self, *records: str, rcode: int = 0) -> None:
        self.records, self.rcode = records, rcode
        self.asked: list[dns.message.Message] = []

    async def __call__(self, request: Request) -> Reply:
        query = dns.message.from_wire(request.query.packet)
        self.asked.append(query)
        reply = dns.message.make_response(query)
        reply.use_edns(False)
        reply.set_rcode(dns.rcode.Rcode(self.rcode))
        for record in self.records:
            owner, *rest = record.split(maxsplit=4)
            owner = query.question[0].name.to_text() if owner == "@" else owner
            reply.answer.append(dns.rrset.from_text(owner, *rest))  # type: ignore[arg-type]
        return reply.to_wire()


async def rewritten(
    text: str, name: str, rtype: str = "A", *records: str, rcode: int = 0, **options: object
) -> tuple[dns.message.Message, dns.message.Message]:
    """Return what the next plugin was asked, and what the client is told."""
    next_ = Next(*records, rcode=rcode)
    reply = await ask(rewrite(text), question(name, rtype, **options), next_)
    assert reply is not None
    return next_.asked[0], dns.message.from_wire(reply)


#: Rules, the name that is asked for, the name that the next plugin is asked for.
NAMES = [
    ("rewrite name a.b c.d", "A.b.", "c.d."),
    ("rewrite name a.b c.d", "x.a.b.", "x.a.b."),
    ("rewrite name prefix one two", "one.x.", "two.x."),
    ("rewrite name prefix one two", "onex.", "onex."),
    ("rewrite name suffix .a.b .c", "x.a.b.", "x.c."),
    ("rewrite name suffix .a.b .c", "a.b.", "a.b."),
    ("rewrite name suffix a.b c", "xa.b.", "xc."),
    ("rewrite name substring .m. .", "a.m.b.m.c.", "a.b.c."),
    (r"rewrite name regex (.*)-(.*)\.x\. {2}.{1}.y", "a-b.x.", "b.a.y."),
    (r"rewrite name regex ^(b)?a\. {1}z.y", "a.", "z.y."),
    ("rewrite continue name a. b.\nrewrite name b. c.", "a.", "c."),
    ("rewrite name a. b.\nrewrite name b. c.", "a.", "b."),
    ("rewrite stop {\n name exact a b\n}\nrewrite name b c", "a.", "b."),
    ("REWRITE", "a.", "a."),
    (r"rewrite name suffix .b .c", r"a\.x.b.", r"a\.x.c."),
    (r"rewrite name regex \\032 x.y", r"a\032b.", r"a\032b."),  # a space is shown as `\ `
    (r"rewrite name regex \\\s x.y", r"a\032b.", "x.y."),
]


@pytest.mark.parametrize(("text", "name", "expected"), NAMES)
async def test_which_name_is_asked_for(text: str, name: str, expected: str) -> None:
    text = text.replace("REWRITE", "rewrite type ANY HINFO")
    asked, told = await rewritten(text, name)
    assert asked.question[0].name.to_text() == expected
    assert told.question[0].name.to_text() == name, "the client's own question comes back"


#: Rules, name and type of the query, records of the answer, what the client is told.
ANSWERS = [
    ("rewrite name a.b c.d", "A.b. A", "@ 9 IN A 192.0.2.1", "a.b. 9 IN A 192.0.2.1"),
    ("rewrite name suffix .b .d", "a.b. A", "@ 9 IN A 192.0.2.1", "a.d. 9 IN A 192.0.2.1"),
    ("rewrite name suffix .b .d answer auto", "a.b. MX", "@ 9 IN MX 1 m.d.", "a.b. 9 IN MX 1 m.b."),
    ("rewrite name a.b c.d", "a.b. SRV", "@ 9 IN SRV 1 2 3 x.c.d.", "a.b. 9 IN SRV 1 2 3 x.a.b."),
    (
        r"rewrite name exact a.b c.d answer value (.*)\.c\.e\. {1}.z",
        "a.b. NS",
        "@ 9 IN NS n.c.e.",
        "a.b. 9 IN NS n.z.",
    ),
    (
        r"rewrite name suffix .b .d answer value n\.d m.b",
        "a.b. NAPTR",
        '@ 9 IN NAPTR 1 2 "s" "x" "" n.d.',
        'a.d. 9 IN NAPTR 1 2 "s" "x" "" m.b.',
    ),
    (
        "rewrite continue name suffix .a .b answer auto\nrewrite name suffix .b .c answer auto",
        "x.a. CNAME",
        "@ 9 IN CNAME y.c.",
        "x.a. 9 IN CNAME y.a.",
    ),
    ("rewrite ttl a.b 30-60", "a.b. A", "@ 9 IN A 192.0.2.1", "a.b. 30 IN A 192.0.2.1"),
    ("rewrite ttl suffix .b -5", "a.b. A", "@ 9 IN A 192.0.2.1", "a.b. 5 IN A 192.0.2.1"),
    ("rewrite ttl a.b 10-", "x.b. A", "@ 9 IN A 192.0.2.1", "x.b. 9 IN A 192.0.2.1"),
]


@pytest.mark.parametrize(("text", "asked", "record", "expected"), ANSWERS)
async def test_what_the_client_is_told(text: str, asked: str, record: str, expected: str) -> None:
    name, rtype = asked.split()
    _, told = await rewritten(text, name, rtype, record)
    assert [rrset.to_text() for rrset in told.answer] == [expected]


async def test_types_and_classes() -> None:
    text = "rewrite continue type ANY HINFO\nrewrite class CH IN"
    asked, told = await rewritten(text, "a.", "ANY", rdclass="CH")
    assert (asked.question[0].rdtype, asked.question[0].rdclass) == (c.HINFO, c.IN)
    assert (told.question[0].rdtype, told.question[0].rdclass) == (c.ANY, c.CH)


async def test_rcodes_of_responses_with_and_without_records() -> None:
    text = "rewrite continue rcode suffix .b NXDOMAIN NOERROR\nrewrite rcode suffix .b SERVFAIL 3"
    for records in ((), ("@ 9 IN A 192.0.2.1",)):
        _, told = await rewritten(text, "a.b.", "A", *records, rcode=3)
        assert told.rcode() == 0
    with pytest.raises(ServeError) as failed:
        await ask(rewrite(text), question("a.b."))
    assert failed.value.rcode == 0, "SERVFAIL → NXDOMAIN, the last rule first, → NOERROR"
    with pytest.raises(ServeError) as failed:
        await ask(rewrite(text), question("b."))
    assert failed.value.rcode == c.SERVFAIL


@pytest.mark.parametrize(
    "text",
    ["rewrite name a a..b", r"rewrite name regex (a) {1}..", f"rewrite name a {'x' * 64}.y"],
)
async def test_a_name_that_is_none_is_servfail(text: str) -> None:
    with pytest.raises(ServeError, match="invalid name after rewrite") as failed:
        await ask(rewrite(text), question("a."), Next())
    assert failed.value.rcode == c.SERVFAIL


async def test_an_answer_that_cannot_be_written_is_servfail() -> None:
    text = "rewrite name suffix .b .c answer name ^(.*)$ {1}.."
    with pytest.raises(ServeError, match="cannot be sent"):
        await ask(rewrite(text), question("a.b."), Next("@ 9 IN A 192.0.2.1"))


OPTIONS = [
    ("edns0 local set 0xffee abc", [], [(0xFFEE, b"abc")]),
    ("edns0 local set 65000 0x0aff", [(65000, b"x")], [(65000, b"\x0a\xff")]),
    ("edns0 local append 65000 y", [(65000, b"x")], [(65000, b"x"), (65000, b"y")]),
    ("edns0 local replace 65000 y", [], []),
    ("edns0 local unset 65000", [(65000, b"x"), (65001, b"z")], [(65001, b"z")]),
    ("edns0 local set 65000 {qname}", [], [(65000, b"Web.a.")]),
    ("edns0 local set 65000 {qtype}", [], [(65000, b"\0\1")]),
    ("edns0 local set 65000 {client_ip}", [], [(65000, b"\xc0\0\2\7")]),
    ("edns0 local set 65000 {client_port}", [], [(65000, b"\x10\0")]),
    ("edns0 local set 65000 {protocol}", [], [(65000, b"udp")]),
    ("edns0 local set 65000 {server_ip}", [], [(65000, b"\x7f\0\0\1")]),
    ("edns0 local set 65000 {server_port}", [], [(65000, b"\0\x35")]),
    ("edns0 local append 65000 {protocol}", [(65000, b"x")], [(65000, b"x")]),
    ("edns0 nsid set", [], [(3, b"")]),
    ("edns0 nsid unset", [(3, b"")], []),
    ("edns0 subnet set 20 56", [], [(8, b"\0\1\x14\0\xc0\0\0")]),
    ("edns0 subnet append 24 56 revert", [], [(8, b"\0\1\x18\0\xc0\0\2")]),
]


REVERTED = [
    ("edns0 local set 65000 a revert", [], []),
    ("edns0 local set 65000 a revert", [(65000, b"x")], [(65000, b"x")]),
    ("edns0 local append 65000 a revert", [], []),
    (
        "continue edns0 local set 65000 a\nrewrite edns0 local set 65000 b revert",
        [],
        [(65000, b"a")],
    ),
]


@pytest.mark.parametrize(("rule", "before", "after"), REVERTED)
async def test_options_that_the_client_is_not_to_see(
    rule: str, before: list[tuple[int, bytes]], after: list[tuple[int, bytes]]
) -> None:
    options = [
        dns.edns.GenericOption(dns.edns.OptionType.make(code), data) for code, data in before
    ]
    _, told = await rewritten(f"rewrite {rule}", "a.", "A", use_edns=0, options=options)
    assert [(int(option.otype), option.to_wire()) for option in told.options] == after


@pytest.mark.parametrize(("rule", "before", "after"), OPTIONS)
async def test_options(
    rule: str, before: list[tuple[int, bytes]], after: list[tuple[int, bytes]]
) -> None:
    client = Client("192.0.2.7", 4096, "udp", "dns://127.0.0.1:53")
    options = [
        dns.edns.GenericOption(dns.edns.OptionType.make(code), data) for code, data in before
    ]
    for asks_with_edns in (True, False) if not before else (True,):
        next_ = Next()
        edns: dict[str, object] = (
            {"use_edns": 0, "options": options, "payload": 1400} if asks_with_edns else {}
        )
        reply = await ask(
            rewrite(f"rewrite {rule}"), question("Web.a.", "A", **edns), next_, client
        )
        (asked,) = next_.asked
        found = [(int(option.otype), option.to_wire()) for option in asked.options]
        assert found == after
        assert asked.payload == (1400 if asks_with_edns else 4096)
        assert reply is not None
        told = dns.message.from_wire(reply).options
        local = int(rule.split()[3], 0) if "local" in rule else None
        back = [option for option in after if option[0] == local]
        assert [(int(option.otype), option.to_wire()) for option in told] == back


async def test_cname_asks_for_the_new_target() -> None:
    asked: list[dns.message.Message] = []

    async def upstream(packet: bytes, _: Client) -> bytes:
        asked.append(dns.message.from_wire(packet))
        reply = dns.message.make_response(asked[-1])
        reply.answer.append(dns.rrset.from_text("new.x.", 5, "IN", "A", "192.0.2.9"))
        return reply.to_wire()

    one = request(question("www.b."))
    one.upstream = upstream
    records = "@ 9 IN CNAME old.x.", "old.x. 9 IN A 192.0.2.1"
    reply = await rewrite("rewrite cname prefix old new").serve(one, Next(*records))
    assert reply is not None
    assert [rrset.to_text() for rrset in dns.message.from_wire(reply).answer] == [
        "www.b. 9 IN CNAME new.x.",
        "new.x. 5 IN A 192.0.2.9",
    ]
    assert [message.question[0].name.to_text() for message in asked] == ["new.x."]


async def test_lookups_that_lead_to_lookups_end() -> None:
    one = request(question("www.b."))
    one.lookups = 9
    reply = await rewrite("rewrite cname regex .* a.b.").serve(one, Next("@ 9 IN CNAME old.x."))
    assert reply is not None
    assert dns.message.from_wire(reply).answer[0].to_text() == "www.b. 9 IN CNAME old.x."


#: Rules, and the names that go through Python for their sake.
PLANS = [
    ("rewrite name a.b c.d\nrewrite name c. d.", ["a.b", "c"]),
    ("rewrite name suffix .a.b .c", ["a.b"]),
    ("rewrite name suffix a.b c", ["b"]),
    ("rewrite name suffix a c", ["."]),
    (r"rewrite name regex (.*)\.my\.zone\.$ {1}.x", ["my.zone"]),
    (r"rewrite name regex ^\w+my\.zone\.$ x", ["zone"]),
    (r"rewrite name regex (.*)\.my\.zone {1}.x", ["."]),
    (r"rewrite name regex a\.|b\.zone\.$ x", ["."]),
    (r"rewrite name regex \\.my\.zone\.$ x", ["."]),
    ("rewrite name prefix a b", ["."]),
    ("rewrite ttl suffix .a.b 3", ["a.b"]),
    ("rewrite rcode a.b 3 0", ["a.b"]),
    ("rewrite type ANY HINFO", ["."]),
    ("rewrite edns0 nsid set", ["."]),
    ("rewrite cname a.b c.d", ["."]),
]


@pytest.mark.parametrize(("text", "zones"), PLANS)
def test_the_engine_answers_all_other_names(text: str, zones: list[str]) -> None:
    draft = Draft()
    rewrite(text).plan(draft)
    assert draft.layers == [Code(tuple(map(from_text, zones)))]


REFUSED = """
rewrite | 2:1 | the field to rewrite is missing
rewrite continue | 2:9 | the field to rewrite is missing
rewrite nmae a b | 2:9 | invalid rule type 'nmae', did you mean 'name'?
rewrite answer auto | 2:9 | response rewrites must begin with a name rule
rewrite name a | 2:14 | the name to ask for is missing
rewrite name sufix a b | 2:14 | a name rule matches exact, prefix, suffix, substring, regex, and not 'sufix'
rewrite name regex ( b | 2:20 | '(' is not a regular expression: missing )
rewrite name regex a {1} | 2:22 | '{1}' uses 1 groups, 'a' has 0
rewrite name a *.b | 2:16 | '*.b' cannot stand for a name
rewrite name exact a b c | 2:24 | expected 'answer' instead of 'c'
rewrite name exact a b answer | 2:24 | what of the answer to rewrite
rewrite name exact a b answer all | 2:31 | 'answer' takes auto, name or value, and not 'all'
rewrite name suffix a b answer name x | 2:37 | the replacement is missing
rewrite name suffix a b answer value x {1} | 2:40 | '{1}' uses 1 groups, 'x' has 0
rewrite name suffix a b answer auto name x y | 2:37 | 'answer auto' and 'answer name' exclude each other
rewrite name exact a b metadata | 2:22 | metadata is only supported for regex name rules
rewrite name regex (a) {2} metadata | 2:24 | has no group 2
rewrite name regex (a) {x} metadata | 2:24 | 'x' is no label of metadata
rewrite name regex (a) {1 metadata | 2:24 | a brace of '{1' has no other
rewrite type A | 2:14 | a type is missing
rewrite type A B | 2:16 | invalid type 'B'
rewrite type A AAAA TXT | 2:21 | unexpected 'TXT' at the end of the rule
rewrite class IN XX | 2:18 | invalid class 'XX'
rewrite ttl a 60-30 | 2:15 | invalid TTL '60-30'
rewrite ttl a - | 2:15 | invalid TTL '-'
rewrite ttl a 4294967296 | 2:15 | invalid TTL
rewrite ttl regx a 1 | 2:13 | a ttl rule matches exact
rewrite rcode a 24 0 | 2:17 | invalid RCODE '24'
rewrite rcode a NOERROR | 2:17 | an RCODE is missing
rewrite cname a | 2:15 | where to lead instead is missing
rewrite edns0 locl set 1 a | 2:15 | 'locl' is not a kind of option of edns0
rewrite edns0 local put 1 a | 2:21 | 'put' is not an action of edns0
rewrite edns0 local set 65536 a | 2:25 | the code of the option must be a number up to 65535: '65536'
rewrite edns0 local set 1 0xabc | 2:27 | '0xabc' is not hexadecimal
rewrite edns0 local set 1 {qnam} | 2:27 | unsupported variable '{qnam}'
rewrite edns0 subnet set 33 56 | 2:26 | the length of the IPv4 mask must be a number up to 32: '33'
""".strip().splitlines()


@pytest.mark.parametrize("line", REFUSED)
def test_refused_with_its_place(line: str) -> None:
    text, place, message = line.split(" | ")
    with pytest.raises(CorefileError) as refused:
        rewrite(text)
    assert f":{place}: " in str(refused.value)
    assert message in str(refused.value)


def test_every_mistake_is_told() -> None:
    with pytest.raises(CorefileError) as refused:
        rewrite(
            "rewrite name regex ( b answer name ) c\nrewrite ttl a b\nrewrite stop {\n type A\n}"
        )
    errors = (refused.value, *refused.value.others)
    assert [str(error.place).partition(":")[2] for error in errors] == [
        "2:20",
        "2:36",
        "3:15",
        "5:7",
    ]


def test_a_rule_on_the_line_and_in_a_block() -> None:
    with pytest.raises(CorefileError, match="on its line or in its block"):
        rewrite("rewrite name a b {\n answer auto\n}")
