"""The rules of `rewrite`: what each makes of a query, and what it will do to the response.

Sources: CoreDNS 1.15.0 plugin/rewrite rewrite.go, name.go, class.go, type.go, ttl.go, rcode.go, cname_target.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from podname.dns.names import from_escaped, to_text
from podname.dns.unpacked import Unpacked
from podname.plugins.base import Request
from podname.plugins.rewrite.matching import EVERYWHERE, Matcher
from podname.plugins.rewrite.responses import Alias, Owner, ResponseRule, Target, back

#: What is to be done to the response; None when the rule does not apply.
Outcome = tuple[ResponseRule, ...] | None


@dataclass(slots=True)
class State:
    """A query while rules change it. The request is the client's."""

    query: Unpacked
    request: Request

    @property
    def name(self) -> str:
        """The name as rules match it."""
        return to_text(self.query.name.lower())


class Rule(Protocol):
    """One rule."""

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The zones that hold every name it may apply to."""

    def apply(self, state: State) -> Outcome:
        """Change the query. Raises BadName when it would ask for what is no name."""


@dataclass(frozen=True, slots=True)
class NameRule:
    """Ask for another name. With `auto`, names of the response are mapped back to the one that was asked for."""

    matcher: Matcher
    to: str
    responses: tuple[ResponseRule, ...] = ()
    auto: bool = False

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The matcher's."""
        return self.matcher.zones

    def apply(self, state: State) -> Outcome:
        """Change the name."""
        name = state.name
        to = self.matcher.replace(name, self.to)
        if to is None:
            return None
        state.query.name = from_escaped(to)
        if not self.auto:
            return self.responses
        rename = back(to, name)
        return Owner(rename), Target(rename), *self.responses


@dataclass(frozen=True, slots=True)
class TypeRule:
    """Ask for another type."""

    old: int
    new: int
    zones = EVERYWHERE

    def apply(self, state: State) -> Outcome:
        """Change the type."""
        if state.query.qtype != self.old:
            return None
        state.query.qtype = self.new
        return ()


@dataclass(frozen=True, slots=True)
class ClassRule:
    """Ask in another class."""

    old: int
    new: int
    zones = EVERYWHERE

    def apply(self, state: State) -> Outcome:
        """Change the class."""
        if state.query.qclass != self.old:
            return None
        state.query.qclass = self.new
        return ()


@dataclass(frozen=True, slots=True)
class ResponseOnly:
    """Change responses to queries for names that match: `ttl` and `rcode`."""

    matcher: Matcher
    response: ResponseRule

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The matcher's."""
        return self.matcher.zones

    def apply(self, state: State) -> Outcome:
        """Leave the query as it is."""
        return None if self.matcher.replace(state.name, "") is None else (self.response,)


@dataclass(frozen=True, slots=True)
class CnameRule:
    """Change where the CNAME records of any response lead."""

    matcher: Matcher
    to: str
    zones = EVERYWHERE

    def apply(self, state: State) -> Outcome:
        """Leave the query as it is."""
        return (Alias(self.matcher, self.to, state.request),)
