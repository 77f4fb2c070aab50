"""`file` beside CoreDNS: a zone with everything in it, signed zones, and generated ones."""

import random
from itertools import product
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import DO, Opt, Question, ask

ZONE = r"""$TTL 300
$ORIGIN example.org.
@ 3600 IN SOA NS1 Hostmaster 2026010101 7200 3600 1209600 60
  NS ns1
  NS ns.elsewhere.test.
  MX 10 mail
  A 192.0.2.1
ns1 A 192.0.2.53
    AAAA 2001:db8::53
mail 60 A 192.0.2.25
     120 AAAA 2001:db8::25
www A 192.0.2.80
    A 192.0.2.81
    TXT "a text" "of two"
WWW HTTPS 1 . alpn=h2
svc SVCB 1 Mail port=25
alias CNAME www
chain1 CNAME Chain2
chain2 CNAME alias
out CNAME www.example.com.
missing CNAME nothing.example.com.
within CNAME nothing
dangling CNAME x.unserved.test.
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
*.wild A 192.0.2.99
       MX 5 mail
       TXT "wild"
under.x.wild TXT "below an empty non-terminal"
*.walias CNAME www
*.wout CNAME www.example.com.
*.deep.ent AAAA 2001:db8::1
a.b.c.ent A 192.0.2.7
_sip._tcp SRV 1 2 5060 Mail
          SRV 1 2 5061 mail
          SRV 1 2 5062 nothing.example.com.
sub NS ns.sub
    NS ns1
    DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns.sub A 192.0.2.54
tosub CNAME x.sub
bare NS ns.bare.elsewhere.test.
renamed DNAME target
x.target A 192.0.2.11
target MX 1 x.target
moved DNAME example.com.
odd\.label A 192.0.2.12
sp\032ace A 192.0.2.13
big TXT "0" "1"
$GENERATE 1-60 big 60 A 198.51.100.$
$INCLUDE more.db
ptr PTR WWW
caa CAA 0 issue "ca.example.net"
naptr NAPTR 1 2 "S" "SIP+D2U" "" www
"""
MORE = "included A 192.0.2.90\n"
NAMES = """
@ ns1 mail www WWW svc alias chain1 chain2 out missing within dangling loop1 loop2 self x.wild y.x.wild wild *.wild
under.x.wild z.under.x.wild x.walias x.wout ent c.ent b.c.ent a.b.c.ent x.ent x.deep.ent deep.ent y.x.deep.ent
_sip._tcp _tcp x._tcp sub x.sub ns.sub tosub bare x.bare renamed x.renamed y.x.renamed x.target target moved www.moved
two.moved nothing.moved odd\\046label sp\\032ace big included ptr caa naptr nothing x.nothing nothing.www
""".split()  # noqa: SIM905  # read as a text
KINDS = (
    "A",
    "AAAA",
    "NS",
    "SOA",
    "MX",
    "TXT",
    "CNAME",
    "DNAME",
    "SRV",
    "DS",
    "HTTPS",
    "SVCB",
    "NSEC",
)
COREFILE = """example.org {{
    bind {{$ADDRESS}}
    file {folder}/example.org.db {{
        {more}
    }}
}}
example.com {{
    bind {{$ADDRESS}}
    forward . {{$UPSTREAM}}
}}
"""


FELL = """template ANY ANY . {
        answer "{{ .Name }} 5 IN TXT fell\""""


def corefile(folder: Path, more: str = "", text: str = COREFILE) -> str:
    return text.format(folder=folder, more=more).replace(" {\n    bind", ":{$PORT} {\n    bind")


def full(name: str, origin: str = "example.org") -> str:
    return origin if name == "@" else f"{name}.{origin}"


def test_answers_are_the_same(beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "example.org.db").write_text(ZONE)
    (tmp_path / "more.db").write_text(MORE)
    questions = [
        Question(full(name), TYPES[kind], tcp=tcp, opt=opt)
        for name, kind in product(NAMES, KINDS)
        for tcp, opt in ((False, None), (True, None), (False, Opt(1232)), (False, Opt(4096, DO)))
    ]
    with beside(corefile(tmp_path)) as both:
        assert both.check(questions) == len(NAMES) * len(KINDS) * 4


@pytest.mark.parametrize("where", ["", "sub.example.org wild.example.org"])
def test_what_falls_through_is_the_same(where: str, beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "example.org.db").write_text(ZONE)
    (tmp_path / "more.db").write_text(MORE)
    text = corefile(tmp_path, f"fallthrough {where}\n    }}\n    {FELL}")
    questions = [ask(full(name), kind) for name, kind in product(NAMES, ("A", "TXT", "DS"))]
    with beside(text) as both:
        assert both.check(questions) == len(questions)


