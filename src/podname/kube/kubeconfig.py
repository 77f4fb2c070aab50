"""Kubeconfig files, and several of them as one: KUBECONFIG=a:b.

As in kubectl, the first file that has an entry wins, for each entry and for `current-context`; files that are not there
are passed over, and one that cannot be read spoils all. Each entry knows its file, since paths in it are relative to
that. Compared with kubectl in tests/cluster/test_kubeconfig.py.

Sources: client-go tools/clientcmd `ClientConfigLoadingRules.Load`; tools/clientcmd/api v1 `Config`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podname.errors import KubeError
from podname.kube.files import read_file

_PLURALS = {"context": "contexts", "cluster": "clusters", "user": "users"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A named context, cluster or user, and the file that has it."""

    file: Path
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Kubeconfig:
    """What one or several files say together. `name` is how messages call them."""

    name: str
    current_context: str = ""
    entries: dict[str, dict[str, Entry]] = field(
        default_factory=lambda: {kind: {} for kind in _PLURALS}
    )

    def entry(self, kind: str, name: str) -> Entry:
        """Find an entry. Raises KubeError that says which there are."""
        found = self.entries[kind].get(name)
        if found is None:
            known = ", ".join(self.entries[kind]) or "none"
            raise KubeError(f"{self.name} has no {kind} {name!r}; it has: {known}")
        return found


def named_by(variables: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that kubectl would read: those of KUBECONFIG, or else the one of the home folder, if any."""
    listed = [each for each in variables.get("KUBECONFIG", "").split(os.pathsep) if each]
    if listed:
        return tuple(map(Path, dict.fromkeys(listed)))
    usual = Path(variables.get("HOME", ""), ".kube", "config")
    return (usual,) if variables.get("HOME") and usual.is_file() else ()


def load(paths: tuple[Path, ...]) -> Kubeconfig:
    """Read files as one. Raises KubeError that names each that cannot be used."""
    there = [path for path in paths if path.exists()]
    merged = Kubeconfig(os.pathsep.join(map(str, there or paths)))
    problems: list[str] = []
    for path in there or paths:
        try:
            _add(merged, path, _parse(path))
        except KubeError as error:
            problems.append(str(error))
    if problems:
        raise KubeError("; ".join(problems))
    return merged


def _add(merged: Kubeconfig, path: Path, document: dict[str, Any]) -> None:
    """Put in what no file before had."""
    merged.current_context = merged.current_context or str(document.get("current-context") or "")
    for kind, plural in _PLURALS.items():
        for name, content in _named(document.get(plural), kind):
            merged.entries[kind].setdefault(name, Entry(path, content))


def _named(listed: object, kind: str) -> Iterable[tuple[str, dict[str, Any]]]:
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            content = each.get(kind)
            yield str(each.get("name")), content if isinstance(content, dict) else {}


def _parse(path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - start time counts

    try:
        document = yaml.load(read_file(path), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise KubeError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if document is not None and not isinstance(document, dict):
        raise KubeError(f"{path} is no kubeconfig")
    return document or {}
