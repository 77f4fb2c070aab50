"""The DNS domains in which the pods of a namespace are found by name.

Source: Kubernetes DNS specification; docs/names.md.
"""

from __future__ import annotations


def pods_domain(namespace: str, zone: str, service: str = "") -> str:
    """Return the domain in which podname has the pods of a namespace, or cluster DNS those of a headless Service."""
    return f"{service}.{namespace}.svc.{zone}" if service else f"{namespace}.pod.{zone}"


def cluster_searches(namespace: str, zone: str) -> tuple[str, ...]:
    """Return the search domains that a pod has anyway."""
    return (f"{namespace}.svc.{zone}", f"svc.{zone}", zone)
