"""One certificate for all replicas, known to the API server before it is shown.

Each round, twice a minute:

1. Read the Secret. If what is in it is due, or is none, write another under the version that was read: of two
   replicas one is refused, and takes the other's in its next round.
2. Read the MutatingWebhookConfiguration; where `caBundle` is not the Secret's `ca.crt`, write it.
3. Show the certificate, if the API server has known its CA since the round before, or if there is none to show yet.

So a new certificate is shown half a minute after its CA is known, and the old one is good until then and after.

Sources: Kubernetes, Dynamic Admission Control; API conventions ("Concurrency Control"); strategic merge patch.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from podname.attach.webhook.material import Material
from podname.errors import KubeError
from podname.kube.clock import Clock
from podname.kube.transport import Requester

logger = logging.getLogger(__name__)

NAME = "podname-webhook"
"""Of the Service, the Secret and the MutatingWebhookConfiguration."""

ROUND_SECONDS = 30.0
RETRY_SECONDS = 2.0
_MERGE = "application/strategic-merge-patch+json"
_CONFIGURATION = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}"


def utc_now() -> datetime:
    """Give the time that certificates are written in."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Time:
    """What passes and what the calendar says: tests move both."""

    clock: Clock
    random: Random
    now: Callable[[], datetime] = utc_now


class Keeper:
    """Keeps the certificate good. `show` is called with each one that may be shown."""

    def __init__(
        self, requester: Requester, namespace: str, show: Callable[[Material], None], time: Time
    ) -> None:
        self.hosts: Sequence[str] = (f"{NAME}.{namespace}.svc",)
        self.shown: Material | None = None
        self.is_known = False
        self._requester = requester
        self._secret = f"/api/v1/namespaces/{namespace}/secrets/{NAME}"
        self._show = show
        self._time = time
        self._told = ""

    async def run(self) -> None:
        """Go round for ever; what fails is told once and tried again."""
        while True:
            seconds = ROUND_SECONDS
            try:
                await self.round()
                self._told = ""
            except KubeError as error:
                seconds = RETRY_SECONDS if self.shown is None or error.code == 409 else seconds
                self._tell(error)
            await self._time.clock.sleep(seconds * (0.9 + 0.2 * self._time.random.random()))

    async def round(self) -> None:
        """Make everything right that is not. Raises KubeError."""
        material = await self._material()
        was_known = await self._make_known(material)
        if material != self.shown and (was_known or self.shown is None):
            self._show(material)
            self.shown = material
            logger.info("podname webhook: certificate until %s", material.ends.date())
        self.is_known = True

    async def _material(self) -> Material:
        secret = await self._read(self._secret)
        material = Material.of_secret(secret.get("data"), self.hosts)
        now = self._time.now()
        if material is not None and not material.is_due(now):
            return material
        material = Material.make(self.hosts, now, material or self.shown)
        secret["data"] = material.as_data()
        await self._requester.request("PUT", self._secret, {}, msgspec.json.encode(secret))
        return material

    async def _make_known(self, material: Material) -> bool:
        """Write the CAs where they are missing; tell whether they were there."""
        configuration = await self._read(_CONFIGURATION)
        bundle = base64.b64encode(material.authorities).decode()
        webhooks = configuration.get("webhooks")
        wrong = [
            {"name": webhook["name"], "clientConfig": {"caBundle": bundle}}
            for webhook in (webhooks if isinstance(webhooks, list) else ())
            if webhook["clientConfig"].get("caBundle") != bundle
        ]
        if wrong:
            version = configuration["metadata"]["resourceVersion"]
            change = {"metadata": {"resourceVersion": version}, "webhooks": wrong}
            body = msgspec.json.encode(change)
            await self._requester.request("PATCH", _CONFIGURATION, {}, body, _MERGE)
        return not wrong

    async def _read(self, path: str) -> dict[str, Any]:
        answer = await self._requester.request("GET", path)
        try:
            return msgspec.json.decode(answer, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise KubeError(f"GET {path}: this is no object: {error}") from error

    def _tell(self, error: KubeError) -> None:
        text = str(error)
        if text != self._told and error.code != 409:
            hint = ": apply deploy/webhook" if error.code in {403, 404} else ""
            logger.warning("podname webhook: %s%s", text, hint)
        self._told = text
