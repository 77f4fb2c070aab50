"""`rewrite` beside CoreDNS: each option, names that it hits and names that it misses.

A block of the Corefile is a zone of its own, `Z` in its rules and names, and forwards to the script's server.
"""

from __future__ import annotations

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import Opt, Question, option

BLOCK = """Z:{$PORT} {
    bind {$ADDRESS}
RULES
    EXTRA
    forward . {$UPSTREAM}
}
"""

#: Zone: its rules, and the names that are asked for; types behind a name are in place of A and AAAA.
BLOCKS: dict[str, tuple[str, list[str]]] = {
    "exact": (
        """rewrite name www.Z www.example.com
        rewrite name exact TWO.Z two.example.com.""",
        ["www.Z", "WwW.Z", "a.www.Z", "two.Z", "Z", "chain.Z"],
    ),
    "exact-chain": (
        "rewrite name a.Z chain.example.com",
        ["a.Z", "A.z"],
    ),
    "exact-value": (
        r"""rewrite stop {
            name exact all.Z all.example.com
            answer value (.*)\\.example\\.com\\. {1}.Z.
        }""".replace("\\\\", "\\"),
        ["all.Z MX SRV NS PTR NAPTR TXT SOA"],
    ),
    "prefix": (
        """rewrite name prefix one two
        rewrite name prefix www.a. www.
        rewrite stop name prefix www.b www answer auto""",
        ["one.Z", "www.a.Z", "www.b.Z", "one", "onea.Z"],
    ),
    "suffix": (
        """rewrite name suffix .s.Z .example.com
        rewrite stop name suffix .auto.Z .example.com answer auto
        rewrite name suffix art.Z wo.example.com.""",
        [
            "www.s.Z",
            "all.s.Z MX SRV",
            "s.Z",
            "www.auto.Z",
            "chain.auto.Z",
            "all.auto.Z MX SRV NS PTR NAPTR TXT",
            "none.auto.Z",
            "tart.Z",
            "a.tart.Z",
            "WWW.AUTO.Z",
            "fails.auto.Z",
            "empty.auto.Z",
        ],
    ),
    "substring": (
        """rewrite name substring .mid.Z .example.com answer auto
        rewrite name substring xyz abc""",
        ["www.mid.Z", "www.mid.mid.Z", "xyz.Z", "wxyz.Z", "mid.Z", "chain.mid.Z"],
    ),
    "regex": (
        r"""rewrite name regex ^(\w+)-(\w+)\.plain\.Z\.$ {2}.example.com
        rewrite name regex (.*)\.my\.Z {1}.example.com answer auto
        rewrite name regex ^(.*)\.n\.Z\.$ {1}.example.com answer name (.*)\.example\.com {1}.n.Z
        rewrite stop {
            name regex ^(.*)\.v\.Z\.$ {1}.example.com
            answer name ^(.*)\.example\.com\.$ {1}.v.Z.
            value (.*)\.example\.com\. {1}.w.Z
            answer value ^www\. ww2.Z.
        }
        rewrite name regex (?i)^(a)?(.)\.opt\.Z\. {1}{2}ww.example.com""",
        [
            "a-www.plain.Z",
            "A-Two.plain.Z",
            "www.my.Z",
            "chain.my.Z",
            "www.x.my.Z",
            "www.n.Z",
            "chain.n.Z",
            "chain.v.Z",
            "all.v.Z MX SRV PTR",
            "w.opt.Z",
            "aw.opt.Z",
            "regex",
        ],
    ),
    "bad": (
        """rewrite name regex ^a\\.Z\\.$ a..example.com
        rewrite name regex ^(.*)\\.l\\.Z\\.$ {1}{1}{1}{1}{1}{1}{1}{1}.example.com
        rewrite name substring b.Z .""",
        ["a.Z", "aaaaaaaaaa.l.Z", "aa.l.Z", "x.b.Z"],
    ),
    "mode": (
        """rewrite continue name suffix .c.Z .d.Z answer auto
        rewrite continue name suffix .d.Z .example.com answer auto
        rewrite ttl suffix .example.com 7
        rewrite stop name suffix .e.Z .Z answer auto
        rewrite name exact www.Z two.example.com""",
        ["www.c.Z", "www.d.Z", "www.e.Z", "www.Z", "chain.c.Z"],
    ),
    "ttl": (
        """rewrite continue ttl www.a.Z 5
        rewrite continue ttl prefix www.b 400-500
        rewrite continue ttl suffix .c.Z -30
        rewrite continue ttl substring .d. 1000-
        rewrite continue ttl regex ^\\w+\\.e\\. 299-299
        rewrite name regex (\\w+)\\.\\w+\\.Z\\. {1}.example.com answer auto""",
        ["www.a.Z", "www.b.Z", "www.c.Z", "www.d.Z", "www.e.Z", "none.c.Z", "chain.d.Z", "www.f.Z"],
    ),
    "rcode": (
        """rewrite continue rcode none.a.Z NXDOMAIN NOERROR
        rewrite continue rcode suffix .b.Z 2 3
        rewrite continue rcode prefix refused.c refused NXDOMAIN
        rewrite continue rcode regex ^\\w+\\.d\\. NOERROR yxdomain
        rewrite continue rcode regex ^\\w+\\.d\\. NXDOMAIN NOERROR
        rewrite name regex (\\w+)\\.\\w+\\.Z\\. {1}.example.com answer auto""",
        ["none.a.Z", "fails.b.Z", "refused.c.Z", "none.d.Z", "www.d.Z", "empty.d.Z", "two.d.Z"],
    ),
    "type": (
        """rewrite continue type AAAA A
        rewrite type ANY HINFO
        rewrite name suffix .Z .example.com answer auto""",
        ["www.Z A AAAA ANY TXT"],
    ),
    "class": (
        """rewrite continue class CH IN
        rewrite name suffix .Z .example.com answer auto""",
        ["www.Z"],
    ),
    "cname": (
        """rewrite continue cname exact www.example.com. two.example.com.
        rewrite name suffix .Z .example.com answer auto""",
        ["chain.Z", "www.Z", "chain.Z CNAME"],
    ),
    "cname-forms": (
        """rewrite continue cname prefix ww tw
        rewrite continue cname suffix example.org. example.com.
        rewrite continue cname regex ^(t)ww\\.(.*) {1}wo.{2}
        rewrite name suffix .Z .example.com""",
        ["chain.Z", "www.Z"],
    ),
    "cname-loop": (
        """rewrite continue cname substring www chain
        rewrite name suffix .Z .example.com""",
        ["chain.Z"],
    ),
    "local": (
        """rewrite continue edns0 local set 0xffee abcd
        rewrite continue edns0 local append 65001 0x0102 revert
        rewrite continue edns0 local replace 65002 new
        rewrite continue edns0 local unset 65003
        rewrite continue edns0 local set 65004 {qname}
        rewrite continue edns0 local set 65005 {qtype}
        rewrite continue edns0 local append 65006 {client_ip}
        rewrite continue edns0 local set 65008 {protocol}
        rewrite continue edns0 local set 65009 {server_ip}
        rewrite name suffix .Z .example.com answer auto""",
        ["options.Z TXT"],
    ),
    "subnet": (
        """rewrite continue edns0 subnet set 24 56
        rewrite continue edns0 nsid append
        rewrite name suffix .Z .example.com answer auto""",
        ["options.Z TXT"],
    ),
    "unset": (
        """rewrite continue edns0 subnet unset
        rewrite continue edns0 nsid replace
        rewrite name suffix .Z .example.com answer auto""",
        ["options.Z TXT"],
    ),
}
OPTIONS = (
    option(65001, b"mine") + option(65002, b"old") + option(65003, b"gone"),
    option(8, b"\0\1\x20\0\1\2\3\4") + option(3),
)
OPTS = (None, Opt(), Opt(4096, flags=0x8000))


