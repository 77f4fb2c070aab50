"""Go's template language: what a text with holes becomes, what is refused when it is read, and when it is run.

The texts are what Go's text/template makes of the same templates.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.plugins.template.functions import TEXT_MAX, Fields, TemplateError, Texts
from podname.plugins.template.language import compiled
from podname.plugins.template.lexer import BadTemplate
from podname.plugins.template.records import BadRecord, record_of

PIECES = (
    *("{{", "}}", "if", "end", "else", ".Name", "$x", ":=", "|", "(", '"', "len", " ", "-"),
    *(
        "range",
        "with",
        ".Match",
        "break",
        ",",
        ".Meta",
        "{{ end }}",
        "{{ range $i, $x := .Match }}",
    ),
)
QUESTION = Fields(Name="IP-10-0-0-1.example.org.", Qtype=28, Qclass=1)
DATA = Fields(
    Zone="example.org.",
    Name="ip-10-0-0-1.example.org.",
    Class="IN",
    Type="AAAA",
    Remote="192.0.2.7",
    Regex=".*",
    Match=["whole", "10", ""],
    Group=Texts({"0": "whole", "a": "10", "empty": ""}),
    Question=QUESTION,
    Message=Fields(Id=7, Response=False, Opcode=0, RecursionDesired=True, Question=[QUESTION]),
    Var={"n": 5, "s": "t", "f": 1.5, "b": True, "l": [1, "x"]},
    Meta=lambda label: "c" if label == "a/b" else "",
)
MAKES = [
    ("plain", "plain"),
    ("{{ .Name }} 60", "ip-10-0-0-1.example.org. 60"),
    ("{{.Group.a}}.{{ index .Match 1 }}", "10.10"),
    ('{{ index .Group "a" }}{{ .Group.nothing }}|{{ .Var.nothing }}', "10<no value>|<no value>"),
    ("a {{- .Group.a -}} b", "a10b"),
    ("a {{/* said to nobody */}}b", "a b"),
    ("a {{- /* x */ -}} b", "ab"),
    ("{{ if .Group.empty }}yes{{ else }}no{{ end }}", "no"),
    ('{{ if eq .Group.a "9" }}9{{ else if eq .Group.a "10" }}ten{{ end }}', "ten"),
    ("{{ with .Group.a }}<{{ . }}>{{ else }}none{{ end }}", "<10>"),
    ("{{ with .Group.empty }}<{{ . }}>{{ else }}none{{ end }}", "none"),
    ("{{ with $x := .Group.a }}{{ $x }}{{ $.Zone }}{{ end }}", "10example.org."),
    ("{{ with .Group.empty }}1{{ else with .Group.a }}{{ . }}{{ end }}", "10"),
    ('{{ $x := "a" }}{{ if true }}{{ $x = "b" }}{{ end }}{{ $x }}', "b"),
    ('{{ $x := "a" }}{{ if true }}{{ $x := "b" }}{{ $x }}{{ end }}{{ $x }}', "ba"),
    ('{{ printf "%s-%03d-%x-%q-%%" .Group.a 7 255 "q" }}', '10-007-ff-"q"-%'),
    ('{{ printf "%5s|%-5s|%.1s" "ab" "ab" "ab" }}', "   ab|ab   |a"),
    ('{{ printf "%d" }} {{ printf "%s" "a" "b" }}', "%!d(MISSING) a%!(EXTRA string=b)"),
    (
        '{{ printf "%s" 5 }} {{ printf "%d" "a" }} {{ printf "%t" true }} {{ printf "%v %v" true 1.5 }}',
        "%!s(int=5) %!d(string=a) true true 1.5",
    ),
    (
        '{{ printf "%05.1f %+d %c %X" 3.14159 5 97 "abc" }} {{ printf "%o %b" 8 5 }}',
        "003.1 +5 a 616263 10 101",
    ),
    ('{{ printf "%" }} {{ printf "%z" 1 }}', "%!(NOVERB) %!z(int=1)"),
    ("{{ parseInt .Group.a 16 8 }}", "16"),
    ('{{ parseInt "ff" 16 8 }} {{ parseInt "zz" 36 64 }}', "255 1295"),
    ('{{ "z" | printf "%s%s" "y" }}', "yz"),
    ("{{ len .Match }} {{ len .Name }} {{ len .Group }}", "3 24 3"),
    ("{{ and 1 .Group.empty }}|{{ or .Group.empty 2 }}|{{ not true }}", "|2|false"),
    ("{{ and false (index .Match 9) }} {{ or 1 (index .Match 9) }}", "false 1"),
    ("{{ lt 1 2 }} {{ ge 1 2 }} {{ ne 1 2 }} {{ eq 3 1 3 }}", "true false true true"),
    ('{{ lt "a" "b" }} {{ gt 1.5 0.5 }}', "true true"),
    (
        '{{ print 1 2 }} {{ print 1 "a" 2 }} {{ slice .Name 0 2 }} {{ println "a" 1 }}',
        "1 2 1a2 ip a 1\n",
    ),
    ("{{ .Match }} {{ .Question.Qtype }} {{ (index .Match 0) }}", "[whole 10 ] 28 whole"),
    (
        '{{ "tab\\tand \\"quote\\"" }} {{ `raw\\t` }} {{ "\\x41\\u00e9\\101" }}',
        'tab\tand "quote" raw\\t AéA',
    ),
    ("{{ range .Match }}<{{ . }}>{{ end }}", "<whole><10><>"),
    ("{{ range $i, $x := .Match }}{{ $i }}={{ $x }},{{ end }}", "0=whole,1=10,2=,"),
    ("{{ range $x := .Match }}{{ $x }}{{ end }}", "whole10"),
    ("{{ range $k, $v := .Group }}{{ $k }}:{{ $v }} {{ end }}", "0:whole a:10 empty: "),
    ('{{ range .Match }}{{ if eq . "10" }}{{ break }}{{ end }}{{ . }}{{ end }}', "whole"),
    ('{{ range .Match }}{{ if eq . "10" }}{{ continue }}{{ end }}{{ . }}{{ end }}', "whole"),
    ("{{ range 3 }}{{ . }}{{ end }}", "012"),
    ("{{ range $i := 3 }}{{ $i }}{{ end }}", "012"),
    ("{{ range .Var.nothing }}x{{ else }}empty{{ end }}", "empty"),
    ("{{ range .Var.l }}{{ . }} {{ end }}", "1 x "),
    (
        "{{ range .Message.Question }}{{ .Name }} {{ .Qtype }}{{ end }}",
        "IP-10-0-0-1.example.org. 28",
    ),
    ("{{ .Message.Id }} {{ .Message.RecursionDesired }} {{ .Message.Opcode }}", "7 true 0"),
    ('{{ .Meta "a/b" }}|{{ .Meta "x/y" }}|{{ $.Meta "a/b" }}', "c||c"),
    ('{{ "a/b" | .Meta }}', "c"),
    ('{{ with .Meta "a/b" }}{{ . }}{{ end }}', "c"),
    ('{{ if eq (.Meta "a/b") "c" }}yes{{ end }}', "yes"),
    ("{{ .Var.n }} {{ .Var.s }} {{ .Var.f }} {{ .Var.b }} {{ .Var.l }}", "5 t 1.5 true [1 x]"),
    ("{{ eq .Var.n 5 }} {{ gt .Var.n 4 }}", "true true"),
    ('{{ index .Var "n" }} {{ index .Var.l 1 }}', "5 x"),
    ("{{ slice .Match 1 }}", "[10 ]"),
    (
        "{{ true }} {{ 1 }} {{ 1.5 }} {{ 'a' }} {{ 0x10 }} {{ 1e3 }} {{ -5 }} {{ 010 }}",
        "true 1 1.5 97 16 1000 -5 8",
    ),
    ('{{ "}}" }}', "}}"),
    ("{{ `}}` }}", "}}"),
    ("{{ (index .Message.Question 0).Name }}", "IP-10-0-0-1.example.org."),
    ('{{ print (len .Name) "x" }}', "24x"),
    ("{{len .Name}}{{.Zone}}", "24example.org."),
    ('{{ index .Match 1 | printf "%s.%s" "a" }}', "a.10"),
    ("{{ $.Name }}{{ .Zone | len }}", "ip-10-0-0-1.example.org.12"),
    ("{{ with $ }}{{ .Name }}{{ end }}", "ip-10-0-0-1.example.org."),
    ('{{ if and (gt (len .Match) 1) (eq (index .Match 1) "10") }}ok{{ end }}', "ok"),
    ('{{ if not (eq .Type "A") }}{{ .Class }}{{ end }}', "IN"),
    ('{{ if or (eq .Type "A") (eq .Type "AAAA") }}addr{{ else }}no{{ end }}', "addr"),
    ('{{ $a := index .Match 1 }}{{ $b := parseInt $a 10 8 }}{{ printf "%02x" $b }}', "0a"),
    ("a }} b", "a }} b"),
    ("{{ .Question.Name }} {{ .Regex }} {{ .Remote }}", "IP-10-0-0-1.example.org. .* 192.0.2.7"),
    ('{{"a"}}{{ "b" -}}   c {{- "d" }}', "abcd"),
    ("{{ index (slice .Match 1) 0 }}", "10"),
    ("{{ print }}", ""),
    ("{{ print nil }}", "<nil>"),
    ("{{ not nil }}", "true"),
    ("{{ eq nil nil }}", "true"),
    ("{{ .Var.nothing.x }}", "<no value>"),
    ("{{ if .Var.nothing }}a{{ else }}b{{ end }}", "b"),
    ('{{ eq .Var.nothing "x" }}', "false"),
    ("{{ print .Match .Group }}", "[whole 10 ] map[0:whole a:10 empty:]"),
    (
        '{{ printf "%v" .Group }} {{ printf "%s" .Match }} {{ printf "%q" .Match }} {{ printf "%d" .Var.l }}',
        'map[0:whole a:10 empty:] [whole 10 ] ["whole" "10" ""] [1 %!d(string=x)]',
    ),
    (
        '{{ printf "%6.2f|" 3.14159 }} {{ printf "%g" 0.1 }} {{ printf "%e" 12345.678 }}',
        "  3.14| 0.1 1.234568e+04",
    ),
    (
        '{{ printf "%x" -255 }} {{ printf "%#x" 255 }} {{ printf "% d" 5 }} {{ printf "%08b" 5 }}',
        "-ff 0xff  5 00000101",
    ),
    ('{{ printf "%-05d|" 5 }} {{ printf "%T" 5 }}', "5    | int"),
]
REFUSED = [
    ("{{ .Meta }}", "wrong number of args for Meta: want 1 got 0"),
    ("{{ .Name", "an action is not closed by '}}'"),
    ("{{ if .Name }}a", "a block is not closed by 'end'"),
    ("{{ end }}", "unexpected 'end'"),
    ("{{ else }}", "unexpected 'else'"),
    ('{{ template "x" }}', "'template' is not supported yet"),
    ("{{ nothing .Name }}", "function 'nothing' is not known"),
    ("{{ $x }}", "undefined variable '$x'"),
    ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "undefined variable '$x'"),
    ("{{ (len .Name }}", "a parenthesis is not closed"),
    ("{{ }}", "something is missing at the end of an action"),
    ("{{ len .Name ) }}", "unexpected ')' in 'len .Name )'"),
    ("{{ ? }}", "unexpected '?'"),
    ('{{ "\\z" }}', "unknown escape '\\z'"),
    ("{{ break }}", "'break' outside of a loop"),
    ("{{ and }}", "wrong number of args for and: want at least 1 got 0"),
    ("{{ $a, $b := .Match }}", "undefined variable '$a'"),
    ("{{ range $a, $b, $c := .Match }}{{ end }}", "undefined variable '$a'"),
    ("{{ if }}x{{ end }}", "something is missing at the end of an action"),
    ('{{ "a" "b" }}', "'\"a\"' is not a function"),
    ("{{ 1 .Name }}", "'1' is not a function"),
    ("{{ if .Name }}{{ else }}{{ else }}{{ end }}", "unexpected 'else'"),
    ("{{ end", "an action is not closed by '}}'"),
    ("{{ range .Match }}{{ else if true }}{{ end }}", "unexpected 'else if true'"),
    ("{{ $x = 1 }}", "undefined variable '$x'"),
    ('{{ html "a" }}', "'html' is not supported yet"),
    ("{{ " + "(" * 5000 + " }}", "parts too deep in one another"),
    ("{{ 1 " + "| print " * 1000 + "}}", "a pipeline of more than 64 commands"),
    # What is refused as soon as it is seen: each of these was read again and again, for more than a minute.
    ('{{ "' * 20_000, "an action is not closed by '}}'"),
    ("{{ /* " * 20_000, "an action is not closed by '}}'"),
    ("{{ if true }}" * 40, "parts too deep in one another"),
]
FAILING = [
    '{{ parseInt "zz" 10 8 }}',
    '{{ parseInt "256" 10 8 }}',
    '{{ parseInt "-1" 10 8 }}',
    "{{ and true (index .Match 9) }}",
    '{{ lt 1 "b" }}',
    '{{ eq 1 "1" }}',
    "{{ eq 1 1.0 }}",
    "{{ eq .Match .Match }}",
    "{{ range .Name }}x{{ end }}",
    '{{ .Name "x" }}',
    "{{ index .Match 9 }}",
    "{{ index .Group 1 }}",
    "{{ .Nothing }}",
    "{{ .Name.Nothing }}",
    "{{ slice .Name 9 2 }}",
    "{{ .Name | .Zone }}",
    "{{ nil }}",
    "{{ not }}",
    "{{ len }}",
    "{{ eq 1 }}",
    "{{ .Name .Zone }}",
    "{{ .Group.a.b }}",
    "{{ len 5 }}",
    "{{ len .Var.nothing }}",
    # What would take long, or grow.
    f'{{{{ printf "%{TEXT_MAX + 1}s" "a" }}}}',
    '{{ printf "%60000s" "a" }}{{ printf "%60000s" "a" }}',
    "{{ range 1000000000 }}{{ end }}",
    "{{ range 1900 }}" + "{{ $x := print 1 2 }}" * 500 + "{{ end }}",
    "{{ range 1900 }}{{ $x := and " + " true" * 3000 + " }}{{ end }}",
    '{{ $x := printf "%40000s" "a" }}{{ range 1900 }}{{ $y := printf "%q" $x }}{{ end }}',
    '{{ printf "' + "%60000s" * 500 + '" ' + '"a" ' * 500 + " }}",
    "{{ range 100 }}{{ range 100 }}{{ end }}{{ end }}",
    '{{ $x := "aaaaaaaaaaaaaaaa" }}' + '{{ $x = printf "%s%s" $x $x }}' * 40,
    '{{ $x := printf "%60000s" "a" }}{{ range 1000 }}{{ $x }}{{ end }}',
]


@pytest.mark.parametrize(("text", "made"), MAKES)
def test_what_a_template_makes(text: str, made: str) -> None:
    assert compiled(text)(DATA) == made


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_what_is_refused_when_it_is_read(text: str, problem: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        compiled(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize("text", FAILING)
def test_what_cannot_be_run(text: str) -> None:
    run = compiled(text)
    with pytest.raises(TemplateError):
        run(DATA)


@given(st.lists(st.sampled_from([*PIECES])).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        compiled(text)(DATA)
    except (BadTemplate, TemplateError):
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
    with pytest.raises(BadRecord):
        record_of(text)


WORDS = ("a.", "A", "60", "IN", "CH", "ANY", "SOA", "TXT", '"', "\\", "(", ")", ";", "\ud800", "\n")


@given(st.lists(st.sampled_from(WORDS)).map(" ".join) | st.text().map("a. TXT ".__add__))
def test_any_text_is_a_record_or_none(text: str) -> None:
    try:
        record_of(text)
    except BadRecord:
        return
