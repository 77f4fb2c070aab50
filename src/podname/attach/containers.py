"""The containers of a pod template that run Erlang, and what is put into one: variables, flags, files.

Source: Kubernetes API reference, Container v1; Well-Known Labels, Annotations and Taints (default-container).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from podname.attach.environment import meanings
from podname.attach.patch import Path

Complain = Callable[[Sequence[str | int], str], None]

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_FLAG = re.compile(r"-(?:epmd_module|erl_epmd_port|start_epmd|proto_dist|ssl_dist_optfile)\b")


def chosen(
    template: dict[str, Any], names: Sequence[str], complain: Complain
) -> Iterator[Container]:
    """Return the containers by name; without names the one that kubectl would take: annotated, or the first."""
    spec = template["spec"]
    listed = spec.get("containers")
    containers = [c for c in listed if isinstance(c, dict)] if isinstance(listed, list) else []
    if not containers or len(containers) != len(listed or ()):
        complain(("spec", "containers"), "there are no containers")
        return
    known = [str(container.get("name", "")) for container in containers]
    for name in names or [_default(template, known)]:
        if name not in known:
            complain(
                ("spec", "containers"), f"there is no container {name!r}, but {', '.join(known)}"
            )
        else:
            number = known.index(name)
            container = Container(
                containers[number], ("spec", "containers", number), spec, complain
            )
            container.others = ", ".join(other for other in known if other != name)
            yield container


def _default(template: dict[str, Any], known: Sequence[str]) -> str:
    metadata = template.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    name = annotations.get(_DEFAULT_CONTAINER) if isinstance(annotations, dict) else None
    return str(name) if name in known else known[0]


class Container:
    """A container that is being changed; `path` is its place in the template, `others` are those beside it."""

    others = ""

    def __init__(
        self, raw: dict[str, Any], path: Path, spec: dict[str, Any], complain: Complain
    ) -> None:
        self.name = str(raw.get("name", ""))
        self._raw = raw
        self.path = path
        self._spec = spec
        self._complain = complain

    def meanings(self) -> dict[str, str]:
        """Return what its variables mean in a pod."""
        return meanings(self._list(self._raw, self.path, "env", make=False))

    def complain(self, message: str) -> None:
        """Tell that the container itself is in the way."""
        self._complain(self.path, message)

    def refuse(self, name: str, reason: str) -> None:
        """Tell that a variable which is there is in the way."""
        number, there = self._variable(name)
        value = there.get("value") if there else None
        is_now = f" is {value!r}, which" if isinstance(value, str) else ""
        self._refuse(number, f"{name}{is_now} {reason}")

    def set(self, name: str, value: str) -> None:
        """Set a variable. Another value that is there stays, and is a problem."""
        self._put({"name": name, "value": value})

    def field(self, name: str, path: str) -> None:
        """Set a variable to a field of the pod."""
        self._put({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}})

    def flags(self, flags: Sequence[str]) -> None:
        """Add flags to ERL_AFLAGS, after those that are there."""
        number, there = self._variable("ERL_AFLAGS")
        before = there.get("value", "") if there else ""
        missing = [flag for flag in flags if flag not in str(before)]
        if not missing:
            return
        if there is None:
            self._put({"name": "ERL_AFLAGS", "value": " ".join(missing)})
        elif not isinstance(before, str) or "valueFrom" in there:
            self._refuse(number, "ERL_AFLAGS is not written here, so nothing can be added to it")
        elif clash := {match[0] for match in _FLAG.finditer(before)} & set(
            " ".join(missing).split()
        ):
            self._refuse(number, f"ERL_AFLAGS has {', '.join(sorted(clash))} already: remove that")
        else:
            there["value"] = " ".join([before.rstrip(), *missing]).lstrip()

    def mount(self, volume: str, path: str, source: dict[str, Any]) -> None:
        """Mount a volume, and add it to the pod."""
        volumes = self._list(self._spec, ("spec",), "volumes")
        mounts = self._list(self._raw, self.path, "volumeMounts")
        wanted = {"name": volume, **source}
        for number, there in enumerate(volumes):
            if (
                isinstance(there, dict)
                and there.get("name") == volume
                and not _within(source, there)
            ):
                self._complain(
                    ("spec", "volumes", number), f"the volume {volume} is something else: rename it"
                )
                return
        if not any(isinstance(there, dict) and there.get("name") == volume for there in volumes):
            volumes.append(wanted)
        for number, there in enumerate(mounts):
            if isinstance(there, dict) and there.get("mountPath") == path:
                if there.get("name") != volume:
                    message = f"{there.get('name')} is mounted at {path}, where {volume} must be"
                    self._complain((*self.path, "volumeMounts", number), message)
                return
        mounts.append({"name": volume, "mountPath": path, "readOnly": True})

    def _put(self, wanted: dict[str, Any]) -> None:
        number, there = self._variable(wanted["name"])
        if there is None:
            self._list(self._raw, self.path, "env").append(wanted)
        elif not _within({key: value for key, value in wanted.items() if key != "name"}, there):
            is_now, needed = (
                there.get("value", "set from elsewhere"),
                wanted.get("value", "a field of the pod"),
            )
            message = f"{wanted['name']} is {is_now!r} and must be {needed!r}: remove it"
            self._refuse(number, message)

    def _refuse(self, number: int, message: str) -> None:
        self._complain((*self.path, "env", number), message)

    def _variable(self, name: str) -> tuple[int, dict[str, Any] | None]:
        variables = self._list(self._raw, self.path, "env", make=False)
        for number, there in zip(reversed(range(len(variables))), reversed(variables), strict=True):
            if isinstance(there, dict) and there.get("name") == name:
                return number, there
        return 0, None

    def _list(
        self, mapping: dict[str, Any], path: Path, key: str, *, make: bool = True
    ) -> list[Any]:
        value = mapping.get(key)
        if value is None:
            value = []
            if make:
                mapping[key] = value
        if not isinstance(value, list):
            self._complain((*path, key), f"{key} must be a list")
            return []
        return value


def _within(wanted: Any, there: Any) -> bool:
    """Tell whether all that is wanted is there; the API server adds defaults such as `apiVersion: v1`."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return all(key in there and _within(value, there[key]) for key, value in wanted.items())
    return bool(wanted == there)
