"""Whose a pod is, and which ports it names: read from what anybody may write into an object."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.kube.decode import Decoder
from podname.kube.kinds import PODS
from podname.kube.objects import Pod, Port
from tests.support import objects


def owner(kind: str, name: Any, group: str = "apps/v1", controller: Any = True) -> dict[str, Any]:
    return {"apiVersion": group, "kind": kind, "name": name, "controller": controller}


def read(pod: dict[str, Any]) -> Pod:
    decoder, raw = Decoder(PODS), json.dumps(pod).encode()
    found = decoder.event(b'{"type":"ADDED","object":' + raw + b"}")
    return found.object  # type: ignore[union-attr]


def owned(*owners: Any, **labels: Any) -> Pod:
    return read(objects.pod("p", "10.0.0.1", ownerReferences=list(owners), labels=labels))


HASH = {"pod-template-hash": "7bd795854f"}


@pytest.mark.parametrize(
    ("owners", "labels", "expected"),
    [
        ([], {}, ""),
        ([owner("ReplicaSet", "web-7bd795854f")], HASH, "deploy/web/7bd795854f"),
        ([owner("ReplicaSet", "a-b.c-7bd795854f")], HASH, "deploy/a-b.c/7bd795854f"),
        ([owner("ReplicaSet", "web-7bd795854f")], {}, "rs/web-7bd795854f"),
        ([owner("ReplicaSet", "web")], HASH, "rs/web"),
        ([owner("ReplicaSet", "-7bd795854f")], HASH, "rs/-7bd795854f"),
        ([owner("ReplicaSet", "web-")], {"pod-template-hash": ""}, "rs/web-"),
        ([owner("StatefulSet", "db")], {}, "sts/db"),
        ([owner("StatefulSet", "db-7bd795854f")], HASH, "sts/db-7bd795854f"),
        ([owner("DaemonSet", "log")], {}, "ds/log"),
        ([owner("Job", "import-29", "batch/v1")], {}, "job/import-29"),
        ([owner("Job", "train", "batch.volcano.sh/v1alpha1")], {}, ""),
        ([owner("StatefulSet", "db", "apps.kruise.io/v1")], {}, ""),
        ([owner("Node", "node-1", "v1")], {}, ""),
        ([owner("StatefulSet", "db", controller=False)], {}, ""),
        ([owner("StatefulSet", "a", controller=False), owner("DaemonSet", "b")], {}, "ds/b"),
        ([owner("StatefulSet", "a/b")], {}, ""),
        ([owner("StatefulSet", "a b\n"), owner("DaemonSet", "b")], {}, "ds/b"),
        ([owner("StatefulSet", "x" * 254)], {}, ""),
        ([owner("StatefulSet", None)], {}, ""),
        ([owner("StatefulSet", 7)], {}, ""),
        (["nonsense", 7, None, owner("DaemonSet", "b")], {}, "ds/b"),
    ],
)
def test_a_pods_owner(owners: list[Any], labels: dict[str, Any], expected: str) -> None:
    found = owned(*owners, **labels)
    assert found.owner == expected
    assert found.addresses == ("10.0.0.1",)


@pytest.mark.parametrize("references", [{}, "x", 7, [[]], None])
def test_owners_of_a_wrong_type_cost_nothing_else(references: object) -> None:
    found = read(objects.pod("p", "10.0.0.1", ownerReferences=references, labels=references))
    assert (found.owner, found.addresses) == ("", ("10.0.0.1",))


def test_only_ports_with_a_name_are_kept() -> None:
    pod = objects.pod("p", "10.0.0.1")
    pod["spec"] = {
        "containers": [
            {"ports": [{"containerPort": 80}, {"name": "app", "containerPort": 9100}]},
            {"ports": [{"name": "u", "containerPort": 53, "protocol": "UDP"}]},
            {
                "ports": [
                    {"name": "no", "containerPort": 99999},
                    {"name": "a b", "containerPort": 1},
                ]
            },
            {},
        ]
    }
    assert read(pod).ports == (Port("app", "TCP", 9100), Port("u", "UDP", 53))
    assert read(pod).ports is read(pod).ports, "pods of one workload share them"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["containers", "ports", "name", "containerPort", "kind", "apiVersion"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_whatever_stands_there_the_pod_keeps_its_address(
    references: object, labels: object, spec: object
) -> None:
    pod = objects.pod("p", "10.0.0.1", ownerReferences=references, labels=labels)
    pod["spec"] = spec
    assert read(pod).addresses == ("10.0.0.1",)
