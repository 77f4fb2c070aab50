"""Doing what a plan says: server-side apply and DELETE, each under the condition that nothing changed meanwhile.

* A slice that is known is applied with its version and deleted with its uid and version: whoever was faster wins, and
  the plan is made anew.
* A slice that is new is applied without force: if there is one of that name that is not ours, the API server refuses.
* What the API server says it has now is remembered until the watch tells the same, so that the next plan starts from
  what was written and not from what was there before.

Sources: Kubernetes "Server-Side Apply" (conflicts, force), API conventions (preconditions); endpointslice tracker of
kube-controller-manager.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

import msgspec

from podname.errors import KubeError
from podname.kube.decode import Decoder
from podname.kube.scrub import DECODE_ERRORS
from podname.kube.store import Change
from podname.kube.transport import APPLY, Requester
from podname.publish.manifests import FIELD_MANAGER, encode
from podname.publish.objects import Slice
from podname.publish.planning import Plan, Write
from podname.publish.reading import SLICES


class NotLeading(KubeError):
    """Another replica may be writing by now."""


class Writer:
    """Writes slices. `may_write` is asked before each request; `writes` counts what succeeded, by verb."""

    def __init__(self, requester: Requester, may_write: Callable[[], bool]) -> None:
        self.writes: Counter[str] = Counter(apply=0, delete=0)
        self.written = Written()
        self._requester = requester
        self._may_write = may_write
        self._decoder = Decoder(SLICES)

    async def carry_out(self, plan: Plan) -> None:
        """Do all of a plan, in its order. Raises KubeError at the first thing that fails."""
        for write in plan.writes:
            await self._apply(write)
        for each in plan.deletes:
            await self._delete(each)

    async def _apply(self, write: Write) -> None:
        parameters = {"fieldManager": FIELD_MANAGER}
        if write.before is not None:
            parameters["force"] = "true"
        answer = await self._ask("PATCH", _path(write), parameters, encode(write), APPLY)
        self.writes["apply"] += 1
        applied = self._decode(answer)
        if applied is None or not applied.says(write.content):
            raise KubeError(
                f"EndpointSlice {write.namespace}/{write.name} is not what was written:"
                " look for an admission webhook that changes it"
            )
        self.written.put(applied)

    async def _delete(self, gone: Slice) -> None:
        conditions = {"preconditions": {"uid": gone.uid, "resourceVersion": gone.version}}
        try:
            await self._ask("DELETE", _path(gone), {}, msgspec.json.encode(conditions))
        except KubeError as error:
            if error.code != 404:
                raise
        self.writes["delete"] += 1
        self.written.remove(gone)

    async def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        body: bytes,
        content_type: str = "application/json",
    ) -> bytes:
        if not self._may_write():
            raise NotLeading
        return await self._requester.request(method, path, parameters, body, content_type)

    def _decode(self, answer: bytes) -> Slice | None:
        try:
            return self._decoder.item(answer)
        except DECODE_ERRORS:
            return None


class Written:
    """What we wrote and the watch has not told yet."""

    def __init__(self) -> None:
        self._ahead: dict[str, Slice] = {}
        self._gone: dict[str, str] = {}  # key: uid

    def put(self, applied: Slice) -> None:
        """Remember a slice that was written."""
        self._ahead[applied.key] = applied
        self._gone.pop(applied.key, None)

    def remove(self, deleted: Slice) -> None:
        """Remember that a slice was deleted."""
        self._gone[deleted.key] = deleted.uid
        self._ahead.pop(deleted.key, None)

    def on_slices(self, changes: Collection[Change[Slice]], _: bool) -> None:
        """Learn what the watch told."""
        for old, new in changes:
            self.heard(old, new)

    def heard(self, old: Slice | None, new: Slice | None) -> None:
        """Learn of one slice."""
        if new is not None and (ahead := self._ahead.get(new.key)):
            if _version(new) >= _version(ahead):
                del self._ahead[new.key]
        elif new is None and old is not None:
            self._ahead.pop(old.key, None)
            self._gone.pop(old.key, None)

    def clear(self) -> None:
        """Count on the watch alone: what it could never tell must not be remembered for ever."""
        self._ahead.clear()
        self._gone.clear()

    def over(self, service_key: str, known: Mapping[str, Slice]) -> list[Slice]:
        """Return a Service's slices as they are by now."""
        ahead = {key: each for key, each in self._ahead.items() if each.service_key == service_key}
        both = {**known, **ahead}
        return [each for key, each in both.items() if self._gone.get(key) != each.uid]


def _version(each: Slice) -> int:
    return int(each.version) if each.version.isascii() and each.version.isdecimal() else 0


def _path(each: Write | Slice) -> str:
    return f"{SLICES.path(each.namespace)}/{each.name}"
