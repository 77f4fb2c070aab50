"""The webhook over HTTPS.

Whatever is posted to `/inject` is answered with status 200 and an AdmissionReview that allows; who asks something else
gets a plain 404 or 405. A connection between two requests is kept longer than the API server keeps it, so that it is
never closed under a request.

A new certificate goes into the TLS context that listens: connections that are open go on, the next ones get it.

Sources: ASGI 3.0; Kubernetes apiserver webhook client (idle connections are closed after 90 s).
"""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from podname.errors import KubeError
from podname.plugins.asgi import Message, Receive, Send
from podname.plugins.http import text
from podname.plugins.http_server import HttpServer
from podname.webhook.material import Material
from podname.webhook.review import Answer, Settings, answer, read, uid_of, warned

logger = logging.getLogger(__name__)

MOST_OCTETS = 8 * 1024 * 1024
"""An object has 1.5 MiB at most, a request to the API server 3 MiB; the review repeats a part."""

KEPT_SECONDS = 120
PATH = "/inject"
MarkOf = Callable[[str], Awaitable[str]]
"""Gives what a namespace says. Raises KubeError."""

_not_found = text(lambda: (404, "404 page not found\n"))
_not_allowed = text(lambda: (405, "405 method not allowed: POST an AdmissionReview\n"))


class Reviewer:
    """The ASGI callable. `answers` counts by way and outcome, `seconds` is what they took together.

    While `is_ending`, each answer ends its connection: the API server asks the next question elsewhere, and none is on
    its way when the socket closes.
    """

    def __init__(self, mark_of: MarkOf, settings: Settings) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0
        self.is_ending = False
        self._mark_of = mark_of
        self._settings = settings

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        is_path = scope["path"] == PATH
        if not is_path or scope["method"] != "POST":
            await (_not_allowed if is_path else _not_found)(scope, receive, send)
            return
        body = await _body(receive)
        if body is not None:
            await _send(send, (await self.answer(body)).body, ends=self.is_ending)

    async def answer(self, body: bytes) -> Answer:
        """Answer one AdmissionReview, and count it."""
        began = time.perf_counter()
        try:
            given = await self._reviewed(body)
        except Exception:  # a mistake of ours must not keep a pod from starting
            logger.exception("podname webhook: a request could not be answered")
            given = warned("the webhook failed; its log says why", uid_of(body))
        self.answers[given.way, given.outcome] += 1
        self.seconds += time.perf_counter() - began
        return given

    async def _reviewed(self, body: bytes) -> Answer:
        if len(body) > MOST_OCTETS:
            return warned(f"the request has more than {MOST_OCTETS} octets")
        question = read(body)
        if isinstance(question, Answer):
            return question
        try:
            mark = question.mark or await self._mark_of(question.namespace)
        except KubeError as error:
            return warned(
                f"not injected: what the namespace says is not known: {error}", question.uid
            )
        return answer(question, mark, self._settings)


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body, of one that is too large only what says so; None when the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= MOST_OCTETS:
            body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _send(send: Send, body: bytes, *, ends: bool) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if ends:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class TlsServer:
    """Listens once there is a certificate to show."""

    def __init__(self, host: str, port: int, app: Reviewer) -> None:
        self.host = host
        self.port = port
        self._tls = _context()
        self._server = HttpServer(app, tls=self._tls, kept_seconds=KEPT_SECONDS)

    def show(self, material: Material) -> None:
        """Show this certificate from now on. Raises OSError for a bad one, and shows the one before."""
        _load(_context(), material)
        _load(self._tls, material)

    async def open(self) -> None:
        """Bind and serve. Raises PodnameError."""
        self.port = await self._server.open(self.host, self.port)

    async def close(self) -> None:
        """Finish what is under way and close the socket."""
        await self._server.close()


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _load(context: ssl.SSLContext, material: Material) -> None:
    """Load from a file in memory: a key does not belong on a disk, and a pod's may be read-only."""
    descriptor = os.memfd_create("podname-webhook")
    with contextlib.closing(os.fdopen(descriptor, "wb")) as file:
        file.write(material.key + material.certificate)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
