"""The tables of docs/attach.md about node names that are there, and the Deployment that each row stands for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import yaml

PAGE = Path(__file__).parents[2] / "docs/attach.md"
WAYS = ("search", "inetrc", "epmd", "subdomain")
POD, NAMESPACE, ADDRESS = "web-7bd795854f-298qd", "shop", "10.42.3.75"
DOMAINS = {
    "search": "",
    "inetrc": ".shop.pod.cluster.local",
    "epmd": ".shop.pod.cluster.local",
    "subdomain": ".web-nodes.shop.svc.cluster.local",
}
FIELDS = {
    "POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
    "POD_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
    "POD_IP": {"fieldRef": {"fieldPath": "status.podIP"}},
    "SECRET": {"secretKeyRef": {"name": "node", "key": "name"}},
}


class Case(NamedTuple):
    """One combination, and what the page says becomes of either variable: kept, written or refused."""

    way: str
    node: str
    distribution: str
    of_node: str
    of_distribution: str


def cases() -> list[Case]:
    """Return every combination of the rows of both tables and the ways."""
    nodes = _rows("| `RELEASE_NODE` |", example=1)
    distributions = _rows("| `RELEASE_DISTRIBUTION` |", example=0)
    return [
        Case(way, node, distribution, of_node[way], of_distribution[way])
        for way in WAYS
        for node, of_node in nodes.items()
        for distribution, of_distribution in distributions.items()
    ]


def _rows(head: str, example: int) -> dict[str, dict[str, str]]:
    lines = PAGE.read_text().partition(head)[2].split("\n\n")[0].splitlines()[2:]
    rows = {}
    for line in lines:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        value = cells[example].strip("`") if "`" in cells[example] else ""
        search, pods, subdomain = cells[-3:]
        rows[value] = dict(zip(WAYS, (search, pods, pods, subdomain), strict=True))
    return rows


def deployment(node: str, distribution: str) -> str:
    """Write a Deployment whose container has these variables, if they are not empty."""
    environment = [{"name": name, "valueFrom": source} for name, source in FIELDS.items()]
    told = {"RELEASE_NODE": node, "RELEASE_DISTRIBUTION": distribution}
    environment += [{"name": name, "value": value} for name, value in told.items() if value]
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "env": environment}]},
    }
    metadata = {"name": "web", "namespace": NAMESPACE}
    return yaml.safe_dump(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}
    )  # fmt: skip
