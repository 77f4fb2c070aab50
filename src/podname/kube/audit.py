"""A comparison with the server that finds an event which was lost, without keeping what every object was.

A watch can lose an event silently: a proxy, a bug in a watch cache, a defect of ours. Nobody would notice until the
object changes again. So, now and then, the server is asked for the metadata of everything, from its watch cache and in
one stream, and each key and version is held against what we know:

* `verified` is a version at which we were known to be right about everything (a list, or the comparison before).
* `recent` holds the versions of what has changed since: work and memory follow what changed, not the cluster.

An object of the server's is as it should be if we saw an event of its version or later, or if it has not changed
since `verified` and we have it. An object of ours that the server lacks must have come after the server's answer.
What is not as it should be may still be on its way in the watch, so it is looked at again after a while; what is left
then was lost, and the objects are listed again.

Sources: KEP-5504 (resource versions can be compared); Kubernetes API concepts, "Receiving resources as metadata".
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Generic

import msgspec

from podname.kube.decode import version_of
from podname.kube.flatten import key_of
from podname.kube.kinds import T, Watch
from podname.kube.listing import Listing
from podname.kube.part import object_part
from podname.kube.scrub import scrub
from podname.kube.store import Store
from podname.kube.transport import METADATA, Transport
from podname.kube.types import PartialObjectMetadata
from podname.runtime.clock import Pace

#: After so many changes `recent` starts anew: what changed before is then only compared by its key.
RECENT_MAX = 50_000

_METADATA = object_part(PartialObjectMetadata)
_ITEM = msgspec.json.Decoder(_METADATA)


class Audit(Generic[T]):
    """Compares a store with the server. Told of every list and every event by the reflector."""

    def __init__(self, watch: Watch[T], store: Store[T]) -> None:
        self.watch = watch
        self.store = store
        self.verified = 0
        self.recent: dict[str, int] = {}

    def listed(self, version: int) -> None:
        """The store holds what the server had at `version`."""
        self.verified = version
        self.recent.clear()

    def note(self, key: str, version: int) -> None:
        """An event about `key` was followed."""
        if len(self.recent) >= RECENT_MAX:
            self.listed(version)
        self.recent[key] = version

    async def compare(self, transport: Transport) -> Suspects[T]:
        """Ask the server what there is and give what differs. Raises KubeError."""
        listing = Listing(
            transport, self.watch.path, self.watch.selectors, str(self.verified), METADATA
        )
        seen, changed = set[str](), dict[str, int]()
        async with aclosing(listing.items(_ITEM.decode, _rescue)) as items:
            async for item in items:
                metadata = item.metadata if item else None
                key = key_of(self.watch.kind.name, metadata)
                if key is None:
                    continue
                known = self.store.objects.get(key)
                if known is not None:
                    seen.add(known.key)  # a pod's own key: no second text of it
                version = version_of(metadata)
                if not self.knows(key, version):
                    changed[key] = version
        return Suspects(self, listing.version, changed, await self._absent(seen))

    async def _absent(self, seen: set[str]) -> list[str]:
        """List the keys that the server did not name."""
        pace, absent = Pace(), []
        for key in list(self.store.objects):
            if key not in seen:
                absent.append(key)
            if pace.is_due:
                await pace.yield_control()
        return absent

    def knows(self, key: str, version: int) -> bool:
        """Whether what the server has of `key` is what we have, or older."""
        seen = self.recent.get(key)
        if seen is not None and seen >= version:
            return True
        return version <= self.verified and key in self.store.objects


class Suspects(Generic[T]):
    """What differed when it was compared; `lost` says what of it differs still."""

    def __init__(
        self, audit: Audit[T], version: int, changed: dict[str, int], absent: list[str]
    ) -> None:
        self._audit = audit
        self._version = version
        self._changed = changed
        self._absent = absent
        self._is_stale = version < audit.verified  # the answer of a server that lags behind us

    def lost(self) -> list[str]:
        """Return the keys of which an event must have been lost."""
        if self._is_stale:
            return []
        audit = self._audit
        changed = [key for key, version in self._changed.items() if not audit.knows(key, version)]
        absent = [
            key
            for key in self._absent
            if key in audit.store.objects and audit.recent.get(key, 0) <= self._version
        ]
        return changed + absent

    def settle(self) -> None:
        """Nothing was lost: the next comparison starts from here."""
        audit = self._audit
        if self._version > audit.verified:
            audit.verified = self._version
            audit.recent = {
                key: version for key, version in audit.recent.items() if version > self._version
            }


def _rescue(raw: bytes) -> PartialObjectMetadata | None:
    return scrub(raw, _METADATA)
