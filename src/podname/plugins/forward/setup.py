"""Set up the `forward` directives of a server block.

Source: CoreDNS 1.15.0 plugin/forward setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podname.corefile import Directive, Token
from podname.corefile.findings import Findings
from podname.corefile.zones import normalize_zones
from podname.dns import names
from podname.plugins.base import Context, NamedZones
from podname.plugins.forward.forwarder import Forwarder, Tally
from podname.plugins.forward.handler import Forward
from podname.plugins.forward.options import Options
from podname.plugins.forward.targets import UPSTREAMS_MOST, addresses_of
from podname.plugins.forward.upstream import Upstream
from podname.text import shown


def setup(directives: Sequence[Directive], context: Context) -> Forward:
    """Make the plugin of all `forward` directives in a block, in their order. Raises CorefileError."""
    tally = context.resources.claim(("forward", context.zones, context.port), Tally)
    found = Findings()
    every = []
    for directive in directives:
        with found.gathered():
            every.append(parse(directive, context))
    found.raise_all()
    _warn_of_unasked(directives, every, context)
    forwarders = [
        _forwarder(options, context, tally, is_last=options is every[-1]) for options in every
    ]
    plugin = Forward(forwarders, tally)
    plugin.named_zones = tuple(
        NamedZones(directive.arguments[0], (options.zone,))
        for directive, options in zip(directives, every, strict=True)
    )
    return plugin


def parse(directive: Directive, context: Context) -> Options:
    """Read one directive. Raises CorefileError."""
    directive.expect(2)
    origin, *targets = directive.arguments
    if len(targets) > UPSTREAMS_MOST:
        message = f"more than {UPSTREAMS_MOST} TOs configured: {len(targets)}"
        raise directive.error(message, targets[UPSTREAMS_MOST])
    found, options = Findings(), Options()
    with found.gathered():
        options = Options.read(directive, context)
    age, expire = options.max_age_seconds, options.expire_seconds
    if 0 < age < expire:
        message = f"max_age ({age:g}s) must not be less than expire ({expire:g}s)"
        found.report(directive.name, message)
    with found.gathered():
        addresses = addresses_of(
            directive, targets, context, options.source_address, options.tls_servername
        )
        options = replace(options, addresses=addresses)
    with found.gathered():
        options = replace(options, zone=_from(origin, context))
    found.raise_all()
    return options


def _warn_of_unasked(
    directives: Sequence[Directive], every: Sequence[Options], context: Context
) -> None:
    for number, options in enumerate(every):
        for earlier, other in zip(directives, every[:number], strict=False):
            if other.leaves_nothing_to(options):
                origin = directives[number].arguments[0].text
                context.warn(
                    f"{directives[number].name.place}: this 'forward {shown(origin)}' is never asked: "
                    f"the forward at {earlier.name.place} comes first and takes all of its names"
                )
                break


def _forwarder(options: Options, context: Context, tally: Tally, *, is_last: bool) -> Forwarder:
    block, resources = (context.zones, context.port), context.resources
    upstreams = [
        resources.claim(
            ("forward", *block, address, options.upstream),
            lambda address=address: Upstream(address, options.upstream),  # type: ignore[misc]
        )
        for address in options.addresses
    ]
    asked = options.relayed(is_last=is_last)
    relay = None
    if asked is not None:
        key = ("relay", *block, asked, options.zone)
        relay = resources.claim(key, lambda: context.engine.relay(asked))
    return Forwarder(options, upstreams, tally, relay)


def _from(token: Token, context: Context) -> bytes:
    zones = normalize_zones([token])
    if len(zones) > 1:
        context.warn(
            f"{token.place}: '{token.text}' stands for {len(zones)} zones, only '{zones[0]}' is forwarded"
        )
    return names.from_text(zones[0])
