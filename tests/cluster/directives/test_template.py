"""`template` beside CoreDNS: each property, names that it hits and misses."""

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import DO, Opt, Question
from tests.unit.expression.test_expression import GIVES

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


VARIABLES = r"""metadata
    view some-view {
        expr true
    }
    template IN A example.org {
        match ^(?P<ip>[0-9]{1,3}(-[0-9]{1,3}){3})[.]example[.]org[.]$ ^other[.]
        var ip replace(group('ip'), '-', '.')
        expr "any(['10.0.0.0/8', '172.16.0.0/12'], incidr(ip, #))"
        answer "{{ .Name }} 60 IN A {{ .Var.ip }}"
        fallthrough
    }
    template IN TXT example.org {
        var labels split(name(), '.')
        var head labels[0]
        expr len(labels) > 3
        expr type() == 'TXT' && head != 'no'
        answer "{{ .Name }} 60 IN TXT {{ range $i, $l := .Var.labels }}\"{{ $i }}{{ $l }}\" {{ end }}"
        answer "{{ .Name }} 60 IN TXT \"{{ .Meta \"view/name\" }} {{ .Message.RecursionDesired }} {{ len .Group }}\""
    }
    template ANY ANY fails.test {
        var broken int(group(0))
        answer "{{ .Name }} 60 IN TXT {{ .Var.broken }}"
        fallthrough
    }
    forward . {$UPSTREAM}"""
#: What can be written into a Corefile without escapes, says nothing of the port, the address or the id, and gives one
#: line of text: a line's end within quotes is taken by miekg/dns alone.
PLAIN = [
    text
    for text, _ in GIVES
    if not any(
        odd in text for odd in ('"', "\\", "`", "$", "port()", "id()", "client_ip()", "toJSON")
    )
]


def test_variables_and_conditions_are_the_same(beside: Beside) -> None:
    names = (
        *("10-1-2-3.example.org", "11-1-2-3.example.org", "999-1-2-3.example.org"),
        *("other.example.org", "a.b.example.org", "no.b.example.org", "example.org"),
        *("12.fails.test", "www.example.com"),
    )
    questions = [
        Question(name, TYPES[kind], flags=flags, tcp=tcp)
        for name in names
        for kind in ("A", "TXT", "ANY")
        for flags in (0, 0x100)
        for tcp in (False, True)
    ]
    with beside(f".:{{$PORT}} {{\n    bind {{$ADDRESS}}\n    {VARIABLES}\n}}\n") as both:
        assert both.check(questions) == len(questions)


@pytest.mark.parametrize("part", range(4))
def test_values_of_expressions_are_the_same(part: int, beside: Beside) -> None:
    some = PLAIN[part::4]
    blocks = [
        f"""template ANY ANY e{number}.test {{
            var x "{text}"
            answer "{{{{ .Name }}}} 60 IN TXT \\"{{{{ printf \\"%v\\" .Var.x }}}}\\""
        }}"""
        for number, text in enumerate(some)
    ]
    corefile = "test:{$PORT} {\n bind {$ADDRESS}\n" + "\n".join(blocks) + "\n}\n"
    questions = [
        Question(f"{name}.e{number}.test", TYPES[kind], tcp=tcp)
        for number in range(len(some))
        for name, kind in (("www", "TXT"), ("A.b", "A"))
        for tcp in (False, True)
    ]
    with beside(corefile) as both:
        assert both.check(questions) == len(questions)


#: Records as people write them, and some that are none.
RECORDS = (
    *("{{ .Name }} 60 IN A 192.0.2.1", "{{ .Name }} IN A 192.0.2.1", "{{ .Name }} A 192.0.2.1"),
    *("{{ .Name }} IN 60 A 192.0.2.1", "{{ .Name }} 1h A 192.0.2.1", ". 60 IN NS a."),
    *("{{ .Name }} 60 {{ .Class }} A 192.0.2.1", "{{ .Name }} 60 in a 192.0.2.1"),
    *("www 60 IN A 192.0.2.1", "@ 60 IN A 192.0.2.1", "a.b 60 CH TXT x", "x y z"),
    *("{{ .Name }} 60 IN CNAME www.example.com", "{{ .Name }} 60 IN CNAME nobody.invalid."),
    *("{{ .Name }} 60 IN A 192.0.2.256", "{{ .Name }}", "60 IN A 192.0.2.1"),
    *("{{ .Name }} 60 IN A 192.0.2.1 ; said", "{{ .Name }} 60 IN NOTHING a"),
    *("{{ .Name }} 60 XX A 192.0.2.1", "{{ .Name }} -1 IN A 192.0.2.1"),
    *(r"{{ .Name }} 60 IN TYPE65280 \\# 4 0a000001", "{{ .Name }} 60 IN MX 10 mail"),
    *("{{ .Name }} 60 IN MX x mail.", "{{ .Name }} 60 IN TXT a b c"),
    *("{{ .Name }} 60 IN SRV 1 2 80 www.{{ .Zone }}", "{{ .Name }} 60 IN AAAA ::ffff:192.0.2.1"),
    "{{ .Name }} 60 IN SOA ns.{{ .Zone }} admin.{{ .Zone }} (1 60 60 60 60)",
    "{{ .Zone }} 60 {{ .Class }} SOA ns.{{ .Zone }} admin.{{ .Zone }} (1 60 60 60 60)",
    *("{{ .Name }} 60 IN SOA ns admin 1 1h 1m 1d 60", "{{ .Name }} 60 IN CAA 0 issue ca.test"),
    *("{{ .Name }} 60 IN HTTPS 1 . alpn=h2", "{{ .Name }} 60 IN PTR a.b."),
    *("{{ .Name }} 4294967295 IN A 192.0.2.1", "{{ .Name }} 4294967296 IN A 192.0.2.1"),
    *("{{ .Name }} 60 IN A 192.0.2.1 192.0.2.2", "{{ .Name }} 0 IN A 192.0.2.1"),
)


def test_texts_of_records_are_read_the_same(beside: Beside) -> None:
    blocks = [
        f'template IN ANY r{number}.test {{\n answer "{text}"\n}}\n'
        f'template IN ANY s{number}.test {{\n authority "{text}"\n rcode NXDOMAIN\n}}'
        for number, text in enumerate(RECORDS)
    ]
    corefile = (
        ".:{$PORT} {\n bind {$ADDRESS}\n" + "\n".join(blocks) + "\n forward . {$UPSTREAM}\n}\n"
    )
    questions = [
        Question(f"www.{section}{number}.test", TYPES[kind])
        for section in "rs"
        for number in range(len(RECORDS))
        for kind in ("A", "TXT")
    ]
    with beside(corefile) as both:
        assert both.check(questions) == len(questions)
