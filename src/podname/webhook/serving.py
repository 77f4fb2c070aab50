"""The webhook over HTTPS.

Whatever is posted to `/inject` is answered with status 200 and an AdmissionReview that allows; who asks something else
gets a plain 404 or 405. A connection between two requests is kept longer than the API server keeps it, so that it is
never closed under a request.

Source: Kubernetes apiserver webhook client (idle connections are closed after 90 s).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from podname.errors import KubeError
from podname.runtime.http.messages import Request, Response, plain
from podname.runtime.http.server import HttpServer
from podname.runtime.http.tls import Tls
from podname.webhook.material import Material
from podname.webhook.review import Answer, Settings, answer, read, uid_of, warned

logger = logging.getLogger(__name__)

MOST_OCTETS = 8 * 1024 * 1024
"""An object has 1.5 MiB at most, a request to the API server 3 MiB; the review repeats a part."""

KEPT_SECONDS = 120
PATH = "/inject"
MarkOf = Callable[[str], Awaitable[str]]
"""Gives what a namespace says. Raises KubeError."""


class Reviewer:
    """Answers requests. `answers` counts by way and outcome, `seconds` is what they took together."""

    def __init__(self, mark_of: MarkOf, settings: Settings) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0
        self._mark_of = mark_of
        self._settings = settings

    async def __call__(self, request: Request) -> Response:
        """Answer one HTTP request."""
        if request.path != PATH:
            return plain(404, "404 page not found\n")
        if request.method != "POST":
            return plain(405, "405 method not allowed: POST an AdmissionReview\n")
        body = (await self.answer(request.body)).body
        return Response(200, body, {"content-type": "application/json"})

    async def answer(self, body: bytes | None) -> Answer:
        """Answer one AdmissionReview, None for one that is too large, and count it."""
        began = time.perf_counter()
        try:
            given = await self._reviewed(body)
        except Exception:  # a mistake of ours must not keep a pod from starting
            logger.exception("podname webhook: a request could not be answered")
            given = warned("the webhook failed; its log says why", uid_of(body or b""))
        self.answers[given.way, given.outcome] += 1
        self.seconds += time.perf_counter() - began
        return given

    async def _reviewed(self, body: bytes | None) -> Answer:
        if body is None:
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


class TlsServer:
    """Listens once there is a certificate to show."""

    def __init__(self, host: str, port: int, reviewer: Reviewer) -> None:
        self.host = host
        self.port = port
        self._tls = Tls()
        self._server = HttpServer(
            reviewer, tls=self._tls, kept_seconds=KEPT_SECONDS, body_octets=MOST_OCTETS
        )

    def show(self, material: Material) -> None:
        """Show this certificate from now on. Raises OSError for a bad one, and shows the one before."""
        self._tls.show(material.certificate, material.key)

    async def open(self) -> None:
        """Bind and serve. Raises PodnameError."""
        self.port = await self._server.open(self.host, self.port)

    def drain(self) -> None:
        """Let each response end its connection: the API server asks the next question elsewhere."""
        self._server.drain()

    async def close(self) -> None:
        """Finish what is under way and close the socket."""
        await self._server.close()
