"""The slices of each Service, and which of them name an endpoint.

A Service of few slices is looked at whole. One of many has an index: else each change of one endpoint would cost as
much as all of them. Few Services are that large, so the index costs a cluster nothing but theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from zlib import crc32

from msgspec.structs import replace

from podname.kube.objects import EndpointSlice
from podname.names.endpoints import names_in
from podname.names.index import Index
from podname.names.options import ZoneOptions

#: So many slices of a Service are looked at whole: those of 400 endpoints, or of 200 that have two families.
SLICES_SCANNED_MAX = 4
#: A larger slice than the controllers make by themselves is looked at in parts of about so many endpoints.
_ENDPOINTS_PER_PART = 100


def parts_of(one: EndpointSlice | None) -> dict[str, EndpointSlice]:
    """Divide a slice, which may have a thousand endpoints, into slices of its own, by their keys.

    Of two states of a slice most parts are equal: an endpoint's part is told by what it says, not by where it stands.
    """
    if one is None:
        return {}
    lines = one.packed.count("\n") + 1
    if lines <= 2 * _ENDPOINTS_PER_PART:
        return {one.key: one}
    number = 1 << (lines // _ENDPOINTS_PER_PART).bit_length()
    packed: dict[int, list[str]] = {}
    for line in one.packed.split("\n"):
        packed.setdefault(crc32(line.encode()) % number, []).append(line)
    parts = [
        replace(one, name=f"{one.name} {part}", packed="\n".join(some), changed_at=0.0)
        for part, some in packed.items()
    ]
    return {part.key: part for part in parts}


class ServiceSlices:
    """Slices by Service, and in a large Service by the labels of their endpoints."""

    def __init__(self, options: ZoneOptions) -> None:
        self._options = options
        self._of: Index[str, EndpointSlice] = Index()
        self._naming: dict[str, Index[bytes, EndpointSlice]] = {}

    def add(self, one: EndpointSlice) -> None:
        """Remember whose a slice is."""
        key = one.service_key
        self._of.add(key, one)
        naming = self._naming.get(key)
        if naming is not None:
            self._add_names(naming, one)
        elif len(self._of.get(key)) > SLICES_SCANNED_MAX:
            naming = self._naming[key] = Index()
            for each in self._of.get(key):
                self._add_names(naming, each)

    def discard(self, one: EndpointSlice) -> None:
        """Forget a slice."""
        key = one.service_key
        self._of.discard(key, one)
        naming = self._naming.get(key)
        if naming is None:
            return
        if len(self._of.get(key)) <= SLICES_SCANNED_MAX:
            del self._naming[key]
            return
        for name in self.labels_in(one):
            naming.discard(name, one)

    def of(self, service_key: str) -> tuple[EndpointSlice, ...]:
        """Return the slices of one Service."""
        return self._of.get(service_key)

    def naming(self, service_key: str, labels: Iterable[bytes]) -> Collection[EndpointSlice]:
        """Return the slices of a Service that name an endpoint by one of these labels, and maybe some more."""
        naming = self._naming.get(service_key)
        if naming is None:
            return self._of.get(service_key)
        found = {id(one): one for label in labels for one in naming.get(label)}
        return found.values()

    def is_large(self, service_key: str) -> bool:
        """Return whether a Service has more slices than are looked at whole."""
        return service_key in self._naming

    def all(self) -> Iterator[EndpointSlice]:
        """Return every slice."""
        return self._of.all()

    def labels_in(self, one: EndpointSlice) -> Iterator[bytes]:
        """Return the labels of a slice's endpoints."""
        for each in names_in(one, self._options):
            if each.primary:
                yield each.primary
            yield from each.aliases

    def _add_names(self, naming: Index[bytes, EndpointSlice], one: EndpointSlice) -> None:
        for name in self.labels_in(one):
            naming.add(name, one)
