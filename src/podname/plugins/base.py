"""What a plugin is: one Corefile directive, its parsing apart from its handling.

Each plugin is a folder named after its directive, with `setup.py` (`setup(directives, context) ->
Plugin`: what the Corefile says, or a CorefileError), `handler.py` (the Plugin) and a README in
man-page form. A server block's plugins form a chain in CoreDNS's order, whatever the order in the
file.

The life of a plugin: `setup` → `prepare` (read files) → `link` (meet the others of the block) → `bound`
(learn the block's sockets) → `start` → `plan` (tell the engine what it may answer by itself) →
`took_effect` → `serve` (answer what the engine does not) → `drain` (when the whole server is about to
end, not at a reload) → `stop`.
A reload makes new plugins from the new Corefile; what must outlive it (watched data, caches,
sockets) is claimed from `Resources` under a key that says what it is, so that an unchanged
directive finds its data again.

Sources: CoreDNS `plugin.md`, core/dnsserver; the design of podname.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from podname.corefile import Directive, Token, normalize_zones
from podname.corefile.properties import Properties
from podname.dns import constants as c
from podname.dns import names
from podname.dns.query import Query
from podname.engine.base import EDNS_OCTETS_MAX, Client, Engine, Layer, Observer
from podname.engine.caching import AnswerCache
from podname.engine.counters import Counters
from podname.errors import ServeError

if TYPE_CHECKING:
    from prometheus_client.core import Metric


#: What plugins know of a query, by label (`view/name`); made when somebody asks.
Metadata = dict[str, Callable[[], str]]


@dataclass(slots=True)
class Request:
    """A query on its way down the chain of one server block.

    `upstream` asks the whole server anew (every block, every plugin) with a packet of one's own:
    for aliases. `lookups` says how many such questions led to this one.
    """

    query: Query
    client: Client
    zone: bytes  # of the server block, folded
    started_seconds: float  # time.perf_counter
    upstream: Callable[[bytes, Client], Awaitable[bytes | None]]
    plugin: str = ""  # who answered, for the metrics' label
    view: str = ""  # of the server block, for the metrics' label
    metadata: Metadata | None = None  # by label; None where no `metadata` gathers it
    lookups: int = 0

    def metadatum(self, label: str) -> str:
        """Return one piece of metadata; '' where there is none."""
        value = (self.metadata or {}).get(label)
        return value() if value else ""


#: The whole response message, without OPT, as if there were no size limit: the server adds OPT and
#: truncates. None is silence. A plugin that cannot answer raises ServeError, which says the RCODE.
Reply = bytes | None
Next = Callable[[Request], Awaitable[Reply]]


class Resource(Protocol):
    """Something that outlives a reload."""

    async def close(self) -> None:
        """Let go of it: nobody claimed it after a reload, or the server stops."""


R = TypeVar("R", bound=Resource | None)


class Resources:
    """What is kept over a reload, by a key: what it is, with all options that change it."""

    def __init__(self, previous: Resources | None = None) -> None:
        self._previous = previous
        self._claimed: dict[Hashable, Resource] = {}

    def claim(self, key: Hashable, make: Callable[[], R]) -> R:
        """Return what is kept under `key`, or make it.

        Two claims of one key share it. None is nothing, and is not kept.
        """
        if key not in self._claimed:
            kept = self._previous._claimed.get(key) if self._previous else None
            made = kept if kept is not None else make()
            if made is None:
                return made
            self._claimed[key] = made
        return self._claimed[key]  # type: ignore[return-value]  # the key implies the type

    def unclaimed(self) -> list[Resource]:
        """Return what the previous configuration had and this one does not claim; forget it."""
        previous, self._previous = self._previous, None
        if previous is None:
            return []
        return [r for key, r in previous._claimed.items() if key not in self._claimed]

    def all(self) -> list[Resource]:
        """Return everything claimed."""
        return list(self._claimed.values())

    def previous(self) -> list[Resource]:
        """Return everything that the configuration before this one had."""
        return self._previous.all() if self._previous else []


@dataclass(slots=True)
class Context:
    """What a directive may know when it is set up: the server block it stands in, and the house."""

    zones: tuple[str, ...]  # the block's keys: lower case, fully qualified
    port: int
    engine: Engine
    resources: Resources
    folder: Path  # that relative file names start from: where the Corefile lies
    warn: Callable[[str], None]
    #: Whether the Corefile is for another machine, so that what this one has says nothing of it.
    elsewhere: bool = False
    #: What tells the block from others with the same keys, over a reload.
    variant: Hashable = ()
    #: Every plugin of every server block, once all are set up.
    roster: list[Plugin] = field(default_factory=list)
    #: End the process at once, exit code 1, after the plugin has logged why: serving on would do harm.
    fatal: Callable[[], None] = sys.exit


@dataclass(slots=True)
class Draft:
    """The engine's plan of a server block while its plugins add to it, in chain order."""

    layers: list[Layer] = field(default_factory=list)
    rotate: bool = False
    classes: set[int] = field(default_factory=lambda: {c.IN})
    observers: list[Observer] = field(default_factory=list)
    counters: Counters | None = None
    cache: AnswerCache | None = None
    edns_octets_max: int = EDNS_OCTETS_MAX
    #: What of a connection's limits is not the default.
    streams: dict[str, Any] = field(default_factory=dict)
    #: Whether the engine does all that the plugins so far would do to an answer from behind them.
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """One zone of a server block on one address, as bound: port 0 has become a real one."""

    zone: str
    host: str  # '' is every address
    port: int
    scheme: str = "dns"

    @property
    def server(self) -> str:
        """CoreDNS's label of the listener: `dns://:53`, `tls://[::1]:853`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class NamedZones:
    """A word of a directive that says for which zones it answers: several when it is a network."""

    word: Token
    zones: tuple[bytes, ...]  # folded


class Plugin:
    """A directive at work. Every method does nothing by default."""

    name: str
    #: The zones that it was told to answer for; it is asked only for what lies in its block's.
    named_zones: tuple[NamedZones, ...] = ()
    #: Whether `plan` has the engine do all that `serve` does to an answer from behind it.
    is_planned = False

    async def prepare(self) -> None:
        """Read what takes its time and must be right before anything starts. Raises CorefileError."""

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Meet the other plugins of the block, by name, before anything starts."""

    def bound(self, listeners: Sequence[Bound]) -> None:
        """Learn where the block listens. Nothing is answered before `start` has returned."""

    async def start(self) -> None:
        """Begin what needs the event loop. A PodnameError or OSError refuses the configuration."""

    def took_effect(self) -> None:
        """Learn that the engine serves the configuration from now on."""

    async def drain(self) -> None:
        """Prepare for the server's end. It goes on answering until every plugin has returned."""

    async def stop(self) -> None:
        """End what `start` began. Resources that were claimed are not this plugin's to close."""

    def plan(self, draft: Draft) -> None:
        """Tell the engine what it may do for this plugin without asking."""

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer a query that the engine did not answer, or hand it on."""
        return await next_(request)

    def provide(self, query: Query, client: Client) -> Metadata:
        """Return what it knows of a query before anybody answers, for `metadata`."""
        return {}

    def ready(self) -> bool:
        """Return whether it can answer yet (the `ready` plugin asks)."""
        return True

    def collect(self) -> Iterable[Metric]:
        """Return its metrics (the `prometheus` plugin asks)."""
        return ()


Setup = Callable[[Sequence[Directive], Context], Plugin]


@runtime_checkable
class CapsTtl(Protocol):
    """A plugin that bounds the TTLs of answers on their way out, as `cache` does."""

    def cap_ttl_seconds(self, zone: bytes, ttl_seconds: int, *, denial: bool) -> int:
        """Return the TTL that an answer from `zone` leaves with."""


@runtime_checkable
class KnowsSearchPaths(Protocol):
    """A plugin that knows the search list of a client's stub resolver, for `autopath`."""

    def search_path(self, query: Query, client: Client) -> tuple[bytes, ...]:
        """Return it, folded; empty when it is not known, or the name is none of the plugin's."""

    def first_steps(self) -> Iterable[bytes]:
        """Return the zones in which the first elements of all these lists lie."""


