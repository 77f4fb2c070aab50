"""Which objects are injected: those asked for, and what keeps pods running that may be nodes.

A Deployment, a StatefulSet and their like are. A Job, a CronJob and a hook of Helm seldom hold a node: they are left
alone until somebody names them. What podname does not know but looks like a workload is told, so that nobody believes
it done; `--kind` takes it. Whatever is passed over because somebody selected others is not told.

Source: Helm, "Chart Hooks"; Kubernetes, Deprecated API Migration Guide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from podname.attach.patch import Path
from podname.inject.documents import WORKLOADS, Object
from podname.kube.selectors import Selector

HOOK = "helm.sh/hook"
TEMPLATE: Path = ("spec", "template")
_RARELY_NODES = frozenset({"Job", "CronJob"})
_PLACES = {kind: where for (_, kind), where in WORKLOADS.items()}
_VERSIONS = {kind: version for version, kind in WORKLOADS}
_REMOVED = frozenset({"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "batch/v1beta1"})


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for: kinds beside those that are known, and of all workloads only some. Kinds in small letters."""

    kinds: frozenset[str] = frozenset()
    only: frozenset[tuple[str, str]] = frozenset()
    selector: Selector = ()


@dataclass(slots=True)
class Chosen:
    """The template's place in an object to inject, or why it is left alone if that must be told."""

    template: Path | None = None
    note: str = ""


@dataclass(slots=True)
class Chooser:
    """Chooses among objects, and knows which names were never met."""

    selection: Selection
    met: set[tuple[str, str]] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    workloads: list[str] = field(default_factory=list)

    def choose(self, thing: Object) -> Chosen:
        """Return what becomes of an object."""
        asked = thing.kind.lower() in self.selection.kinds
        where = _template(thing) if thing.template is None else thing.template
        if where is None:
            return Chosen()
        name = (thing.kind.lower(), thing.name)
        self.met.add(name)
        self.kinds.add(name[0])
        self.workloads.append(f"{thing.kind}/{thing.name}")
        if not self._is_selected(thing, name):
            return Chosen()
        if name in self.selection.only:
            return Chosen(where)
        note = _reason(thing, is_asked=asked)
        return Chosen(None if note else where, note)

    def missing_names(self) -> list[str]:
        """Tell which names were asked for and are nowhere."""
        there = ", ".join(self.workloads[:20]) or "none"
        return [
            f"podname: --only {kind}/{name}: there is no such workload; there are: {there}"
            for kind, name in sorted(self.selection.only - self.met)
        ]

    def missing_kinds(self) -> list[str]:
        """Tell which kinds were asked for and are nowhere."""
        return [
            f"podname: --kind {kind}: there is no such object with a pod template (spec.template.spec)"
            for kind in sorted(self.selection.kinds - self.kinds)
        ]

    def _is_selected(self, thing: Object, name: tuple[str, str]) -> bool:
        if self.selection.only and name not in self.selection.only:
            return False
        labels = thing.metadata.get("labels")
        texts = {str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}
        return all(requirement.holds(texts) for requirement in self.selection.selector)


def _reason(thing: Object, *, is_asked: bool) -> str:
    """Return why an object is left alone, and how it is taken; empty if it is not."""
    annotations = thing.metadata.get("annotations")
    if isinstance(annotations, dict) and HOOK in annotations:
        return f"left alone, as a hook of Helm ({annotations[HOOK]}): --only {thing.kind}/{thing.name} takes it"
    if is_asked:
        return ""
    if thing.template is None:
        version = str(thing.content.get("apiVersion"))
        if version in _REMOVED and thing.kind in _VERSIONS:
            return (
                f"not injected: no cluster serves {version} any more, write {_VERSIONS[thing.kind]}"
            )
        return (
            f"not injected: podname does not know this kind of {version}; --kind {thing.kind} injects"
            " what is in its spec.template"
        )
    if thing.kind in _RARELY_NODES:
        return f"left alone, as a {thing.kind} seldom is a node: --kind {thing.kind} takes all of them, --only {thing.kind}/{thing.name} this one"  # noqa: E501
    return ""


def _template(thing: Object) -> Path | None:
    """Find the pod template of a kind that is not known."""
    for where in (_PLACES.get(thing.kind, TEMPLATE), TEMPLATE):
        spec = thing.at((*where, "spec"))
        if where and isinstance(spec, dict) and isinstance(spec.get("containers"), list):
            return where
    return None
