"""A finding: one thing that was looked at, how it stands, why that matters and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How it stands."""

    HOLDS = "holds"
    FAILS = "fails"
    WARNS = "warns"  # it works, at a price, or it may stop working
    UNKNOWN = "unknown"  # it could not be seen from here


@dataclass(frozen=True)
class Finding:
    """One of the doctor's checks. `why` and `fix` are empty where all is well."""

    check: str
    outcome: Outcome
    seen: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Check:
    """Makes the findings of one check: `check.fails("what was seen", "why", "fix")`."""

    name: str

    def holds(self, seen: str) -> Finding:
        """All is well."""
        return Finding(self.name, Outcome.HOLDS, seen)

    def unknown(self, seen: str, fix: str = "") -> Finding:
        """Nothing can be said."""
        return Finding(self.name, Outcome.UNKNOWN, seen, "", fix)

    def warns(self, seen: str, why: str, fix: str) -> Finding:
        """It works, but."""
        return Finding(self.name, Outcome.WARNS, seen, why, fix)

    def fails(self, seen: str, why: str, fix: str) -> Finding:
        """It does not hold."""
        return Finding(self.name, Outcome.FAILS, seen, why, fix)
