"""Read the `cache` directive.

Source: CoreDNS 1.15.0 plugin/cache setup.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from podname.corefile import Directive, Line, Token, normalize_zones
from podname.corefile.values import integer
from podname.plugins.base import Context, each_line, once, unknown_property
from podname.plugins.cache.handler import Cache
from podname.plugins.cache.left import Left
from podname.plugins.cache.options import (
    GAP_SECONDS,
    PERCENTAGE,
    Options,
    Prefetch,
    ShelfOptions,
    Stale,
    capacity,
)
from podname.plugins.cache.store import DENIAL, SUCCESS, Store
from podname.plugins.durations import go_text
from podname.wire import names

_SERVFAIL_SECONDS_MOST = _RECHECK_SECONDS_MOST = 300.0
_TTL_SECONDS_MOST = 2**31 - 1
_PERCENTAGES = range(10, 91)


@dataclass(slots=True)
class _Said:
    """What the lines of the block have said so far."""

    success: ShelfOptions
    denial: ShelfOptions
    options: dict[str, Any] = field(default_factory=dict)


def setup(directives: Sequence[Directive], context: Context) -> Cache:
    """Make the plugin. Raises CorefileError."""
    options = parse(once(directives), context)
    key = ("cache", context.zones, context.port, options)

    def make() -> Store:
        return Store(options, Left(context.engine.cache(Cache.name), keeps_ttl=options.keepttl))

    return Cache(options, context.resources.claim(key, make))


def parse(directive: Directive, context: Context) -> Options:
    """Read the directive. Raises CorefileError."""
    said = _Said(ShelfOptions(), ShelfOptions(ttl_seconds_most=1800))
    zones = list(directive.arguments)
    if zones and integer(zones[0].text) is not None:
        ttl_seconds = _ttl_seconds(directive, 0)
        said.success = replace(said.success, ttl_seconds_most=ttl_seconds)
        said.denial = replace(said.denial, ttl_seconds_most=ttl_seconds)
        del zones[0]
    each_line(directive, lambda line: _READERS.get(line.name.text, _unknown)(line, said))
    origins = tuple(normalize_zones(zones)) if zones else context.zones
    return Options(zones=origins, success=said.success, denial=said.denial, **said.options)


def _unknown(line: Line, _: _Said) -> None:
    if line.name.text == "serve_stale_policy":
        raise line.error("the property 'serve_stale_policy' of cache is not supported yet")
    raise unknown_property(line.error, line.name.text)


def _ttl_seconds(line: Line, index: int) -> int:
    seconds = line.integer(index)
    if not 0 < seconds <= _TTL_SECONDS_MOST:
        raise line.error(
            f"cache TTL must be positive and below 2^31: {seconds}", line.arguments[index]
        )
    return seconds


def _shelf(name: str) -> Callable[[Line, _Said], None]:
    def read(line: Line, said: _Said) -> None:
        count = len(line.expect(1, 3))
        changed: dict[str, int] = {"capacity": capacity(line.integer(0))}
        if count > 1:
            changed["ttl_seconds_most"] = _ttl_seconds(line, 1)
        if count > 2:
            changed["ttl_seconds_least"] = line.integer(2, least=0)
        setattr(said, name, replace(getattr(said, name), **changed))

    return read


def _disable(line: Line, said: _Said) -> None:
    word, *_ = line.expect(1)
    if word not in {SUCCESS, DENIAL}:
        message = f"cache type for disable must be '{SUCCESS}' or '{DENIAL}', not '{word}'"
        raise line.error(message, line.arguments[0])
    zones = frozenset(_zone(line, token) for token in line.arguments[1:]) or frozenset({names.ROOT})
    setattr(said, word, replace(getattr(said, word), disabled=zones))


def _zone(line: Line, token: Token) -> bytes:
    try:
        return names.from_text(token.text)
    except names.BadName as error:
        raise line.error(f"invalid disabled zone: {token.text}: {error}", token) from None


def _prefetch(line: Line, said: _Said) -> None:
    count = len(line.expect(1, 3))
    said.options["prefetch"] = Prefetch(
        line.integer(0, least=0),
        line.duration(1) if count > 1 else GAP_SECONDS,
        _percentage(line, line.arguments[2]) if count > 2 else PERCENTAGE,
    )


def _percentage(line: Line, token: Token) -> int:
    if not token.text.endswith("%"):
        raise line.error(f"a percentage ends with '%': '{token.text}'", token)
    number = integer(token.text[:-1])
    if number is None or number not in _PERCENTAGES:
        raise line.error(f"percentage should fall in range [10, 90]: {token.text}", token)
    return number


def _serve_stale(line: Line, said: _Said) -> None:
    words = line.expect(0, 5)
    verify = len(words) > 1 and words[1].lower() == "verify"
    if len(words) > 1 and words[1].lower() not in {"verify", "immediate"}:
        message = f"invalid value for serve_stale refresh mode: {words[1]}"
        raise line.error(message, line.arguments[1])
    if not verify:
        line.expect(0, 4)
    said.options["stale"] = Stale(
        up_to_seconds=_duration(line, 0, 3600.0),
        verify=verify,
        verify_timeout_seconds=_duration(line, 2) if verify else 0.0,
        ttl_seconds=_whole_seconds(line, 2 + verify),
        recheck_seconds=_duration(line, 3 + verify, most=_RECHECK_SECONDS_MOST),
    )


def _whole_seconds(line: Line, index: int) -> int:
    seconds = _duration(line, index, most=_TTL_SECONDS_MOST)
    if seconds % 1:
        message = "serve_stale response TTL must be a whole number of seconds"
        raise line.error(message, line.arguments[index])
    return int(seconds)


def _duration(line: Line, index: int, default: float = 0.0, most: float = math.inf) -> float:
    """Read the argument at `index`, if there is one."""
    if index >= len(line.arguments):
        return default
    seconds = line.duration(index)
    if not 0 <= seconds <= most:
        bound = "" if most == math.inf else f" or above {go_text(most)}"
        raise line.error(
            f"{line.name.text} cannot be negative{bound}: {line.arguments[index].text}",
            line.arguments[index],
        )
    return seconds


def _servfail(line: Line, said: _Said) -> None:
    line.expect(1, 1)
    said.options["servfail_seconds"] = _duration(line, 0, most=_SERVFAIL_SECONDS_MOST)


def _keepttl(line: Line, said: _Said) -> None:
    line.expect(0, 0)
    said.options["keepttl"] = True


_READERS: dict[str, Callable[[Line, _Said], None]] = {
    SUCCESS: _shelf(SUCCESS),
    DENIAL: _shelf(DENIAL),
    "disable": _disable,
    "keepttl": _keepttl,
    "prefetch": _prefetch,
    "serve_stale": _serve_stale,
    "servfail": _servfail,
}
