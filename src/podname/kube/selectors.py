"""Selectors: which objects a watch takes. The API server applies them; for objects from files we do.

Labels: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. Fields: `=`, `==` and `!=`.

Source: apimachinery pkg/labels `ParseToRequirements`, meta/v1 `ParseToLabelSelector` (which refuses `<` and `>`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_PREFIX = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_KEY = re.compile(rf"(?:{_PREFIX}/)?{_NAME}").fullmatch
_VALUE = re.compile(rf"(?:{_NAME})?").fullmatch
_COMMA = re.compile(r",(?![^(]*\))")  # not one between parentheses
_SET = re.compile(r"(\S+)\s+(in|notin)\s*\(([^()]*)\)").fullmatch
_EQUALITY = re.compile(r"([^=!<>\s]+)\s*(==|=|!=)\s*([^=!<>\s]*)").fullmatch


class BadSelector(ValueError):
    """A text is no selector."""


@dataclass(frozen=True)
class Requirement:
    """One term. Without `values` it is about whether the key is there."""

    key: str
    values: frozenset[str] | None
    is_negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is taken."""
        if self.values is None:
            return (self.key in labels) is not self.is_negated
        return (labels.get(self.key) in self.values) is not self.is_negated


def parse_selector(text: str) -> tuple[Requirement, ...]:
    """Read a label selector; an empty one takes everything. Raises BadSelector."""
    if not text.strip():
        return ()
    requirements = tuple(_requirement(term.strip()) for term in _COMMA.split(text))
    for requirement in requirements:
        _check(requirement)
    return requirements


def parse_field_selector(text: str) -> tuple[Requirement, ...]:
    """Read a field selector; an empty one takes everything. Raises BadSelector."""
    terms = [term.strip() for term in text.split(",") if term.strip()]
    found = [_EQUALITY(term) for term in terms]
    if None in found:
        raise BadSelector(f"{text!r} is no field selector")
    return tuple(
        Requirement(match[1], frozenset((match[3],)), match[2] == "!=") for match in found if match
    )


def _requirement(term: str) -> Requirement:
    if match := _SET(term):
        values = frozenset(value.strip() for value in match[3].split(","))
        return Requirement(match[1], values, match[2] == "notin")
    if match := _EQUALITY(term):
        return Requirement(match[1], frozenset((match[3],)), match[2] == "!=")
    if term.startswith("!"):
        return Requirement(term[1:].strip(), None, True)
    return Requirement(term, None, False)


def _check(requirement: Requirement) -> None:
    key = requirement.key
    if not _KEY(key):
        raise BadSelector(f"{key!r} is no label key")
    for value in requirement.values or ():
        if not _VALUE(value):
            raise BadSelector(f"{value!r} is no label value")
