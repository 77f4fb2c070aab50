"""What an engine is: tables of ready answers, and listeners that repeat them.

Python decides, the engine repeats. The compiler (and plugins such as `hosts`) put *ready answers*
(`podname.dns.records`) into a `Table`. A server block becomes a `Plan`: the layers that a question meets in plugin
order, each a table or a piece of code. The engine answers from the tables; a question that only code can answer is a
*miss*, and goes to the plan's `miss` in Python, which runs the whole plugin chain for it.

An engine knows messages, names, zones, EDNS, truncation, rotation and negative answers. It knows nothing of Kubernetes.
There are two: `podname.engine.reference`, the reference, and the native one, which is compared with it octet for octet.

How a table answers a question for a name in one of its zones, in this order:

1. not `synced`: SERVFAIL with the zone's SOA. Nothing is handed on: a cold server must never deny or leak a name.
2. AXFR and IXFR: a miss (the plugin chain refuses or transfers).
3. the owner has the type: that answer, rotated if the plan says so.
4. the owner has a CNAME and the question is for A or AAAA: a miss (the chain follows the alias).
5. below a *dashed* parent: the label before the parent that spells an address (`10-0-0-1`, `fd00--1`) answers with it,
   or, if the parent is not open, with what the table holds for exactly that label. Labels left of it (at most two)
   are ignored.
6. with `optional_underscores`: the two leftmost labels without underscores are looked up again with them
   (`http.tcp.web…` finds `_http._tcp.web…`).
7. with `lazy_labels`: the owner has no record, is not held, and is *lazy*: its third label from the zone's origin is
   one of these (`web.deploy.default.pod.<zone>`), or its first begins with an underscore. A miss: only code knows it.
8. the owner exists (it has a record of any type, it is held, or something stands below it: an empty non-terminal):
   a type in `lazy_types` is a miss; else NODATA with the zone's SOA. An owner that exists only as an empty
   non-terminal, or whose records all are of `lone_types`, passes on instead when the name is under `fallthrough`.
9. nothing: pass to the next layer when the name is under `fallthrough`; else NXDOMAIN with the zone's SOA.

The origin of a zone always exists, and its SOA record is made from the table's `Zone` and serial: nobody puts it there.
With `denies=False` (for `hosts`, which has no SOA) some rules differ. An owner `*.<parent>` answers for every name
right below `<parent>` that has no record of the type. A name exists only if it, or such an owner, has an address (A,
AAAA). Rule 8 answers NODATA without SOA, and, with `passes_other_types`, under `fallthrough` only questions for A and
AAAA; rule 9 SERVFAIL without AA. A question for PTR that finds no record passes on in any case.

When every layer has passed, the question is a miss.

A `Forwarded` layer hands the question to its relay (`podname.engine.relaying`), if the cache has no answer, nor one
that only the plugin chain may give (`Keeping`): that is a miss.

A plan may have an `AnswerCache`, where the plugin chain leaves answers of its own making (forwarded ones) until they
expire. Whatever the layers say is a miss is looked up there first; a question with another opcode than QUERY stays a
miss. An answer that does not fit is cut, as one of a table is.

Sources: RFC 1034 §4.3.2; RFC 2308; RFC 6891; RFC 8020; the design of podname.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple, Protocol

from podname.dns.query import Query
from podname.engine.caching import AnswerCache, Keeping
from podname.engine.counters import Counters
from podname.engine.relaying import Relay, RelayOptions

if TYPE_CHECKING:
    from podname.engine.responding import Responder

Owner = bytes  # a folded name, podname.dns.names
ReadyAnswer = bytes  # podname.dns.records

#: One change of a table: owner, type, ready answer; None removes. Type 0 holds or releases the bare name.
Change = tuple[Owner, int, ReadyAnswer | None]
EMPTY_NON_TERMINAL = 0
#: What EDNS has room for: no bound.
EDNS_OCTETS_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone that a table is authoritative for."""

    origin: Owner
    soa_ttl_seconds: int
    negative_ttl_seconds: int  # the SOA's MINIMUM
    mname: Owner  # absolute: ns.dns.<origin>
    rname: Owner


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a table answers, fixed for its life. The rules are numbered in the module's docstring."""

    plugin: str  # who answers, for logs and metrics: "kubernetes"
    zones: tuple[Zone, ...]
    fallthrough: tuple[Owner, ...] = ()
    optional_underscores: bool = False
    lazy_types: frozenset[int] = frozenset()
    denies: bool = True
    passes_other_types: bool = False
    lone_types: frozenset[int] = frozenset()
    dashed_ttl_seconds: int = 0
    lazy_labels: frozenset[bytes] = frozenset()


class Outcome(Enum):
    """Why a table gives no response: another layer may know the name, or only code can answer."""

    PASS = auto()
    MISS = auto()


class Table(Protocol):
    """Owner names and their ready answers. All methods are atomic for whoever asks meanwhile."""

    options: TableOptions
    synced: bool

    def update(self, changes: Iterable[Change]) -> None:
        """Put and remove answers. O(changes x labels), never of the table's size.

        The SOA of each zone that a question is answered from takes its serial from `set_serial`.
        """

    def replace(self, changes: Iterable[Change]) -> None:
        """Swap the whole content for this one, atomically. Dashed parents stay."""

    def set_dashed(self, parent: Owner, *, open_: bool | None) -> None:
        """Make `parent` a dashed parent: open (any address answers), closed, or (None) none at all."""

    def set_serial(self, serial: int) -> None:
        """Set the SOA serial of the table's zones."""

    def respond(self, query: Query) -> bytes | Outcome:
        """Answer for the plugin chain by the same rules: a whole response without OPT, or why there is none."""

    def no_data(self, query: Query) -> bytes:
        """Make the response that says: this name of yours exists, but not with this type."""

    def get(self, owner: Owner, qtype: int) -> ReadyAnswer | None:
        """Return what rule 3 would find, for the plugin chain and for tests."""

    def exists(self, owner: Owner) -> bool:
        """Return whether the owner has records, is held, or is an empty non-terminal."""

    def __len__(self) -> int:
        """Count the ready answers."""


