"""The labels that Kubernetes names become, for names that fit DNS and for those that do not.

A pod's name may have dots and up to 253 characters; a label has at most 63 octets (docs/names.md):

* dots separate labels: pod `a.b` is found at `a.b.<ns>.pod.<zone>`;
* a name of more than 63 characters is also found by the hostname that the kubelet gives the pod, its
  first 63 characters without trailing dashes and dots (pods that share it answer together);
* a label of more than 63 octets, which no question could carry, is replaced by its first 54 characters, a dash and
  eight hexadecimal digits of the pod name's SHA-256: unique, and always the same.

Sources: RFC 1035 §2.3.4; kubelet `truncatePodHostnameIfNeeded`; CoreDNS plugin/kubernetes `endpointHostname`.
"""

from __future__ import annotations

from hashlib import sha256

from podname.dns.names import LABEL_OCTETS_MAX

_ALIAS_PREFIX_OCTETS = 54
_LENGTHS = [bytes((length,)) for length in range(LABEL_OCTETS_MAX + 1)]


def label(text: str) -> bytes | None:
    """Make one label (with its length octet) of a Kubernetes name; None when it cannot be one."""
    return None if "." in text else labels(text)


def labels(text: str) -> bytes | None:
    """Make the labels of a name that may hold dots; None when one of them cannot be a label."""
    octets = text.lower().encode() if text.isascii() else text.lower().encode("utf-8", "replace")
    parts = octets.split(b".")
    if max(map(len, parts)) > LABEL_OCTETS_MAX or not all(parts):
        return None
    return b"".join([_LENGTHS[len(part)] + part for part in parts])


def octets_of_label(text: str) -> bytes:
    """Make a label of 1 to 63 ASCII characters without dots."""
    return _LENGTHS[len(text)] + text.lower().encode()


def kubelet_hostname(pod: str) -> str:
    """Return the hostname that the kubelet sets in a pod that asks for none."""
    return pod if len(pod) <= LABEL_OCTETS_MAX else pod[:LABEL_OCTETS_MAX].rstrip("-.")


def pod_labels(pod: str) -> tuple[bytes, ...]:
    """Return every spelling under which one pod is found by its name: usually just the one.

    The hostname that the kubelet cuts off is left out: see `shared_labels`.
    """
    if 0 < len(pod) <= LABEL_OCTETS_MAX and "." not in pod and pod.isascii():  # nearly all
        return (_LENGTHS[len(pod)] + pod.lower().encode(),)
    whole = labels(pod)
    if whole is not None:
        return (whole,)
    if not all(pod.split(".")):
        return ()
    digits = sha256(pod.encode("utf-8", "replace")).hexdigest()[:8]
    short = [
        part if len(part) <= LABEL_OCTETS_MAX else f"{part[:_ALIAS_PREFIX_OCTETS]}-{digits}"
        for part in pod.split(".")
    ]
    alias = labels(".".join(short))
    return (alias,) if alias is not None else ()


def shared_label(pod: str) -> bytes | None:
    """Return the cut hostname of a pod whose name is too long for one, which other pods may have too."""
    return labels(kubelet_hostname(pod)) if len(pod) > LABEL_OCTETS_MAX else None
