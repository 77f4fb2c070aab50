"""The pure function: what a Service asks for, the pods, the slices that are there; what to write and what to delete.

It writes nothing that is there already, touches no slice that is not ours, and orders what it gives so that no name
goes away for a moment: a slice that an endpoint moves to comes before the one that it leaves, deletions come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from podname.publish.choosing import Publication, Refusal
from podname.publish.endpoints import Group, endpoints_of, hostname_of
from podname.publish.objects import Content, Endpoint, Pod, Slice
from podname.publish.placement import Draft, place


@dataclass(frozen=True)
class Write:
    """A slice to apply. `before` is what it was, None for a new one."""

    namespace: str
    name: str
    content: Content
    before: Slice | None


@dataclass(frozen=True)
class Plan:
    """What to do, in this order. `nameless` are the pods whose names cannot be hostnames."""

    writes: tuple[Write, ...] = ()
    deletes: tuple[Slice, ...] = ()
    endpoints: int = 0
    nameless: tuple[str, ...] = ()


def plan(
    choice: Publication | Refusal | None, pods: Iterable[Pod], existing: Iterable[Slice]
) -> Plan:
    """Return what makes the slices right. `pods` are those of the Service's namespace that it chooses."""
    ours = sorted((each for each in existing if each.is_ours), key=lambda each: each.name)
    if not isinstance(choice, Publication):
        return Plan(deletes=tuple(ours))
    chosen = _chosen(choice, pods, ours)
    wanted = _wanted(choice, chosen)
    drafts = place(choice.service, wanted, ours)
    changed = [draft for draft in drafts if draft.endpoints and draft.is_changed]
    return Plan(
        tuple(_writes(choice, _in_order(changed, drafts), ours)),
        tuple([draft.before for draft in drafts if draft.before and not draft.endpoints]),
        sum(len(endpoints) for endpoints in wanted.values()),
        tuple(sorted(pod.name for pod in chosen if pod.addresses and not hostname_of(pod))),
    )


def _chosen(choice: Publication, pods: Iterable[Pod], ours: Iterable[Slice]) -> list[Pod]:
    """Without a selector: the pods that are published already, and still live."""
    if choice.selector is not None:
        return list(pods)
    published = {endpoint.uid for each in ours for endpoint in each.content.endpoints}
    return [pod for pod in pods if pod.uid in published]


def _wanted(choice: Publication, pods: Iterable[Pod]) -> dict[Group, dict[str, Endpoint]]:
    wanted: dict[Group, dict[str, Endpoint]] = {}
    for pod in pods:
        for group, endpoint in endpoints_of(choice.service, pod):
            wanted.setdefault(group, {})[endpoint.uid] = endpoint
    return wanted


def _in_order(changed: list[Draft], drafts: list[Draft]) -> list[Draft]:
    """Slices that only gain come first, those that others gain from come later."""
    homes = {
        (draft.group.family, endpoint.uid): id(draft)
        for draft in drafts
        for endpoint in draft.endpoints
    }

    def lost(draft: Draft) -> int:
        if draft.before is None:
            return 0
        before, here = draft.before.content, id(draft)
        found = [homes.get((before.family, each.uid), here) for each in before.endpoints]
        return sum(home != here for home in found)

    return sorted(changed, key=lost)


def _writes(
    choice: Publication, drafts: Iterable[Draft], existing: Iterable[Slice]
) -> Iterator[Write]:
    service = choice.service
    taken = {each.name for each in existing}
    for draft in drafts:
        name = draft.before.name if draft.before else _new_name(draft, taken)
        taken.add(name)
        yield Write(service.namespace, name, draft.content, draft.before)


def _new_name(draft: Draft, taken: set[str]) -> str:
    """The first number that is free: replicas that plan the same choose the same."""
    stem = f"{draft.service.name}-podname-{draft.group.family.lower()}"
    return next(name for number in count() if (name := f"{stem}-{number}") not in taken)
