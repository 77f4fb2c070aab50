"""What is done to a response on its way back: each rule is shown every record, the last rule of a query first.

Sources: CoreDNS 1.15.0 plugin/rewrite reverter.go, name.go, ttl.go, rcode.go, cname_target.go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from podname.dns import constants as c
from podname.dns.message import BadMessage
from podname.dns.names import from_escaped, to_text
from podname.dns.unpacked import ResourceRecord, Unpacked, opt_record, unpack
from podname.plugins.base import Request
from podname.plugins.rewrite.matching import Matcher

_log = logging.getLogger(__name__)

#: How often a lookup may lead to another one.
_LOOKUPS_MAX = 8
Renaming = Callable[[str], str]


class ResponseRule(Protocol):
    """One change of responses."""

    async def change(self, response: Unpacked, record: ResourceRecord) -> None:
        """Change a record, or the response that it is in. Raises BadName."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Rename the owner."""

    rename: Renaming

    async def change(self, _: Unpacked, record: ResourceRecord) -> None:
        """Change the record."""
        record.owner = _renamed(record.owner, self.rename)


@dataclass(frozen=True, slots=True)
class Target:
    """Rename where a record leads."""

    rename: Renaming

    async def change(self, _: Unpacked, record: ResourceRecord) -> None:
        """Change the record."""
        target = record.target
        if target is not None:
            record.target = _renamed(target, self.rename)


@dataclass(frozen=True, slots=True)
class Ttl:
    """Bring the TTL into a range."""

    least: int
    most: int

    async def change(self, _: Unpacked, record: ResourceRecord) -> None:
        """Change the record."""
        record.ttl_seconds = min(max(record.ttl_seconds, self.least), self.most)


@dataclass(frozen=True, slots=True)
class Rcode:
    """Say one RCODE in the place of another."""

    old: int
    new: int

    def changed(self, rcode: int) -> int:
        """Return what to say."""
        return self.new if rcode == self.old else rcode

    async def change(self, response: Unpacked, _: ResourceRecord) -> None:
        """Change the response."""
        response.rcode = self.changed(response.rcode)


@dataclass(frozen=True, slots=True)
class Alias:
    """Rename where a CNAME record leads, and put what is there in the place of what followed."""

    matcher: Matcher
    to: str
    request: Request

    async def change(self, response: Unpacked, record: ResourceRecord) -> None:
        """Change the response, if it is a CNAME record that matches."""
        if record.rtype != c.CNAME or record.target is None:
            return
        to = self.matcher.replace(to_text(record.target), self.to)
        if to is None or self.request.lookups > _LOOKUPS_MAX:
            return
        target = from_escaped(to)
        found = await self._look_up(target)
        if found is None:
            _log.error("upstream lookup of %s failed", to)
            return
        response.answer = [*_aliases_to(record.target, target, response.answer), *found.answer]
        response.flags = response.flags & ~c.TC | found.flags & c.TC

    async def _look_up(self, target: bytes) -> Unpacked | None:
        query = unpack(self.request.query.packet)
        query.name, query.qclass = target, c.IN
        octets = await self.request.upstream(query.pack(), self.request.client)
        try:
            return None if octets is None else unpack(octets)
        except BadMessage:
            return None


def _aliases_to(old: bytes, new: bytes, answer: Sequence[ResourceRecord]) -> list[ResourceRecord]:
    """Return the CNAME records up to the one that leads to `old`, which is made to lead to `new`."""
    kept = []
    for record in answer:
        if record.rtype == c.CNAME:
            kept.append(record)
            if record.target == old:
                record.target = new
                break
    return kept


def back(old: str, new: str) -> Renaming:
    """Return what turns `old`, and names below it, into `new`."""

    def rename(name: str) -> str:
        if name == old:
            return new
        return name.removesuffix(old) + new if name.endswith("." + old) else name

    return rename


def matched(matcher: Matcher, to: str) -> Renaming:
    """Return what replaces what a matcher finds."""

    def rename(name: str) -> str:
        replaced = matcher.replace(name, to)
        return name if replaced is None else replaced

    return rename


async def changed(
    octets: bytes,
    question: tuple[bytes, int, int],
    rules: Sequence[ResponseRule],
    options: list[tuple[int, bytes]],
) -> bytes:
    """Return a response with the client's question, changed by all rules, and with options for the client.

    Raises BadMessage and BadName.
    """
    response = unpack(octets)
    response.name, response.qtype, response.qclass = question
    records = [*response.authority, *response.answer, *response.additional]
    for record in records:
        for rule in reversed(rules):
            await rule.change(response, record)
    if not records:
        response.rcode = changed_rcode(response.rcode, rules)
    if options:
        response.additional.append(opt_record(0, options))
    return response.pack()


def changed_rcode(rcode: int, rules: Sequence[ResponseRule]) -> int:
    """Return what a response without records says after the rules."""
    for rule in reversed(rules):
        if isinstance(rule, Rcode):
            rcode = rule.changed(rcode)
    return rcode


def _renamed(name: bytes, rename: Renaming) -> bytes:
    text = to_text(name)
    renamed = rename(text)
    return name if renamed == text else from_escaped(renamed)
