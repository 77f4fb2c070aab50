"""`chaos` beside CoreDNS."""

from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import Opt, Question

COREFILE = """.:{$PORT} {
    bind {$ADDRESS}
    chaos "some version" author
    forward example.com {$UPSTREAM}
}
"""
NAMES = (
    "version.bind",
    "VERSION.server",
    "authors.bind",
    "hostname.bind",
    "id.server",
    "no.bind",
    "bind",
)
CHAOS, INTERNET, ANY = 3, 1, 255


def test_every_name_in_every_class_is_answered_alike(beside: Beside) -> None:
    questions = [
        Question(name, TYPES[kind], rclass, tcp=tcp, opt=opt)
        for name in (*NAMES, "www.example.com")
        for kind in ("TXT", "A", "ANY")
        for rclass in (CHAOS, INTERNET, ANY)
        for tcp in (False, True)
        for opt in (None, Opt())
    ]
    with beside(COREFILE) as both:
        assert both.check(questions) == len(questions)