def signed(text: str, origin: str = "example.org.") -> str:
    """Sign a zone with a key of its own, with NSEC."""
    zone = dns.zone.from_text(text, origin, relativize=False, allow_include=False)
    key = ed25519.Ed25519PrivateKey.generate()
    dnskey = dns.dnssec.make_dnskey(key.public_key(), dns.dnssectypes.Algorithm.ED25519, 257)
    with zone.writer() as writer:
        dns.dnssec.sign_zone(zone, writer, [(key, dnskey)], lifetime=86400)
    return zone.to_text(relativize=False)


def test_signed_zones_are_the_same(beside: Beside, tmp_path: Path) -> None:
    lines = [line for line in ZONE.splitlines() if not line.startswith("$INCLUDE")]
    (tmp_path / "example.org.db").write_text(signed("\n".join(lines) + "\n"))
    # CoreDNS leaves the signature of an alias made of a wildcard under the wildcard's name (docs/deviations.md).
    names = [name for name in NAMES if name not in {"x.walias", "x.wout"}]
    questions = [
        Question(full(name), TYPES[kind], opt=opt, tcp=True)
        for name, kind in product(names, (*KINDS, "DNSKEY", "RRSIG"))
        for opt in (Opt(1232), Opt(4096, DO))
    ]
    with beside(corefile(tmp_path)) as both:
        assert both.check(questions) == len(questions)


LABELS = ("a", "b", "*", "c", "A")
RDATA = {
    "A": ("192.0.2.1", "192.0.2.2"),
    "TXT": ('"x"', '"y"'),
    "CNAME": ("a", "b.a", "a.c", "www.example.com."),
    "MX": ("1 a", "1 b.a", "2 A"),
    "NS": ("a.b", "ns.b.a", "c"),
    "DNAME": ("c", "b.c"),
}


def some_zone(chance: random.Random, origin: str) -> str:
    lines = [f"$ORIGIN {origin}.", "@ 60 IN SOA ns h 7 2 3 4 5", "@ 60 IN NS ns"]
    for _ in range(chance.randrange(3, 14)):
        owner = ".".join(chance.choice(LABELS) for _ in range(chance.randrange(1, 4)))
        kind = chance.choice(("A", "A", "TXT", "MX", *RDATA))
        lines.append(f"{owner} 60 IN {kind} {chance.choice(RDATA[kind])}")
    return "\n".join(lines) + "\n"


def test_generated_zones_are_the_same(beside: Beside, tmp_path: Path) -> None:
    chance, text, questions = random.Random(4592), "", list[Question]()
    for number in range(60):
        origin = f"z{number}.test"
        (tmp_path / f"{origin}.db").write_text(some_zone(chance, origin))
        text += (
            f"{origin}:{{$PORT}} {{\n    bind {{$ADDRESS}}\n    file {tmp_path}/{origin}.db\n}}\n"
        )
        for _ in range(40):
            labels = ".".join(chance.choice(LABELS[:4]) for _ in range(chance.randrange(1, 5)))
            kind = chance.choice(tuple(RDATA))
            opt = chance.choice((None, Opt(4096, DO)))
            questions.append(Question(f"{labels}.{origin}", TYPES[kind], opt=opt, tcp=True))
    with beside(text) as both:
        assert both.check(questions) == 2400


AUTO = """org test:{{$PORT}} {{
    bind {{$ADDRESS}}
    auto {zones} {{
        directory {folder}/zones {naming}
        reload 1s
    }}
    template ANY ANY . {{
        answer "{{{{ .Name }}}} 5 IN TXT fell"
    }}
}}
"""


@pytest.mark.parametrize(
    ("zones", "naming", "suffix"),
    [
        ("", "", "db.{0}"),
        ("org", "", "db.{0}"),
        ("", r"^(.*)\.zone$ {{1}}", "{0}.zone"),
        ("", r"^x-(\w+)-(\w+)$ {{1}}.{{2}}", "x-{1}"),
    ],
)
def test_folders_are_the_same(
    zones: str, naming: str, suffix: str, beside: Beside, tmp_path: Path
) -> None:
    folder = tmp_path / "zones" / "inner"
    folder.mkdir(parents=True)
    lines = [line for line in ZONE.splitlines() if not line.startswith(("$INCLUDE", "tosub"))]
    for origin in ("example.org", "other.test", "broken.test"):
        text = "\n".join(lines).replace("example.org", origin) + "\n"
        path = folder / suffix.format(origin, origin.replace(".", "-"))
        path.write_text(text if origin != "broken.test" else text[:200])
        folder = folder.parent
    (tmp_path / "zones" / "readme").write_text("no zone")
    asked = [
        ask(full(name, origin), kind, tcp=True)
        for name in (*NAMES[:12], "x.wild", "nothing", "sub")
        for origin in ("example.org", "other.test", "broken.test", "none.test")
        for kind in ("A", "MX", "NS")
    ]
    text = AUTO.format(
        folder=tmp_path, zones=zones, naming=naming.replace("{{", "{").replace("}}", "}")
    )
    with beside(text) as both:
        assert both.check(asked) == len(asked)
