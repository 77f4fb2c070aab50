"""What the variables of a container mean once Kubernetes has expanded them, told without a pod.

`$(NAME)` stands for a variable above it in the list, and stays as it is when there is none; `$$` stands for `$`. The
shell's `${NAME}` stands for nothing here: nobody expands it. A field of the pod is written as `<pod>`, `<namespace>`,
`<address>`, `<job>` or `<index>`, what comes from a Secret or a ConfigMap as `<elsewhere>`.

Source: Kubernetes, "Define Dependent Environment Variables"; k8s.io/kubernetes third_party/forked/golang/expansion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

POD, NAMESPACE, ADDRESS, ELSEWHERE = "<pod>", "<namespace>", "<address>", "<elsewhere>"
JOB, INDEX = "<job>", "<index>"
JOB_FIELD = "metadata.labels['batch.kubernetes.io/job-name']"
INDEX_FIELD = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_FIELDS = {
    JOB_FIELD: JOB,
    "metadata.labels['job-name']": JOB,
    INDEX_FIELD: INDEX,
    INDEX_FIELD.replace("annotations", "labels"): INDEX,
    "metadata.name": POD,
    "metadata.namespace": NAMESPACE,
    "status.podIP": ADDRESS,
    "status.podIPs": ADDRESS,
    "status.hostIP": ADDRESS,
    "status.hostIPs": ADDRESS,
}
_REFERENCE = re.compile(r"\$\$|\$\((?P<name>[^()]*)\)")


def meanings(variables: Sequence[Any]) -> dict[str, str]:
    """Return what each variable of a container's `env` means."""
    known: dict[str, str] = {}
    for variable in variables:
        if isinstance(variable, dict) and isinstance(variable.get("name"), str):
            known[variable["name"]] = _meaning(variable, known)
    return known


def expanded(text: str, known: dict[str, str]) -> str:
    """Expand a text as Kubernetes does."""
    return _REFERENCE.sub(
        lambda found: "$" if found["name"] is None else known.get(found["name"], found[0]), text
    )


def _meaning(variable: dict[str, Any], known: dict[str, str]) -> str:
    source = variable.get("valueFrom")
    if not source:
        value = variable.get("value")
        return expanded(value, known) if isinstance(value, str) else str(value or "")
    field = source.get("fieldRef") if isinstance(source, dict) else None
    path = field.get("fieldPath") if isinstance(field, dict) else None
    return _FIELDS.get(path, ELSEWHERE) if isinstance(path, str) else ELSEWHERE
