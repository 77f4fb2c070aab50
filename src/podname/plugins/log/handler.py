"""Write a line for each query: those that the engine answers by itself and those that it does not.

The lines go out through the logger `podname.queries`, which has no plugin's name before its lines;
a JSON record has the fields of CoreDNS's schema.

Source: CoreDNS plugin/log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from podname.dns import names
from podname.dns.query import Query, parse
from podname.dns.reply import deny
from podname.dns.texts import class_text, rcode_text, type_text
from podname.engine.base import Client, Code
from podname.errors import ServeError
from podname.plugins.base import Draft, GathersMetadata, Next, Plugin, Reply, Request
from podname.plugins.log.entry import Entry

_queries = logging.getLogger("podname.queries")


@dataclass(frozen=True, slots=True)
class Rule:
    """Names at or below `zone` are logged in this format, if the response is of one of `classes`."""

    zone: bytes
    write: Callable[[Entry], str]
    classes: frozenset[str]
    labels: frozenset[str] = frozenset()  # of metadata that it shows


#: What is known only once a question went down the chain.
_LABELS_OF_THE_CHAIN = frozenset({"forward/upstream"})


class Log(Plugin):
    """`log`: the first rule that covers a name decides."""

    name = "log"
    is_planned = True

    def __init__(self, rules: list[Rule]) -> None:
        self.rules = rules
        self._labels = frozenset[str]().union(*(rule.labels for rule in rules))
        self._metadata: GathersMetadata | None = None

    def link(self, siblings: Mapping[str, Plugin]) -> None:
        """Learn who gathers metadata."""
        metadata = siblings.get("metadata")
        self._metadata = metadata if isinstance(metadata, GathersMetadata) else None

    def plan(self, draft: Draft) -> None:
        """See the answers of the engine, or have it ask for all when metadata need the chain."""
        draft.observers.append(self.observe)
        if self._metadata and self._labels & _LABELS_OF_THE_CHAIN:
            draft.layers.append(Code((names.ROOT,)))

    def observe(
        self,
        packet: bytes,
        response: bytes,
        client: Client,
        plugin: str,
        seconds: float,
    ) -> None:
        """Log what the engine answered."""
        query = parse(packet)
        if isinstance(query, Query):
            known = (
                self._metadata.gather(query, client) if self._metadata and self._labels else None
            )
            self._log(Entry(query, client, response, seconds, known))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Log what comes back from the rest of the chain."""
        try:
            reply = await next_(request)
        except ServeError as error:
            self._log_reply(request, deny(request.query, error.rcode))
            raise
        self._log_reply(request, reply)
        return reply

    def _log_reply(self, request: Request, reply: Reply) -> None:
        seconds = time.perf_counter() - request.started_seconds
        self._log(Entry(request.query, request.client, reply, seconds, request.metadata))

    def _log(self, entry: Entry) -> None:
        for rule in self.rules:
            if names.is_subdomain(entry.query.folded, rule.zone):
                if len(rule.classes) == 3 or entry.classify()[1] in rule.classes:
                    _queries.info(rule.write(entry), extra={"fields": lambda: fields(entry)})
                return


def fields(entry: Entry) -> dict[str, Any]:
    """Return the fields of a query's JSON record, in CoreDNS's order."""
    return {
        "plugin": "log",
        "client_ip": entry.client.address,
        "client_port": entry.client.port,
        "qname": names.to_text(entry.query.folded),
        "qtype": type_text(entry.query.qtype),
        "qclass": class_text(entry.query.qclass),
        "protocol": entry.client.protocol,
        "id": entry.query.message_id,
        "opcode": entry.opcode,
        "request_size": len(entry.query.packet),
        "dnssec_ok": entry.dnssec_ok,
        "bufsize": entry.buffer_octets,
        "rcode": None if entry.rcode is None else rcode_text(entry.rcode),
        "response_size": entry.response_octets(),
        "duration_seconds": entry.seconds,
    }
