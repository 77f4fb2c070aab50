"""A part of a type: what it takes, and what it does not."""

from __future__ import annotations

import json

import msgspec
import pytest

from podname.kube import types
from podname.kube.part import part
from podname.kube.scrub import scrub

POD = part(
    types.Pod,
    "metadata { name labels { app.kubernetes.io/name app } } spec { containers { ports } } status { podIPs { ip } }",
)
TEXT = json.dumps(
    {
        "metadata": {
            "name": "a",
            "namespace": 7,
            "labels": {"app.kubernetes.io/name": "web", "other": 1},
        },
        "spec": {"containers": [{"ports": [{"containerPort": 80}], "env": "odd"}, {}]},
        "status": {"podIPs": [{"ip": "10.0.0.1"}], "phase": []},
    }
).encode()


@pytest.mark.parametrize("read", [msgspec.json.Decoder(POD).decode, lambda raw: scrub(raw, POD)])
def test_only_what_is_taken_is_read(read: object) -> None:
    pod = read(TEXT)  # type: ignore[operator]
    assert pod.metadata.name == "a"
    assert pod.metadata.labels.get("app.kubernetes.io/name") == "web"
    assert pod.metadata.labels.get("app") is None
    assert [each.ports for each in pod.spec.containers] == [[types.ContainerPort(port=80)], None]
    assert [each.ip for each in pod.status.pod_ips] == ["10.0.0.1"]


def test_what_is_not_taken_is_no_attribute() -> None:
    pod = msgspec.json.decode(TEXT, type=POD)
    assert pod.metadata is not None
    assert pod.metadata.labels is not None
    with pytest.raises(AttributeError):
        _ = pod.metadata.namespace
    with pytest.raises(AttributeError):
        pod.metadata.labels.get("other")


@pytest.mark.parametrize("wanted", ["metadata { nam }", "state", "status { podIPs { address } }"])
def test_a_field_that_a_type_lacks_is_refused(wanted: str) -> None:
    with pytest.raises(KeyError):
        part(types.Pod, wanted)


def test_a_number_or_a_text_is_read_leniently_as_either() -> None:
    text = b'{"spec": {"type": 1, "ports": [{"targetPort": "http"}, {"targetPort": 80}]}}'
    service = scrub(text, types.Service)
    assert service is not None
    assert service.spec is not None
    assert [each.target_port for each in service.spec.ports or ()] == ["http", 80]
