"""What an engine counts: plain integers, made into CoreDNS's metric families only when somebody scrapes.

A `Tally` belongs to one server, zone, protocol and address family. Counting an answer is one step of a dict whose key
holds everything that the families ask about it; so many answers are alike that the dict stays small, and when it does
not, it is folded into totals. Answers take microseconds and the first bucket of durations ends at 250: only the sum and
the few slower ones are kept.

To read: `Counters.families()` gives plain dicts, keyed by label values in the order of `LABELS`. To count an answer
that the engine did not give: `Counters.tally(...).count(...)`.

Sources: CoreDNS plugin/metrics/vars (names, labels, types, bucket bounds), plugin.TimeBuckets.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from podname.runtime.histogram import DURATION_BOUNDS_SECONDS, Histogram

#: The labels of each family, in the order of the keys that `families` gives.
LABELS = {
    "requests_total": ("server", "zone", "view", "proto", "family", "type"),
    "do_requests_total": ("server", "zone", "view"),
    "responses_total": ("server", "zone", "view", "rcode", "plugin"),
    "request_size_bytes": ("server", "zone", "view", "proto"),
    "response_size_bytes": ("server", "zone", "view", "proto"),
    "request_duration_seconds": ("server", "zone", "view"),
}
SIZE_BOUNDS_OCTETS = (
    *(0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291),
    *(16_000, 32_000, 48_000, 64_000),
)
FIRST_BOUND_SECONDS = DURATION_BOUNDS_SECONDS[0]

#: The zone that answers to nobody's zone are counted under. It has no last dot, so it is no zone.
DROPPED = "dropped"

_CELLS_MAX = 4096
_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA"} | {
    number: name
    for numbers, names in (
        ((33, 43, 46, 47, 48, 50), "SRV DS RRSIG NSEC DNSKEY NSEC3"),
        ((64, 65, 251, 252, 255), "SVCB HTTPS IXFR AXFR ANY"),
    )
    for number, name in zip(numbers, names.split(), strict=True)
}
_RCODES = (
    *("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"),
    *("YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"),
)


def type_label(qtype: int) -> str:
    """Name a type as CoreDNS's metrics do: the rare ones are all `other`."""
    return _TYPES.get(qtype, "other")


def rcode_label(rcode: int) -> str:
    """Name an RCODE as CoreDNS's metrics do."""
    return _RCODES[rcode] if rcode < len(_RCODES) else str(rcode)


def _sizes() -> Histogram:
    return Histogram(SIZE_BOUNDS_OCTETS)


#: Type and DO bit (`qtype << 1 | dnssec_ok`), RCODE, plugin, octets of the request, octets of the response.
Cell = tuple[int, int, str, int, int]


@dataclass(slots=True)
class Totals:
    """What cells are folded into, and what another engine counted by itself."""

    requests: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    dnssec_ok: int = 0
    responses: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    request_octets: Histogram = field(default_factory=_sizes)
    response_octets: Histogram = field(default_factory=_sizes)

    def add(self, cells: Counter[Cell]) -> None:
        """Add up what the cells counted."""
        for (asked, rcode, plugin, request, response), count in cells.items():
            self.requests[asked >> 1] += count
            self.dnssec_ok += count * (asked & 1)
            self.responses[rcode, plugin] += count
            self.request_octets.add(request, count)
            self.response_octets.add(response, count)

    def merge(self, other: Totals) -> None:
        """Add another's counts."""
        for qtype, count in other.requests.items():
            self.requests[qtype] += count
        for key, count in other.responses.items():
            self.responses[key] += count
        self.dnssec_ok += other.dnssec_ok
        self.request_octets.merge(other.request_octets)
        self.response_octets.merge(other.response_octets)


