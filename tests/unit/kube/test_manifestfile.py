"""Files of objects: what is read of them, and where what cannot be read stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from podname.kube.manifestfile import ManifestFile, parse_manifest
from podname.kube.objects import Endpoint, EndpointSlice, Namespace, Pod, Service
from tests.support.objects import endpoint, endpoint_slice, namespace, pod, service

MANY = """\
# a comment
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, clusterIPs: [None]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: web-0
    namespace: team-a
    labels: {app: web}
    creationTimestamp: 2022-01-08T19:34:00Z
  status: {phase: Running, podIP: 10.0.0.1}
- {apiVersion: v1, kind: Namespace, metadata: {name: team-a}}
---
"""


def read(text: str | bytes, name: str = "a.yaml") -> ManifestFile:
    return parse_manifest(name, text.encode() if isinstance(text, str) else text)


def test_documents_and_lists() -> None:
    file = read(MANY)
    assert [loaded.object for loaded in file.objects] == [
        Service("default", "web", "ClusterIP", ("None",), "", ()),
        Pod.of("team-a", "web-0", ("10.0.0.1",), "Running"),
        Namespace("team-a"),
    ]
    assert file.objects[1].labels == {"app": "web"}
    assert file.objects[1].fields["status.phase"] == "Running"
    assert not file.is_broken


@pytest.mark.parametrize("as_text", [json.dumps, yaml.safe_dump])
def test_typed_lists_as_the_api_server_gives_them(as_text: Any) -> None:
    items = [
        {k: v for k, v in pod(name, "10.0.0.1").items() if k not in {"kind", "apiVersion"}}
        for name in "ab"
    ]
    text = as_text({"kind": "PodList", "apiVersion": "v1", "items": items})
    for name in ("x.json", "x.yaml") if as_text is json.dumps else ("x.yaml",):
        assert [loaded.key for loaded in read(text, name).objects] == ["default/a", "default/b"]


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "null\n", "[]"])
def test_files_without_objects(text: str) -> None:
    file = read(text)
    assert (file.objects, file.problems, file.is_broken) == ([], [], False)


def test_slices_keep_their_ready_endpoints() -> None:
    wire = endpoint_slice(
        "web-1", "web", endpoint("10.0.0.1", pod="web-0"), endpoint("10.0.0.2", ready=False)
    )
    (loaded,) = read(yaml.safe_dump(wire)).objects
    assert loaded.object == EndpointSlice.of(
        "default", "web-1", "web", "IPv4", (Endpoint(("10.0.0.1",), "", "web-0"),), ()
    )


BAD = """\
apiVersion: v1
kind: Pod
metadata: {name: good}
---
apiVersion: v1
kind: Pod
metadata: {name: a b}
---
kind: List
items:
- just text
- apiVersion: v1
  kind: Pod
  metadata: {name: 2}
- apiVersion: v1
  kind: Pod
  metadata: {name: partly}
  status: {podIPs: [{ip: nonsense}, {ip: 10.0.0.1}]}
- {when: 2022-99-99}
---
- 5
"""


def test_what_cannot_be_read_is_named_with_its_line() -> None:
    file = read(BAD, "bad.yaml")
    assert [loaded.key for loaded in file.objects] == ["default/good", "default/partly"]
    assert [str(problem) for problem in file.problems] == [
        "bad.yaml:5: Pod default/a b: no name in DNS can be made of it",
        "bad.yaml:11: this is no Kubernetes object: it has no `kind`",
        (
            "bad.yaml:12: Pod default/2: Expected `str | null`, got `int` - at `$.metadata.name`;"
            " no name in DNS can be made of it"
        ),
        "bad.yaml:15: Pod default/partly: 'nonsense' is no address",
        "bad.yaml:19: '2022-99-99' is no timestamp",
        "bad.yaml:21: this is no Kubernetes object: it has no `kind`",
    ]
    assert not file.is_broken


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("{podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: '2001:db8::1'}]}", None),
        ("{podIP: '2001:db8:0::1', podIPs: [{ip: '2001:db8::1'}]}", None),
        ("{podIP: 10.0.0.1}", None),
        ("{podIPs: [{ip: 10.0.0.1}]}", None),
        (
            "{podIP: 10.0.0.9, podIPs: [{ip: 10.0.0.1}]}",
            "status.podIP is '10.0.0.9', but status.podIPs begins with '10.0.0.1'",
        ),
        (
            "{podIP: '2001:db8::1', podIPs: [{ip: 10.0.0.1}, {ip: '2001:db8::1'}]}",
            "status.podIP is '2001:db8::1', but status.podIPs begins with '10.0.0.1'",
        ),
    ],
)
def test_a_pod_ip_that_is_edited_alone_is_told(status: str, problem: str | None) -> None:
    text = f"# a pod\nkind: Pod\napiVersion: v1\nmetadata: {{name: web}}\nstatus: {status}\n"
    file = read(text)
    told = f"a.yaml:2: Pod default/web: {problem}: podIPs counts, write the same address into both"
    assert [str(each) for each in file.problems] == ([told] if problem else [])
    (loaded,) = file.objects
    assert isinstance(loaded.object, Pod)
    if "podIPs" in status:
        assert loaded.object.addresses[0] in status.partition("podIPs")[2]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("2022-99-99", "'2022-99-99' is no timestamp"),
        ("2022-01-01T99:00:00Z", "'2022-01-01T99:00:00Z' is no timestamp"),
        ("!!timestamp soon", "'soon' is no timestamp"),
        ("!!int ''", "'' is no int"),
        ("!!int 0x", "'0x' is no int"),
        (f"!!int {'9' * 5000}", f"'{'9' * 40}' is no int"),
        ("!!float x", "'x' is no float"),
        ("!!bool maybe", "'maybe' is no bool"),
        ("!mine x", "could not determine a constructor for the tag '!mine'"),
    ],
)
def test_a_value_that_its_tag_does_not_allow_costs_its_object(value: str, problem: str) -> None:
    """In our words: Python's change with its version, and some of what PyYAML raises is no YAMLError."""
    good = "kind: Pod\napiVersion: v1\nmetadata: {name: good}\n"
    file = read(f"{good}---\nkind: Pod\nx:\n  y: {value}\n---\n{good}", "a.yaml")
    assert [str(told) for told in file.problems] == [f"a.yaml:7: {problem}"]
    assert len(file.objects) == 2


