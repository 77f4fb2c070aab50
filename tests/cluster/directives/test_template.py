"""`template` beside CoreDNS: each property, names that it hits and misses."""

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import DO, Opt, Question

AKS = r"""template ANY ANY internal.cloudapp.net {
        match "^(?:[^.]+\.){4,}internal\.cloudapp\.net\.$"
        rcode NXDOMAIN
        fallthrough
    }
    template ANY ANY reddog.microsoft.com {
        rcode NXDOMAIN
    }
    forward . {$UPSTREAM}"""
SPELLED = r"""template IN A example.org {
        match "^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)-(?P<c>[0-9]+)-(?P<d>[0-9]+)[.]example[.]org[.]$"
        answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        authority "example.org. 60 IN NS ns.example.org."
        additional "ns.example.org. 60 IN A 192.0.2.53"
        fallthrough
    }
    template IN ANY example.org {
        match ^mail[.] ^txt[.]
        answer "{{ .Name }} 60 IN MX 10 {{ .Name }}"
        answer "{{ .Name }} IN TXT \"{{ .Type }} {{ .Class }} {{ .Zone }} {{ len .Match }}\""
        fallthrough mail.example.org txt.example.org
    }
    forward example.com {$UPSTREAM}"""
ALIAS = r"""template IN A alias.test {
        match ^([a-z]+)[.]alias[.]test[.]$
        answer "{{ .Name }} 60 IN CNAME {{ index .Match 1 }}.example.com."
        fallthrough
    }
    template IN AAAA alias.test {
        answer "{{ .Name }} 60 IN AAAA 2001:db8::{{ printf \"%x\" 255 }}"
    }
    template IN TXT alias.test {
        answer "{{ if eq .Name \"a.alias.test.\" }}{{ .Name }} 5 IN TXT a{{ else }}nothing{{ end }}"
    }
    template IN SRV alias.test {
        rcode REFUSED
        ederror 15 "no services"
    }
    template IN MX alias.test {
        rcode SERVFAIL
    }
    template IN NS alias.test {
        rcode NXDOMAIN
        authority "alias.test. 60 IN SOA ns.alias.test. host.alias.test. 1 60 60 60 60"
    }
    forward . {$UPSTREAM}"""
KINDS = ("A", "AAAA", "TXT", "MX", "SRV", "NS", "ANY")
TABLE = {
    "aks": (
        AKS,
        (
            *(
                "a.b.c.d.internal.cloudapp.net",
                "a.b.c.internal.cloudapp.net",
                "internal.cloudapp.net",
            ),
            *("A.B.c.d.e.Internal.Cloudapp.Net", "x.reddog.microsoft.com", "www.example.com"),
        ),
        ("A", "AAAA", "TXT"),
    ),
    "spelled": (
        SPELLED,
        (
            *("ip-10-0-0-1.example.org", "IP-10-0-0-1.Example.org", "ip-10-0-0-999.example.org"),
            *("mail.example.org", "txt.example.org", "a.txt.example.org", "other.example.org"),
            *("www.example.com", "a.mail.example.org"),
        ),
        KINDS,
    ),
    "alias": (
        ALIAS,
        ("www.alias.test", "chain.alias.test", "none.alias.test", "a.alias.test", "b.c.alias.test"),
        KINDS,
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_answers_are_the_same(case: str, beside: Beside) -> None:
    text, names, kinds = TABLE[case]
    questions = [
        Question(name, TYPES[kind], tcp=tcp, opt=opt)
        for name in names
        for kind in kinds
        for tcp in (False, True)
        for opt in (None, Opt(1232), Opt(4096, DO))
        # With `ederror` CoreDNS sends OPT and DO whatever the client said (docs/deviations.md).
        if (opt and opt.flags == DO) or not (case == "alias" and kind in {"SRV", "ANY"})
    ]
    with beside(f".:{{$PORT}} {{\n    bind {{$ADDRESS}}\n    {text}\n}}\n") as both:
        assert both.check(questions) == len(questions)
