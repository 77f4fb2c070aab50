"""What is counted: one dict step per answer, CoreDNS's families when somebody asks."""

from __future__ import annotations

import pytest

from podname.engine import counters as module
from podname.engine.counters import Counters, Tally, rcode_label, type_label
from podname.runtime.histogram import Histogram
from tests.support.tables import Asker, plan, responder, table

BLOCK = ("dns://:53", ".", "")


def count(tally: Tally, qtype: int = 1, rcode: int = 0, **settings: object) -> None:
    values = {"request_octets": 50, "response_octets": 120, "seconds": 0.00001} | settings
    tally.count(qtype, rcode, "kubernetes", **values)  # type: ignore[arg-type]


def test_answers_of_the_engine_are_counted() -> None:
    counted = Counters()
    ask = Asker(responder(plan(table("x A 10.0.0.1"), counters=counted)))
    for question in ("x A", "x A", "x AAAA", "nobody A", "x HINFO"):
        ask(question, use_edns=False)
    ask("x A", use_edns=0, want_dnssec=True)
    ask("x A", use_edns=1)  # BADVERS is counted by nobody, as in CoreDNS
    found = counted.families()
    assert found.counts["requests_total"] == {
        (*BLOCK, "udp", "1", "A"): 4,
        (*BLOCK, "udp", "1", "AAAA"): 1,
        (*BLOCK, "udp", "1", "other"): 1,
    }
    assert found.counts["responses_total"] == {
        (*BLOCK, "NOERROR", "kubernetes"): 5,
        (*BLOCK, "NXDOMAIN", "kubernetes"): 1,
    }
    assert found.counts["do_requests_total"] == {BLOCK: 1}
    sizes = found.histograms["request_size_bytes"][*BLOCK, "udp"]
    assert sizes.cumulative()[:2] == [("0", 0), ("100", 6)]
    assert sizes.sum == sum(len(name) + 2 + 12 + 4 for name in ["x.cluster.local"] * 4) + (
        len("nobody.cluster.local") + 2 + 16 + len("x.cluster.local") + 2 + 16 + 11
    )
    durations = found.histograms["request_duration_seconds"][BLOCK]
    assert durations.cumulative()[-1] == ("+Inf", 6)
    assert 0 < durations.sum < 1


def test_families_of_protocols_add_up() -> None:
    counted = Counters()
    for protocol, family in (("udp", 1), ("udp", 2), ("tcp", 1)):
        count(counted.tally("dns://:53", ".", protocol, family))
    found = counted.families()
    assert len(found.counts["requests_total"]) == 3
    assert found.counts["responses_total"] == {(*BLOCK, "NOERROR", "kubernetes"): 3}
    assert found.histograms["request_duration_seconds"][BLOCK].cumulative()[-1] == ("+Inf", 3)
    by_protocol = found.histograms["response_size_bytes"]
    assert [sum(by_protocol[*BLOCK, p].buckets) for p in ("udp", "tcp")] == [2, 1]
    assert found == counted.families()  # reading changes nothing


def test_slow_answers_are_in_their_buckets() -> None:
    tally = Tally("s", "z", "udp", 1)
    for seconds in (0.0001, 0.00025, 0.0003, 1.0, 100.0):
        count(tally, seconds=seconds)
    durations = tally.durations()
    assert durations.buckets[:2] == [2, 1]
    assert durations.buckets[-1] == 1
    assert sum(durations.buckets) == 5
    assert durations.sum == pytest.approx(101.00065)


def test_sizes_are_in_coredns_buckets() -> None:
    tally = Tally("s", "z", "tcp", 1)
    for octets in (100, 101, 511, 512, 64_000, 65_535):
        count(tally, response_octets=octets)
    assert tally.totals().response_octets.buckets == [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1]


def test_cells_are_bounded_and_folded_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CELLS_MAX", 10)
    tally = Tally("s", "z", "udp", 1)
    for octets in range(100):
        count(tally, request_octets=octets)
        assert len(tally._cells) <= 10
    assert tally.totals().requests == {1: 100}
    assert tally.totals().request_octets.sum == sum(range(100))


def test_labels() -> None:
    assert [type_label(n) for n in (1, 28, 33, 65, 251, 255, 99)] == [
        *("A", "AAAA", "SRV", "HTTPS", "IXFR", "ANY", "other")
    ]
    assert [rcode_label(n) for n in (0, 3, 5, 10, 16)] == [
        *("NOERROR", "NXDOMAIN", "REFUSED", "NOTZONE", "16")
    ]


def test_histograms_merge() -> None:
    one, two = Histogram((1.5,), [1, 2], 3.0), Histogram((1.5,), [3, 4], 5.0)
    one.merge(two)
    assert one == Histogram((1.5,), [4, 6], 8.0)
    assert one.cumulative() == [("1.5", 4), ("+Inf", 10)]