class Tally:
    """The counts of one server, zone, protocol and family."""

    __slots__ = ("_cells", "_totals", "labels", "seconds", "slow")

    def __init__(self, server: str, zone: str, protocol: str, family: int, view: str = "") -> None:
        self.labels = (server, zone, protocol, str(family), view)
        self._cells: Counter[Cell] = Counter()
        self.seconds = 0.0
        self.slow = [0] * (len(DURATION_BOUNDS_SECONDS) + 1)  # per bucket, above the first bound
        self._totals = Totals()

    def count(
        self,
        qtype: int,
        rcode: int,
        plugin: str,
        *,
        request_octets: int,
        response_octets: int,
        seconds: float,
        dnssec_ok: bool = False,
    ) -> None:
        """Count one answer."""
        asked = qtype << 1 | dnssec_ok
        self._cells[asked, rcode, plugin, request_octets, response_octets] += 1
        if len(self._cells) >= _CELLS_MAX:
            self.totals()
        self.seconds += seconds
        if seconds > FIRST_BOUND_SECONDS:
            self.slow[bisect_left(DURATION_BOUNDS_SECONDS, seconds)] += 1

    def absorb(self, totals: Totals, seconds: float, slow: Sequence[int]) -> None:
        """Add what was counted elsewhere; `slow` are answers per bucket of durations, above the first bound."""
        self._totals.merge(totals)
        self.seconds += seconds
        self.slow = [a + b for a, b in zip(self.slow, slow, strict=True)]

    def totals(self) -> Totals:
        """Add up everything counted so far."""
        self._totals.add(self._cells)
        self._cells.clear()
        return self._totals

    def durations(self) -> Histogram:
        """Return the histogram of durations."""
        buckets = list(self.slow)
        buckets[0] = sum(self.totals().requests.values()) - sum(buckets)
        return Histogram(DURATION_BOUNDS_SECONDS, buckets, self.seconds)


@dataclass(frozen=True, slots=True)
class Families:
    """All metric families: family name, then label values (in the order of `LABELS`), then the value."""

    counts: dict[str, dict[tuple[str, ...], int]]
    histograms: dict[str, dict[tuple[str, ...], Histogram]]


class Counters:
    """The tallies of one server block, or of what belongs to none."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str, int, str], Tally] = {}
        #: Called before anybody reads: whoever counts elsewhere brings what is new into its tallies.
        self.folds: set[Callable[[], None]] = set()

    def tally(self, server: str, zone: str, protocol: str, family: int, view: str = "") -> Tally:
        """Return the tally under these labels; `family` is 1 for IPv4, 2 for IPv6. Always the same object."""
        key = (server, zone, protocol, family, view)
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally(*key)
        return found

    def families(self) -> Families:
        """Return all families."""
        for fold in self.folds:
            fold()
        out = Families(
            {name: defaultdict(int) for name in LABELS if name.endswith("_total")},
            {name: {} for name in LABELS if not name.endswith("_total")},
        )
        for tally in self._tallies.values():
            _add_tally(out, tally)
        return out


def _add_tally(out: Families, tally: Tally) -> None:
    server, zone, protocol, family, view = tally.labels
    totals, block = tally.totals(), (server, zone, view)
    for qtype, count in totals.requests.items():
        out.counts["requests_total"][*block, protocol, family, type_label(qtype)] += count
    if totals.dnssec_ok:
        out.counts["do_requests_total"][block] += totals.dnssec_ok
    for (rcode, plugin), count in totals.responses.items():
        out.counts["responses_total"][*block, rcode_label(rcode), plugin] += count
    if totals.requests:
        _merge(out, "request_size_bytes", (*block, protocol), totals.request_octets)
        _merge(out, "response_size_bytes", (*block, protocol), totals.response_octets)
        _merge(out, "request_duration_seconds", block, tally.durations())


def _merge(out: Families, name: str, key: tuple[str, ...], histogram: Histogram) -> None:
    empty = Histogram(histogram.bounds)
    out.histograms[name].setdefault(key, empty).merge(histogram)
