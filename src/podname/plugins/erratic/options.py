"""What the `erratic` directive says.

Source: CoreDNS 1.15.0 plugin/erratic setup.go. `drop` without a number does not count as said.
"""

from __future__ import annotations

from dataclasses import dataclass

from podname.corefile import Line
from podname.corefile.properties import Properties, flag, prop, value

_AMOUNT, _AMOUNT_MOST = 2, 2**31 - 1
_DELAY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Delay:
    """Which queries are answered late, and how late."""

    amount: int = 0
    seconds: float = _DELAY_SECONDS


def _amount(line: Line) -> int | None:
    return line.integer(least=0, most=_AMOUNT_MOST) if line.arguments else None


def _delay(line: Line) -> Delay:
    amount = _amount(line)
    seconds = line.duration(1) if len(line.arguments) > 1 else _DELAY_SECONDS
    return Delay(_AMOUNT if amount is None else amount, seconds)


def _truncate(line: Line) -> int:
    amount = _amount(line)
    return _AMOUNT if amount is None else amount


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `erratic` takes."""

    drop: int | None = prop(None, value("[AMOUNT]", _amount, least=0))
    truncate: int = prop(0, value("[AMOUNT]", _truncate, least=0))
    delay: Delay = prop(Delay(), value("[AMOUNT [DURATION]]", _delay, least=0, most=2))
    large: bool = prop(False, flag())

    def drops(self, number: int) -> bool:
        """Return whether a query gets no answer."""
        drop = self.drop
        if drop is None:
            drop = 0 if self.delay.amount or self.truncate else _AMOUNT
        return drop > 0 and number % drop == 0

    def delays(self, number: int) -> bool:
        """Return whether a query is answered late."""
        return self.delay.amount > 0 and number % self.delay.amount == 0

    def truncates(self, number: int) -> bool:
        """Return whether an answer says that it is cut."""
        return self.truncate > 0 and number & self.truncate == 0
