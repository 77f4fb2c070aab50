"""Label selectors in text, checked before the API server is asked: an error then has its place in the Corefile.

::

    selector    = requirement *( "," requirement )
    requirement = key | "!" key | key ("=" | "==" | "!=" | ">" | "<") value | key ("in" | "notin") "(" values ")"

Sources: k8s.io/apimachinery/pkg/labels `Parse`; Kubernetes "Labels and Selectors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class BadSelector(ValueError):
    """A text is no label selector."""


class Requirement(NamedTuple):
    """One condition. `operator` is one of exists, !, in, notin, gt, lt."""

    key: str
    operator: str
    values: frozenset[str]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Return whether labels satisfy it; a missing key satisfies `!` and `notin`."""
        value = labels.get(self.key)
        if value is None:
            return self.operator in {"!", "notin"}
        if self.operator in {"gt", "lt"}:
            (bound,) = self.values
            if not re.fullmatch(r"-?[0-9]+", value):
                return False
            return int(value) > int(bound) if self.operator == "gt" else int(value) < int(bound)
        return {
            "exists": True,
            "!": False,
            "in": value in self.values,
            "notin": value not in self.values,
        }[self.operator]


Selector = tuple[Requirement, ...]


def parse_selector(text: str) -> Selector:
    """Read a selector. Raises BadSelector, which says what was expected where."""
    words = _words(text)
    requirements = []
    while True:
        requirements.append(_requirement(words))
        if not words:
            return tuple(requirements)
        _take(words, ",")


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Return whether labels satisfy all requirements."""
    return all(requirement.holds(labels) for requirement in selector)


def _words(text: str) -> list[str]:
    return [match[1] for match in _TOKEN.finditer(text)]


def _requirement(words: list[str]) -> Requirement:
    if words[:1] == ["!"]:
        words.pop(0)
        return Requirement(_key(words), "!", frozenset())
    key = _key(words)
    if not words or words[0] == ",":
        return Requirement(key, "exists", frozenset())
    operator = words.pop(0)
    if operator in {"in", "notin"}:
        return Requirement(key, operator, _values(words))
    if operator in {"=", "==", "!="}:
        value = "" if not words or words[0] == "," else words.pop(0)
        _check_value(value)
        return Requirement(key, "notin" if operator == "!=" else "in", frozenset({value}))
    if operator in {">", "<"}:
        bound = words.pop(0) if words else ""
        if not re.fullmatch(r"-?[0-9]+", bound):
            raise BadSelector(f"'{operator}' wants a whole number, found '{bound}'")
        return Requirement(key, "gt" if operator == ">" else "lt", frozenset({bound}))
    raise BadSelector(f"found '{operator}' after '{key}', expected one of: in notin = == != > <")


def _values(words: list[str]) -> frozenset[str]:
    _take(words, "(")
    values = []
    while words and words[0] != ")":
        value = "" if words[0] == "," else words.pop(0)
        _check_value(value)
        values.append(value)
        if words and words[0] == ",":
            words.pop(0)
    _take(words, ")")
    return frozenset(values)


def _key(words: list[str]) -> str:
    key = words.pop(0) if words else ""
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not _PREFIX.fullmatch(prefix)):
        raise BadSelector(f"'{key}' is no label key")
    return key


def _check_value(value: str) -> None:
    if value and not _NAME.fullmatch(value):
        raise BadSelector(f"'{value}' is no label value")


def _take(words: list[str], expected: str) -> None:
    found = words.pop(0) if words else "the end"
    if found != expected:
        raise BadSelector(f"found '{found}', expected '{expected}'")
