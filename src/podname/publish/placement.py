"""Which endpoint stands in which slice: an endpoint stays where it is, whoever comes and goes.

1. A slice goes on for the group (family and ports) that it is of. When no pod is of that group any more, the Service's
   ports have changed: the slice goes on for the group that most of its endpoints are of now.
2. What is still wanted stays in its slice; an endpoint that is in two stays in the first.
3. Newcomers fill holes: first of slices that are written anyway, then of the slice that they fill up best, or else of
   the emptiest, so that few are written. Only when no hole is left a slice is begun, a spare one if there is any.

A slice has at most a hundred endpoints, so that a change of one costs watchers a hundred and not a thousand.

Source: KEP-752; kube-controller-manager --max-endpoints-per-slice (100).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podname.publish.endpoints import Group
from podname.publish.objects import Content, Endpoint, Service, Slice

ENDPOINTS_MAX = 100

#: What is wanted: for each group its endpoints, by the uid of their pod.
Wanted = Mapping[Group, Mapping[str, Endpoint]]


@dataclass
class Draft:
    """A slice as it will be. `before` is None for one that is to be created."""

    service: Service
    group: Group
    before: Slice | None
    endpoints: list[Endpoint] = field(default_factory=list)

    @property
    def content(self) -> Content:
        """What it will say."""
        group = self.group
        owner = self.service
        return Content(owner.name, owner.uid, group.family, group.ports, tuple(self.endpoints))

    @property
    def is_changed(self) -> bool:
        """Whether it must be written."""
        return self.before is None or not self.before.says(self.content)

    @property
    def room(self) -> int:
        """How many endpoints still fit."""
        return ENDPOINTS_MAX - len(self.endpoints)


def place(service: Service, wanted: Wanted, existing: Iterable[Slice]) -> list[Draft]:
    """Return a draft for each slice, existing ones that end up empty included."""
    drafts, spares = _adopt(service, wanted, sorted(existing, key=lambda each: each.name))
    for group, endpoints in wanted.items():
        mine = [draft for draft in drafts if draft.group == group]
        rest = _keep(mine, endpoints)
        rest = _fill(mine, rest)
        while rest:
            begun = Draft(service, group, _spare(spares, group.family), rest[:ENDPOINTS_MAX])
            rest = rest[ENDPOINTS_MAX:]
            drafts.append(begun)
    return drafts + [Draft(service, _group_of(spare), spare) for spare in spares]


def _adopt(
    service: Service, wanted: Wanted, existing: Iterable[Slice]
) -> tuple[list[Draft], list[Slice]]:
    """Find the group for which each slice goes on; spares go on for none."""
    drafts, spares = [], []
    for each in existing:
        group = _group_of(each)
        if group not in wanted:
            group = _nearest(wanted, each) or group
        if group in wanted:
            drafts.append(Draft(service, group, each))
        else:
            spares.append(each)
    return drafts, spares


def _group_of(existing: Slice) -> Group:
    return Group(existing.content.family, existing.content.ports)


def _nearest(wanted: Wanted, existing: Slice) -> Group | None:
    """The group of the slice's family that has most of its endpoints."""
    uids = {endpoint.uid for endpoint in existing.content.endpoints}
    shared = {
        group: len(uids & endpoints.keys())
        for group, endpoints in wanted.items()
        if group.family == existing.content.family
    }
    best = max(shared, key=lambda group: shared[group], default=None)
    return best if best is not None and shared[best] else None


def _keep(drafts: list[Draft], wanted: Mapping[str, Endpoint]) -> list[Endpoint]:
    """Let what is still wanted stay in its slice; give the others, by name."""
    rest = dict(wanted)
    for draft in drafts:
        for endpoint in draft.before.content.endpoints if draft.before else ():
            if endpoint.uid in rest and draft.room:
                draft.endpoints.append(rest.pop(endpoint.uid))
    return sorted(rest.values(), key=lambda endpoint: (endpoint.pod, endpoint.uid))


def _fill(drafts: list[Draft], rest: list[Endpoint]) -> list[Endpoint]:
    """Put newcomers into holes; give those for whom there is none."""
    changed = [draft for draft in drafts if draft.is_changed]
    for draft in sorted(changed, key=lambda draft: draft.room):
        rest = _put(draft, rest)
    holes = [draft for draft in drafts if draft.room and draft not in changed]
    while rest and holes:
        fitting = [draft for draft in holes if draft.room >= len(rest)]
        chosen = (
            min(fitting, key=lambda draft: draft.room)
            if fitting
            else max(holes, key=lambda draft: draft.room)
        )
        holes.remove(chosen)
        rest = _put(chosen, rest)
    return rest


def _put(draft: Draft, rest: list[Endpoint]) -> list[Endpoint]:
    room = draft.room
    draft.endpoints += rest[:room]
    return rest[room:]


def _spare(spares: list[Slice], family: str) -> Slice | None:
    """Take a slice of a family that is of no use otherwise: its family is all that cannot change."""
    for spare in spares:
        if spare.content.family == family:
            spares.remove(spare)
            return spare
    return None