def corefile(extra: str = "") -> str:
    return "".join(
        BLOCK.replace("RULES", rules).replace("EXTRA", extra).replace("Z", zone)
        for zone, (rules, _) in BLOCKS.items()
    )


def _opts(zone: str) -> tuple[Opt | None, ...]:
    """Return the OPT records to ask with, less what docs/deviations.md says of `rewrite`."""
    if zone == "ttl":  # CoreDNS takes the flags of a forwarded OPT record for its TTL
        return (None,)
    if zone in {
        "local",
        "subnet",
        "unset",
    }:  # CoreDNS has OPT in the response where the query has none
        return OPTS[1:] + tuple(Opt(options=each) for each in OPTIONS)
    return OPTS


def questions() -> list[Question]:
    found = []
    for zone, (_, names) in BLOCKS.items():
        opts = _opts(zone)
        for line in names:
            name, *kinds = line.replace(".Z", f".{zone}").replace("Z", zone).split()
            found += [
                Question(name, TYPES[kind], tcp=tcp, opt=opt)
                for kind in kinds or ("A", "AAAA")
                for tcp in (False, True)
                for opt in opts
            ]
    chaos = [
        Question("www.class", 1, rclass=3, tcp=tcp, opt=opt)
        for tcp in (False, True)
        for opt in OPTS
    ]
    return found + chaos


@pytest.mark.parametrize("extra", ["", "cache"])
def test_every_rule_is_applied_alike(beside: Beside, extra: str) -> None:
    asked = questions()
    with beside(corefile(extra)) as both:
        assert both.check(asked) == len(asked)


LOCAL = """local:{$PORT} {
    bind {$ADDRESS}
    rewrite continue edns0 local set 0xffee abcd
    rewrite continue edns0 local replace 65001 {qname}
    rewrite continue edns0 local set 65002 efgh revert
    rewrite continue edns0 local append 65003 ijkl revert
    rewrite continue edns0 nsid set
    rewrite name suffix .x.local .local answer auto
    hosts {
        192.0.2.1 a.local b.local
    }
}
"""


def test_options_come_back_in_what_is_answered_here(beside: Beside) -> None:
    data = (b"", *OPTIONS, option(65002, b"x") + option(65003, b"y") + option(65004, b"z"))
    questions = [
        Question(name, TYPES[kind], tcp=tcp, opt=Opt(options=options))
        for name in ("a.local", "b.x.local")
        for kind in ("A", "TXT")
        for tcp in (False, True)
        for options in data
    ]
    with beside(LOCAL) as both:
        assert both.check(questions) == len(questions)
