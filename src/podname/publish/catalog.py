"""What is there: each Service's choice, the pods that it chooses, its slices; and which Services a change is about.

Kept up to date by the stores' handlers, so that the work of a change is that of the Services it concerns: a pod is
held against the selectors of its own namespace, and a Service's pods are known without looking at all others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from podname.kube.objects import Keyed
from podname.kube.selectors import matches
from podname.kube.store import Change, ResourceEventHandler
from podname.publish.choosing import Publication, Refusal, choose
from podname.publish.objects import Pod, Service, Slice

T = TypeVar("T", bound=Keyed)


class Catalog:
    """Tells `concerned` the keys of Services whenever something about them changed."""

    def __init__(self, concerned: Callable[[str], None]) -> None:
        self.choices: dict[str, Publication | Refusal] = {}
        self.on_services: ResourceEventHandler[Service] = _each(self._service_changed)
        self.on_pods: ResourceEventHandler[Pod] = _each(self._pod_changed)
        self.on_slices: ResourceEventHandler[Slice] = _each(self._slice_changed)
        self._concerned = concerned
        self._by_namespace: dict[str, dict[str, Pod]] = {}
        self._publishing: dict[str, set[str]] = {}  # namespace: the Services that are published
        self._members: dict[str, dict[str, Pod]] = {}  # of a Service: pods by key
        self._slices: dict[str, dict[str, Slice]] = {}  # of a Service: slices by key

    def choice(self, key: str) -> Publication | Refusal | None:
        """What a Service asks for."""
        return self.choices.get(key)

    def pods_of(self, key: str) -> list[Pod]:
        """The pods that a Service chooses; all of its namespace if it has no selector that can be read."""
        choice = self.choices.get(key)
        if isinstance(choice, Publication) and choice.selector is None:
            return list(self._by_namespace.get(choice.service.namespace, {}).values())
        return list(self._members.get(key, {}).values())

    def slices_of(self, key: str) -> dict[str, Slice]:
        """The slices of ours that say they are of a Service, by key."""
        return self._slices.get(key, {})

    def keys(self) -> set[str]:
        """Every Service that asks for something or has slices of ours."""
        return {*self.choices, *self._slices}

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        key = (new or old).key  # type: ignore[union-attr]  # one of them is there
        had, choice = self.choices.pop(key, None), choose(new)
        if choice is not None:
            self.choices[key] = choice
        if isinstance(had, Publication):
            self._publishing[had.service.namespace].discard(key)
        members = self._members.pop(key, None)
        if isinstance(choice, Publication):
            self._publishing.setdefault(choice.service.namespace, set()).add(key)
            is_same = isinstance(had, Publication) and had.selector == choice.selector
            self._members[key] = members if is_same and members else self._all_chosen(choice)
        if choice is not None or had is not None or key in self._slices:
            self._concerned(key)

    def _all_chosen(self, choice: Publication) -> dict[str, Pod]:
        pods = self._by_namespace.get(choice.service.namespace, {})
        return {pod.key: pod for pod in pods.values() if _is_chosen(choice, pod)}

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        assert pod is not None, "a change of nothing"  # noqa: S101
        pods = self._by_namespace.setdefault(pod.namespace, {})
        if new is not None:
            pods[pod.key] = new
        else:
            pods.pop(pod.key, None)
        for key in self._publishing.get(pod.namespace, ()):
            self._join_or_leave(key, pod.key, new)

    def _join_or_leave(self, key: str, pod_key: str, pod: Pod | None) -> None:
        choice, members = self.choices[key], self._members[key]
        assert isinstance(choice, Publication)  # noqa: S101
        was_member = members.pop(pod_key, None) is not None
        if pod is not None and _is_chosen(choice, pod):
            members[pod_key] = pod
            was_member = True
        if was_member or choice.selector is None:
            self._concerned(key)

    def _slice_changed(self, old: Slice | None, new: Slice | None) -> None:
        if old is not None:
            slices = self._slices.get(old.service_key, {})
            slices.pop(old.key, None)
            if not slices:
                self._slices.pop(old.service_key, None)
            self._concerned(old.service_key)
        if new is not None:
            self._slices.setdefault(new.service_key, {})[new.key] = new
            self._concerned(new.service_key)


def _is_chosen(choice: Publication, pod: Pod) -> bool:
    return choice.selector is not None and matches(choice.selector, pod.labels)


def _each(follow: Callable[[T | None, T | None], None]) -> ResourceEventHandler[T]:
    """Make a store's handler that follows changes one after the other."""

    def on_change(changes: Collection[Change[T]], _: bool) -> None:
        for old, new in changes:
            follow(old, new)

    return on_change
