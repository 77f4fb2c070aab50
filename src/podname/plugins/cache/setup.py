"""Set up the `cache` directive.

Source: CoreDNS 1.15.0 plugin/cache setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podname.corefile import Directive, normalize_zones
from podname.corefile.findings import Findings
from podname.corefile.values import integer
from podname.dns import names
from podname.plugins.base import Context, once
from podname.plugins.cache.handler import Cache
from podname.plugins.cache.left import Left
from podname.plugins.cache.options import Options, ttl_seconds_at
from podname.plugins.cache.store import Store


def setup(directives: Sequence[Directive], context: Context) -> Cache:
    """Make the plugin. Raises CorefileError."""
    options = parse(once(directives), context)
    key = ("cache", context.zones, context.port, context.variant, options)

    def make() -> Store:
        kept = context.engine.cache(Cache.name, options.keeping)
        return Store(options, Left(kept, keeps_ttl=options.keepttl))

    return Cache(options, context.resources.claim(key, make))


def _refuse_lone_policy(directive: Directive) -> None:
    lines = {line.name.text: line for line in directive.block or ()}
    policy = lines.get("serve_stale_policy")
    if policy is not None and "serve_stale" not in lines:
        raise policy.error("serve_stale_policy requires serve_stale")


def parse(directive: Directive, context: Context) -> Options:
    """Read the directive. Raises CorefileError."""
    options, zones = Options(), list(directive.arguments)
    success, denial = options.success, options.denial
    if zones and integer(zones[0].text) is not None:
        most = ttl_seconds_at(directive, 0)
        success, denial = (replace(half, ttl_seconds_most=most) for half in (success, denial))
        del zones[0]
    found, origins = Findings(), context.zones
    with found.gathered():
        origins = tuple(normalize_zones(zones)) if zones else origins
    covered = frozenset(names.from_text(zone) for zone in origins)
    every = (names.from_text(zone) for zone in context.zones)
    with found.gathered():
        options = Options.read(
            directive,
            context,
            zones=origins,
            covers_block=all(names.longest_match(zone, covered) is not None for zone in every),
            success=success,
            denial=denial,
        )
    with found.gathered():
        _refuse_lone_policy(directive)
    found.raise_all()
    return options
