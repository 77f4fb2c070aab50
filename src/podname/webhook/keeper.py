"""One certificate for all replicas, known to the API server before it is shown.

Each round, twice a minute:

1. Read the Secret. If what is in it is due, or is none, write another under the version that was read: of two
   replicas one is refused, and takes the other's in its next round.
2. Read the MutatingWebhookConfiguration; where `caBundle` is not the Secret's `ca.crt`, write it.
3. Show the certificate, if it is the one of the round before, or if there is none to show yet.

So a new certificate is shown half a minute after this replica has seen that its CA is written, however fast the others
are: the API servers hear of it in between. The old one is good until then and after.

Sources: Kubernetes, Dynamic Admission Control; API conventions ("Concurrency Control").
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from podname.kube.transport import Requester
from podname.webhook.configuration import NAME, correct, read, with_authorities
from podname.webhook.material import Material
from podname.webhook.rounds import Time

logger = logging.getLogger(__name__)


class Keeper:
    """Keeps the certificate good. `show` is called with each one that may be shown."""

    def __init__(
        self, requester: Requester, namespace: str, show: Callable[[Material], None], time: Time
    ) -> None:
        self.hosts: Sequence[str] = (f"{NAME}.{namespace}.svc",)
        self.shown: Material | None = None
        self.is_known = False
        self._known: Material | None = None  # a round ago
        self._requester = requester
        self._secret = f"/api/v1/namespaces/{namespace}/secrets/{NAME}"
        self._show = show
        self._time = time

    async def round(self) -> None:
        """Make everything right that is not. Raises KubeError."""
        material = await self._material()
        bundle = base64.b64encode(material.authorities).decode()
        was_wrong = await correct(self._requester, partial(with_authorities, bundle=bundle))
        is_heard_of = material == self._known and not was_wrong
        if material != self.shown and (is_heard_of or self.shown is None):
            self._show(material)
            self.shown = material
            logger.info("podname webhook: certificate until %s", material.ends.date())
        self._known = material
        self.is_known = True

    async def _material(self) -> Material:
        secret = await read(self._requester, self._secret)
        material = Material.of_secret(secret.get("data"), self.hosts)
        now = self._time.now()
        if material is not None and not material.is_due(now):
            return material
        material = Material.make(self.hosts, now, material or self.shown)
        secret["data"] = material.as_data()
        await self._requester.request("PUT", self._secret, {}, msgspec.json.encode(secret))
        return material
