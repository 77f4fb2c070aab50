"""Go's template language: what a text with holes becomes, what is refused when it is read, and when it is run."""

from __future__ import annotations

import dns.exception
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.plugins.template.handler import record_of
from podname.plugins.template.language import TEXT_MAX, BadTemplate, TemplateError, compiled

PIECES = ("{{", "}}", "if", "end", "else", ".Name", "$x", ":=", "|", "(", '"', "len", " ", "-")
DATA = {
    "Name": "ip-10-0-0-1.example.org.",
    "Match": ["whole", "10", ""],
    "Group": {"0": "whole", "a": "10", "empty": ""},
    "Question": {"Qtype": 28, "Name": "x."},
    "Zone": "example.org.",
}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("{{ .Name }} 60", "ip-10-0-0-1.example.org. 60"),
        ("{{.Group.a}}.{{ index .Match 1 }}", "10.10"),
        ('{{ index .Group "a" }}{{ .Group.nothing }}', "10"),
        ("a {{- .Group.a -}} b", "a10b"),
        ("a {{/* said to nobody */}}b", "a b"),
        ("{{ if .Group.empty }}yes{{ else }}no{{ end }}", "no"),
        ('{{ if eq .Group.a "9" }}9{{ else if eq .Group.a "10" }}ten{{ end }}', "ten"),
        ("{{ with .Group.a }}<{{ . }}>{{ else }}none{{ end }}", "<10>"),
        ("{{ with $x := .Group.a }}{{ $x }}{{ $.Zone }}{{ end }}", "10example.org."),
        ('{{ $x := "a" }}{{ if true }}{{ $x = "b" }}{{ end }}{{ $x }}', "b"),
        ('{{ printf "%s-%03d-%x-%q-%%" .Group.a 7 255 "q" }}', '10-007-ff-"q"-%'),
        ('{{ printf "%5s|%-5s|%.1s" "ab" "ab" "ab" }}', "   ab|ab   |a"),
        ('{{ printf "%d" }} {{ printf "%s" "a" "b" }}', "%!d(MISSING) a%!(EXTRA b)"),
        ("{{ parseInt .Group.a 16 8 }}", "16"),
        ('{{ "z" | printf "%s%s" "y" }}', "yz"),
        ("{{ len .Match }} {{ len .Name }}", "3 24"),
        ("{{ and 1 .Group.empty }}|{{ or .Group.empty 2 }}|{{ not true }}", "|2|false"),
        ("{{ lt 1 2 }} {{ ge 1 2 }} {{ ne 1 2 }} {{ eq 3 1 3 }}", "true false true true"),
        ('{{ print 1 2 }} {{ print 1 "a" 2 }} {{ slice .Name 0 2 }}', "1 2 1a2 ip"),
        ("{{ .Match }} {{ .Question.Qtype }} {{ (index .Match 0) }}", "[whole 10 ] 28 whole"),
        (r'{{ "tab\tand \"quote\"" }} {{ `raw\t` }}', 'tab\tand "quote" raw\\t'),
    ],
)
def test_what_a_template_makes(text: str, made: str) -> None:
    assert compiled(text)(DATA) == made


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ .Name", "not closed by '}}'"),
        ("{{ if .Name }}a", "not closed by 'end'"),
        ("{{ end }}", "unexpected 'end'"),
        ("{{ else }}", "unexpected 'else'"),
        ("{{ range .Match }}{{ end }}", "'range' is not supported yet"),
        ('{{ template "x" }}', "'template' is not supported yet"),
        ("{{ nothing .Name }}", "function 'nothing' is not known"),
        ("{{ $x }}", "undefined variable '$x'"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "undefined variable '$x'"),
        ("{{ .Name | .Zone }}", "not a function"),
        ("{{ (len .Name }}", "something is missing"),
        ("{{ }}", "something is missing"),
        ("{{ len .Name ) }}", "unexpected ')'"),
        ("{{ ? }}", "unexpected '?'"),
        (r'{{ "\z" }}', "unknown escape"),
        ("{{ if true }}" * 40, "too deep"),
    ],
)
def test_what_is_refused_when_it_is_read(text: str, problem: str) -> None:
    with pytest.raises(
        BadTemplate, match=problem.replace("$", r"\$").replace("?", r"\?").replace(")", r"\)")
    ):
        compiled(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ index .Match 9 }}",
        "{{ .Nothing }}",
        "{{ .Name.Nothing }}",
        '{{ parseInt "zz" 10 8 }}',
        '{{ parseInt "256" 10 8 }}',
        '{{ eq 1 "1" }}',
        "{{ slice .Name 9 2 }}",
        f'{{{{ printf "%{TEXT_MAX + 1}s" "a" }}}}',
        '{{ printf "%60000s" "a" }}{{ printf "%60000s" "a" }}',
    ],
)
def test_what_cannot_be_run(text: str) -> None:
    run = compiled(text)
    with pytest.raises(TemplateError):
        run(DATA)


@given(st.lists(st.sampled_from([*PIECES])).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        run = compiled(text)
    except BadTemplate:
        return
    try:
        run(DATA)
    except TemplateError:
        return


@pytest.mark.parametrize(
    ("text", "rtype", "rclass", "ttl_seconds"),
    [
        ("a.example. 60 IN SOA ns.a.example. h.a.example. 1 2 3 4 5", 6, 1, 60),
        ('a.example. CH 1h TXT "x y"', 16, 3, 3600),
        ("a.example. A 192.0.2.1", 1, 1, 3600),
    ],
)
def test_a_record_is_read_by_itself(text: str, rtype: int, rclass: int, ttl_seconds: int) -> None:
    found = record_of(text)
    assert (found.rtype, found.rclass, found.ttl_seconds) == (rtype, rclass, ttl_seconds)


@pytest.mark.parametrize(
    "text", ["", "a.example.", "a.example. A", "a. A x", "a. A 192.0.2.1 more"]
)
def test_what_is_not_a_record(text: str) -> None:
    with pytest.raises((dns.exception.DNSException, ValueError)):
        record_of(text)