def test_the_same_for_json() -> None:
    items = [pod("good"), 5, pod("a b"), pod("c")]
    text = json.dumps({"kind": "List", "items": items}, indent=1)
    file = read(text, "bad.json")
    assert [loaded.key for loaded in file.objects] == ["default/good", "default/c"]
    lines = text.split("\n")
    assert [lines[problem.line - 1].strip() for problem in file.problems] == ["5,", "{"]
    assert lines[file.problems[1].line : file.problems[1].line + 4][3].strip() == '"name": "a b",'


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.yaml", "kind: Pod\nmetadata: [\n", 3),
        ("a.yaml", "kind: b\n---\n\tx: y\n", 3),
        ("a.yaml", b"a: \xff\xfe\n", 1),
        ("a.yaml", "a: *nothing\n", 1),
        ("a.yaml", "a: \x00\n", 1),
        ("a.json", '{"kind": "Pod",\n', 2),
        ("a.json", "", 1),
        ("a.json", "[" * 100_000, 1),
    ],
)
def test_a_broken_file_says_where(name: str, text: str | bytes, line: int) -> None:
    file = read(text, name)
    assert file.is_broken
    (problem,) = file.problems
    assert (problem.file, problem.line) == (name, line)


def test_what_came_before_the_break_is_kept() -> None:
    file = read(yaml.safe_dump(pod("a")) + "---\nb: [\n")
    assert file.is_broken
    assert [loaded.key for loaded in file.objects] == ["default/a"]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("metadata: [", 3),
        ("\tkind: Pod", 2),
        ("kind: *nothing", 2),
        ('kind: "', 3),
        ("kind: \xff", 1),
        ("[" * 5000 + "]" * 5000, 2),
        ("a: \x00", 1),
    ],
)
def test_a_document_that_is_no_yaml_costs_no_other_one(broken: str, line: int) -> None:
    first, last = (yaml.safe_dump(pod(name, "10.0.0.1")) for name in "ab")
    file = read(f"{first}---\n{broken}\n---\n{last}---\nno: kind\n".encode("latin-1"))
    assert file.is_broken
    assert [loaded.key for loaded in file.objects] == ["default/a", "default/b"]
    no_yaml, no_kind = file.problems
    assert no_yaml.line - first.count("\n") == line
    assert no_kind.line == f"{first}---\n{broken}\n---\n{last}---\n".count("\n") + 1


def test_other_versions_of_our_kinds_are_not_ours() -> None:
    file = read("{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: a}}")
    assert (file.objects, file.problems) == ([], [])


def test_aliases_may_go_round_in_circles() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: &m {name: a, labels: *m}\nstatus: &s {podIPs: [*s]}\n"
    )
    assert [loaded.key for loaded in read(text).objects] == ["default/a"]


@given(
    st.sampled_from(["x.yaml", "x.json"]),
    st.text(alphabet="kind:Poda{}[]\"'-,\n &*!|>\t0#%@", max_size=60),
)
def test_any_text_is_read_or_named(name: str, text: str) -> None:
    file = read(text, name)
    assert all(problem.line >= 1 for problem in file.problems)


def test_namespaces_and_services_are_read() -> None:
    text = yaml.safe_dump_all(
        [namespace("a", team="x"), service("web", "10.43.0.1", namespace="a")]
    )
    assert [(loaded.kind, loaded.key, loaded.namespace) for loaded in read(text).objects] == [
        ("Namespace", "a", "a"),
        ("Service", "a/web", "a"),
    ]
