"""Who of the replicas writes: the holder of a Lease, as every Kubernetes controller does it.

::

    standing ──► the Lease is free, or was not renewed for as long as it lasts ──► leading ──► released at the end
       ▲                                                                              │
       └────────── not renewed for RENEW_SECONDS: stops writing before others start ──┘

Clocks of machines are not compared: a Lease has run out when *we* have seen it unchanged for its duration. A leader
counts from before the request that renewed it was sent, and stops `LEASE_SECONDS - RENEW_SECONDS` before anyone else
may begin.

Sources: client-go tools/leaderelection (its durations); coordination.k8s.io/v1 Lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec

from podname.errors import KubeError
from podname.kube.scrub import scrub
from podname.kube.transport import Requester
from podname.kube.types import Lease, LeaseSpec
from podname.runtime.clock import Clock, Deadline

logger = logging.getLogger(__name__)

LEASE_SECONDS = 15
RENEW_SECONDS = 10.0
RETRY_SECONDS = 2.0
JITTER = 1.2
REQUEST_SECONDS = 5.0


class Election:
    """One replica's candidacy for a Lease. `changes` counts how often it became leader."""

    def __init__(
        self,
        requester: Requester,
        namespace: str,
        name: str,
        identity: str,
        *,
        clock: Clock,
        random: Random,
    ) -> None:
        self.identity = identity
        self.name = f"{namespace}/{name}"
        self.changes = 0
        self._namespace = namespace
        self._lease_name = name
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._requester = requester
        self._clock = clock
        self._random = random
        self._held_since = float("-inf")  # the last renewal, by our clock
        self._observed = Lease()  # what the API server said last
        self._observed_at = float("-inf")
        self._is_known = False  # whether it still says so, as far as we can know
        self._told = ""

    @property
    def is_leading(self) -> bool:
        """Whether nobody else can be leader now."""
        return self._clock.monotonic() < self._held_since + RENEW_SECONDS

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Stand for ever; `lead` runs while we lead and is cancelled when we do not. Cancel to release."""
        try:
            while True:
                await self._stand()
                self.changes += 1
                logger.info("leading: %s holds the Lease %s", self.identity, self.name)
                await self._lead(lead)
                logger.warning("not leading any more: the Lease %s was not renewed", self.name)
        finally:
            await self._release()

    async def _stand(self) -> None:
        while not await self._try():
            await self._clock.sleep(RETRY_SECONDS * (1.0 + JITTER * self._random.random()))

    async def _lead(self, lead: Callable[[], Awaitable[None]]) -> None:
        leading = asyncio.ensure_future(lead())
        end = asyncio.create_task(self._renew())
        try:
            await asyncio.wait({leading, end}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leading, end):
                task.cancel()
            results = await asyncio.gather(leading, end, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]

    async def _renew(self) -> None:
        """Renew until that was impossible for too long, or somebody else holds the Lease."""
        with contextlib.suppress(TimeoutError):
            async with Deadline(self._clock, self._left_seconds()) as deadline:
                while True:
                    await self._clock.sleep(RETRY_SECONDS)
                    if await self._try():
                        deadline.extend(self._left_seconds())
                    elif not self._is_ours():
                        return

    def _left_seconds(self) -> float:
        return self._held_since + RENEW_SECONDS - self._clock.monotonic()

    async def _try(self) -> bool:
        """Take or renew the Lease; whatever goes wrong is told and tried again."""
        began = self._clock.monotonic()
        try:
            if not await self._renewed() and not await self._taken():
                return False
        except KubeError as error:
            if error.code != 409:  # a conflict is somebody else's being faster
                self._tell(f"the Lease {self.name}: {error}", logging.WARNING)
            return False
        self._held_since, self._told = began, ""
        return True

    async def _renewed(self) -> bool:
        """Write over what we wrote last, if it is still there."""
        if not (self._is_known and self._is_ours()):
            return False
        try:
            await self._write(self.identity, LEASE_SECONDS)
        except KubeError as error:
            if error.code != 409:
                raise
            return False
        return True

    async def _taken(self) -> bool:
        if await self._look():
            await self._write(self.identity, LEASE_SECONDS)
            return True
        return False

    async def _look(self) -> bool:
        """Read the Lease; say whether it may be taken."""
        lease = await self._read()
        self._is_known = True
        if lease != self._observed:
            self._observed, self._observed_at = lease, self._clock.monotonic()
        spec = lease.spec or LeaseSpec()
        if not spec.holder_identity or spec.holder_identity == self.identity:
            return True
        self._tell(f"standing by: {spec.holder_identity} holds the Lease {self.name}")
        lasts_seconds = spec.lease_duration_seconds or LEASE_SECONDS
        return self._clock.monotonic() >= self._observed_at + lasts_seconds

    async def _read(self) -> Lease:
        """Return the Lease, an empty one when there is none."""
        try:
            text = await self._ask("GET", f"{self._collection}/{self._lease_name}")
        except KubeError as error:
            if error.code != 404:
                raise
            return Lease()
        return scrub(text, Lease) or Lease()

    async def _write(self, holder: str, seconds: int) -> None:
        """Create the Lease or replace the one that was observed, and no later one."""
        before = self._observed
        spec = before.spec or LeaseSpec()
        is_other = holder != (spec.holder_identity or "")
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        transitions = spec.lease_transitions or 0
        new = LeaseSpec(
            holder,
            seconds,
            now if is_other else spec.acquire_time,
            now,
            transitions + (is_other and bool(holder) and before.metadata is not None),
        )
        path = (
            self._collection
            if before.metadata is None
            else f"{self._collection}/{self._lease_name}"
        )
        method = "POST" if before.metadata is None else "PUT"
        self._is_known = False  # whatever becomes of it
        text = await self._ask(method, path, self._body(before, new))
        self._is_known = True
        self._observed = scrub(text, Lease) or Lease()
        self._observed_at = self._clock.monotonic()

    def _body(self, before: Lease, spec: LeaseSpec) -> bytes:
        metadata: dict[str, Any] = {"name": self._lease_name, "namespace": self._namespace}
        if before.metadata is not None:
            metadata["resourceVersion"] = before.metadata.resource_version
        return msgspec.json.encode(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": metadata,
                "spec": spec,
            }
        )

    async def _release(self) -> None:
        """Let the next one begin at once; if that fails, it will wait until the Lease has run out."""
        was_leading, self._held_since = self.is_leading, float("-inf")
        if not was_leading:
            return
        try:
            if not self._is_known:
                await self._look()
            if not self._is_ours():
                return
            await self._write("", 1)
            logger.info("released the Lease %s", self.name)
        except KubeError as error:
            logger.warning("the Lease %s is not released: %s", self.name, error)

    def _is_ours(self) -> bool:
        spec = self._observed.spec
        return spec is not None and spec.holder_identity == self.identity

    async def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        return await self._requester.request(method, path, None, body, seconds=REQUEST_SECONDS)

    def _tell(self, message: str, level: int = logging.INFO) -> None:
        """Return what keeps us waiting, once."""
        if message != self._told:
            self._told = message
            logger.log(level, "%s", message)
