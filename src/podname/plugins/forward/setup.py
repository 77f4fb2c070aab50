"""Set up the `forward` directives of a server block.

Source: CoreDNS 1.15.0 plugin/forward setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from podname.corefile import Directive, Token
from podname.corefile.zones import normalize_zones
from podname.plugins.base import Context
from podname.plugins.forward.handler import Forward
from podname.plugins.forward.options import Options
from podname.plugins.forward.stanza import Stanza, Tally
from podname.plugins.forward.targets import UPSTREAMS_MOST, addresses_of
from podname.plugins.forward.upstream import Upstream
from podname.wire import names


def setup(directives: Sequence[Directive], context: Context) -> Forward:
    """Make the plugin of all `forward` directives in a block, in their order. Raises CorefileError."""
    tally = context.resources.claim(("forward", context.zones, context.port), Tally)
    stanzas = [_stanza(parse(directive, context), context, tally) for directive in directives]
    return Forward(stanzas, tally)


def parse(directive: Directive, context: Context) -> Options:
    """Read one directive. Raises CorefileError."""
    directive.expect(2)
    origin, *targets = directive.arguments
    if len(targets) > UPSTREAMS_MOST:
        message = f"more than {UPSTREAMS_MOST} TOs configured: {len(targets)}"
        raise directive.error(message, targets[UPSTREAMS_MOST])
    options = Options.read(directive, warn=context.warn)
    age, expire = options.max_age_seconds, options.expire_seconds
    if 0 < age < expire:
        message = f"max_age ({age:g}s) must not be less than expire ({expire:g}s)"
        raise directive.error(message)
    source = options.source_address
    addresses = addresses_of(directive, targets, context.folder, source, context.warn)
    return replace(options, zone=_from(origin, context), addresses=addresses)


def _stanza(options: Options, context: Context, tally: Tally) -> Stanza:
    block, resources = (context.zones, context.port), context.resources
    upstreams = [
        resources.claim(
            ("forward", *block, address, options.upstream),
            lambda address=address: Upstream(address, options.upstream),  # type: ignore[misc]
        )
        for address in options.addresses
    ]
    return Stanza(options, upstreams, tally)


def _from(token: Token, context: Context) -> bytes:
    zones = normalize_zones([token])
    if len(zones) > 1:
        context.warn(
            f"{token.place}: '{token.text}' stands for {len(zones)} zones, only '{zones[0]}' is forwarded"
        )
    return names.from_text(zones[0])
