"""How old changes of endpoints are when they are answered."""

from __future__ import annotations

import json

import pytest
from msgspec.json import decode
from tests.support import objects
from tests.support.plugin import samples

from podname.kube.kinds import ENDPOINT_SLICES
from podname.kube.objects import EndpointSlice, Service
from podname.kube.store import Store
from podname.plugins.kubernetes.programming import Programming

NAME = "coredns_kubernetes_dns_programming_duration_seconds"
CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"
AT = "2026-11-22T10:00:00Z"
AT_SECONDS = 1795341600.0


def read(at: object, service: str = "web", name: str = "web-1") -> EndpointSlice:
    """Read a slice with this time in its annotation."""
    shape = objects.endpoint_slice(name, service, objects.endpoint("10.0.0.1"))
    shape["metadata"]["annotations"] = {CHANGED: at, "other": "x"}
    faults: list[str] = []
    return ENDPOINT_SLICES.flatten(decode(json.dumps(shape), type=ENDPOINT_SLICES.shape), faults)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        (AT, AT_SECONDS),
        ("2026-11-22T11:00:00+01:00", AT_SECONDS),
        ("2026-11-22T10:00:00.250000000Z", AT_SECONDS + 0.25),
        ("", 0), ("yesterday", 0), (None, 0), ("9" * 400, 0),
    ],
)  # fmt: skip
def test_the_time_of_a_change(at: object, seconds: float) -> None:
    assert read(at).changed_at == seconds


class Followed:
    """Two Services, their slices, and the time."""

    def __init__(self) -> None:
        self.now = AT_SECONDS + 1.5
        self.services: Store[Service] = Store()
        self.slices: Store[EndpointSlice] = Store()
        self.services.replace(
            Service("default", name, "ClusterIP", (address,), "", ())
            for name, address in (("web", "10.43.0.1"), ("db", "None"))
        )
        self.programming = Programming(self.services, self.slices, lambda: self.now)
        self.slices.replace([])

    def found(self) -> dict[tuple[str, ...], float]:
        return {k: v for k, v in samples([self.programming.metric()]).items() if v}


def test_changes_are_counted_by_kind_of_service() -> None:
    followed = Followed()
    followed.slices.update(read(AT))
    followed.now += 10
    followed.slices.update(read(AT, "db", "db-1"))
    found = followed.found()
    assert found[f"{NAME}_count", "cluster_ip"] == 1
    assert found[f"{NAME}_sum", "cluster_ip"] == 1.5
    assert found[f"{NAME}_sum", "headless_with_selector"] == 11.5
    assert found[f"{NAME}_bucket", "cluster_ip", "2.048"] == 1
    assert (f"{NAME}_bucket", "cluster_ip", "1.024") not in found
    followed.programming.close()
    followed.slices.update(read("2026-11-22T10:00:01Z"))
    assert followed.found() == found


def test_what_is_no_news_is_not_counted() -> None:
    followed = Followed()
    followed.slices.update(read(""))
    followed.slices.update(read(AT, "nobody", "x"))
    followed.slices.update(read(AT, name="y"))
    before = followed.found()
    followed.slices.update(read(AT, "web", "y"))
    followed.slices.delete("default/y")
    assert followed.found() == before
    assert Programming(followed.services, None).metric().samples == []


def test_the_first_list_is_no_news() -> None:
    followed = Followed()
    slices: Store[EndpointSlice] = Store()
    programming = Programming(followed.services, slices)
    slices.replace([read(AT)])
    assert programming.metric().samples == []
