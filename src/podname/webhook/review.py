"""An AdmissionReview in, an AdmissionReview out: pure, and it always allows.

What cannot be read, cannot be injected or is in conflict with what the pod says is allowed as it is, with a warning
that kubectl shows. Pods are asked about when they are created. Which way a pod takes is said, in this order, by its
annotation, by its label, and by its namespace: `read` makes a question of the request, and who answers it looks up the
namespace of a pod that says nothing.

Sources: Kubernetes, Dynamic Admission Control ("Webhook request and response"); admission.k8s.io/v1; RFC 6902.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import msgspec

from podname.attach.hostname import name_problems
from podname.attach.patch import changes, pointer
from podname.attach.pod_template import inject, is_refused
from podname.attach.ways import BEAMS_NAME, MARK, WAYS, Options, Owner, Way, needs_files, service_of
from podname.dns.nameserver import DNS_PORT, Nameserver
from podname.text import escaped

API_VERSION = "admission.k8s.io/v1"
_MOST_WARNINGS = 8
_MOST_OF_A_WARNING = 250
INDEX = "batch.kubernetes.io/job-completion-index"
"""The annotation of a pod of an Indexed Job, whose hostname is `<job>-<index>`."""
_RANDOM = "xxxxx"
"""As long as what the API server puts behind `generateName`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for all pods."""

    nameserver: Nameserver | None = None
    zone: str = "cluster.local"


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of the answer, and what it is counted as: `injected`, `unchanged` or `warned`."""

    body: bytes
    way: str = ""
    outcome: str = "warned"


class _Kind(msgspec.Struct):
    kind: str = ""


class _Request(msgspec.Struct):
    uid: str = ""
    namespace: str = ""
    kind: _Kind = msgspec.field(default_factory=_Kind)
    object: Any = None


class _Review(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    request: _Request | None = None


class _Uid(msgspec.Struct):
    uid: Any = ""


class _OnlyUid(msgspec.Struct):
    request: _Uid = msgspec.field(default_factory=_Uid)


_REVIEW = msgspec.json.Decoder(_Review)
_ONLY_UID = msgspec.json.Decoder(_OnlyUid)


@dataclass(frozen=True, slots=True)
class Question:
    """A pod that may be injected. `mark` is what it says itself, empty if nothing."""

    uid: str
    namespace: str
    pod: dict[str, Any]
    mark: str


def read(body: bytes) -> Question | Answer:
    """Read an AdmissionReview; an Answer where nothing else matters. Never raises for what is in `body`."""
    try:
        request = _read(body)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        return warned(f"this is no AdmissionReview of {API_VERSION}: {error}", uid_of(body))
    pod = request.object
    if request.kind.kind != "Pod" or not isinstance(pod, dict):
        told = f"only pods are injected, and this is no Pod: {request.kind.kind!r}"
        return warned(told, request.uid)
    if is_refused(pod):
        return unchanged(request.uid)
    return Question(request.uid, request.namespace, pod, _mark(pod))


def answer(question: Question, mark: str, settings: Settings) -> Answer:
    """Answer for a pod. `mark` is its own, or what its namespace says."""
    if mark in {"", "false"}:
        return unchanged(question.uid)
    way = next((way for way in WAYS if way == mark), None)
    if way is None:
        whose = "" if question.mark else f" of namespace {question.namespace!r}"
        told = f'{MARK}{whose} is {mark!r}: write {", ".join(get_args(Way))} or "false"'
        return warned(told, question.uid)
    options = _options(way, settings)
    if isinstance(options, str):
        return warned(options, question.uid, way)
    try:
        return _injected(question, options)
    except RecursionError:
        return warned("the pod is nested too deep", question.uid)


def unchanged(uid: str, way: str = "") -> Answer:
    """Allow as it is; there is nothing to say."""
    return Answer(_body(uid, ()), way, "unchanged")


def warned(message: str, uid: str = "", way: str = "") -> Answer:
    """Allow without a patch, and say why."""
    return Answer(_body(uid, [message]), way)


def _read(body: bytes) -> _Request:
    read = _REVIEW.decode(body)
    if (read.api_version, read.kind) != (API_VERSION, "AdmissionReview"):
        raise ValueError(f"it says {read.kind!r} of {read.api_version!r}")
    if read.request is None:
        raise ValueError("it has no request")
    return read.request


def uid_of(body: bytes) -> str:
    """Return the uid of a request of which the rest is wrong; without it the API server takes no answer."""
    try:
        uid = _ONLY_UID.decode(body).request.uid
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    return uid if isinstance(uid, str) else ""


def _injected(question: Question, options: Options) -> Answer:
    uid, pod = question.uid, question.pod
    template = _without_own_hostname(pod)
    owner = _owner(pod, question.namespace)
    injected = inject(template, owner, options)
    problems = [f"{pointer(problem.path)}: {problem.message}" for problem in injected.problems]
    problems += _name_problems(pod, owner, options)
    if problems:
        told = [f"not injected, {MARK}={options.via}: {problem}" for problem in problems]
        return Answer(_body(uid, told), options.via)
    operations = [operation.as_json() for operation in changes(template, injected.template)]
    if not operations:
        return unchanged(uid, options.via)
    needed = _needed(owner, options, injected.template["spec"])
    return Answer(_body(uid, needed, operations), options.via, "injected")


def _options(way: Way, settings: Settings) -> Options | str:
    """Return how to inject, or why it cannot be."""
    options = Options(way, settings.nameserver, settings.zone)
    if way == "subdomain":
        return replace(options, nameserver=None)
    if way == "search" and settings.nameserver and settings.nameserver.port != DNS_PORT:
        return "a pod asks port 53 of its nameserver, no other: the webhook's --nameserver has one"
    return options


def _mark(pod: dict[str, Any]) -> str:
    metadata = _mapping(pod, "metadata")
    for key in ("annotations", "labels"):
        mark = _mapping(metadata, key).get(MARK)
        if isinstance(mark, str) and mark:
            return mark
    return ""


def _without_own_hostname(pod: dict[str, Any]) -> dict[str, Any]:
    """Take away a hostname that is the pod's name, as a StatefulSet sets it: it says what is so anyway."""
    spec, name = _mapping(pod, "spec"), _mapping(pod, "metadata").get("name")
    if not spec or not name or spec.get("hostname") != name:
        return pod
    return {**pod, "spec": {key: value for key, value in spec.items() if key != "hostname"}}


def _owner(pod: dict[str, Any], namespace: str) -> Owner:
    """Return the workload that made a pod: a Deployment for one of a ReplicaSet's, the pod itself if none did."""
    metadata = _mapping(pod, "metadata")
    references = metadata.get("ownerReferences")
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, dict) and reference.get("controller") is True:
            name, kind = str(reference.get("name", "")), str(reference.get("kind", ""))
            digest = _mapping(metadata, "labels").get("pod-template-hash")
            if kind == "ReplicaSet" and isinstance(digest, str) and name.endswith(f"-{digest}"):
                return Owner("Deployment", name.removesuffix(f"-{digest}"), namespace)
            is_indexed = INDEX in _mapping(metadata, "annotations")
            return Owner(kind, name, namespace, is_indexed=is_indexed)
    name = metadata.get("name") or str(metadata.get("generateName", "")).removesuffix("-")
    return Owner("Pod", str(name), namespace)


