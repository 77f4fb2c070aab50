"""The one who asks an API server about single objects, without one: a test says what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from podname.kube.transport import JSON, WRITE_SECONDS


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    parameters: dict[str, str]
    body: bytes
    content_type: str
    seconds: float


class FakeRequester:
    """A `Requester` whose answers a subclass gives."""

    async def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = JSON,
        *,
        seconds: float = WRITE_SECONDS,
    ) -> bytes:
        return await self.answer(
            Asked(method, path, dict(parameters or {}), body, content_type, seconds)
        )

    async def answer(self, asked: Asked) -> bytes:
        """Return the body, or raise KubeError."""
        raise NotImplementedError
