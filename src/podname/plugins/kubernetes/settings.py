"""What a `kubernetes` directive says, in types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Settings:
    """One directive. Texts are as in the Corefile; zones are lower case and fully qualified, at least one forward.

    Of `endpoint`, `kubeconfig` and `manifests` at most one is set; none means the cluster that the server runs in.
    """

    zones: tuple[str, ...]
    pods: str = "disabled"
    endpoint_pod_names: bool = False
    pod_names: bool = False
    pod_ttl_seconds: int = 5
    coredns_ptr: bool = False
    namespaces: frozenset[str] = frozenset()
    labels: str = ""
    namespace_labels: str = ""
    ttl_seconds: int = 5
    endpoints: bool = True
    ignore_empty_service: bool = False
    fallthrough: tuple[str, ...] = ()
    startup_timeout_seconds: float = 5.0
    endpoint: str = ""
    tls: tuple[str, str, str] | None = None  # certificate, key, CA
    kubeconfig: str = ""
    context: str = ""
    manifests: tuple[Path, ...] = ()
