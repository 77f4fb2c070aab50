"""What the API server asks about a pod, and what it is told."""

from __future__ import annotations

import base64
import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.attach.pod_template import inject
from podname.attach.ways import WAYS, Options, Owner
from podname.dns.nameserver import Nameserver
from podname.webhook.review import Answer, Settings, answer, read

NAMESERVER = Nameserver.parse("10.43.0.53")
SETTINGS = Settings(NAMESERVER)
MARK = "podname.dev/inject"


def pod(**metadata: Any) -> dict[str, Any]:
    """Return a pod of a Deployment, as the API server shows it at admission."""
    owner = {"kind": "ReplicaSet", "name": "web-6f7c", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "web-6f7c-",
            "labels": {"app": "web", "pod-template-hash": "6f7c"},
            "ownerReferences": [owner],
            **metadata,
        },
        "spec": {
            "containers": [{"name": "app", "image": "web"}],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
        },
    }


def stateful(name: str = "web-0") -> dict[str, Any]:
    """Return a pod of a StatefulSet."""
    owner = {"kind": "StatefulSet", "name": "web", "controller": True}
    item = pod(name=name, generateName="web-", ownerReferences=[owner], labels={"app": "web"})
    item["spec"] |= {"hostname": name, "subdomain": "web"}
    return item


def asked(item: Any, **changes: Any) -> bytes:
    request = {"uid": "u-1", "namespace": "shop", "operation": "CREATE", "object": item}
    request |= {"kind": {"group": "", "version": "v1", "kind": "Pod"}, **changes}
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return msgspec.json.encode(body)


def review(body: bytes, namespace: str = "", settings: Settings = SETTINGS) -> Answer:
    """Answer for a pod whose namespace says so."""
    question = read(body)
    if isinstance(question, Answer):
        return question
    return answer(question, question.mark or namespace, settings)


def response(body: bytes, way: str = "", settings: Settings = SETTINGS) -> dict[str, Any]:
    given = msgspec.json.decode(review(body, way, settings).body)
    assert given["apiVersion"] == "admission.k8s.io/v1"
    assert given["kind"] == "AdmissionReview"
    said: dict[str, Any] = given["response"]
    assert said["allowed"] is True
    assert all(0 < len(text) <= 256 and text.isprintable() for text in said.get("warnings", ()))
    return said


