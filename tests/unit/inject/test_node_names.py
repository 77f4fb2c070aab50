"""Node names that are there: what docs/attach.md says becomes of them, does; and what pods call themselves."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from podname.attach.environment import meanings
from podname.attach.ways import Options
from podname.dns.nameserver import Nameserver
from podname.inject.manifests import Extras, Outcome, inject_files
from podname.inject.selection import Selection
from tests.support.node_names import Case, cases, deployment

SERVER = Nameserver.parse("10.43.0.53")


def options(way: Any, **more: Any) -> Options:
    return Options(way, None if way == "subdomain" else SERVER, **more)


def run(text: str, given: Options) -> Outcome:
    selection = Selection(frozenset({"job", "cronjob"}))
    return inject_files({"f": text}, given, Extras(namespace="shop"), selection)


def environment(outcome: Outcome) -> dict[str, str]:
    """Return what the first container's variables mean."""
    workload = next(yaml.safe_load_all(outcome.texts["f"]))
    spec = workload["spec"]
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    spec = spec["template"]["spec"] if "template" in spec else spec
    return meanings(spec["containers"][0]["env"])


def removed(outcome: Outcome) -> set[str]:
    """Return the variables that the messages say to remove."""
    found = [re.search(r": (RELEASE_\w+) .*: remove it", str(each)) for each in outcome.problems]
    assert all(found), outcome.problems
    return {match[1] for match in found if match}


def test_there_is_a_row_for_each_kind_of_name() -> None:
    assert len(cases()) == 4 * 16 * 4
    assert {case.of_node for case in cases()} == {"kept", "written", "refused"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: "-".join(case[:3]))
def test_the_page_is_true(case: Case) -> None:
    outcome = run(deployment(case.node, case.distribution), options(case.way))
    refused = {
        name
        for name, what in (
            ("RELEASE_NODE", case.of_node),
            ("RELEASE_DISTRIBUTION", case.of_distribution),
        )
        if what == "refused"
    }
    assert removed(outcome) == refused
    without = deployment(
        "" if "RELEASE_NODE" in refused else case.node,
        "" if "RELEASE_DISTRIBUTION" in refused else case.distribution,
    )
    outcome = run(without, options(case.way))
    assert not outcome.problems
    made, before = environment(outcome), environment(Outcome({"f": without}))
    assert made["RELEASE_DISTRIBUTION"] == ("sname" if case.way == "search" else "name")
    if "RELEASE_NODE" in before:
        assert made["RELEASE_NODE"] == before["RELEASE_NODE"]
    elif case.way != "search":
        assert made["RELEASE_NODE"].startswith("app@<pod>.")
    else:
        assert "RELEASE_NODE" not in made


def test_what_comes_from_elsewhere_is_told() -> None:
    outcome = run(deployment("$(SECRET)", ""), options("search"))
    assert any("RELEASE_NODE comes from elsewhere" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("path", "told"),
    [("metadata.name", ""), ("status.podIP", "RELEASE_NODE is no node's name: remove it")],
)
def test_a_field_of_the_pod_may_be_the_node(path: str, told: str) -> None:
    text = deployment("$(FIELD)", "").replace(
        "value: $(FIELD)", f"valueFrom: {{fieldRef: {{fieldPath: {path}}}}}"
    )
    outcome = run(text, options("search"))
    assert [str(each).partition("web: ")[2] for each in outcome.problems] == [told] * bool(told)


def test_a_message_keeps_what_is_before_the_at() -> None:
    told = str(run(deployment("my_app@$(POD_IP)", "name"), options("inetrc")).problems[0])
    assert told == (
        "f:31: Deployment shop/web: RELEASE_NODE is 'my_app@$(POD_IP)', which names an address, so that the node"
        " would not be called by its pod: remove it, and give --node my_app to stay my_app@"
    )
    outcome = run(deployment("", "name"), options("inetrc", node="my_app"))
    assert environment(outcome)["RELEASE_NODE"] == "my_app@<pod>.<namespace>.pod.cluster.local"


@pytest.mark.parametrize(("way", "node"), [("search", "app"), ("search", "app@$(POD_NAME)"), ("inetrc", "app@$(POD_NAME).shop.pod.cluster.local")])  # fmt: skip
def test_another_node_than_asked_for_is_refused(way: str, node: str) -> None:
    assert not run(deployment(node, ""), options(way, node="app")).problems
    (problem,) = run(deployment(node, ""), options(way, node="other")).problems
    assert "which is not called other, as --node says: remove it" in str(problem)


def test_a_variable_counts_only_above_its_use() -> None:
    late = deployment("", "").replace("env:", "env:\n        - {name: RELEASE_NODE, value: app@$(POD_NAME)}", 1)  # fmt: skip
    (problem,) = run(late, options("search")).problems
    assert "'app@$(POD_NAME)', which holds a variable that nobody expands" in str(problem)


