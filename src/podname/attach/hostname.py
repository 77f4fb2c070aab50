"""What the pods of a template call themselves, and what keeps that from being a name of one pod each.

A pod calls itself by its `hostnameOverride`, else by its `hostname`, else by its name. Two controllers set the hostname
of each pod themselves: a StatefulSet to the pod's name, an Indexed Job to `<job>-<index>`. Whatever a pod calls itself
answers at `<hostname>.<namespace>.pod.<zone>`, if it is one label; endpoints of a Service are named by `hostname`,
and never by the override.

Source: Kubernetes API reference, PodSpec v1; KEP-4762 (hostnameOverride); "Job", completion mode Indexed;
stateful_set_utils.go (`initIdentity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from podname.attach.environment import INDEX, INDEX_FIELD, JOB, JOB_FIELD, POD
from podname.attach.ways import Options, Owner, service_of
from podname.dns.names import LABEL_OCTETS_MAX

SINGLE = frozenset({"Pod"})
MOST_OF_A_HOSTNAME = 64
"""Characters that Linux takes; a pod with more waits for ever."""


@dataclass(frozen=True, slots=True)
class Hostname:
    """What a pod calls itself: as the value of a variable, with the fields it needs, and what that means."""

    text: str
    fields: Mapping[str, str]
    meaning: str


BY_POD = Hostname("$(POD_NAME)", {"POD_NAME": "metadata.name"}, POD)
BY_INDEX = Hostname(
    "$(POD_JOB_NAME)-$(POD_JOB_INDEX)",
    {"POD_JOB_NAME": JOB_FIELD, "POD_JOB_INDEX": INDEX_FIELD},
    f"{JOB}-{INDEX}",
)


def hostname_of(
    spec: dict[str, Any], kind: str, *, is_indexed: bool, in_service: bool = False
) -> Hostname:
    """Return the host of a pod's name, below its Service or the pods' domain."""
    override = spec.get("hostnameOverride")
    if kind in SINGLE and override and not in_service and "." not in str(override):
        return Hostname(str(override), {}, str(override))
    if is_indexed:
        return BY_INDEX
    if kind in SINGLE and spec.get("hostname"):
        return Hostname(str(spec["hostname"]), {}, str(spec["hostname"]))
    return BY_POD


def hostname_problems(
    spec: dict[str, Any], kind: str, *, is_indexed: bool, is_short: bool
) -> Iterator[tuple[str, str]]:
    """Tell what is in the way, with the field that says so."""
    sets_hostname = is_indexed or kind == "StatefulSet"
    for field in ("hostname", "hostnameOverride"):
        value = spec.get(field)
        if value and kind not in SINGLE and not (field == "hostname" and sets_hostname):
            yield field, f"{field} is {value!r}, and each pod would call itself so: remove it"
        elif value and field == "hostnameOverride" and is_short and "." in str(value):
            yield (
                field,
                f"hostnameOverride is {value!r}, and podname serves no such name: write one label, or remove it",
            )


def fqdn_problem(spec: dict[str, Any], longest: int, domain: str) -> str:
    """Tell when a hostname would be longer than Linux takes; `longest` is that of the pods' names."""
    length = longest + 1 + len(domain)
    if spec.get("setHostnameAsFQDN") is not True or length <= MOST_OF_A_HOSTNAME:
        return ""
    return (
        f"with a subdomain each pod would call itself by {length} characters, and Linux takes {MOST_OF_A_HOSTNAME}:"
        " the pods would never start; remove setHostnameAsFQDN"
    )


def name_problems(
    owner: Owner, options: Options, spec: dict[str, Any]
) -> list[tuple[tuple[str, ...], str]]:
    """Tell what keeps the names of a workload's pods from being host names, with the path in the workload."""
    found: list[tuple[tuple[str, ...], str]] = []
    hostname = str(spec.get("hostname") or "") if owner.kind == "Pod" else ""
    where = ("spec", "hostname") if hostname else ("metadata", "name")
    name = hostname or owner.name
    if "." in name:
        message = f"the name {name!r} has a dot, and the Erlang VM calls its host by what stands before it"
        found.append((where, message))
    longest = {"Pod": name, "StatefulSet": f"{name}-0"}.get(owner.kind, "")
    if len(longest) > LABEL_OCTETS_MAX:
        message = f"the pod's name has {len(longest)} characters, and a label in DNS has at most {LABEL_OCTETS_MAX}"
        found.append((where, message))
    labels = [owner.namespace] + (
        [service_of(options, owner, spec)] if options.via == "subdomain" else []
    )
    for label in labels:
        if len(label) > LABEL_OCTETS_MAX:
            message = f"{label!r} has {len(label)} characters, and a label in DNS has at most {LABEL_OCTETS_MAX}"
            found.append((where, message))
    return found
