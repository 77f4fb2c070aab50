"""Which server block gets a question that the engine does not answer by itself.

The block with the longest zone; of several with one zone the first whose `view` takes the question, in the order of the
Corefile. Where none does, the next shorter zone is tried. A question for DS goes to the shortest zone but the root, for
the parent of a zone holds its DS records.

Source: CoreDNS 1.15.0 core/dnsserver server.go `ServeDNS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from podname.dns import constants as c
from podname.dns.names import ROOT, parent_of
from podname.plugins.base import GathersMetadata, Next, Request
from podname.plugins.view.handler import View


@dataclass(frozen=True, slots=True)
class Route:
    """A server block, as questions for one of its zones reach it."""

    zone: bytes
    chain: Next
    view: View | None = None
    metadata: GathersMetadata | None = None

    def takes(self, request: Request) -> bool:
        """Return whether the block gets the question. What is known of it is put into the request."""
        if self.metadata is not None:
            request.metadata = self.metadata.gather(request.query, request.client)
        return self.view is None or self.view.takes(request)


class Routes:
    """All routes of one listener."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._of_zones: dict[bytes, list[Route]] = {}
        for route in routes:
            self._of_zones.setdefault(route.zone, []).append(route)

    def find(self, request: Request) -> Route | None:
        """Return the route of a question, and note it in the request."""
        found = None
        for route in self._candidates(request.query.folded):
            if found is not None and route.zone == ROOT:
                break
            if route.takes(request):
                found = route
                if request.query.qtype != c.DS:
                    break
        if found is not None:
            request.zone, request.view = found.zone, found.view.view_name if found.view else ""
        return found

    def _candidates(self, owner: bytes) -> Iterator[Route]:
        while True:
            yield from self._of_zones.get(owner, ())
            if owner == ROOT:
                return
            owner = parent_of(owner)
