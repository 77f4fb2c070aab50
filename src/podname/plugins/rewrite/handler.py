"""Change queries by the rules of the Corefile, hand them on, and change what comes back.

The rules are tried in the order of the Corefile, each on what those before it made of the query. The first that applies
ends that, unless it says `continue`. The client's question is put back into the response in any case.

The engine answers from its tables, and not from its cache, for names that no rule can match.

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
from podname.plugins.rewrite.edns import OptionRule
from podname.plugins.rewrite.responses import ResponseRule, changed, changed_rcode
from podname.plugins.rewrite.rules import Options, Rule, State

#: Their responses have an OPT record of their own in CoreDNS: the query's options do not come back.
_RELAYING = frozenset({"forward", "cache"})


@dataclass(frozen=True, slots=True)
class Step:
    """One rule, and whether the rules behind it are tried after it applied."""

    rule: Rule
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What the rules make of a query, and what is to be done to the response to it."""

    query: Query
    rules: list[ResponseRule]
    options: Options


class Rewrite(Plugin):
    """All `rewrite` directives of a block."""

    name = "rewrite"

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps
        rules = [step.rule for step in steps]
        self._local = frozenset(
            rule.code for rule in rules if isinstance(rule, OptionRule) and rule.is_local
        )

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the names that a rule may apply to."""
        zones = dict.fromkeys(zone for step in self.steps for zone in step.rule.zones)
        draft.layers.append(Code(tuple(zones)))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Hand on what the rules make of the query, and give back what they make of the response."""
        asked = request.query
        rewritten = self._rewritten(request)
        if rewritten is None:
            return await next_(request)
        request.query = rewritten.query
        try:
            reply = await next_(request)
            if reply is None:
                return None
            options = [] if request.plugin in _RELAYING else rewritten.options
            return await _changed(asked, reply, rewritten.rules, options)
        except ServeError as error:
            raise ServeError(changed_rcode(error.rcode, rewritten.rules), str(error)) from error
        finally:
            request.query = asked

    def _rewritten(self, request: Request) -> Rewritten | None:
        """Apply the rules. None: none changes anything. Raises ServeError."""
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
            return None
        packet = state.query.pack()
        options = state.options_for_the_client(self._local)
        if packet == before and not rules and not options:
            return None
        query = parse(packet)
        if not isinstance(query, Query):
            raise ServeError(c.SERVFAIL, "the query cannot be sent after rewrite")
        return Rewritten(query, rules, options)


async def _changed(
    asked: Query, reply: bytes, rules: Sequence[ResponseRule], options: Options
) -> bytes:
    try:
        return await changed(reply, (asked.name, asked.qtype, asked.qclass), rules, options)
    except (BadName, BadMessage) as error:
        message = f"the response cannot be sent after rewrite: {error}"
        raise ServeError(c.SERVFAIL, message) from None
