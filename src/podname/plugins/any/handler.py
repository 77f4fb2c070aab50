"""Answer questions for ANY with one HINFO record.

Sources: RFC 8482 §4.2; CoreDNS 1.15.0 plugin/any.
"""

from __future__ import annotations

from podname.dns import constants as c
from podname.dns.names import ROOT
from podname.dns.records import record
from podname.dns.reply import build
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request

_HINFO, _TTL_SECONDS = 13, 8482
_RDATA = b"\x0dANY obsoleted\x0cSee RFC 8482"


class Any(Plugin):
    """`any`: the engine hands over nothing but questions for ANY."""

    name = "any"
    is_planned = True

    def plan(self, draft: Draft) -> None:
        """Ask the engine for questions for ANY."""
        draft.layers.append(Code((ROOT,), frozenset({c.ANY})))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer them."""
        if request.query.qtype != c.ANY:
            return await next_(request)
        request.plugin = self.name
        answer = record(c.POINTER_TO_QNAME, _HINFO, _TTL_SECONDS, _RDATA)
        return build(request.query, answer=[answer], flags=0)
