"""What a Service asks for: pods by their labels, nothing, or something that cannot be done.

Three answers, and what becomes of the slices that are there:

* `None`: the annotation is not there. Slices of ours are removed.
* `Refusal`: the Service cannot be published; the message says what to change. Slices are removed, too: the Service's
  own endpoints count now, or nobody asks for its endpoints by name.
* `Publication`: with a `selector`, the pods that match it. Without one the annotation's text is no selector: a slip of
  the pen must not take a running cluster apart, so the pods that are published already stay as long as they live, and
  no pod is added. The `fault` says what to change.

Source: Kubernetes DNS-Based Service Discovery 1.1.0 §2.4 (only headless Services have names for endpoints).
"""

from __future__ import annotations

from dataclasses import dataclass

from podname.kube.selectors import BadSelector, Selector, parse_selector
from podname.publish.objects import Service
from podname.text import shown

ANNOTATION = "podname.dev/publish"


@dataclass(frozen=True)
class Publication:
    """A Service that is published."""

    service: Service
    selector: Selector | None
    fault: str = ""


@dataclass(frozen=True)
class Refusal:
    """A Service that cannot be published."""

    message: str


def choose(service: Service | None) -> Publication | Refusal | None:
    """Return what a Service asks for."""
    if service is None or service.annotation is None:
        return None
    reason = _refused(service)
    if reason:
        return Refusal(f"Service {service.key} has the annotation {ANNOTATION}, but {reason}")
    try:
        return Publication(service, parse_selector(service.annotation))
    except BadSelector as error:
        return Publication(service, None, _fault(service, str(error)))


def _refused(service: Service) -> str:
    if service.type == "ExternalName":
        return "is of type ExternalName: make it a headless Service (clusterIP: None, no selector)"
    if not service.is_headless:
        return (
            "is not headless, and DNS has no names for its endpoints:"
            " create another Service with clusterIP: None"
        )
    if service.selects:
        return (
            "has a selector, and Kubernetes itself writes its endpoints:"
            " remove spec.selector, the annotation takes its place"
        )
    return ""


def _fault(service: Service, why: str) -> str:
    return (
        f"Service {service.key}: the annotation {ANNOTATION}:"
        f" '{shown(service.annotation or '', 200)}' is no label selector: {shown(why, 200)};"
        " pods that are published stay, none is added, until it is one such as app=web"
    )