def patched(item: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Apply a JSON Patch by the letter of RFC 6902, for `add` and `replace`."""
    result = copy.deepcopy(item)
    assert said["patchType"] == "JSONPatch"
    for operation in msgspec.json.decode(base64.b64decode(said["patch"])):
        *steps, last = (
            step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]
        )
        at: Any = result
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if isinstance(at, list) and operation["op"] == "add":
            at.insert(len(at) if last == "-" else int(last), operation["value"])
        elif isinstance(at, list):
            at[int(last)] = operation["value"]
        else:
            assert operation["op"] == "add" or last in at
            at[last] = operation["value"]
    return result


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("where", ["annotations", "labels", "namespace"])
def test_the_pod_is_what_the_command_makes_of_its_template(way: Any, where: str) -> None:
    item = pod()
    if where != "namespace":
        item["metadata"].setdefault(where, {})[MARK] = way
    said = response(asked(item), way if where == "namespace" else "")
    server = None if way == "subdomain" else NAMESERVER
    wanted = inject(item, Owner("Deployment", "web", "shop"), Options(way, server))
    assert not wanted.problems
    assert patched(item, said) == wanted.template != item
    assert said["uid"] == "u-1"


@pytest.mark.parametrize("way", WAYS)
def test_twice_is_once(way: str) -> None:
    item = pod()
    again = response(asked(patched(item, response(asked(item), way))), way)
    assert again == {"uid": "u-1", "allowed": True}


@pytest.mark.parametrize(
    ("annotation", "label", "namespace", "taken"),
    [
        ("search", "epmd", "subdomain", "search"),
        (None, "epmd", "search", "epmd"),
        (None, None, "search", "search"),
        ("false", None, "search", None),
        (None, "false", "search", None),
        ("search", "false", "search", None),
        (None, None, "false", None),
        (None, None, "", None),
        ("search", None, "false", "search"),
        (None, "epmd", "false", "epmd"),
    ],
)
def test_the_nearest_mark_wins(
    annotation: str | None, label: str | None, namespace: str, taken: str | None
) -> None:
    item = pod()
    for key, mark in (("annotations", annotation), ("labels", label)):
        if mark:
            item["metadata"].setdefault(key, {})[MARK] = mark
    given = review(asked(item), namespace)
    assert given.way == (taken or "")
    assert given.outcome == ("injected" if taken else "unchanged")


@pytest.mark.parametrize(
    ("item", "files"),
    [
        (pod(), "web-podname"),
        (stateful(), "web-podname"),
        (pod(ownerReferences=[], name="one"), "one-podname"),
        (pod(ownerReferences=[], generateName="some-"), "some-podname"),
        (pod(ownerReferences=["no mapping"], name="one"), "one-podname"),
    ],
)
def test_the_config_map_is_the_workloads(item: dict[str, Any], files: str) -> None:
    said = response(asked(item), "inetrc")
    volumes = patched(item, said)["spec"]["volumes"]
    assert [volume["configMap"]["name"] for volume in volumes] == [files]
    assert f"{files!r}" in said["warnings"][0]


def test_a_stateful_pod_keeps_its_hostname_and_its_service() -> None:
    item = stateful()
    spec = patched(item, response(asked(item), "subdomain"))["spec"]
    assert (spec["hostname"], spec["subdomain"]) == ("web-0", "web")
    environment = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert environment["RELEASE_NODE"] == "app@$(POD_NAME).web.$(POD_NAMESPACE).svc.cluster.local"


def indexed() -> dict[str, Any]:
    """Return a pod of an Indexed Job, as its controller makes it."""
    owner = {"kind": "Job", "name": "bare", "controller": True}
    index = {"batch.kubernetes.io/job-completion-index": "0"}
    item = pod(generateName="bare-0-", ownerReferences=[owner], annotations=index, labels=index)
    item["spec"]["hostname"] = "bare-0"
    return item


def single() -> dict[str, Any]:
    """Return a pod of nobody that is called otherwise."""
    item = pod(name="one", ownerReferences=[])
    item["spec"]["hostname"] = "driver"
    return item


@pytest.mark.parametrize(
    ("item", "node"),
    [
        (indexed(), "app@$(POD_JOB_NAME)-$(POD_JOB_INDEX).$(POD_NAMESPACE).pod.cluster.local"),
        (single(), "app@driver.$(POD_NAMESPACE).pod.cluster.local"),
    ],
)
def test_a_pod_is_called_by_what_it_calls_itself(item: dict[str, Any], node: str) -> None:
    made = patched(item, response(asked(item), "inetrc"))
    environment = {each["name"]: each.get("value") for each in made["spec"]["containers"][0]["env"]}
    assert environment["RELEASE_NODE"] == node
    assert response(asked(made), "inetrc") == {"uid": "u-1", "allowed": True}
    assert "patch" in response(asked(item), "search")


def _with(**spec: Any) -> dict[str, Any]:
    item = pod()
    item["spec"] |= spec
    return item


@pytest.mark.parametrize(
    ("item", "way", "words"),
    [
        (_with(hostname="other"), "search", "hostname is 'other'"),
        (_with(hostNetwork=True), "epmd", "/spec/hostNetwork"),
        (_with(dnsPolicy="Default"), "search", "dnsPolicy Default"),
        (_with(dnsConfig={"nameservers": ["1.1.1.1"]}), "search", "1.1.1.1 is asked first"),
        (_with(containers=[]), "search", "there are no containers"),
        (_with(containers="x"), "inetrc", "there are no containers"),
        (pod(name="x" * 64), "search", "64 characters"),
        (pod(name=None, generateName="x" * 59), "search", "64 characters"),
        (pod(name="a.b"), "epmd", "has a dot"),
        (pod(annotations={MARK: "serach"}), "search", "'serach'"),
        (pod(labels={MARK: "true"}), "search", "'true'"),
        ({"metadata": {}}, "search", "no spec"),
        ({"metadata": 7, "spec": []}, "search", "no spec"),
    ],
)
def test_what_is_in_the_way_is_a_warning(item: dict[str, Any], way: str, words: str) -> None:
    said = response(asked(item), way)
    assert "patch" not in said
    assert said["uid"] == "u-1"
    assert words in said["warnings"][0]


def test_what_a_namespace_says_may_be_no_way() -> None:
    assert (
        "of namespace 'shop' is 'serach': write search"
        in response(asked(pod()), "serach")["warnings"][0]
    )
    of_the_pod = response(asked(pod(labels={MARK: "x"})), "search")["warnings"][0]
    assert "podname.dev/inject is 'x': write search" in of_the_pod


def test_a_port_that_a_pod_cannot_ask() -> None:
    said = response(asked(pod()), "search", Settings(Nameserver.parse("10.43.0.53:5353")))
    assert "patch" not in said
    assert "port 53" in said["warnings"][0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"[" * 100_000,
        b'{"request":' * 50_000,
        asked(pod()).replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"),
        asked(pod()).replace(b'"AdmissionReview"', b'"Review"'),
        asked(pod(), kind="Pod"),
        asked(pod(), kind={"kind": "Deployment"}),
        asked(None),
        asked([]),
        asked("pod"),
        asked({}),
        asked(pod(), namespace=7),
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u-1","kind":'
        b'{"kind":"Pod"},"object":{"spec":{"containers":[{"env":'
        + b"[" * 900
        + b"]" * 900
        + b"}]}}}}",
    ],
)
def test_bad_input_is_allowed_with_a_warning(body: bytes) -> None:
    said = response(body, "search")
    assert "patch" not in said
    assert said["warnings"]
    assert said["uid"] == ("u-1" if b'"u-1"' in body else "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=12,
)
SPECS = st.fixed_dictionaries(
    {"containers": JSON | st.lists(st.fixed_dictionaries({"name": JSON, "env": JSON}), min_size=1)},
    optional=dict.fromkeys(("dnsConfig", "dnsPolicy", "hostname", "subdomain", "volumes"), JSON),
)
METADATA = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("name", "generateName", "labels", "annotations", "ownerReferences"), JSON
    ),
)


@given(st.binary(max_size=200))
def test_any_octets_are_answered(body: bytes) -> None:
    assert "patch" not in response(body, "search")


@given(METADATA | JSON, SPECS | JSON, st.sampled_from([*WAYS, "", "nonsense"]))
def test_any_pod_is_allowed_and_a_patch_applies(metadata: Any, spec: Any, way: str) -> None:
    item = {"metadata": metadata, "spec": spec}
    said = response(asked(item), way)
    if "patch" in said:
        result = patched(item, said)
        assert result["metadata"] == metadata
        assert "patch" not in response(asked(result), way)
