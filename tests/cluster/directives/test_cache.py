"""`cache` beside CoreDNS: every property, what becomes of answers that expire, and the figures.

Whether something has expired is seen from its TTL (`serve_stale … 77s`), or by asking until both servers say what is
expected of both.
"""

import re
import time
from collections.abc import Sequence

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.cluster.directives.conftest import Beside
from tests.cluster.directives.test_small import NAMES, OTHERS, asked, block
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.side_by_side import SideBySide
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import AD, CD, DO, RD, Opt, Question
from tests.cluster.oracle.upstream import Says, Upstream

DEADLINE_SECONDS = 20
STALE_TTL = 77
SOA = "authority:60 SOA ns.example.com. admin.example.com. 1 7200 1800 86400 60"
OLD, NEW = Says(("1 A 192.0.2.1",)), Says(("1 A 192.0.2.2",))
NXDOMAIN, NODATA = Says((SOA,), "NXDOMAIN"), Says((SOA,))
EMPTY, SERVFAIL, REFUSED, NOTIMP = (
    Says(),
    Says((), "SERVFAIL"),
    Says((), "REFUSED"),
    Says((), "NOTIMP"),
)
ALIAS = Says(("1 CNAME nowhere.example.com.",))
SILENT = Says(is_silent=True)


def caching(lines: Sequence[str] = (), head: str = "cache", more: str = "") -> str:
    inside = "".join(f"        {line}\n" for line in lines)
    body = f"{head} {{\n{inside}    }}" if lines else head
    return block(f"{more}{body}\n    forward . {{$UPSTREAM}}")


def each(both: SideBySide) -> tuple[DnsServer, DnsServer]:
    return both.coredns, both.podname


def seen(server: DnsServer, name: str) -> tuple[str, str, int]:
    """Return the RCODE, the first address and the TTL."""
    reply = server.query(name)
    first = reply.answer[0] if reply.answer else None
    text = first[0].to_text() if first else ""
    return str(reply.rcode().name), text, first.ttl if first else -1


@pytest.mark.parametrize(
    ("head", "lines"),
    [
        ("cache", []),
        ("cache 7", []),
        ("cache 100 example.com", []),
        ("cache 100 big.example.com empty.example.com", []),
        ("cache", ["success 1000 20 10", "denial 1000 30 20"]),
        ("cache", ["success 1000 400 350"]),
        ("cache", ["denial 0 10 20"]),
        (
            "cache",
            ["disable success", "disable denial example.com", "disable success www.example.com"],
        ),
        ("cache 40", ["keepttl", "servfail 0"]),
        ("cache", ["servfail 5m", "prefetch 2 1m 50%"]),
        ("cache", ["serve_stale 1h verify 100ms 30s 30s", "serve_stale_policy PREFER_POSITIVE"]),
        ("cache", ["serve_stale 0s", "serve_stale_policy prefer_positive", "keepttl"]),
    ],
)
def test_answers_are_the_same(head: str, lines: list[str], beside: Beside) -> None:
    questions = asked((*NAMES, *OTHERS), ("A", "AAAA", "MX"))
    with beside(caching(lines, head)) as both:
        assert both.check(questions) == len(questions)


def test_flags_and_kinds_of_questions_are_told_apart(beside: Beside) -> None:
    questions = [
        Question(name, TYPES[kind], flags=flags, opt=opt)
        for name in ("www.example.com", "none.example.com", "fails.example.com")
        for kind in ("A", "SOA")
        for flags in (RD, 0, RD | AD, RD | CD, RD | AD | CD)
        for opt in (None, Opt(), Opt(4096, DO))
    ]
    with beside(caching(["keepttl"])) as both:
        assert both.check([*questions, *questions]) == 2 * len(questions)


STALE = [
    *[
        ("immediate", "", says)
        for says in (NEW, NXDOMAIN, NODATA, EMPTY, SERVFAIL, REFUSED, NOTIMP)
    ],
    *[("verify 0s", "", says) for says in (NEW, NXDOMAIN, NODATA, EMPTY, SERVFAIL, REFUSED)],
    *[("verify 100ms", "", says) for says in (NEW, NXDOMAIN, SERVFAIL, SILENT)],
    *[
        (mode, "prefer_positive", says)
        for mode in ("immediate", "verify 0s")
        for says in (NEW, NXDOMAIN, NODATA, EMPTY, SERVFAIL, REFUSED, ALIAS)
    ],
]


def is_better(says: Says, policy: str) -> bool:
    """Return whether it takes the place of a stale answer: what is tested says so of both servers."""
    if policy:
        return says == NEW
    return says in {NEW, NXDOMAIN, NODATA, EMPTY}


