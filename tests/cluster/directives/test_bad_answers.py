"""`erratic`, `loadbalance` and `on` beside CoreDNS."""

import time
from collections import Counter
from pathlib import Path

import pytest
from tests.cluster.directives.conftest import Beside
from tests.cluster.directives.test_small import NAMES, OTHERS, asked, block
from tests.cluster.harness.servers import DnsServer
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import Opt, Question

DEADLINE_SECONDS = 10
FEW = [
    Question("www.example.com", TYPES[kind], tcp=tcp, opt=opt)
    for kind in ("A", "A", "AAAA", "AXFR", "AXFR", "MX")
    for tcp in (False, True)
    for opt in (None, Opt(1232))
]


def erratic(text: str) -> str:
    """Make a block that the harness's own questions do not reach: queries are counted."""
    return block(f"erratic {{\n        {text}\n    }}", "example.com")


@pytest.mark.parametrize(
    "text",
    [
        "drop 0",
        "truncate",
        "truncate 4",
        "truncate 5\n        delay 3 5ms",
        "delay 2 1ms",
        "drop\n        delay",
        "drop 24\n        truncate 2",
        "drop 0\n        large",
    ],
)
def test_bad_answers_are_as_bad(text: str, beside: Beside) -> None:
    with beside(erratic(text)) as both:
        assert both.check(FEW) == len(FEW)


def test_every_second_query_is_dropped(beside: Beside) -> None:
    questions = [Question("www.example.com", TYPES["A"])] * 2
    with beside(block("erratic", "example.com")) as both:
        both.check(questions[:1])  # the harness asks again: the second one is answered
        both.check(questions)


WEIGHTS = "www.example.com\n192.0.2.1 7\ntwo.example.com\n192.0.2.2 9\n192.0.2.3 3\n"


@pytest.mark.parametrize(
    "text",
    [
        "loadbalance weighted weights",
        "loadbalance weighted weights {\n        reload 1s\n    }\n    cache",
        "loadbalance {\n        prefer 192.0.2.3/32 198.51.100.0/26\n    }\n    cache",
        "loadbalance\n    loadbalance round_robin {\n        prefer 198.51.100.64/26\n        prefer\n    }",
    ],
)
def test_nothing_but_the_order_changes(text: str, beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text(WEIGHTS)
    questions = asked((*NAMES, *OTHERS), ("A", "AAAA", "MX"))
    with beside(block(f"root {{$FOLDER}}\n    {text}\n    forward . {{$UPSTREAM}}")) as both:
        assert both.check(questions) == len(questions)


def firsts(server: DnsServer, name: str, count: int) -> Counter[str]:
    replies = [server.query(name) for _ in range(count)]
    return Counter(reply.answer[0][0].to_text() for reply in replies)


def test_who_comes_first_is_alike(beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text(WEIGHTS)
    policies = ("weighted weights", "{\n        prefer 198.51.100.64/26 192.0.2.3/32\n    }")
    seen = []
    for policy in policies:
        text = f"root {{$FOLDER}}\n    loadbalance {policy}\n    cache\n    forward . {{$UPSTREAM}}"
        with beside(block(text)) as both:
            seen.append(
                [firsts(each, "two.example.com", 400) for each in (both.coredns, both.podname)]
            )
            for each in (both.coredns, both.podname):
                big = [
                    rdata.to_text() for rdata in each.query("big.example.com", tcp=True).answer[0]
                ]
                assert len(big) == 99
                is_preferred = [64 <= int(text.rpartition(".")[2]) < 128 for text in big]
                if policy.startswith("{"):
                    assert is_preferred == sorted(is_preferred, reverse=True)
    weighted, preferred = seen
    for counted in weighted:
        assert 250 < counted["192.0.2.2"] < 350  # three of four
    assert preferred == [Counter({"192.0.2.3": 400})] * 2


@pytest.mark.parametrize(
    "text", ["192.0.2.1 1", "a\n192.0.2.1", "a\n192.0.2.1 256", "a\nb 1", "a\n192.0.2.1 1 1"]
)
def test_coredns_refuses_the_same_weight_files(text: str, beside: Beside, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text(text)
    refused = block("root {$FOLDER}\n    loadbalance weighted weights\n    whoami")
    with pytest.raises(Exception, match=r"loadbalance|weights"), beside(refused):
        pass


def test_commands_run_at_the_same_time(beside: Beside, tmp_path: Path) -> None:
    script = tmp_path / "note"
    script.write_text('#!/bin/sh\nport=$1\nshift\necho "$@" >> "$0.$port"\n')
    script.chmod(0o755)
    lines = [
        f"on startup {script} {{$PORT}} up 'a b' \"c   d\"",
        f"on SHUTDOWN {script} {{$PORT}} down &",
    ]
    with beside(
        block("\n    ".join([*lines, f"on shutdown \"{script} {{$PORT}} 'last one'\"", "whoami"]))
    ) as both:
        both.check(asked(NAMES[:1], ("A",)))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(notes := _notes(tmp_path)) < 2 or any(len(lines) < 3 for lines in notes):
        assert time.monotonic() < deadline, notes  # what is not waited for may come after the end
    for lines in notes:
        assert lines[0] == "up a b c d"
        assert sorted(lines[1:]) == ["down", "last one"]


def _notes(folder: Path) -> list[list[str]]:
    """Return what each server had written down."""
    return [path.read_text().splitlines() for path in folder.glob("note.*")]
