"""Durations: read as some directives have them, and shown Go's way, as in CoreDNS's messages and in the Corefile.

Sources: Go time.Duration.String; CoreDNS plugin/pkg/durations.
"""

from __future__ import annotations

from podname.corefile import Line

_NANOSECONDS = 1_000_000_000
_UNITS = (("ms", 1_000_000), ("µs", 1_000), ("ns", 1))


def duration_or_seconds(line: Line) -> float:
    """Read the first argument: a duration, or a number of seconds. Raises CorefileError."""
    word = line.words()[0]
    return float(word) if word.isascii() and word.isdigit() else line.duration()


def go_text(seconds: float) -> str:
    """Show a duration as Go does: `1h0m5s`, `1.5s`, `250ms`, `0s`."""
    nanoseconds = round(seconds * _NANOSECONDS)
    if nanoseconds < 0:
        return "-" + go_text(-seconds)
    if 0 < nanoseconds < _NANOSECONDS:
        name, size = next(unit for unit in _UNITS if nanoseconds >= unit[1])
        return _decimal(nanoseconds, size) + name
    minutes, rest = divmod(nanoseconds, 60 * _NANOSECONDS)
    text = _decimal(rest, _NANOSECONDS) + "s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = (f"{hours}h" if hours else "") + f"{minutes}m" + text
    return text


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = str(rest).zfill(len(str(size)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
