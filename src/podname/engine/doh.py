"""Questions over HTTPS: a request is a query, its response the answer.

Sources: RFC 8484; CoreDNS 1.15.0 core/dnsserver server_https.go, plugin/pkg/doh, plugin/pkg/dnsutil ttl.go.
"""

from __future__ import annotations

import asyncio
import base64
import re
from time import perf_counter
from urllib.parse import parse_qs

from podname.dns import constants as c
from podname.dns.message import BadMessage, Classification, Message
from podname.dns.query import Query, parse
from podname.engine.base import Client, EngineStats, Plan
from podname.engine.misses import Misses
from podname.engine.responding import Responder
from podname.runtime.http.messages import Request, Response, plain

PATH, MEDIA_TYPE = "/dns-query", "application/dns-message"
QUERY_OCTETS_MAX = 65_536
_AGE_SECONDS_LEAST, _AGE_SECONDS_MOST = 5, 3600
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_NOT_FOUND, _BAD_REQUEST = plain(404, "\n"), plain(400, "invalid request\n")
_SILENCE = plain(500, "No response\n")
_TELL_THEIR_AGE = {Classification.SUCCESS, Classification.NXDOMAIN, Classification.NODATA}


class Doh:
    """Answers the requests of one listener."""

    def __init__(
        self, server: str, responder: Responder, misses: Misses, stats: EngineStats
    ) -> None:
        self._server, self._responder, self._misses = server, responder, misses
        self._stats = stats

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        response = await self._respond(request)
        self._stats.https_responses[self._server, response.status] += 1
        return response

    async def _respond(self, request: Request) -> Response:
        if request.path != PATH:
            return _NOT_FOUND
        packet = packet_of(request)
        query = None if packet is None else parse(packet)
        if packet is None or not isinstance(query, Query):
            return _BAD_REQUEST
        self._responder.clock = perf_counter()
        source = _Source(Client(*request.peer, "tcp", self._server))
        answer = self._responder.respond(packet, source)
        if isinstance(answer, Plan):
            answer = await self._asked(answer, query, source.client())
        if answer is None:
            return _SILENCE
        age = f"max-age={age_seconds(query, answer)}"
        return Response(200, answer, {"content-type": MEDIA_TYPE, "cache-control": age})

    async def _asked(self, plan: Plan, query: Query, client: Client) -> bytes | None:
        """Ask the plugin chain, unless the client leaves before."""
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

        def send(response: bytes | None) -> None:
            if not answer.done():
                answer.set_result(response)

        question = self._misses.start(plan, query, self._responder, client, send)
        try:
            return await answer
        except asyncio.CancelledError:
            if question is not None:
                question.give_up()
            raise


class _Source:
    def __init__(self, client: Client) -> None:
        self._client = client

    def client(self) -> Client:
        return self._client


def packet_of(request: Request) -> bytes | None:
    """Return the query of a request, None when there is none."""
    if request.method == "POST":
        return request.body
    values = parse_qs(request.query, keep_blank_values=True).get("dns", [])
    if request.method != "GET" or len(values) != 1 or not _BASE64URL.fullmatch(values[0]):
        return None
    text = values[0]
    if len(text) % 4 == 1 or len(text) * 6 > QUERY_OCTETS_MAX * 8 + 5:
        return None
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def age_seconds(query: Query, answer: bytes) -> int:
    """Return how long a response may be kept: the smallest TTL of its records, an hour at most."""
    try:
        message = Message(answer)
        ttls = [record.ttl_seconds for record in message.records if record.rtype != c.OPT]
        is_kept = message.classify(query) in _TELL_THEIR_AGE
    except BadMessage:
        return _AGE_SECONDS_LEAST
    return min([*ttls, _AGE_SECONDS_MOST]) if ttls and is_kept else _AGE_SECONDS_LEAST
