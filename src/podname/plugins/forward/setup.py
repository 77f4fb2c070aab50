"""Read the `forward` directives of a server block.

Source: CoreDNS 1.15.0 plugin/forward setup.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import dns.exception
import dns.rcode

from podname.corefile import Directive, Line, Token
from podname.corefile.zones import normalize_zones
from podname.plugins.base import Context, each_line, unknown_property
from podname.plugins.forward.handler import Forward
from podname.plugins.forward.options import HealthOptions, Options, UpstreamOptions
from podname.plugins.forward.policy import POLICIES
from podname.plugins.forward.pool import Keeping
from podname.plugins.forward.stanza import Stanza, Tally
from podname.plugins.forward.targets import UPSTREAMS_MOST, addresses_of
from podname.plugins.forward.upstream import Upstream
from podname.wire import names

_UNSUPPORTED = frozenset({"tls", "tls_servername", "doh_method", "resolver"})


@dataclass(slots=True)
class _Said:
    """What the lines of a block have said so far, each under the name of the option that it sets."""

    options: dict[str, Any] = field(default_factory=dict)
    keeping: dict[str, Any] = field(default_factory=dict)
    upstream: dict[str, Any] = field(default_factory=dict)
    source: str | None = None


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
    said = _Said()
    each_line(directive, lambda line: _READERS.get(line.name.text, _unknown)(line, said))
    _check_age(directive, said.keeping)
    return Options(
        zone=_from(origin, context),
        addresses=addresses_of(directive, targets, context.folder, said.source, context.warn),
        upstream=UpstreamOptions(keeping=Keeping(**said.keeping), **said.upstream),
        **said.options,
    )


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


def _check_age(directive: Directive, keeping: dict[str, Any]) -> None:
    made = Keeping(**keeping)
    if 0 < made.max_age_seconds < made.expire_seconds:
        raise directive.error(
            f"max_age ({made.max_age_seconds:g}s) must not be less than expire ({made.expire_seconds:g}s)"
        )


def _unknown(line: Line, _: _Said) -> None:
    word = line.name.text
    if word in _UNSUPPORTED:
        raise line.error(f"the property '{word}' of forward is not supported yet")
    raise unknown_property(line.error, word)


def _flag(name: str) -> Callable[[Line, _Said], None]:
    def read(line: Line, said: _Said) -> None:
        line.expect(0, 0)
        (said.upstream if name == "force_tcp" else said.options)[name] = True

    return read


def _number(name: str) -> Callable[[Line, _Said], None]:
    def read(line: Line, said: _Said) -> None:
        line.expect(1, 1)
        number = line.integer(least=0)
        (said.keeping if name == "idle_most" else said.options)[name] = number

    return read


def _seconds(name: str) -> Callable[[Line, _Said], None]:
    def read(line: Line, said: _Said) -> None:
        line.expect(1, 1)
        said.keeping[name] = _not_negative(line)

    return read


def _rcodes(name: str) -> Callable[[Line, _Said], None]:
    def read(line: Line, said: _Said) -> None:
        line.expect(1)
        rcodes = frozenset(_rcode(line, token) for token in line.arguments)
        if name == "failover_rcodes" and 0 in rcodes:
            raise line.error("NOERROR cannot be used in failover")
        said.options[name] = said.options.get(name, frozenset()) | rcodes

    return read


def _rcode(line: Line, token: Token) -> int:
    text = token.text.upper()
    try:
        rcode = None if text.startswith("RCODE") else int(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError):
        rcode = None
    if rcode is None or text.isdigit():
        raise line.error(f"{token.text} is not a valid rcode", token)
    return rcode


def _not_negative(line: Line) -> float:
    seconds = line.duration()
    if seconds < 0:
        raise line.error(f"{line.name.text} can't be negative: {seconds:g}s", line.arguments[0])
    return seconds


def _read_timeout(line: Line, said: _Said) -> None:
    line.expect(1, 1)
    seconds = line.duration()
    if seconds <= 0:
        raise line.error(f"read_timeout must be positive: {seconds:g}s", line.arguments[0])
    said.upstream["read_timeout_seconds"] = seconds


def _except(line: Line, said: _Said) -> None:
    line.expect(1)
    zones = frozenset(names.from_text(zone) for zone in normalize_zones(line.arguments))
    said.options["excepted"] = said.options.get("excepted", frozenset()) | zones


def _policy(line: Line, said: _Said) -> None:
    (word,) = line.expect(1, 1)
    if word not in POLICIES:
        raise line.error(
            f"unknown policy '{word}', there are {', '.join(POLICIES)}", line.arguments[0]
        )
    said.options["policy"] = word


def _health_check(line: Line, said: _Said) -> None:
    line.expect(1)
    options: dict[str, Any] = {"interval_seconds": _not_negative(line)}
    rest = iter(line.arguments[1:])
    for token in rest:
        if token.text == "no_rec":
            options["recursion"] = False
        elif token.text == "domain":
            options["domain"] = _domain(line, next(rest, None))
        else:
            raise line.error(f"health_check: unknown option {token.text}", token)
    said.upstream["health"] = HealthOptions(**options)


def _domain(line: Line, token: Token | None) -> bytes:
    if token is None:
        raise line.error("health_check: 'domain' needs a name")
    try:
        return names.from_text(token.text)
    except names.BadName as error:
        message = f"health_check: invalid domain name {token.text}: {error}"
        raise line.error(message, token) from None


def _source_address(line: Line, said: _Said) -> None:
    (word,) = line.expect(1, 1)
    try:
        said.source = str(ipaddress.ip_address(word))
    except ValueError:
        raise line.error(f"invalid IP address: {word}", line.arguments[0]) from None


_READERS: dict[str, Callable[[Line, _Said], None]] = {
    "except": _except,
    "force_tcp": _flag("force_tcp"),
    "prefer_udp": _flag("prefer_udp"),
    "expire": _seconds("expire_seconds"),
    "max_age": _seconds("max_age_seconds"),
    "max_idle_conns": _number("idle_most"),
    "read_timeout": _read_timeout,
    "max_fails": _number("max_fails"),
    "max_connect_attempts": _number("max_connect_attempts"),
    "max_concurrent": _number("max_concurrent"),
    "policy": _policy,
    "health_check": _health_check,
    "next": _rcodes("next_rcodes"),
    "next_on_nodata": _flag("next_on_nodata"),
    "failover": _rcodes("failover_rcodes"),
    "failfast_all_unhealthy_upstreams": _flag("failfast"),
    "source_address": _source_address,
}
