"""What CoreDNS's manual pages of `template` and `view` show, each feature in a Corefile of our own, beside CoreDNS."""

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import DO, Opt, Question

CHAOS = 3
TEMPLATES = {
    "nobody": ("template ANY ANY {\n rcode NXDOMAIN\n}", ("a.lab", "lab")),
    "reserved": (
        r"""template ANY ANY lab {
            rcode NXDOMAIN
            authority "lab. 30 {{ .Class }} SOA ns.lab. admin.lab. (7 60 60 60 60)"
            ederror 21 "not here"
        }
        forward . {$UPSTREAM}""",
        ("a.lab", "lab", "www.example.com"),
    ),
    "search": (
        r"""template IN ANY lab.dc.lab {
            rcode NXDOMAIN
            authority "{{ .Zone }} 30 IN SOA ns.lab. admin.lab. (7 60 60 60 60)"
        }
        template IN ANY org {
            match "org\.(dc\.org\.)$"
            rcode NXDOMAIN
            authority "{{ index .Match 1 }} 30 IN SOA ns.{{ index .Match 1 }} a. (1 2 3 4 5)"
            fallthrough
        }
        forward . {$UPSTREAM}""",
        ("a.lab.dc.lab", "a.org.dc.org", "dc.org", "www.example.com"),
    ),
    "both ways": (
        r"""template IN A lab {
            match (^|[.])n-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]lab[.]$
            match ^(?P<a>[0-9]*)[.](?P<b>[0-9]*)[.](?P<c>[0-9]*)[.](?P<d>[0-9]*)[.]ext[.]lab[.]$
            answer "{{ .Name }} 30 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
            fallthrough
        }
        template IN A lab {
            match ^h0a(?P<b>[a-f0-9]{2})(?P<c>[a-f0-9]{2})[.]lab[.]$
            answer "{{ .Name }} 30 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ parseInt .Group.c 16 8 }}.1"
            fallthrough
        }
        template IN PTR in-addr.arpa {
            match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$
            answer "{{ .Name }} 30 IN PTR n-{{ .Group.a }}-{{ .Group.b }}-x-{{ .Group.d }}.lab."
        }
        template IN MX lab {
            match ^n-10-
            answer "{{ .Name }} 30 IN MX 10 {{ .Name }}"
            additional "{{ .Name }} 30 IN A 10.1.2.3"
            authority "lab. 30 IN NS ns0.lab."
            authority "lab. 30 IN NS ns1.lab."
            additional "ns0.lab. 30 IN A 203.0.113.8"
            fallthrough
        }
        forward . {$UPSTREAM}""",
        (
            *(
                "n-10-1-2-3.lab",
                "1.2.3.4.ext.lab",
                "x.n-1-2-3-4.lab",
                "n-300-1-2-3.lab",
                "n---.lab",
                "h0aff01.lab",
            ),
            *("h0azz01.lab", "N-10-1-2-3.LAB", "3.2.1.10.in-addr.arpa", "a.10.in-addr.arpa"),
        ),
    ),
    "alias": (
        r"""template IN ANY alias.lab {
            match "^alias\.lab\.$"
            answer "alias.lab 30 IN CNAME www.example.com"
        }
        forward . {$UPSTREAM}""",
        ("alias.lab", "a.alias.lab", "ALIAS.lab"),
    ),
    "devices": (
        """template IN A lab {
            match ^(?P<ip>[0-9]{1,3}(-[0-9]{1,3}){3})[.](?P<id>[a-z2-7]{4})[.]lab[.]$
            var ip replace(group('ip'), '-', '.')
            expr "any(['10.0.0.0/8', '169.254.0.0/16'], incidr(ip, #))"
            answer "{{ .Name }} 30 IN A {{ .Var.ip }}"
            fallthrough
        }
        forward . {$UPSTREAM}""",
        ("10-1-2-3.abcd.lab", "192-0-2-1.abcd.lab", "10-1-2-3.abc1.lab", "999-1-2-3.abcd.lab"),
    ),
}
VIEWS = r""".:{$PORT} {
    bind {$ADDRESS}
    view near {
        expr incidr(client_ip(), '127.0.0.0/8')
        expr name() matches '^abc\\..*\\.lab\\.$'
    }
    cache
    hosts /dev/null {
        192.0.2.1 abc.x.lab
    }
}
.:{$PORT} {
    bind {$ADDRESS}
    view far {
        expr incidr(client_ip(), '192.0.2.0/24')
    }
    hosts /dev/null {
        192.0.2.2 abc.x.lab other.lab
    }
}
.:{$PORT} {
    bind {$ADDRESS}
    view addresses {
        expr type() in ['A', 'AAAA']
    }
    cache
    forward . {$UPSTREAM}
}
.:{$PORT} {
    bind {$ADDRESS}
    cache
    template ANY ANY {
        answer "{{ .Name }} 60 IN TXT rest"
    }
}
"""


def questions(names: tuple[str, ...]) -> list[Question]:
    """Return each name with the types that templates have, with and without EDNS, over UDP and TCP."""
    return [
        Question(name, TYPES[kind], rclass=rclass, flags=0x100, opt=opt, tcp=tcp)
        for name in names
        for kind in ("A", "AAAA", "MX", "PTR", "TXT", "ANY")
        for rclass in (1, CHAOS)
        for opt in (None, Opt(1232, DO))
        for tcp in (False, True)
    ]


@pytest.mark.parametrize("page", sorted(TEMPLATES))
def test_templates_of_the_manual_answer_the_same(page: str, beside: Beside) -> None:
    text, names = TEMPLATES[page]
    # With `ederror` CoreDNS sends OPT and DO whatever the client said (docs/deviations.md).
    asked = [each for each in questions(names) if each.opt or "ederror" not in text]
    with beside(f".:{{$PORT}} {{\n bind {{$ADDRESS}}\n {text}\n}}\n") as both:
        assert both.check(asked) == len(asked)


def test_views_of_the_manual_answer_the_same(beside: Beside) -> None:
    asked = questions(("abc.x.lab", "abc.lab", "other.lab", "www.example.com", "ABC.x.y.lab"))
    with beside(VIEWS) as both:
        assert both.check(asked) == len(asked)