@dataclass(frozen=True, slots=True)
class Code:
    """A layer that must run Python: a question at or below one of `zones`, for one of `types`, is a miss.

    With `first_label` only names below a zone that begin with it.
    """

    zones: tuple[Owner, ...]
    types: frozenset[int] = frozenset()  # empty: all
    first_label: bytes = b""  # folded; empty: any

    def covers(self, owner: Owner, qtype: int) -> bool:
        """Return whether a question at or below one of the zones is meant."""
        first = self.first_label
        is_first = not first or owner.startswith(bytes((len(first),)) + first)
        return is_first and (not self.types or qtype in self.types)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A layer of names that are forwarded: a question at or below `zone` goes to the relay.

    It is a miss when it is below one of `excepted`, a transfer, or has another opcode than QUERY.
    """

    zone: Owner
    excepted: tuple[Owner, ...]
    relay: Relay
    plugin: str  # who answers, for logs and metrics: "forward"


Layer = Table | Code | Forwarded


class Client(NamedTuple):
    """Who asked: address, port, and `udp` or `tcp`. `server` is CoreDNS's label, `dns://:53`."""

    address: str
    port: int
    protocol: str
    server: str

    @property
    def server_address(self) -> str:
        """The address that was asked; '' where the listener is on every address."""
        return self.server.partition("://")[2].rpartition(":")[0].strip("[]")

    @property
    def server_port(self) -> str:
        """The port that was asked."""
        return self.server.rpartition(":")[2]


#: Runs the plugin chain: query, client → the whole response message, or None to stay silent. Must not raise.
Miss = Callable[[Query, Client], Awaitable[bytes | None]]

#: Sees each answer that the engine gave by itself: query packet, response, client, plugin, seconds taken.
Observer = Callable[[bytes, bytes, Client, str, float], None]


class StreamLimits(NamedTuple):
    """What a connection over TCP, TLS or HTTPS may take; the defaults are CoreDNS's."""

    first_read_seconds: float = 3.0  # until its first question is there
    idle_seconds: float = 10.0  # until the next one is
    write_seconds: float = 5.0  # until the client has taken its answers
    queries_most: int = 0  # before it is closed; 0 is no bound


STREAM_LIMITS = StreamLimits()


@dataclass(frozen=True, slots=True)
class Plan:
    """What one server block means for the engine."""

    zone: Owner
    layers: tuple[Layer, ...]
    miss: Miss
    rotate: bool = False  # `loadbalance`: A and AAAA records take turns
    #: Classes that are not refused, on the whole listener: CoreDNS knows no class per block. ANY (255) stands for all,
    #: which `forward` and `chaos` ask for.
    classes: frozenset[int] = frozenset({1})
    observers: tuple[Observer, ...] = ()
    counters: Counters | None = None
    cache: AnswerCache | None = None
    #: What a client may say at most that it can take over UDP; who says more is taken to have said this.
    edns_octets_max: int = EDNS_OCTETS_MAX
    #: Of the listener: all of its plans have the same.
    streams: StreamLimits = STREAM_LIMITS


class Listener(Protocol):
    """UDP and TCP sockets on one address and port."""

    address: tuple[str, int]  # as bound: the port is known even when 0 was asked for

    def serve(self, plans: Sequence[Plan]) -> None:
        """Swap what is served, atomically, keeping the sockets. A question goes to the longest matching zone."""

    async def close(self, grace_seconds: float) -> None:
        """Stop taking new questions, finish those under way (at most `grace_seconds`), close the sockets."""


@dataclass(slots=True)
class EngineStats:
    """What an engine could not do by itself: whatever is not among the misses, it answered."""

    misses: int = 0  # questions for the plugin chain
    misses_expired: int = 0  # of them, those that nobody waited for any more when their turn came
    observations_dropped: int = (
        0  # answers that the observers were not shown, because they did not keep up
    )
    unsent: int = 0  # answers over UDP that the system did not take
    #: Responses over HTTPS, by server and status.
    https_responses: Counter[tuple[str, int]] = field(default_factory=Counter)


class Engine(Protocol):
    """Makes tables and listeners. `name` is `python` or `native`."""

    name: str
    stats: EngineStats
    dropped: Counters  # what belongs to no plan: refused, under CoreDNS's zone "dropped"

    def table(self, options: TableOptions) -> Table:
        """Make an empty table, not synced."""

    def cache(self, plugin: str, keeping: Keeping | None = None) -> AnswerCache:
        """Make an empty cache, whose answers are that plugin's; with `keeping` a relay's replies are kept in it."""

    def relay(self, options: RelayOptions) -> Relay | None:
        """Begin to ask upstreams; None if the engine asks none. Raises OSError."""

    def responder(self, server: str, protocol: str, family: int) -> Responder:
        """Make what answers packets one by one, for other ways to be asked; `family` is 1 for IPv4, 2 for IPv6."""

    async def listen(self, host: str, port: int, server: str, plans: Sequence[Plan]) -> Listener:
        """Bind UDP and TCP and serve the plans; both get the same port when 0 is asked for. Raises OSError.

        No query is answered before the plans are in place: until then it waits in the socket's queue.
        """
