"""One query and its answer, as the `log` directive sees them.

`rsize` is the size that the response would have without compression, as CoreDNS logs it. What a
response means is told apart in CoreDNS's classes; an answer whose signatures have expired is not
looked for.

Sources: CoreDNS plugin/log, plugin/pkg/response, plugin/pkg/dnstest; RFC 1035 §4.1.4; RFC 2308 §2.
"""

from __future__ import annotations

from dataclasses import dataclass

from podname.dns import constants as c
from podname.dns.message import BadMessage, Classification, Message, uncompressed_octets
from podname.dns.query import Query
from podname.engine.base import Client
from podname.plugins.base import Metadata

SUCCESS, DENIAL, ERROR = "success", "denial", "error"
_SUCCESSES = frozenset({Classification.SUCCESS, Classification.DELEGATION})


@dataclass(frozen=True, slots=True)
class Entry:
    """A query that has been answered. `response` None is silence."""

    query: Query
    client: Client
    response: bytes | None
    seconds: float
    metadata: Metadata | None = None

    @property
    def opcode(self) -> int:
        """What kind of message the query is."""
        return self.query.flags >> 11 & 0xF

    @property
    def dnssec_ok(self) -> bool:
        """Whether the client wants DNSSEC records."""
        return self.query.dnssec_ok

    @property
    def buffer_octets(self) -> int:
        """The largest response that the client takes."""
        tcp = self.client.protocol == "tcp"
        return c.MESSAGE_OCTETS_MAX if tcp else self.query.udp_octets

    @property
    def rcode(self) -> int | None:
        """The RCODE of the response's header."""
        return None if self.response is None else Message(self.response).rcode

    @property
    def flags(self) -> int:
        """The flags of the response."""
        return 0 if self.response is None else Message(self.response).flags

    def response_octets(self) -> int:
        """Return the size of the response without OPT and without compression."""
        return 0 if self.response is None else uncompressed_octets(self.response)

    def classify(self) -> tuple[str, str]:
        """Return the class (`success`, `denial`, `error`) and the type (`NODATA`) of the response."""
        if self.response is None:
            return Classification.OTHER_ERROR.value, ERROR
        try:
            found = Message(self.response).classify(self.query)
        except BadMessage:
            return Classification.OTHER_ERROR.value, ERROR
        if found.is_denial:
            return found.value, DENIAL
        return found.value, SUCCESS if found in _SUCCESSES else ERROR
