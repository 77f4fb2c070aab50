"""Small directives beside CoreDNS: any, bufsize, cancel, local, minimal, multisocket, root."""

from pathlib import Path

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import DO, Opt, Question

NAMES = ("www.example.com", "two.example.com", "chain.example.com", "big.example.com")
OTHERS = ("none.example.com", "empty.example.com", "fails.example.com", "refused.example.com")
LOCAL = (
    *("localhost", "LocalHost", "a.localhost", "a.b.localhost", "localhost.example.com"),
    *(
        "LOCALHOST.two.example.com",
        "localhosts",
        "notlocalhost.example.com",
        "1.0.0.127.in-addr.arpa",
    ),
    *("2.0.0.127.in-addr.arpa", "127.in-addr.arpa", "0.in-addr.arpa", "9.255.in-addr.arpa"),
    *("255.in-addr.arpa", "28.in-addr.arpa", "www.example.com"),
)
KINDS = ("A", "AAAA", "SOA", "NS", "PTR", "TXT", "SRV", "ANY")
OPTS = (None, Opt(512), Opt(1232), Opt(4096, DO), Opt(100))


def block(text: str, keys: str = ".") -> str:
    return f"{keys}:{{$PORT}} {{\n    bind {{$ADDRESS}}\n    {text}\n}}\n"


def asked(names: tuple[str, ...], kinds: tuple[str, ...] = KINDS) -> list[Question]:
    return [
        Question(name, TYPES[kind], tcp=tcp, opt=opt)
        for name in names
        for kind in kinds
        for tcp in (False, True)
        for opt in OPTS
    ]


@pytest.mark.parametrize(
    ("text", "names", "kinds"),
    [
        ("any\n    forward . {$UPSTREAM}", NAMES[:1], KINDS),
        ("any\n    whoami", NAMES[:1], KINDS),
        ("bufsize\n    forward . {$UPSTREAM}", (*NAMES, *OTHERS), ("A", "AAAA")),
        ("bufsize 512\n    forward . {$UPSTREAM}", (*NAMES, *OTHERS), ("A", "AAAA")),
        ("bufsize 4096\n    cache\n    forward . {$UPSTREAM}", (*NAMES, *OTHERS), ("A", "AAAA")),
        ("bufsize 600\n    whoami", NAMES[:1], ("A", "SRV")),
        ("bufsize 700\n    bufsize 512\n    whoami", NAMES[:1], ("A",)),
        ("cancel\n    forward . {$UPSTREAM}", (*NAMES, *OTHERS), ("A",)),
        ("local\n    forward . {$UPSTREAM}", LOCAL, KINDS),
        ("local {\n        localhost_prefix off\n    }\n    forward . {$UPSTREAM}", LOCAL, KINDS),
        ("minimal\n    forward . {$UPSTREAM}", (*NAMES, *OTHERS), ("A", "AAAA", "MX")),
        ("minimal\n    cache\n    forward . {$UPSTREAM}", (*NAMES, *OTHERS), ("A", "AAAA")),
        ("minimal\n    whoami", NAMES[:1], ("A", "SRV")),
        ("multisocket 2\n    whoami", NAMES[:1], ("A",)),
    ],
)
def test_answers_are_the_same(
    text: str, names: tuple[str, ...], kinds: tuple[str, ...], beside: Beside
) -> None:
    questions = asked(names, kinds)
    with beside(block(text)) as both:
        assert both.check(questions) == len(questions)


ACL = """acl example.com {
        allow net 192.0.2.0/24
        block type AAAA TXT net 10.0.0.0/8 fd00::/8
        FILTER type MX
        drop type SOA net 10.42.3.1
        allow type NS
    }
    acl {
        filter net 10.42.0.0/16
    }
    forward . {$UPSTREAM}"""


def test_acl_decides_alike(beside: Beside) -> None:
    """With an extended error CoreDNS sends OPT and DO whatever the client said (docs/deviations.md)."""
    questions = [
        Question(name, TYPES[kind], tcp=tcp, opt=Opt(1232, DO))
        for name in ("www.example.com", "none.example.com", "example.com", "other.test")
        for kind in ("A", "AAAA", "TXT", "MX", "NS", "SRV")
        for tcp in (False, True)
    ]
    with beside(block(ACL)) as both:
        assert both.check(questions) == len(questions)
        assert both.check([Question("www.example.com", TYPES["SOA"])]) == 1  # nobody says a word


@pytest.mark.parametrize(
    "text",
    [
        "header {\n        response set ra aa\n    }\n    forward . {$UPSTREAM}",
        "header {\n        response clear RA\n        response set aa\n    }\n    cache\n    forward . {$UPSTREAM}",
        "header {\n        query clear rd\n        response set ra rd\n    }\n    whoami",
        "dns64 {\n        allow_ipv4\n    }\n    forward . {$UPSTREAM}",
        (
            "dns64 {\n        prefix 64:1337::/64\n        allow_ipv4\n        translate_all\n    }\n    cache\n    "
            "forward . {$UPSTREAM}"
        ),
        "dns64\n    forward . {$UPSTREAM}",
    ],
)
def test_what_is_changed_is_changed_alike(text: str, beside: Beside) -> None:
    questions = asked((*NAMES, *OTHERS), ("A", "AAAA", "MX"))
    with beside(block(text)) as both:
        assert both.check(questions) == len(questions)


def test_hosts_lie_below_root(beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "names").write_text("192.0.2.1 a.hosts.test\n")
    text = "root {$FOLDER}/elsewhere\n    root {$FOLDER}/below\n    hosts names"
    with beside(block(text)) as both:
        assert both.check(asked(("a.hosts.test", "b.hosts.test"), ("A", "AAAA"))) == 40
        assert both.podname.short("a.hosts.test") == ["192.0.2.1"]
