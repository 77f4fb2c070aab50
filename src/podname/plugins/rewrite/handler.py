"""Change queries by the rules of the Corefile, hand them on, and change what comes back.

The rules are tried in the order of the Corefile, each on what those before it made of the query. The first that applies
ends that, unless it says `continue`. The client's question is put back into the response in any case.

Names that no rule can match never come here: the engine answers them by itself.

Sources: CoreDNS 1.15.0 plugin/rewrite rewrite.go, reverter.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.dns import constants as c
from podname.dns.message import BadMessage
from podname.dns.names import BadName
from podname.dns.query import Query, parse
from podname.dns.unpacked import unpack
from podname.engine.base import Code
from podname.errors import ServeError
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.rewrite.responses import ResponseRule, changed, changed_rcode
from podname.plugins.rewrite.rules import Rule, State


@dataclass(frozen=True, slots=True)
class Step:
    """One rule, and whether the rules behind it are tried after it applied."""

    rule: Rule
    goes_on: bool


class Rewrite(Plugin):
    """All `rewrite` directives of a block."""

    name = "rewrite"

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the names that a rule may apply to."""
        zones = dict.fromkeys(zone for step in self.steps for zone in step.rule.zones)
        draft.layers.append(Code(tuple(zones)))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Hand on what the rules make of the query, and give back what they make of the response."""
        asked = request.query
        rewritten, rules = self._rewritten(request)
        if rewritten is None:
            return await next_(request)
        request.query = rewritten
        try:
            reply = await next_(request)
            return reply and await _changed(asked, reply, rules)
        except ServeError as error:
            raise ServeError(changed_rcode(error.rcode, rules), str(error)) from error
        finally:
            request.query = asked

    def _rewritten(self, request: Request) -> tuple[Query | None, list[ResponseRule]]:
        """Apply the rules. None for the query: none applied. Raises ServeError."""
        rules: list[ResponseRule] = []
        try:
            state = State(unpack(request.query.packet), request)
            before = state.query.pack()
            for step in self.steps:
                found = step.rule.apply(state)
                if found is not None:
                    rules += found
                    if not step.goes_on:
                        break
        except BadName as error:
            raise ServeError(c.SERVFAIL, f"invalid name after rewrite: {error}") from None
        except BadMessage:
            return None, []
        packet = state.query.pack()
        if packet == before and not rules:
            return None, []
        query = parse(packet)
        if not isinstance(query, Query):
            raise ServeError(c.SERVFAIL, "the query cannot be sent after rewrite")
        return query, rules


async def _changed(asked: Query, reply: bytes, rules: Sequence[ResponseRule]) -> bytes:
    try:
        return await changed(reply, (asked.name, asked.qtype, asked.qclass), rules)
    except (BadName, BadMessage) as error:
        message = f"the response cannot be sent after rewrite: {error}"
        raise ServeError(c.SERVFAIL, message) from None
