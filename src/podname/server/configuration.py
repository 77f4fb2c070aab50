"""From a Corefile to server blocks at the ready: keys read, every directive set up, nothing started.

Setting up touches no network, so `podname check` does just this. Errors are gathered: one run tells
all that can be told.

Sources: CoreDNS core/dnsserver/register.go; coredns/caddy executeDirectives.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from podname.corefile import (
    Corefile,
    Directive,
    ServerBlock,
    ServerKey,
    Token,
    refuse_overlaps,
    server_keys,
)
from podname.corefile.addresses import is_every
from podname.engine.base import Engine
from podname.errors import CorefileError
from podname.plugins import ORDER, refusal, setup_of
from podname.plugins.base import Context, Plugin, Resources
from podname.runtime.http.endpoint import Endpoint
from podname.server.block import Block
from podname.server.shadows import shadows


@dataclass(slots=True)
class Configuration:
    """Everything that one Corefile says, set up."""

    digest: str
    resources: Resources
    roster: list[Plugin] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

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


def configure(corefile: Corefile, house: House, resources: Resources) -> Configuration:
    """Set a Corefile up. Raises CorefileError, the first one with all `others`."""
    configuration = Configuration(corefile.text_digest, resources)
    for warning in corefile.warnings:
        house.warn(warning)
    errors: list[CorefileError] = []
    for block in corefile.blocks:
        _set_up(block, house, configuration, errors)
    listeners = [
        (key, host) for block in configuration.blocks for key in block.keys for host in block.hosts
    ]
    _gather(errors, lambda: refuse_overlaps(listeners))
    errors += _http_on_dns(listeners, resources)
    if errors:
        raise _as_one(errors)
    for warning in shadows(configuration.blocks):
        house.warn(warning)
    for ready in configuration.blocks:
        siblings = {plugin.name: plugin for plugin in ready.plugins}
        for plugin in ready.plugins:
            plugin.link(siblings)
    return configuration


def _http_on_dns(
    listeners: Sequence[tuple[ServerKey, str]], resources: Resources
) -> Iterator[CorefileError]:
    """Tell of keys whose address an HTTP endpoint (`health`, `ready`, `prometheus`) listens on, too."""
    endpoints = [each for each in resources.all() if isinstance(each, Endpoint)]
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


def _set_up(
    block: ServerBlock, house: House, configuration: Configuration, errors: list[CorefileError]
) -> None:
    keys = _keys(block, house, errors)
    context = Context(
        zones=tuple(key.zone for key in keys),
        port=keys[0].port if keys else house.port,
        engine=house.engine,
        resources=configuration.resources,
        folder=house.folder,
        warn=house.warn,
        roster=configuration.roster,
        fatal=house.fatal,
    )
    plugins: list[Plugin] = []
    for directives in _in_chain_order(block, errors):
        _gather(errors, partial(_set_up_plugin, directives, context, plugins))
    configuration.roster += plugins
    configuration.blocks.append(Block(keys, plugins))


def _keys(block: ServerBlock, house: House, errors: list[CorefileError]) -> tuple[ServerKey, ...]:
    keys: list[ServerKey] = []
    for token in block.keys:
        _gather(errors, partial(_read_key, token, house.port, keys))
    for key in keys:
        if key.scheme != "dns":
            message = f"podname does not serve '{key.scheme}://' yet, only 'dns://'"
            errors.append(CorefileError(message, key.place))
    return tuple(keys)


def _read_key(token: Token, port: int, keys: list[ServerKey]) -> None:
    keys.extend(server_keys(token, port))


def _set_up_plugin(
    directives: Sequence[Directive], context: Context, plugins: list[Plugin]
) -> None:
    plugins.append(setup_of(directives[0])(directives, context))


def _in_chain_order(block: ServerBlock, errors: list[CorefileError]) -> list[Sequence[Directive]]:
    """Put a block's directives together by name, in CoreDNS's order whatever the file's."""
    by_name: dict[str, list[Directive]] = defaultdict(list)
    for directive in block.directives:
        by_name[directive.name.text].append(directive)
    errors += [refusal(found[0]) for name, found in by_name.items() if name not in ORDER]
    return [by_name[name] for name in ORDER if name in by_name]


def _as_one(errors: Sequence[CorefileError]) -> CorefileError:
    """Return the first error with all others in it, in the order of their places."""
    # Each once: a network that stands for many zones makes its mistake many times over.
    every = list({str(told): told for error in errors for told in (error, *error.others)}.values())
    every.sort(key=lambda e: (e.place.file, e.place.line, e.place.column) if e.place else ("",))
    first, *others = every
    first.others = tuple(others)
    return first


def _gather(errors: list[CorefileError], attempt: Callable[[], None]) -> None:
    try:
        attempt()
    except CorefileError as error:
        errors.append(error)