def _name_problems(pod: dict[str, Any], owner: Owner, options: Options) -> list[str]:
    """Tell what keeps the pod's own name from being a host name."""
    metadata, spec = _mapping(pod, "metadata"), _mapping(pod, "spec")
    name = str(metadata.get("name") or f"{metadata.get('generateName', '')}{_RANDOM}")
    itself = Owner("Pod", name, owner.namespace, service_of(options, owner, spec))
    found = name_problems(itself, options, spec)
    return [message for _, message in found]


def _needed(owner: Owner, options: Options, spec: dict[str, Any]) -> list[str]:
    """Return what must stand beside the pod; admission cannot make it."""
    needed = []
    if needs_files(options):
        needed.append(f"the ConfigMap {owner.files!r}")
    if options.via == "epmd":
        needed.append(f"the ConfigMap {BEAMS_NAME!r}")
    if options.via == "subdomain":
        needed.append(f"the headless Service {service_of(options, owner, spec)!r}")
    return [f"injected; it needs {each} in {owner.namespace!r}" for each in needed]


def _mapping(mapping: dict[str, Any], key: str) -> dict[str, Any]:
    value = mapping.get(key)
    return value if isinstance(value, dict) else {}


def _body(uid: str, warnings: Sequence[str], operations: Sequence[dict[str, Any]] = ()) -> bytes:
    response: dict[str, Any] = {"uid": uid, "allowed": True}
    if operations:
        patch = base64.b64encode(msgspec.json.encode(operations)).decode()
        response |= {"patchType": "JSONPatch", "patch": patch}
    if warnings:
        response["warnings"] = [_short(text) for text in warnings[:_MOST_WARNINGS]]
    answer = {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}
    return msgspec.json.encode(answer)


def _short(text: str) -> str:
    """Make a line for an HTTP header, which takes nothing but ASCII."""
    plain = escaped(f"podname: {text}").encode("ascii", "backslashreplace").decode()
    return plain if len(plain) <= _MOST_OF_A_WARNING else plain[: _MOST_OF_A_WARNING - 3] + "..."
