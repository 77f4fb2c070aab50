"""What a plugin's test needs of the house: a context, directives from text, and the end of a chain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import dns.message
from prometheus_client.core import Metric

from podname.corefile import Directive, parse_text
from podname.dns.query import Query, parse
from podname.engine.base import Client, Engine
from podname.engine.reference import PythonEngine
from podname.plugins.base import Context, Next, Plugin, Reply, Request, Resources, end_of_chain

CLIENT = Client("127.0.0.1", 40212, "udp", "dns://:53")
NOBODY = end_of_chain("the-last-one")
TCP_CLIENT = Client("127.0.0.1", 40212, "tcp", "dns://:53")


def directives(text: str, name: str) -> Sequence[Directive]:
    """Read the directives of one name out of a Corefile's text."""
    (block,) = parse_text(text).blocks
    return [directive for directive in block.directives if directive.name.text == name]


def context(
    zones: Sequence[str] = (".",),
    *,
    engine: Engine | None = None,
    folder: Path = Path("/"),
    warnings: list[str] | None = None,
    resources: Resources | None = None,
    port: int = 53,
) -> Context:
    """Make what a directive may know."""
    found: list[str] = [] if warnings is None else warnings
    return Context(
        zones=tuple(zones),
        port=port,
        engine=engine or PythonEngine(),
        resources=resources or Resources(),
        folder=folder,
        warn=found.append,
        fatal=lambda: None,
    )


def question(name: str = "example.org.", rtype: str = "A", **options: object) -> bytes:
    """Make a query's octets; the options are those of `dns.message.make_query`."""
    wire: bytes = dns.message.make_query(name, rtype, **options).to_wire()  # type: ignore[arg-type]
    return wire


async def ask(
    plugin: Plugin, packet: bytes, next_: Next = NOBODY, client: Client = CLIENT
) -> Reply:
    """Send a query down a chain that begins with `plugin`."""
    return await plugin.serve(request(packet, client), next_)


def request(packet: bytes, client: Client = CLIENT) -> Request:
    """Make the request of a query."""
    query = parse(packet)
    assert isinstance(query, Query), query

    async def upstream(_: bytes, __: Client) -> bytes | None:
        raise AssertionError("nobody follows aliases here")

    return Request(query, client, b"\x00", perf_counter(), upstream)


def link(*plugins: Plugin) -> None:
    """Let plugins meet as in one server block."""
    siblings: Mapping[str, Plugin] = {plugin.name: plugin for plugin in plugins}
    for plugin in plugins:
        plugin.link(siblings)


def samples(metrics: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Return metrics as name and label values → value."""
    return {(s.name, *s.labels.values()): s.value for metric in metrics for s in metric.samples}


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is so; five seconds are too many."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # there is no event: others make it so
            await asyncio.sleep(0.001)
