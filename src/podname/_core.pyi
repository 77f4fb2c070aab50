"""podname's native engine, written in Rust: what `podname.engine.native` is made of. Private.

Names are folded octets unless said otherwise; ready answers are those of `podname.dns.records`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, final

__all__ = [
    "VERSION",
    "AnswerCache",
    "Counts",
    "Hits",
    "Origin",
    "Relay",
    "Responder",
    "Routes",
    "Table",
    "Transcoder",
    "Udp",
]

VERSION: str

#: Origin, TTL of the SOA, its MINIMUM, MNAME, RNAME.
_Zone = tuple[bytes, int, int, bytes, bytes]
#: A table with the number of its plugin among the counts; or names that are for code, types, a first label (none: all).
#: Or zone, names below it that are not forwarded, the relay, the number of its plugin.
_Layer = (
    tuple[Table, int]
    | tuple[bytes, Sequence[bytes], Relay, int]
    | tuple[Sequence[bytes], Sequence[int], bytes]
)
#: Answers at most, octets at most, TTL at most, TTL at least, zones of which nothing is kept.
_Half = tuple[int, int, int, int, Sequence[bytes]]
#: The fields of an answer, as they were put.
_Groups = list[tuple[int, list[int]]]
_Answer = tuple[int, bytes, bytes, list[int], int, int, int, bool, bool, _Groups]
#: A cache, the number of its plugin among the counts, its hits.
_Cache = tuple[AnswerCache, int, Hits]
#: Zone, layers, whether to rotate, counts, whether answers are observed, cache, what clients may say they take.
_Plan = tuple[bytes, Sequence[_Layer], bool, Counts | None, bool, _Cache | None, int]
#: Flags, name, folded name, type, class, the offset behind the question; size, version, DO.
_Question = tuple[int, bytes, bytes, int, int, int]
_Edns = tuple[int, int, bool]
#: Type, class, DO, CD.
_Kind = tuple[int, int, bool, bool]
#: Number, name, kind, whether it is repeated, the fields of an inner message, the keys of a map.
_Field = tuple[int, str, str, bool, Sequence[Any], Sequence[str]]

@final
class Table:
    """Owner names and their ready answers. One writer at a time (RuntimeError); readers never wait."""

    synced: bool
    def __new__(
        cls,
        zones: Sequence[_Zone],
        fallthrough: Sequence[bytes],
        optional_underscores: bool,
        lazy_types: Sequence[int],
        denies: bool,
        passes_other_types: bool,
        lone_types: Sequence[int],
        dashed_ttl_seconds: int,
        lazy_labels: Sequence[bytes],
    ) -> Table: ...
    def update(self, changes: Iterable[tuple[bytes, int, bytes | None]]) -> None: ...
    def replace(self, changes: Iterable[tuple[bytes, int, bytes | None]]) -> None: ...
    def set_dashed(self, parent: bytes, open: bool | None) -> None: ...  # noqa: A002
    def set_serial(self, serial: int) -> None: ...
    def find(self, name: bytes, qtype: int) -> tuple[int, bytes]:
        """Answer by the rules; `name` in the client's case.

        0 and the ready answer, or 1 NODATA, 2 NXDOMAIN, 3 SERVFAIL, 4 a miss, 5 pass on.
        """
    def soa(self, name: bytes) -> bytes | None:
        """Make the SOA record for a denial of `name`; None when it is in none of the zones."""
    def get(self, owner: bytes, qtype: int) -> bytes | None: ...
    def exists(self, owner: bytes) -> bool: ...
    def __len__(self) -> int: ...

@final
class Transcoder:
    """Turns the frames of a watch in protobuf into lines of JSON. See `podname.kube.protobuf`."""

    def __new__(cls, message: Sequence[_Field], status: Sequence[_Field]) -> Transcoder: ...
    def lines(self, octets: bytes) -> tuple[list[bytes], int]:
        """Return a line for each whole frame, and how many octets they took. Raises ValueError."""

@final
class Counts:
    """Integers that threads add to: their order is that of rust/src/counters.rs."""

    def __new__(cls, threads: int, plugins: int) -> Counts: ...
    def read(self) -> list[int]: ...

@final
class AnswerCache:
    """Answers that the plugin chain left, as in `podname.engine.caching`."""

    def __new__(cls, keeping: tuple[_Half, _Half, int, bool, int, bool] | None) -> AnswerCache:
        """With `keeping`: how successes and denials of relays are kept, TTL of a SERVFAIL, whether TTLs stay.

        Last how long an expired one may be given, and whether the engine answers with them.
        """

    def kept(self) -> tuple[list[int], list[int]]:
        """Return how many successes and denials of relays are kept, and how many of each made room."""

    def put(
        self,
        owner: bytes,
        kind: _Kind,
        flags: int,
        counts: bytes,
        records: bytes,
        ttl_offsets: Sequence[int],
        ttl_seconds: int,
        stored_ns: int,
        uncompressed_octets: int,
        keeps_ttl: bool,
        is_denial: bool,
        groups: Sequence[tuple[int, Sequence[int]]],
    ) -> None: ...
    def get(self, owner: bytes, kind: _Kind) -> _Answer | None: ...
    def remove(self, owner: bytes, kind: _Kind) -> None: ...
    def clear(self) -> None: ...
    def __len__(self) -> int: ...

@final
class Hits:
    """How many questions a cache answered on the threads of a listener."""

    def __new__(cls, threads: int) -> Hits: ...
    def read(self) -> tuple[int, int, int]:
        """Return successes, denials, and questions that relays answered."""

@final
class Relay:
    """Asks the upstreams of one `forward` directive, as in `podname.engine.relaying`."""

    def __new__(
        cls,
        upstreams: Sequence[tuple[str, int]],
        order: str,
        source: str | None,
        timeout_ns: int,
        idle_ns: int,
        age_ns: int,
        concurrent_max: int,
        odd_rcodes: Sequence[int],
        odd_nodata: bool,
        odd_truncated: bool,
    ) -> Relay: ...
    def set_alive(self, alive: Sequence[bool]) -> None: ...
    def under_way(self) -> int: ...
    def foreign(self) -> int: ...
    def counts(self) -> list[tuple[int, int, int, list[tuple[list[int], int]]]]:
        """Return of each upstream: failures, sockets reused and opened, and by RCODE buckets and nanoseconds."""

@final
class Routes:
    """What a listener serves, to be served once. `number` is what misses and observations refer to."""

    def __new__(
        cls, number: int, plans: Sequence[_Plan], classes: Sequence[int], dropped: Counts
    ) -> Routes: ...

@final
class Responder:
    """Answers packets one by one."""

    def __new__(cls, over_udp: bool) -> Responder: ...
    def fix_turn(self, turn: int) -> None:
        """Let addresses begin at the same one for ever, to compare answers."""
    def fix_now(self, now_ns: int) -> None:
        """Let it be this time for ever, to compare answers."""
    def serve(self, routes: Routes) -> None: ...
    def respond(self, packet: bytes) -> tuple[int, int, bytes | None]:
        """Return number of the plan, number of the plugin, response.

        A plan with a plugin answered; a plan without one must be asked; without a plan, the response (or silence)
        is for nobody to see.
        """

@final
class Origin:
    """The other end of a datagram."""

@final
class Udp:
    """The threads of one address family, one for each socket, and Python's end of their queues."""

    def __new__(
        cls, fds: Sequence[int], is_ipv6: bool, is_wildcard: bool, event: int, routes: Routes
    ) -> Udp: ...
    def serve(self, routes: Routes) -> None: ...
    def look(self) -> None:
        """Say that the queues are looked at: the next entry writes the eventfd again. Read it before."""
    def misses(
        self, at_most: int
    ) -> list[tuple[int, int, bytes, _Question, _Edns | None, tuple[str, int], Origin]]:
        """Take misses: number of the routes and of the plan, packet taken apart, client's address and port, origin."""
    def observations(
        self, at_most: int
    ) -> list[tuple[int, int, int, bytes, bytes, str, int, float]]:
        """Take observations: number of the routes, of the plan and of the plugin, packet, response, client, seconds."""
    @staticmethod
    def answer(fd: int, answers: Sequence[tuple[Origin, bytes]]) -> int:
        """Send answers; give how many could not be sent."""
    def served(self) -> list[int]:
        """Return the numbers of the routes that may still be referred to."""
    def totals(self) -> list[int]:
        """Count answers, misses, misses and observations that found their queue full, answers unsent, faults."""
    def stop(self) -> None: ...
    def join(self) -> None: ...
