"""How numbers and durations are written in a Corefile: as in Go, in which CoreDNS is written.

Sources: Go strconv.Atoi, time.ParseDuration.
"""

from __future__ import annotations

import re
from fractions import Fraction

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DURATION = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+")
_PART = re.compile(r"([0-9.]+)([^0-9.]+)")
_UNIT_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # U+00B5, the micro sign
    "μs": 1_000,  # U+03BC, the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_INT64_MAX = 2**63 - 1
_DURATION_CHARACTERS_MAX = 60


def integer(text: str) -> int | None:
    """Read a whole number as Go's Atoi does: a sign, digits, 64 bits. None: it is not one."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -_INT64_MAX - 1 <= number <= _INT64_MAX else None


def duration_seconds(text: str) -> float | None:
    """Read a Go duration (`1h2m3.5s`, `500ms`, `0`), in seconds. None: it is not one."""
    if text in {"0", "+0", "-0"}:
        return 0.0
    if len(text) > _DURATION_CHARACTERS_MAX or not _DURATION.fullmatch(text):
        return None
    parts = _PART.findall(text)
    nanoseconds = sum(Fraction(_decimal(n)) * _UNIT_NANOSECONDS[unit] for n, unit in parts)
    if nanoseconds > _INT64_MAX:
        return None
    return float((-nanoseconds if text[0] == "-" else nanoseconds) / 1_000_000_000)


def _decimal(text: str) -> str:
    return text.removesuffix(".")
