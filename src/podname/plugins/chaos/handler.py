"""Say in class CH which server this is: its version, its authors, its host.

Sources: RFC 4892; CoreDNS 1.15.0 plugin/chaos; core/dnsserver (`EnableChaos`: other classes than IN pass).
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Sequence

from podname.dns import constants as c
from podname.dns.names import from_text
from podname.dns.records import record, txt_rdata
from podname.dns.reply import build
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request

_TEXT_OCTETS_MAX = 255


class Chaos(Plugin):
    """The `chaos` directive of a server block."""

    name = "chaos"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, version: str, authors: Sequence[str]) -> None:
        texts: dict[str, Callable[[], Sequence[str]]] = {
            "version.bind": lambda: (version,),
            "version.server": lambda: (version,),
            "authors.bind": lambda: random.sample(authors, len(authors)),
            "hostname.bind": lambda: (socket.gethostname(),),
            "id.server": lambda: (socket.gethostname(),),
        }
        self._texts = {from_text(name): give for name, give in texts.items()}

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the questions at these names, and for other classes than IN."""
        draft.layers.append(Code(tuple(self._texts)))
        draft.classes.add(c.ANY)

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer a question for TXT in class CH at one of the names."""
        query = request.query
        texts = self._texts.get(query.folded)
        if texts is None or (query.qclass, query.qtype) != (c.CH, c.TXT):
            return await next_(request)
        request.plugin = self.name
        rdatas = [txt_rdata(text.encode()[:_TEXT_OCTETS_MAX]) for text in texts()]
        return build(
            query,
            answer=[record(c.POINTER_TO_QNAME, c.TXT, 0, rdata, c.CH) for rdata in rdatas],
            flags=0,
        )
