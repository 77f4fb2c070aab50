"""The DNS domains in which the pods of a namespace are found by name.

Source: Kubernetes DNS specification; docs/names.md.
"""

from __future__ import annotations


def pods_domain(namespace: str, zone: str) -> str:
    """Return the domain in which podname has the pods of a namespace."""
    return f"{namespace}.pod.{zone}"


def service_domain(service: str, namespace: str, zone: str) -> str:
    """Return the domain in which the endpoints of a headless Service are found."""
    return f"{service}.{namespace}.svc.{zone}"


def cluster_searches(namespace: str, zone: str) -> tuple[str, ...]:
    """Return the search domains that a pod has anyway."""
    return (f"{namespace}.svc.{zone}", f"svc.{zone}", zone)
