"""From a Corefile to server blocks at the ready: keys read, every directive set up, nothing started.

`podname check` does just this, and `podname serve` begins with it: whatever can be found without a socket of our own is
found here. Errors are gathered: one run tells all that can be told.

Sources: CoreDNS core/dnsserver/register.go; coredns/caddy executeDirectives.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from podname.corefile import (
    Corefile,
    Directive,
    ServerBlock,
    ServerKey,
    refuse_overlaps,
    server_keys,
)
from podname.corefile.addresses import is_every
from podname.corefile.findings import Findings
from podname.engine.base import Engine
from podname.errors import CorefileError
from podname.plugins import ORDER, refusal, setup_of
from podname.plugins.base import Context, Plugin, Resources
from podname.plugins.http import Endpoint
from podname.plugins.root.setup import folder_of
from podname.server.block import Block
from podname.server.shadows import shadows


@dataclass(slots=True)
class Configuration:
    """Everything that one Corefile says, set up."""

    digest: str
    resources: Resources
    roster: list[Plugin] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    variants: Counter[Hashable] = field(default_factory=Counter)

    def plugin(self, name: str) -> Plugin | None:
        """Return the first plugin of that name in any server block."""
        return next((plugin for plugin in self.roster if plugin.name == name), None)


@dataclass(frozen=True, slots=True)
class House:
    """What a configuration is set up in."""

    engine: Engine
    port: int  # of keys that name none
    folder: Path  # that relative file names start from
    warn: Callable[[str], None]
    fatal: Callable[[], None] = sys.exit
    #: Whether the Corefile is for another machine, so that what this one has says nothing of it.
    elsewhere: bool = False


#: Of the keys that are served.
SCHEMES = frozenset({"dns", "tls", "https"})


async def configure(corefile: Corefile, house: House, resources: Resources) -> Configuration:
    """Set a Corefile up. Raises CorefileError, the first one with all `others`."""
    configuration = Configuration(corefile.text_digest, resources)
    for warning in corefile.warnings:
        house.warn(warning)
    found = Findings()
    for block in corefile.blocks:
        _set_up(block, house, configuration, found)
    for plugin in configuration.roster:
        with found.gathered():
            await plugin.prepare()
    viewed = [block for block in configuration.blocks if block.view is not None]
    others = [block for block in configuration.blocks if block.view is None]
    with found.gathered():
        refuse_overlaps(_listeners(others), _listeners(viewed))
    listeners = _listeners(configuration.blocks)
    for error in _conflicts(configuration.blocks):
        found.keep(error)
    endpoints = [each for each in resources.all() if isinstance(each, Endpoint)]
    for error in _http_on_dns(listeners, endpoints):
        found.keep(error)
    if not house.elsewhere:
        await asyncio.gather(*(_look_up(endpoint, found) for endpoint in endpoints))
    found.raise_all()
    for warning in shadows(configuration.blocks):
        house.warn(warning)
    for ready in configuration.blocks:
        siblings = {plugin.name: plugin for plugin in ready.plugins}
        for plugin in ready.plugins:
            plugin.link(siblings)
    return configuration


def _listeners(blocks: Sequence[Block]) -> list[tuple[ServerKey, str]]:
    return [(key, host) for block in blocks for key in block.keys for host in block.hosts]


def _conflicts(blocks: Sequence[Block]) -> Iterator[CorefileError]:
    """Tell of keys on one address that want two schemes, or two certificates."""
    known: dict[tuple[str, int], tuple[ServerKey, Block]] = {}
    for block in blocks:
        for key, host in product(block.keys, block.hosts):
            other, its_block = known.setdefault((host, key.port), (key, block))
            where = f"'{other}' at {other.place}"
            if key.port and key.scheme != other.scheme:
                message = (
                    f"'{key}' listens on the address of {where}: give one of them another port"
                )
                yield CorefileError(message, key.place)
            elif key.scheme != "dns" and block.tls is not its_block.tls:
                message = f"'{key}' has another 'tls' than {where}, on one address"
                yield CorefileError(message, key.place)


def _http_on_dns(
    listeners: Sequence[tuple[ServerKey, str]], endpoints: Sequence[Endpoint]
) -> Iterator[CorefileError]:
    """Tell of keys whose address an HTTP endpoint (`health`, `ready`, `prometheus`) listens on, too."""
    for key, host in listeners:
        for each in endpoints:
            theirs = "127.0.0.1" if each.host == "localhost" else each.host
            if (
                key.port
                and key.port == each.port
                and (is_every(host) or is_every(theirs) or host == theirs)
            ):
                where = f"http://{each.host}:{each.port}"
                message = f"{where} of health, ready or prometheus listens on this address, too"
                yield CorefileError(f"{message}: give one of them another port", key.place)


async def _look_up(endpoint: Endpoint, found: Findings) -> None:
    with found.gathered():
        await endpoint.look_up()


def _set_up(
    block: ServerBlock, house: House, configuration: Configuration, found: Findings
) -> None:
    keys = _keys(block, house, found)
    context = Context(
        zones=tuple(key.zone for key in keys),
        port=keys[0].port if keys else house.port,
        engine=house.engine,
        resources=configuration.resources,
        folder=_folder(block, house),
        warn=house.warn,
        elsewhere=house.elsewhere,
        variant=_variant(block, keys, configuration.variants),
        roster=configuration.roster,
        fatal=house.fatal,
    )
    plugins: list[Plugin] = []
    for directives in _in_chain_order(block, found):
        with found.gathered():
            plugins.append(setup_of(directives[0])(directives, context))
    configuration.roster += plugins
    configuration.blocks.append(Block(keys, plugins))


def _variant(block: ServerBlock, keys: Sequence[ServerKey], before: Counter[Hashable]) -> Hashable:
    """Return what tells a block from others with its keys: its `bind` and `view`, and how many are like it before."""
    words = tuple(
        (line.name.text, *line.words())
        for directive in block.directives
        if directive.name.text in {"bind", "view"}
        for line in (directive, *(directive.block or ()))
    )
    like = (tuple((key.zone, key.port) for key in keys), words)
    before[like] += 1
    return words, before[like]


def _folder(block: ServerBlock, house: House) -> Path:
    """Return the folder that relative file names of a block start from."""
    roots = [each for each in block.directives if each.name.text == "root" and each.arguments]
    return folder_of(roots, house.folder) if roots else house.folder


def _keys(block: ServerBlock, house: House, found: Findings) -> tuple[ServerKey, ...]:
    keys: list[ServerKey] = []
    for token in block.keys:
        with found.gathered():
            keys += server_keys(token, house.port)
    for key in keys:
        if key.scheme not in SCHEMES:
            message = f"podname does not serve '{key.scheme}://' yet, only 'dns://', 'tls://' and 'https://'"
            found.keep(CorefileError(message, key.place))
    return tuple(keys)


def _in_chain_order(block: ServerBlock, found: Findings) -> list[Sequence[Directive]]:
    """Put a block's directives together by name, in CoreDNS's order whatever the file's."""
    by_name: dict[str, list[Directive]] = defaultdict(list)
    for directive in block.directives:
        by_name[directive.name.text].append(directive)
    for name, directives in by_name.items():
        if name not in ORDER:
            found.keep(refusal(directives[0]))
    return [by_name[name] for name in ORDER if name in by_name]
