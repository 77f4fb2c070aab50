"""Answer from etcd, asked anew for each question.

Source: CoreDNS 1.15.0 plugin/etcd handler.go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from podname.dns import constants as c
from podname.dns.names import longest_match, to_text
from podname.dns.reply import build
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.etcd.answers import Answers
from podname.plugins.etcd.client import EtcdError
from podname.plugins.etcd.lookup import KeyNotFoundError, Services

_log = logging.getLogger(__name__)


class Etcd(Plugin):
    """The `etcd` of a server block."""

    name = "etcd"
    is_planned = True  # what comes from behind passes as it is

    def __init__(
        self,
        zones: Sequence[bytes],
        services: Services,
        fallthrough: Sequence[bytes],
        *,
        apex_falls_back: bool,
    ) -> None:
        self._zones, self._fallthrough = frozenset(zones), frozenset(fallthrough)
        self._services, self._apex_falls_back = services, apex_falls_back

    async def stop(self) -> None:
        """Ask no more."""
        await self._services.client.close()

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the questions in these zones."""
        draft.layers.append(Code(tuple(sorted(self._zones))))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer in the zones; hand on what is in none, and what is not there and falls through."""
        query = request.query
        zone = longest_match(query.folded, self._zones)
        if zone is None:
            return await next_(request)
        answers = Answers(request, zone, self._services, self._apex_falls_back)
        try:
            found = await answers.find()
        except KeyNotFoundError:
            if longest_match(query.folded, self._fallthrough) is not None:
                return await next_(request)
            return build(query, authority=[answers.soa()], rcode=c.NXDOMAIN)
        except EtcdError as error:
            _log.error("%s: %s", to_text(query.folded), error)
            return build(query, authority=[answers.soa()], rcode=c.SERVFAIL)
        if not found:
            return build(query, authority=[answers.soa()])
        flags = c.AA | (c.TC if answers.is_truncated else 0)
        return build(query, answer=found, additional=answers.additional, flags=flags)