@pytest.mark.parametrize(
    ("variables", "meaning"),
    [
        ([{"name": "A", "value": "x"}, {"name": "B", "value": "$(A)-$(C)-$$(A)-$A-${A}"}], "x-$(C)-$(A)-$A-${A}"),
        ([{"name": "A", "value": "x"}, {"name": "A", "value": "y"}, {"name": "B", "value": "$(A)"}], "y"),
        ([{"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['job-name']"}}}], "<job>"),
        ([{"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "x"}}}], "<elsewhere>"),
        ([{"name": "B", "valueFrom": 7}], "<elsewhere>"),
        ([7, {"name": 7}, {"name": "B", "value": 7}], "7"),
    ],
)  # fmt: skip
def test_variables_are_expanded_as_kubernetes_does(variables: list[Any], meaning: str) -> None:
    assert meanings(variables)["B"] == meaning


STATEFUL = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: core, namespace: neon}
spec:
  serviceName: core-headless
  template:
    spec:
      hostname: ignored
      containers:
      - name: core
        env:
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: RELEASE_DISTRIBUTION, value: name}
        - {name: RELEASE_NODE, value: core@$(POD_NAME).core-headless.neon.svc.cluster.local}
"""


def test_a_stateful_set_that_spells_its_namespace_out_is_injected_already() -> None:
    assert run(STATEFUL, options("subdomain")).texts == {"f": STATEFUL}


JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: bare, namespace: shop}
spec:
  completionMode: Indexed
  template:
    metadata: {labels: {app: bare}}
    spec:
      containers: [{name: app}]
"""
CRON = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  jobTemplate:
    spec:
      completionMode: Indexed
      template:
        metadata: {labels: {app: bare}}
        spec:
          containers: [{name: app}]
"""


@pytest.mark.parametrize("text", [JOB, CRON], ids=["job", "cronjob"])
@pytest.mark.parametrize(
    ("way", "node"),
    [
        ("inetrc", "app@<job>-<index>.<namespace>.pod.cluster.local"),
        ("subdomain", "app@<job>-<index>.{0}-nodes.<namespace>.svc.cluster.local"),
    ],
)
def test_a_pod_of_an_indexed_job_is_called_by_its_index(text: str, way: str, node: str) -> None:
    outcome = run(text, options(way))
    name = "bare" if text is JOB else "nightly"
    assert environment(outcome)["RELEASE_NODE"] == node.format(name)
    assert run(outcome.texts["f"], options(way)).texts == outcome.texts


def test_a_published_endpoint_is_called_by_its_pod() -> None:
    outcome = run(JOB, options("subdomain", publish=True))
    assert environment(outcome)["RELEASE_NODE"].startswith("app@<pod>.bare-nodes.")


def with_spec(kind: str, line: str) -> str:
    if kind == "Pod":
        return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop, labels: {{app: web}}}}\nspec:\n  {line}\n  containers: [{{name: app, env: []}}]\n"
    return f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\nspec:\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      {line}\n      containers: [{{name: app}}]\n"


@pytest.mark.parametrize(
    ("kind", "line", "way", "told"),
    [
        ("Pod", "hostname: driver", "search", ""),
        ("Pod", "hostname: driver", "inetrc", "app@driver.<namespace>.pod.cluster.local"),
        ("Pod", "hostname: driver", "subdomain", "app@driver.web-nodes.<namespace>.svc.cluster.local"),
        ("Pod", "hostnameOverride: own", "epmd", "app@own.<namespace>.pod.cluster.local"),
        ("Pod", "hostnameOverride: own", "subdomain", "app@<pod>.web-nodes.<namespace>.svc.cluster.local"),
        ("Pod", "hostnameOverride: a.b.example", "inetrc", "app@<pod>.<namespace>.pod.cluster.local"),
        ("Pod", "hostnameOverride: a.b.example", "search", "! hostnameOverride is 'a.b.example', and podname serves no such name: write one label, or remove it"),
        ("Deployment", "hostname: x", "search", "! hostname is 'x', and each pod would call itself so: remove it"),
        ("Deployment", "hostname: x", "inetrc", "! hostname is 'x', and each pod would call itself so: remove it"),
        ("StatefulSet", "hostnameOverride: x", "inetrc", "! hostnameOverride is 'x', and each pod would call itself so: remove it"),
        ("StatefulSet", "hostname: x", "search", ""),
        ("Deployment", "setHostnameAsFQDN: true", "search", ""),
        ("Deployment", "setHostnameAsFQDN: true", "inetrc", "app@<pod>.<namespace>.pod.cluster.local"),
        ("Pod", "setHostnameAsFQDN: true", "subdomain", "app@<pod>.web-nodes.<namespace>.svc.cluster.local"),
        ("DaemonSet", "setHostnameAsFQDN: true", "subdomain", "app@<pod>.web-nodes.<namespace>.svc.cluster.local"),
        ("Pod", "hostname: " + "x" * 40 + "\n  setHostnameAsFQDN: true", "subdomain", "! with a subdomain each pod would call itself by 73 characters, and Linux takes 64: the pods would never start; remove setHostnameAsFQDN"),
        ("Deployment", "setHostnameAsFQDN: true\n      hostNetwork: false", "subdomain", "app@<pod>.web-nodes.<namespace>.svc.cluster.local"),
    ],
)  # fmt: skip
def test_what_pods_call_themselves(kind: str, line: str, way: str, told: str) -> None:
    outcome = run(with_spec(kind, line), options(way))
    if told.startswith("!"):
        assert [str(each).partition("web: ")[2] for each in outcome.problems] == [told[2:]]
    else:
        assert not outcome.problems
        assert environment(outcome).get("RELEASE_NODE", "") == told
        assert run(outcome.texts["f"], options(way)).texts == outcome.texts
