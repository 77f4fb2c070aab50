"""The names of pods. Pure.

* With `pod_names`: `<pod>.<ns>.pod.<zone>` for every pod that has an address, and `<hostname>.<ns>.pod.<zone>` for one
  that calls itself otherwise. Pods that share a hostname answer together; a pod's own name wins over it.
* With `pods verified`: `<dashed address>.<ns>.pod.<zone>`, spelled as the API server writes the address.
  (`pods insecure` needs no pod: the engine makes the address from the name.)

A pod whose own name spells an address yields to the address wherever `pods` is on.

Sources: CoreDNS plugin/kubernetes `findPods`; docs/names.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from podname.dns import addresses
from podname.dns.names import LABEL_OCTETS_MAX
from podname.kube.objects import Pod
from podname.names.labels import kubelet_hostname, label, octets_of_label, pod_labels, shared_label
from podname.names.options import ZoneOptions
from podname.names.schema import Kind, below, read

#: Whoever spells an address has hexadecimal digits and dashes, or the dots of IPv4.
_spells_none = re.compile(r".*[^0-9a-fA-F.-]", re.DOTALL).match


@lru_cache(maxsize=1024)  # asked for at every pod of a namespace
def pods_owner(namespace: str, zone: bytes) -> bytes | None:
    """Return the name above those of a namespace's pods; None when there can be none."""
    return Kind.PODS_OF_NAMESPACE.build(zone, namespace=namespace)


def plain(pod: Pod) -> tuple[bytes, bytes] | None:
    """Return the label and the address of a pod as nearly all are; None when it takes more to say its names.

    Such a pod has one IPv4 address, and a name that is one label and spells no address.
    """
    name, text = pod.name, pod.packed
    if ":" in text or "." in name or not 0 < len(name) <= LABEL_OCTETS_MAX or not name.isascii():
        return None
    address = addresses.parse(text)
    if address is None or not _spells_none(name):
        return None
    return octets_of_label(name), address


def dashed(pod: Pod) -> bytes:
    """Return the label that spells the address of a plain pod."""
    return octets_of_label(pod.packed.replace(".", "-"))


def own_owners(namespace: str, pod: str, zone: bytes, options: ZoneOptions) -> list[bytes]:
    """List the owners that are this pod's alone."""
    if not options.pod_names:
        return []
    return [o for name in pod_labels(pod) if (o := _owner(name, namespace, zone, options))]


def key_spelled(owner: bytes, zone: bytes) -> str:
    """Return the key of the pod whose own name a name of a pod would be."""
    names = (f"{name.namespace}/{name.pod}" for name in read(owner, zone) if name.kind is Kind.POD)
    return next(names, "")


def own_hostname(pod: Pod) -> str:
    """Return what a pod calls itself."""
    return pod.hostname or kubelet_hostname(pod.name)


def shared_owner(pod: Pod, zone: bytes, options: ZoneOptions) -> bytes | None:
    """Return the owner of what a pod calls itself, which others may share; None where that is its own name."""
    if not options.pod_names:
        return None
    name = label(pod.hostname) if pod.hostname else shared_label(pod.name)
    return _owner(name, pod.namespace, zone, options) if name else None


def has_dashed(pod: Pod, options: ZoneOptions) -> bool:
    """Return whether a pod is found by its addresses."""
    return options.pods == "verified" and pod.phase != "Unknown"


def dashed_owners(pod: Pod, zone: bytes, options: ZoneOptions) -> Iterator[tuple[bytes, bytes]]:
    """Return (owner, address octets) for `pods verified`."""
    if not has_dashed(pod, options):
        return
    parent = pods_owner(pod.namespace, zone)
    for text in pod.addresses:
        name = label(text.replace(".", "-").replace(":", "-"))
        address = addresses.parse(text)
        owner = below(name, parent)
        if owner and address is not None:
            yield owner, address


def addresses_of(pod: Pod) -> list[bytes]:
    """List a pod's addresses as octets, without those that are none."""
    if "," not in pod.packed:
        address = addresses.parse(pod.packed)
        return [] if address is None else [address]
    parsed = [addresses.parse(text) for text in pod.addresses]
    return [address for address in dict.fromkeys(parsed) if address is not None]


def _owner(name: bytes, namespace: str, zone: bytes, options: ZoneOptions) -> bytes | None:
    single = 1 + name[0] == len(name)
    if options.pods != "disabled" and single and addresses.from_dashed(name[1:]) is not None:
        return None
    return below(name, pods_owner(namespace, zone))
