"""A cluster that changes under both servers, and the moment when both have seen it.

Objects are put into etcd; after them markers, one for each kind of object that a server follows. A
server shows them in the order of their writing, so who answers with the newest has seen the rest.
"""

import itertools
from collections.abc import Callable, Iterable

from tests.cluster.harness.api import Object
from tests.cluster.harness.bulk import Bulk
from tests.cluster.harness.waiting import until
from tests.cluster.oracle import objects
from tests.cluster.oracle.messages import NOERROR, Reply
from tests.cluster.oracle.objects import key_of
from tests.cluster.oracle.pair import Pair
from tests.cluster.oracle.questions import Question, ask
from tests.cluster.oracle.variants import Variant

MARKER_SECONDS = 20
Sign = tuple[Question, Callable[[Reply], bool]]


class Changing:
    """What the cluster holds because of us."""

    def __init__(self, bulk: Bulk) -> None:
        self._bulk = bulk
        self._held: dict[tuple[str, str, str], Object] = {}
        self._numbers = itertools.count(1)
        self._number = 0
        reached = objects.slice_of("services", objects.endpoint("10.9.255.255"), at="mark")
        self._always = [objects.space("mark"), objects.service("slices", at="mark"), reached]
        bulk.put(self._always)

    def become(self, wanted: Iterable[Object]) -> list[Object]:
        """Make the cluster hold these objects; give them, and the markers."""
        new = {key_of(item): item for item in wanted}
        gone = [item for key, item in self._held.items() if key not in new]
        changed = [item for key, item in new.items() if self._held.get(key) != item]
        self._bulk.delete(gone)
        self._bulk.put(changed)
        self._held = new
        return [*new.values(), *self._mark()]

    def _mark(self) -> list[Object]:
        self._number = next(self._numbers)
        address = f"10.9.{self._number >> 8}.{self._number & 255}"
        markers = [
            objects.service("services", address, at="mark"),
            objects.slice_of("slices", objects.endpoint(address), at="mark"),
            objects.pod("pods", address, at="mark"),
        ]
        self._bulk.put(markers)
        toggle = [objects.space("toggle")]
        (self._bulk.put if self._number % 2 else self._bulk.delete)(toggle)
        return [*markers, *self._always]

    def wait(self, pair: Pair) -> None:
        """Wait until both servers have seen the newest state, under every variant."""
        for variant in pair.variants:
            for question, shows in self._signs(variant, pair.ours):
                until(
                    lambda v=variant, q=question, s=shows: _both(pair, v, q, s),  # type: ignore[misc]
                    f"{variant.name} to answer {question} after change {self._number}",
                    deadline_seconds=MARKER_SECONDS,
                    interval_seconds=0.005,
                )

    def _signs(self, variant: Variant, ours: str) -> list[Sign]:
        zone = variant.forward_zones[0]
        octets = f"0a.09.{self._number >> 8:02x}.{self._number & 255:02x}"
        dashed = f"10-9-{self._number >> 8}-{self._number & 255}"

        def has_address(reply: Reply) -> bool:
            return [record.data for record in reply.answer] == [(octets,)]

        def toggled(reply: Reply) -> bool:
            exists = reply.rcode == NOERROR and any(
                record.owner == f"{zone}." for record in reply.authority
            )
            return exists == bool(self._number % 2)

        signs: list[Sign] = [
            (ask(f"toggle.svc.{zone}"), toggled),
            (ask(f"services.mark.svc.{zone}"), has_address),
        ]
        if not variant.has("noendpoints"):
            signs.append((ask(f"slices.mark.svc.{zone}"), has_address))
        if variant.pods == "verified":
            signs.append((ask(f"{dashed}.mark.pod.{zone}"), has_address))
        return signs


def _both(pair: Pair, variant: Variant, question: Question, shows: Callable[[Reply], bool]) -> bool:
    return all(reply is not None and shows(reply) for reply in pair.ask(variant, question))
