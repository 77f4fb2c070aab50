"""What namespaces say: by the annotation `podname.dev/inject`, and where there is none, by the label.

Namespaces are followed, so that no pod waits until one is read. The API server asks about a pod that says nothing only
where its namespace says something: if nothing is known of that here, it was said a moment ago, and is read.

Sources: Kubernetes, Dynamic Admission Control ("Matching requests: namespaceSelector").
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection

import msgspec
from msgspec import Struct

from podname.attach.ways import MARK, WAYS
from podname.errors import KubeError
from podname.kube import types
from podname.kube.flatten import Faults
from podname.kube.informer import Source
from podname.kube.kinds import Kind, Watch
from podname.kube.part import object_part
from podname.kube.store import Change
from podname.kube.transport import Requester

logger = logging.getLogger(__name__)

READ_SECONDS = 2.0
"""Well under the five that the API server waits."""


class Space(Struct, frozen=True, gc=False):
    """A namespace and what it says; empty is nothing."""

    name: str
    annotation: str = ""
    label: str = ""

    @property
    def key(self) -> str:
        """The name alone."""
        return self.name

    @property
    def mark(self) -> str:
        """What counts of what it says."""
        return self.annotation or self.label

    @property
    def is_annotated(self) -> bool:
        """Whether its pods are to be asked about because of the annotation."""
        return self.annotation not in {"", "false"}

    @property
    def kind_of_mark(self) -> str:
        """A way, `false`, `invalid`, or nothing at all."""
        return self.mark if self.mark in {*WAYS, "false", ""} else "invalid"


def space_of(shape: types.Namespace, _: Faults) -> Space:
    """Make a Space."""
    metadata = shape.metadata or types.ObjectMeta()
    annotation, label = (
        (texts and texts.get(MARK)) or "" for texts in (metadata.annotations, metadata.labels)
    )
    return Space(metadata.name or "", annotation, label)


_PART = object_part(
    types.Namespace,
    f"metadata {{ labels {{ {MARK} }} annotations {{ {MARK} }} }}",
)
SPACES: Kind[Space] = Kind("Namespace", "namespaces", "v1", _PART, space_of)
_SPACE = msgspec.json.Decoder(_PART)


class Namespaces:
    """Follows what namespaces say. `changed` is called when others are annotated than before."""

    def __init__(
        self, source: Source, requester: Requester, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._requester = requester
        self._changed = changed
        self._store = source.watch(Watch(SPACES)).store
        self._store.add_event_handler(self._on_change)

    @property
    def annotated(self) -> list[str] | None:
        """Those with the annotation, in order; None before all are known."""
        if not self._store.has_synced:
            return None
        return sorted(space.name for space in self._store.objects.values() if space.is_annotated)

    def counts(self) -> Counter[str]:
        """Count the namespaces that say something, by kind of mark."""
        return Counter(space.kind_of_mark for space in self._store.objects.values() if space.mark)

    async def mark(self, name: str) -> str:
        """Return what a namespace says; nothing for one that is gone. Raises KubeError."""
        known = self._store.objects.get(name)
        return known.mark if known and known.mark else await self._read(name)

    async def _read(self, name: str) -> str:
        path = f"{SPACES.path()}/{name}"
        try:
            octets = await self._requester.request("GET", path, seconds=READ_SECONDS)
            return space_of(_SPACE.decode(octets), []).mark
        except msgspec.MsgspecError as error:
            raise KubeError(f"GET {path}: this is no namespace: {error}") from error
        except KubeError as error:
            if error.code == 404:
                return ""
            raise

    def _on_change(self, changes: Collection[Change[Space]], is_initial_list: bool) -> None:
        known = [(old or Space(""), new or Space("")) for old, new in changes]
        for before, after in known:
            if before.mark != after.mark:
                _tell(after)
        if is_initial_list or any(old.is_annotated != new.is_annotated for old, new in known):
            self._changed()


def _tell(space: Space) -> None:
    if space.kind_of_mark == "invalid":
        known = ", ".join(WAYS)
        text = "podname webhook: namespace %s says %s=%.80r: write %s or false; its pods are not injected"
        logger.warning(text, space.name, MARK, space.mark, known)
