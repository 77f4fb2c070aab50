"""Injecting into files: the workloads in them that are chosen, and the objects that must stand beside.

Nothing is written halfway: as long as one workload has a problem there are only problems. What was injected before is
recognised, so that doing it again changes nothing. What was chosen because nobody said it is a note.

Source: `pod_template`, which admission shares; erlang/otp#11114.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from podname.attach.hostname import name_problems
from podname.attach.patch import END, Operation, Path, changes
from podname.attach.pod_template import inject, is_refused
from podname.attach.ways import (
    BEAMS_NAME,
    CERTIFICATE_NAME,
    Options,
    Owner,
    domain_of,
    needs_files,
    service_of,
)
from podname.errors import ManifestError, PodnameError
from podname.inject import certificates, companions
from podname.inject.documents import Document, Object, objects, split
from podname.inject.selection import Chooser, Selection
from podname.inject.yaml_dump import dump


@dataclass(frozen=True, slots=True)
class Extras:
    """What stands beside the workloads. `issuer` empty: an own CA. `beams` empty: their ConfigMap is there already."""

    namespace: str = ""
    issuer: str = ""
    beams: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """The files as they must be, by name, or what is in the way; `notes` are for people."""

    texts: dict[str, str] = field(default_factory=dict)
    problems: list[PodnameError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    workloads: int = 0


TRUNCATED = (
    "podname: Erlang/OTP 27.3.4.1 (Debian 13) and 28.4.2 lose all nodes when an answer is too long, at seven or so:"
    " --dns-over-tcp sets it right; --no-dns-over-tcp says that your OTP is another one"
)
"""What nobody may miss, unless it was decided."""


def inject_files(
    files: Mapping[str, str], options: Options, extras: Extras, selection: Selection | None = None
) -> Outcome:
    """Inject into the texts of files. Never raises for what is in them."""
    return _Run(options, extras, selection or Selection()).run(files)


_Key = tuple[str, str, str]
_MODE = ("spec", "completionMode")


class _Run:
    def __init__(self, options: Options, extras: Extras, selection: Selection) -> None:
        self._chooser = Chooser(selection)
        self._options = options
        self._extras = extras
        self._outcome = Outcome()
        self._documents: dict[str, list[Document]] = {}
        self._there: dict[_Key, Object] = {}
        self._wanted: dict[_Key, tuple[dict[str, Any], Object]] = {}
        self._domains: dict[str, tuple[list[str], Object]] = {}

    def run(self, files: Mapping[str, str]) -> Outcome:
        found = [thing for name, text in files.items() for thing in self._read(name, text)]
        for thing in found:
            self._there.setdefault((thing.kind, thing.namespace, thing.name), thing)
        for thing in found:
            chosen = self._chooser.choose(thing)
            if chosen.template is not None:
                self._workload(thing, chosen.template)
            elif chosen.note:
                self._note(thing, chosen.note)
        self._outcome.problems += map(PodnameError, self._chooser.missing_names())
        self._outcome.notes += self._chooser.missing_kinds()
        self._certificates()
        added: dict[str, list[dict[str, Any]]] = {}
        for key, (wanted, beside) in self._wanted.items():
            self._companion(key, wanted, beside, added)
        if not self._outcome.problems:
            for name in files:
                self._write(name, added.get(name, []))
        return self._outcome

    def _read(self, name: str, text: str) -> Iterable[Object]:
        self._documents[name] = split(name, text)
        for document in self._documents[name]:
            try:
                note = document.read()
                self._outcome.notes += [note] if note else []
            except ManifestError as error:
                self._outcome.problems.append(error)
            yield from objects(document)

    def _workload(self, thing: Object, where: Path) -> None:
        template = thing.at(where)
        if not isinstance(template, dict):
            self._outcome.problems.append(thing.error("there is no pod template", where))
            return
        self._outcome.workloads += 1
        if is_refused(template):
            return
        owner = self._owner(thing)
        injected = inject(template, owner, self._options)
        spec = template.get("spec")
        spec = spec if isinstance(spec, dict) else {}
        told = name_problems(owner, self._options, spec)
        self._outcome.problems += [thing.error(message, path) for path, message in told]
        self._outcome.problems += [
            thing.error(p.message, (*where, *p.path)) for p in injected.problems
        ]
        operations = list(changes(template, injected.template))
        thing.document.operations += [op.below((*thing.path, *where)) for op in operations]
        for note in injected.notes if operations else ():
            self._note(thing, note.message, (*where, *note.path))
        self._beside(thing, owner, spec, _labels(thing, template))

    def _owner(self, thing: Object) -> Owner:
        is_stateful = thing.kind == "StatefulSet"
        service = thing.at(("spec", "serviceName")) if is_stateful else ""
        mode = thing.at(("spec", "jobTemplate", *_MODE) if thing.kind == "CronJob" else _MODE)
        return Owner(
            thing.kind,
            thing.name,
            thing.namespace or self._extras.namespace,
            str(service or ""),
            is_indexed=thing.kind in {"Job", "CronJob"} and mode == "Indexed",
        )

    def _note(self, thing: Object, message: str, path: Path = ()) -> None:
        note = str(thing.error(message, path))
        self._outcome.notes += [] if note in self._outcome.notes else [note]

    def _beside(
        self, thing: Object, owner: Owner, spec: dict[str, Any], labels: dict[str, str]
    ) -> None:
        options = self._options
        if needs_files(options):
            self._want(companions.files(owner, options, spec), thing)
        if options.via == "epmd":
            self._beams(thing)
        if options.via == "subdomain":
            self._service(thing, owner, spec, labels)
        if options.tls:
            domains, _ = self._domains.setdefault(thing.namespace, ([], thing))
            domain = domain_of(options, owner, spec, owner.namespace)
            domains += [] if domain in domains else [domain]

    def _beams(self, thing: Object) -> None:
        if self._extras.beams:
            self._want(companions.beams(self._extras.beams), thing)
        elif ("ConfigMap", thing.namespace, BEAMS_NAME) not in self._there:
            message = (
                f"its namespace must have the ConfigMap {BEAMS_NAME}, or the pods wait for it: give --beams, or"
                f" kubectl create configmap {BEAMS_NAME} --from-file=clients/erlang/ebin"
            )
            self._note(thing, message)

    def _service(
        self, thing: Object, owner: Owner, spec: dict[str, Any], labels: dict[str, str]
    ) -> None:
        name = service_of(self._options, owner, spec)
        if (owner.service or spec.get("subdomain")) and (
            "Service",
            thing.namespace,
            name,
        ) not in self._there:
            # Somebody has it in another file; a second one would take its place.
            self._note(
                thing,
                f"its Service {name} is not among these files: it must be headless,"
                " and publishNotReadyAddresses lets nodes meet before they are ready",
            )
            return
        if not labels:
            self._outcome.problems.append(
                thing.error("its pods have no labels, so no Service can select them")
            )
        publish = self._options.publish
        self._want(companions.service(owner, self._options, spec, labels, publish=publish), thing)

    def _want(self, wanted: dict[str, Any], thing: Object) -> None:
        if thing.namespace:
            wanted["metadata"]["namespace"] = thing.namespace
        self._wanted.setdefault(
            (wanted["kind"], thing.namespace, wanted["metadata"]["name"]), (wanted, thing)
        )

    def _certificates(self) -> None:
        for namespace, (domains, thing) in self._domains.items():
            if self._extras.issuer:
                self._want(
                    certificates.cert_manager(CERTIFICATE_NAME, domains, self._extras.issuer), thing
                )
                continue
            there = self._there.get(("Secret", namespace, CERTIFICATE_NAME))
            if there is None:
                self._want(certificates.own_secret(CERTIFICATE_NAME, domains), thing)
                note = f"podname: the Secret {CERTIFICATE_NAME} holds a private key: keep it out of version control"
                self._outcome.notes += [] if note in self._outcome.notes else [note]
            elif missing := set(domains) - (certificates.wildcards(there.content) or set()):
                message = f"its certificate does not cover *.{min(missing)}: remove it, and it is made anew"
                self._outcome.problems.append(there.error(message))

    def _companion(
        self,
        key: _Key,
        wanted: dict[str, Any],
        beside: Object,
        added: dict[str, list[dict[str, Any]]],
    ) -> None:
        there = self._there.get(key)
        if there is not None:
            self._update(there, wanted)
        elif beside.document.is_json:
            if not beside.path:
                message = (
                    f"a {wanted['kind']} must stand beside it: make the JSON file a List, or YAML"
                )
                self._outcome.problems.append(beside.error(message))
            beside.document.operations.append(Operation("add", ("items", END), wanted))
        else:
            added.setdefault(beside.document.file, []).append(wanted)

    def _update(self, there: Object, wanted: dict[str, Any]) -> None:
        content = there.content
        if wanted["kind"] == "Service":
            problem, wanted = _service(content, wanted)
            if problem:
                self._outcome.problems.append(there.error(problem, ("spec",)))
                return
        overlaid = _overlaid(content, wanted)
        there.document.operations += [op.below(there.path) for op in changes(content, overlaid)]

    def _write(self, name: str, added: Sequence[dict[str, Any]]) -> None:
        try:
            text = "".join(document.result() for document in self._documents[name])
        except ManifestError as error:
            self._outcome.problems.append(error)
            return
        self._outcome.texts[name] = _appended(text, added)


def _labels(thing: Object, template: dict[str, Any]) -> dict[str, str]:
    """Return the labels by which a Service finds the pods: the selector's where there is one."""
    spec = thing.content.get("spec")
    selector = spec.get("selector") if isinstance(spec, dict) else None
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    metadata = template.get("metadata")
    labels = labels or (metadata.get("labels") if isinstance(metadata, dict) else None)
    return {str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {}


def _service(there: dict[str, Any], wanted: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take a Service that somebody wrote: it must be headless, and shows pods before they are ready."""
    spec = there.get("spec")
    if not isinstance(spec, dict) or spec.get("clusterIP") != "None":
        return "is not headless, so its pods have no names: give another one with --service", wanted
    kept = {"spec": {"publishNotReadyAddresses": True}}
    if not spec.get("ports"):
        kept["spec"]["ports"] = wanted["spec"]["ports"]
    return "", kept


def _overlaid(there: Any, wanted: Any) -> Any:
    """Put what is wanted over what is there; lists of texts get what they lack."""
    if isinstance(there, dict) and isinstance(wanted, dict):
        return {**there, **{key: _overlaid(there.get(key), value) for key, value in wanted.items()}}
    if isinstance(there, list) and isinstance(wanted, list):
        return [*there, *(value for value in wanted if value not in there)]
    return copy.deepcopy(wanted)


def _appended(text: str, added: Sequence[dict[str, Any]]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    for thing in added:
        if text and not text.endswith("\n"):
            text += newline
        last = text.rstrip().rpartition("\n")[2]
        text += "" if not text.strip() or last == "---" else f"---{newline}"
        text += newline.join(dump(thing)) + newline
    return text