@runtime_checkable
class GathersMetadata(Protocol):
    """A plugin that knows what all plugins of its block know of a query: `metadata`."""

    def gather(self, query: Query, client: Client) -> Metadata:
        """Return it, by label."""


def named_zones(word: Token) -> NamedZones:
    """Read the zones that a word stands for. Raises CorefileError."""
    return NamedZones(word, tuple(names.from_text(zone) for zone in normalize_zones([word])))


def once(directives: Sequence[Directive]) -> Directive:
    """Refuse a second directive of the same name in one block."""
    if len(directives) > 1:
        first = directives[0].name.place
        raise directives[1].error(
            f"{directives[1].name.text} can only be used once per Server Block, it already is at {first}"
        )
    return directives[0]


def one_counts(directives: Sequence[Directive], context: Context, counting: int = 0) -> Directive:
    """Return the one of several directives of a name that counts; warn of the others, which CoreDNS accepts."""
    chosen = directives[counting]
    for directive in directives:
        if directive is not chosen:
            context.warn(
                f"{directive.name.place}: this '{directive.name.text}' has no effect, "
                f"the one at {chosen.name.place} counts"
            )
    return chosen


def only_named(directives: Sequence[Directive], context: Context) -> None:
    """Check directives that take nothing: no argument, no property. Raises CorefileError."""
    for directive in directives:
        directive.expect(0, 0)
        Properties.read(directive, context)
    one_counts(directives, context)


def end_of_chain(last: str) -> Next:
    """Make what answers when no plugin of a block does, behind the one named: SERVFAIL, as CoreDNS."""

    async def end(_: Request) -> Reply:
        raise ServeError(c.SERVFAIL, f"plugin/{last}: no next plugin found")

    return end
