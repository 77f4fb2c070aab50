"""Services, pods and slices for the tests of this floor, and an API server that is a dictionary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from podname.publish.choosing import choose
from podname.publish.objects import IPV4, IPV6, NamedPort, Pod, Service, Slice, WantedPort
from podname.publish.planning import Plan, plan

ANNOTATION = "app=web"


def service(annotation: str | None = ANNOTATION, **changes: Any) -> Service:
    made = Service(
        "default", "web", "u-web", annotation, True, "ClusterIP", False, (IPV4, IPV6), False, ()
    )
    return msgspec.structs.replace(made, **changes)


def ports(**targets: int | str) -> tuple[WantedPort, ...]:
    return tuple(WantedPort(name, "TCP", target, "") for name, target in targets.items())


def pod(name: str, *addresses: str, uid: str = "", **changes: Any) -> Pod:
    made = Pod(
        "default", name, uid or f"u-{name}", {"app": "web"}, addresses, "node-1", True, False, ()
    )
    return msgspec.structs.replace(made, **changes)


def named(**numbers: int) -> tuple[NamedPort, ...]:
    return tuple(NamedPort(name, "TCP", number) for name, number in numbers.items())


def pods(numbers: Iterable[int], **changes: Any) -> list[Pod]:
    return [
        pod(f"web-{number:03}", f"10.0.{number // 250}.{number % 250 + 1}", **changes)
        for number in numbers
    ]


class Slices:
    """Does what plans say, as the API server would. `writes` counts."""

    def __init__(self, *existing: Slice) -> None:
        self.all: dict[str, Slice] = {each.name: each for each in existing}
        self.writes = 0
        self._version = 100

    def follow(self, service: Service | None, pods: Iterable[Pod]) -> Plan:
        """Plan and carry out."""
        made = plan(choose(service), pods, self.all.values())
        for write in made.writes:
            self.apply(write.name, write)
        for gone in made.deletes:
            assert self.all.pop(gone.name) == gone
        self.writes += len(made.writes) + len(made.deletes)
        return made

    def apply(self, name: str, write: Any) -> None:
        before = self.all.get(name)
        assert before == write.before, "an apply to what is known"
        assert before is None or before.content.family == write.content.family, "immutable"
        self._version += 1
        content = msgspec.structs.replace(write.content, owner="")
        uid = before.uid if before else f"u-slice-{self._version}"
        version = str(self._version)
        owners = (write.content.owner,)
        self.all[name] = Slice(write.namespace, name, uid, version, True, True, owners, content)

    @property
    def homes(self) -> dict[tuple[str, str], str]:
        """Where each pod's endpoint of each family stands."""
        return {
            (each.content.family, endpoint.pod): each.name
            for each in self.all.values()
            for endpoint in each.content.endpoints
        }

    @property
    def sizes(self) -> list[int]:
        return [len(each.content.endpoints) for _, each in sorted(self.all.items())]
