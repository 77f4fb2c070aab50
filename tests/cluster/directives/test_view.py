"""`view` and `metadata` beside CoreDNS: who gets a question, and what is known of it."""

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import DO, Opt, Question

NAMES = ("www.example.com", "A.B.example.org", "example.org", "x.test", "one.x.test", "other.")
KINDS = ("A", "AAAA", "TXT", "DS")
#: Expressions that are true of some questions and false of others.
EXPRESSIONS = (
    "type() in ['A', 'AAAA']",
    "type() == 'A' and name() endsWith '.org.'",
    "name() matches '^a\\\\..*\\\\.example\\\\.org\\\\.$'",
    "not (proto() == 'udp')",
    "bufsize() > 1000 && do()",
    "bufsize() == 512 || bufsize() == 65535",
    "size() > 40",
    "class() == 'IN' && opcode() == 0 && id() >= 0",
    "incidr(client_ip(), '127.0.0.0/8')",
    "incidr(client_ip(), '10.0.0.0/8') or incidr(client_ip(), '2001:db8::/32')",
    "incidr(name(), '10.0.0.0/8')",
    "incidr(client_ip(), name())",
    "incidr('::ffff:10.1.2.3', '10.0.0.0/8') and incidr('10.1.2.3', '::ffff:10.0.0.0/104')",
    "incidr('10.1.2.3', '10.0.0.0/255.0.0.0') or incidr('10.1.2.3', '10.0.0.0')",
    "server_ip() == '127.0.0.1' and server_port() != ''",
    "int(port()) > 0",
    "metadata('view/name') == 'odd'",
    "metadata('nothing/there') == ''",
    "len(split(name(), '.')) > 3",
    "name()[0:3] == 'www' or name()[-5:] == 'test.'",
    "\"any(['A', 'TXT'], # == type())\"",
    "let n = name(); n contains 'x' ? type() == 'A' : type() == 'TXT'",
    "name()",
    "true",
    "1 / 0 > 1",
    "split(name(), '.')[3] == 'org'",
    "max(1, len(name())) > 10 ?? false",
)


def _block(zone: str, view: str, text: str) -> str:
    answer = f'template ANY ANY {{\n answer "{{{{ .Name }}}} 60 IN TXT {text}"\n }}'
    return f"{zone}:{{$PORT}} {{\n bind {{$ADDRESS}}\n {view}\n {answer}\n}}\n"


def _view(name: str, *expressions: str) -> str:
    return "\n".join([f"view {name} {{", *(f"expr {each}" for each in expressions), "}"])


QUESTIONS = [
    Question(name, TYPES[kind], tcp=tcp, opt=opt)
    for name in NAMES
    for kind in KINDS
    for tcp in (False, True)
    for opt in (None, Opt(1232), Opt(4096, DO))
]


@pytest.mark.parametrize("at", range(0, len(EXPRESSIONS), 5))
def test_each_expression_tells_the_same_questions_apart(at: int, beside: Beside) -> None:
    some = EXPRESSIONS[at : at + 5]
    zones = [f"v{number}.{zone}" for number in range(len(some)) for zone in ("com", "org", "test")]
    corefile = "".join(
        _block(zone, f"metadata\n{_view('odd', some[number // 3])}", "seen")
        + _block(zone, "", "others")
        for number, zone in enumerate(zones)
    )
    questions = [
        Question(f"{name}.{zone}", question.rtype, tcp=question.tcp, opt=question.opt)
        for zone in zones
        for name in ("www", "A.b.example", "one.x")
        for question in QUESTIONS[: len(QUESTIONS) // len(NAMES)]
    ]
    with beside(corefile) as both:
        assert both.check(questions) == len(questions)


def test_blocks_of_one_zone_are_tried_in_order_then_shorter_zones(beside: Beside) -> None:
    corefile = (
        _block("example.org", _view("first", "type() == 'A'", "name() startsWith 'a.'"), "first")
        + _block("example.org", _view("second", "type() == 'A'"), "second")
        + _block("example.org", _view("third", "type() == 'DS'"), "third")
        + _block("b.example.org", _view("below", "type() == 'TXT'"), "below")
        + _block("b.example.org", _view("ds", "proto() == 'tcp'"), "tcp")
        + _block("org", _view("above", "type() == 'AAAA'"), "above")
        + _block("test", "", "all")
        + _block("test", _view("late", "true"), "late")
        + _block(".", _view("root", "name() endsWith '.com.'"), "root")
    )
    with beside(corefile) as both:
        assert both.check(QUESTIONS) == len(QUESTIONS)


def test_aliases_are_followed_by_the_same_rules(beside: Beside) -> None:
    corefile = (
        "alias.test:{$PORT} {\n bind {$ADDRESS}\n"
        ' template ANY A {\n answer "{{ .Name }} 60 IN CNAME www.example.com."\n }\n}\n'
        "example.com:{$PORT} {\n bind {$ADDRESS}\n"
        + _view("udp", "proto() == 'udp'")
        + "\n forward . {$UPSTREAM}\n}\n"
        + "example.com:{$PORT} {\n bind {$ADDRESS}\n"
        + ' template IN A {\n answer "{{ .Name }} 60 IN A 192.0.2.99"\n }\n}\n'
    )
    questions = [
        Question(name, TYPES["A"], tcp=tcp)
        for name in ("a.alias.test", "www.example.com")
        for tcp in (False, True)
    ]
    with beside(corefile) as both:
        assert both.check(questions) == len(questions)


METADATA = r""".:{$PORT} {
    bind {$ADDRESS}
    metadata example.org example.com
    view a-view {
        expr true
    }
    rewrite name regex ^(.*)[.]m[.]example[.]com[.]$ {1}-{view/name}.example.org. metadata answer auto
    rewrite name regex ^(.*)[.]n[.]example[.]com[.]$ {1}-{none/such}.example.org. metadata
    template IN TXT example.org {
        answer "{{ .Name }} 60 IN TXT \"{{ .Meta \"view/name\" }}\" \"{{ .Meta \"none/such\" }}\""
    }
    template IN TXT test {
        answer "{{ .Name }} 60 IN TXT \"{{ .Meta \"view/name\" }}\""
    }
    template IN TXT example.com {
        answer "{{ .Name }} 60 IN TXT \"com {{ .Meta \"view/name\" }}\""
    }
}
"""


def test_metadata_reach_templates_and_rewrite(beside: Beside) -> None:
    questions = [
        Question(name, TYPES["TXT"], tcp=tcp)
        for name in ("a.example.org", "a.test", "x.m.example.com", "X.n.example.com")
        for tcp in (False, True)
    ]
    with beside(METADATA) as both:
        assert both.check(questions) == len(questions)
