"""The rules of `rewrite`: what each makes of a query, and what it will do to the response.

Sources: CoreDNS 1.15.0 plugin/rewrite rewrite.go, name.go, class.go, type.go, ttl.go, rcode.go, cname_target.go.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Literal, Protocol

from podname.corefile.regexp import Groups
from podname.dns.names import from_escaped, to_text
from podname.dns.unpacked import Unpacked, options_of
from podname.plugins.base import Request
from podname.plugins.rewrite.matching import EVERYWHERE, Matcher, Regex
from podname.plugins.rewrite.responses import Alias, Owner, ResponseRule, Target, back

#: What is to be done to the response; None when the rule does not apply.
Outcome = tuple[ResponseRule, ...] | None


Options = list[tuple[int, bytes]]  # codes and data


@dataclass(slots=True)
class State:
    """A query while rules change it. The request is the client's."""

    query: Unpacked
    request: Request
    #: What takes options back that the client is not to see, in the order of the rules.
    reverts: list[Callable[[Options], Options]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name as rules match it."""
        return to_text(self.query.name.lower())

    def options_for_the_client(self, codes: Set[int]) -> Options:
        """Return the options of these codes that come back in a response which is made here."""
        opt = self.query.opt
        options = options_of(opt.rdata) if opt and codes else []
        for revert in reversed(self.reverts):
            options = revert(options)
        return [option for option in options if option[0] in codes]


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
        to = self.renamed(state)
        if to is None:
            return None
        state.query.name = from_escaped(to)
        if not self.auto:
            return self.responses
        rename = back(to, name)
        return Owner(rename), Target(rename), *self.responses

    def renamed(self, state: State) -> str | None:
        """Return the name to ask for; None when the rule does not apply."""
        return self.matcher.replace(state.name, self.to)


#: Makes a part of a name of the groups of a match and of the query.
Part = Callable[[Groups, Request], str]


@dataclass(frozen=True, slots=True)
class MetadataNameRule(NameRule):
    """Ask for a name that metadata are a part of; where they are not known, the rule does not apply."""

    parts: tuple[Part, ...] = ()

    def renamed(self, state: State) -> str | None:
        """Return the name to ask for."""
        assert isinstance(self.matcher, Regex)  # noqa: S101
        groups = self.matcher.regexp.find(state.name)
        if groups is None:
            return None
        texts = [part(groups, state.request) for part in self.parts]
        return None if UNKNOWN in texts else "".join(texts)


#: What a part is whose metadata are not known. No name has it.
UNKNOWN = "{}"


@dataclass(frozen=True, slots=True)
class KindRule:
    """Ask for another type, or in another class."""

    field: Literal["qtype", "qclass"]
    old: int
    new: int
    zones = EVERYWHERE

    def apply(self, state: State) -> Outcome:
        """Change the field of the query."""
        if getattr(state.query, self.field) != self.old:
            return None
        setattr(state.query, self.field, self.new)
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
