"""What the `cache` directive says: its properties, how each is read, and its default.

Source: CoreDNS 1.15.0 plugin/cache README, setup.go and cache.go.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from podname.corefile import Line, Token
from podname.corefile.properties import Properties, ReadContext, Value, flag, prop, value
from podname.corefile.values import integer
from podname.dns import names
from podname.engine.caching import OCTETS_PER_ANSWER, Keeping, KeptHalf
from podname.plugins.durations import go_text

SUCCESS, DENIAL = "success", "denial"
PREFER_POSITIVE = "prefer_positive"

_SHARDS = 256  # CoreDNS divides a cache by as many, and what remains is lost
_SERVFAIL_SECONDS_MOST = _RECHECK_SECONDS_MOST = 300.0
_TTL_SECONDS_MOST = 2**31 - 1
_PERCENTAGES = range(10, 91)


def capacity(said: int) -> int:
    """Return the number of answers that CoreDNS keeps when the Corefile says so many."""
    return max(said // _SHARDS, 4) * _SHARDS


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """One half of the cache: successes, or denials."""

    capacity: int = capacity(10_000)
    ttl_seconds_most: int = 3600
    ttl_seconds_least: int = 5

    @property
    def octets_most(self) -> int:
        """How many octets of answers are kept."""
        return self.capacity * OCTETS_PER_ANSWER

    def clamped(self, ttl_seconds: int) -> int:
        """Bring a TTL between the bounds; the upper one wins."""
        return min(max(ttl_seconds, self.ttl_seconds_least), self.ttl_seconds_most)


@dataclass(frozen=True, slots=True)
class Prefetch:
    """When a popular answer is fetched again before it expires; `amount` 0 is never."""

    amount: int = 0
    gap_seconds: float = 60.0
    percentage: int = 10


@dataclass(frozen=True, slots=True)
class Stale:
    """Whether answers are served after they expired; `up_to_seconds` 0 is never."""

    up_to_seconds: float = 0.0
    verify: bool = False
    verify_timeout_seconds: float = 0.0
    ttl_seconds: int = 0
    recheck_seconds: float = 0.0


def ttl_seconds_at(line: Line, index: int) -> int:
    """Read the argument at `index` as an upper bound of TTLs. Raises CorefileError."""
    seconds = line.integer(index)
    if not 0 < seconds <= _TTL_SECONDS_MOST:
        message = f"cache TTL must be positive and below 2^31: {seconds}"
        raise line.error(message, line.arguments[index])
    return seconds


def _limits(line: Line, before: LimitOptions, _: ReadContext) -> LimitOptions:
    count = len(line.arguments)
    return replace(
        before,
        capacity=capacity(line.integer(0)),
        ttl_seconds_most=ttl_seconds_at(line, 1) if count > 1 else before.ttl_seconds_most,
        ttl_seconds_least=line.integer(2, least=0) if count > 2 else before.ttl_seconds_least,
    )


Disabled = frozenset[tuple[str, bytes]]


def _disable(line: Line, before: Disabled, _: ReadContext) -> Disabled:
    """Read which half keeps nothing of which zones; the last line about a half counts."""
    word, *zones = line.arguments
    if word.text not in {SUCCESS, DENIAL}:
        message = f"cache type for disable must be '{SUCCESS}' or '{DENIAL}', not '{word.text}'"
        raise line.error(message, word)
    named = {(word.text, _zone(line, token)) for token in zones} or {(word.text, names.ROOT)}
    return frozenset(each for each in before if each[0] != word.text) | named


def _zone(line: Line, token: Token) -> bytes:
    try:
        return names.from_text(token.text)
    except names.BadName as error:
        raise line.error(f"invalid disabled zone: {token.text}: {error}", token) from None


def _prefetch(line: Line) -> Prefetch:
    count, default = len(line.arguments), Prefetch()
    return Prefetch(
        line.integer(0, least=0),
        line.duration(1) if count > 1 else default.gap_seconds,
        _percentage(line, line.arguments[2]) if count > 2 else default.percentage,
    )


def _percentage(line: Line, token: Token) -> int:
    if not token.text.endswith("%"):
        raise line.error(f"a percentage ends with '%': '{token.text}'", token)
    number = integer(token.text[:-1])
    if number is None or number not in _PERCENTAGES:
        raise line.error(f"percentage should fall in range [10, 90]: {token.text}", token)
    return number


def _serve_stale(line: Line) -> Stale:
    words = line.words()
    verify = len(words) > 1 and words[1].lower() == "verify"
    if len(words) > 1 and words[1].lower() not in {"verify", "immediate"}:
        message = f"invalid value for serve_stale refresh mode: {words[1]}"
        raise line.error(message, line.arguments[1])
    if not verify:
        line.expect(0, 4)
    return Stale(
        up_to_seconds=_duration(line, 0, 3600.0),
        verify=verify,
        verify_timeout_seconds=_duration(line, 2) if verify else 0.0,
        ttl_seconds=_whole_seconds(line, 2 + verify),
        recheck_seconds=_duration(line, 3 + verify, most=_RECHECK_SECONDS_MOST),
    )


def _policy(line: Line, before: bool, _: ReadContext) -> bool:
    (word,) = line.words()
    if before:
        raise line.error("serve_stale_policy can only be specified once")
    if word.lower() != PREFER_POSITIVE:
        message = f"invalid serve_stale_policy: {word} ({PREFER_POSITIVE})"
        raise line.error(message, line.arguments[0])
    return True


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
        text = line.arguments[index].text
        message = f"{line.name.text} cannot be negative{bound}: {text}"
        raise line.error(message, line.arguments[index])
    return seconds


def _servfail(line: Line) -> float:
    return _duration(line, 0, most=_SERVFAIL_SECONDS_MOST)


_LIMITS = Value("CAPACITY [TTL] [MINTTL]", _limits, 1, 3)
_STALE = "[DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]]"


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `cache` directive."""

    SYNTAX = "[TTL] [ZONES...]"

    zones: tuple[str, ...] = ()
    covers_block: bool = False  # whether every name of the block is in one of the zones
    success: LimitOptions = prop(LimitOptions(), _LIMITS)
    denial: LimitOptions = prop(LimitOptions(ttl_seconds_most=1800), _LIMITS)
    prefetch: Prefetch = prop(
        Prefetch(), value("AMOUNT [DURATION [PERCENTAGE%]]", _prefetch, most=3)
    )
    stale: Stale = prop(Stale(), value(_STALE, _serve_stale, least=0, most=5), "serve_stale")
    has_policy: bool = prop(False, Value(PREFER_POSITIVE, _policy), "serve_stale_policy")
    servfail_seconds: float = prop(5.0, value("DURATION", _servfail), "servfail")
    disabled: Disabled = prop(
        frozenset(), Value(f"{SUCCESS}|{DENIAL} [ZONES...]", _disable, 1, None), "disable"
    )
    keepttl: bool = prop(False, flag())

    @property
    def stale_seconds(self) -> int:
        """How long an answer may be given after it expired, in the whole seconds that TTLs are counted in."""
        return min(int(self.stale.up_to_seconds), _TTL_SECONDS_MOST)

    @property
    def prefers_positive(self) -> bool:
        """Whether an answer that has what was asked for goes before a denial, also a stale one."""
        return self.has_policy and self.stale.up_to_seconds > 0

    @property
    def label(self) -> str:
        """The label `zones` of the metrics."""
        return ",".join(self.zones)

    @property
    def keeping(self) -> Keeping:
        """How the engine keeps what it fetches by itself."""
        success, denial = (
            KeptHalf(
                limits.capacity,
                limits.octets_most,
                limits.ttl_seconds_most,
                limits.ttl_seconds_least,
                tuple(sorted(zone for word, zone in self.disabled if word == half)),
            )
            for half, limits in ((SUCCESS, self.success), (DENIAL, self.denial))
        )
        return Keeping(
            success,
            denial,
            int(self.servfail_seconds),
            self.keepttl,
            self.stale_seconds,
            repeats=not self.prefetch.amount,
        )

    def keeps(self, half: str, folded: bytes) -> bool:
        """Return whether answers for a name may be kept as `success` or as `denial`."""
        return not any(
            word == half and names.is_subdomain(folded, zone) for word, zone in self.disabled
        )