def test_what_replaces_a_stale_answer(beside: Beside, upstream: Upstream) -> None:
    """Ask for one name for each case, so that all of them expire in the same second."""
    for mode, policy in sorted({(mode, policy) for mode, policy, _ in STALE}):
        cases = [
            says
            for each_mode, each_policy, says in STALE
            if (each_mode, each_policy) == (mode, policy)
        ]
        names = {f"case{number}": says for number, says in enumerate(cases)}
        lines = [f"serve_stale 1h {mode} {STALE_TTL}s", "success 1000 3600 1", "servfail 1s"]
        lines += [f"serve_stale_policy {policy}"] if policy else []
        with beside(caching(lines)) as both:
            upstream.says.update(dict.fromkeys(names, OLD))
            for label in names:
                for server in each(both):
                    assert seen(server, f"{label}.example.com")[:2] == ("NOERROR", "192.0.2.1")
            upstream.says.update(names)
            for label, says in names.items():
                for server in each(both):
                    after = (
                        _after(says)
                        if is_better(says, policy)
                        else ("NOERROR", "192.0.2.1", STALE_TTL)
                    )
                    what = f"{mode} {policy} {says} {server.program}"
                    _until(server, f"{label}.example.com", after, what)
            upstream.says.clear()


def _after(says: Says) -> tuple[str, str, int | None]:
    return says.rcode, says.records[0].split()[-1] if says == NEW else "", None


def _until(server: DnsServer, name: str, wanted: tuple[str, str, int | None], what: str) -> None:
    """Ask until it says what is wanted, and then once more: it must go on saying so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := seen(server, name)) and not _is(found, wanted):
        assert time.monotonic() < deadline, (what, found, wanted)
    assert _is(seen(server, name), wanted), what


def _is(found: tuple[str, str, int], wanted: tuple[str, str, int | None]) -> bool:
    return found[:2] == wanted[:2] and wanted[2] in {None, found[2]}


def test_a_failure_is_kept_as_long_as_servfail_says(beside: Beside, upstream: Upstream) -> None:
    upstream.says["flaky"] = SERVFAIL
    with beside(caching(["servfail 2s"])) as both:
        for server in each(both):
            assert seen(server, "flaky.example.com")[0] == "SERVFAIL"
        upstream.says["flaky"] = NEW
        assert [seen(server, "flaky.example.com")[0] for server in each(both)] == ["SERVFAIL"] * 2
        for server in each(both):
            _ttls_until(server, "flaky.example.com", "192.0.2.2")
    upstream.says.clear()


def test_a_popular_answer_is_fetched_before_it_expires(beside: Beside, upstream: Upstream) -> None:
    """With nine tenths of four seconds left it is fetched again, long before it expires."""
    upstream.says["hot"] = Says(("4 A 192.0.2.1",))
    with beside(caching(["success 1000 3600 1", "prefetch 1 1m 90%"])) as both:
        for server in each(both):
            assert seen(server, "hot.example.com") == ("NOERROR", "192.0.2.1", 4)
        upstream.says["hot"] = Says(("4 A 192.0.2.2",))
        for server in each(both):
            assert min(_ttls_until(server, "hot.example.com", "192.0.2.2")) >= 2
    upstream.says.clear()


def _ttls_until(server: DnsServer, name: str, wanted: str) -> list[int]:
    """Ask until the address is this one; return the TTLs that were seen before."""
    ttls, deadline = [], time.monotonic() + DEADLINE_SECONDS
    while (found := seen(server, name))[1] != wanted:
        assert time.monotonic() < deadline
        ttls.append(found[2])
    return ttls


def figures(server: DnsServer) -> dict[tuple[str, ...], float]:
    """Return the samples of the cache: name and labels, the listener's own address and port left out."""
    text = server.metrics(int(server.variables["P1"]))
    return {
        (
            sample.name,
            *(
                f"{key}={re.sub(r':12[0-9]+$', '', value)}"
                for key, value in sorted(sample.labels.items())
            ),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("coredns_cache_") and sample.value
    }


@pytest.mark.parametrize(
    "head",
    ["cache", "cache 300 example.com", "cache example.com test"],
    ids=["all", "zone", "zones"],
)
def test_figures_have_the_same_names_labels_and_values(head: str, beside: Beside) -> None:
    more = "prometheus {$ADDRESS}:{$P1}\n    "
    questions = asked((*NAMES, *OTHERS), ("A", "AAAA", "MX"))
    with beside(caching([], head, more)) as both:
        both.check(questions)
        theirs, ours = (figures(server) for server in each(both))
    assert theirs == ours
    assert {name for name, *_ in theirs} == {
        f"coredns_cache_{name}"
        for name in ("entries", "requests_total", "misses_total", "hits_total")
    }
