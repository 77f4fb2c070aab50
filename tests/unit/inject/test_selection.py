"""Which workloads are injected, what is said of the others, and of documents that cannot be read."""

# ruff: noqa: E501 - tables

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podname.attach.ways import Options
from podname.dns.nameserver import Nameserver
from podname.inject.manifests import Extras, Outcome, inject_files
from podname.inject.selection import Selection
from podname.kube.selectors import parse_selector

DATA = Path(__file__).parents[2] / "data/inject"
OTHERS = (DATA / "others.yaml").read_text()
HELM = (DATA / "helm.yaml").read_text()
TEMPLATE = "spec: {template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a}]}}}\n"
JOB = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate, labels: {app: chat}}\n" + TEMPLATE
WEB = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: chat}}\n" + TEMPLATE
)
BOTH = f"{JOB}---\n{WEB}"


def run(text: str, options: Options | None = None, **asked: object) -> Outcome:
    selection = Selection(**asked)  # type: ignore[arg-type]
    return inject_files({"f": text}, options or Options("search"), Extras("default"), selection)


def injected(outcome: Outcome) -> set[str]:
    """Return the names of the objects whose pods are injected."""
    assert not outcome.problems
    documents = [thing for thing in yaml.safe_load_all(outcome.texts["f"]) if thing]
    return {thing["metadata"]["name"] for thing in documents if "dnsConfig" in str(thing)}


def test_each_kind_that_is_not_known_is_told() -> None:
    outcome = run(OTHERS)
    assert injected(outcome) == {"good"}
    assert outcome.notes == [
        "f:1: Rollout shop/roll: not injected: podname does not know this kind of argoproj.io/v1alpha1; --kind Rollout injects what is in its spec.template",
        "f:6: DeploymentConfig shop/dc: not injected: podname does not know this kind of apps.openshift.io/v1; --kind DeploymentConfig injects what is in its spec.template",
        "f:11: CloneSet shop/cs: not injected: podname does not know this kind of apps.kruise.io/v1alpha1; --kind CloneSet injects what is in its spec.template",
        "f:16: Deployment shop/old: not injected: no cluster serves extensions/v1beta1 any more, write apps/v1",
    ]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Rollout", "roll"), ("DeploymentConfig", "dc"), ("CloneSet", "cs"), ("Deployment", "old")],
)
def test_any_kind_with_a_template_is_injected_when_asked_for(kind: str, name: str) -> None:
    outcome = run(OTHERS, kinds=frozenset({kind.lower()}))
    assert injected(outcome) == {"good", name}
    assert len(outcome.notes) == 3


def test_kinds_with_an_anchor_or_a_tag_are_known() -> None:
    outcome = run((DATA / "kinds.yaml").read_text())
    assert injected(outcome) == {"tagged", "anchored"}


def test_jobs_and_hooks_are_left_alone_until_asked_for() -> None:
    outcome = run(BOTH)
    assert injected(outcome) == {"web"}
    assert outcome.notes == [
        "f:1: Job migrate: left alone, as a Job seldom is a node: --kind Job takes all of them, --only Job/migrate this one"
    ]
    assert injected(run(BOTH, kinds=frozenset({"job"}))) == {"web", "migrate"}
    assert injected(run(BOTH, only=frozenset({("job", "migrate")}))) == {"migrate"}
    outcome = run(HELM)
    assert injected(outcome) == {"release-name-chat"}
    assert outcome.notes == [
        "f:54: Pod chat/release-name-chat-test: left alone, as a hook of Helm (test): --only Pod/release-name-chat-test takes it"
    ]
    test = ("pod", "release-name-chat-test")
    assert injected(run(HELM, only=frozenset({test}))) == {test[1]}


def test_a_selector_chooses_by_the_labels_of_the_workload() -> None:
    text = BOTH + "---\n" + WEB.replace("web", "other").replace("app: chat", "app: other")
    assert injected(run(text, selector=parse_selector("app in (chat)"))) == {"web"}
    assert injected(run(text, selector=parse_selector("!app"))) == set()
    outcome = run(text, selector=parse_selector("app=other"))
    assert (injected(outcome), outcome.notes) == ({"other"}, [])


def test_what_is_asked_for_and_is_nowhere_is_told() -> None:
    (problem,) = run(BOTH, only=frozenset({("deployment", "wbe"), ("job", "migrate")})).problems
    assert (
        str(problem)
        == "podname: --only deployment/wbe: there is no such workload; there are: Job/migrate, Deployment/web"
    )
    notes = run(WEB, kinds=frozenset({"rolout"})).notes
    assert notes == [
        "podname: --kind rolout: there is no such object with a pod template (spec.template.spec)"
    ]


def test_what_only_looks_like_a_workload_is_not_told() -> None:
    machines = "apiVersion: cluster.x-k8s.io/v1\nkind: MachineDeployment\nmetadata: {name: m}\nspec: {template: {spec: {version: '1'}}}\n"
    values = "containers: [a]\nspec: {template: {spec: {containers: 7}}}\n"
    assert run(f"{machines}---\n{values}---\n{WEB}").notes == []


SEVERAL = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
      - name: proxy
"""


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        (
            Options("search"),
            [
                "f:9: Deployment shop/web: web is taken, not proxy: --container takes another; its node is <release>@<pod>"
            ],
        ),
        (
            Options("search", node="chat"),
            [
                "f:9: Deployment shop/web: web is taken, not proxy: --container takes another; its node is chat@<pod>"
            ],
        ),
        (Options("search", containers=("proxy",)), []),
        (
            Options("inetrc", Nameserver.parse("10.0.0.1")),
            [
                "f:9: Deployment shop/web: web is taken, not proxy: --container takes another; its node is web@<pod>.shop.pod.cluster.local, after the container: --node says otherwise"
            ],
        ),
        (
            Options("subdomain", containers=("proxy",)),
            [
                "f:10: Deployment shop/web: its node is proxy@<pod>.web-nodes.shop.svc.cluster.local, after the container: --node says otherwise"
            ],
        ),
        (Options("subdomain", containers=("web",), node="chat"), []),
    ],
)
def test_what_nobody_said_is_told_once(options: Options, notes: list[str]) -> None:
    outcome = run(SEVERAL, options)
    assert outcome.notes == notes
    again = run(outcome.texts["f"], options)
    assert (again.texts, again.notes) == (outcome.texts, [])


def test_beams_that_are_not_given_must_be_there() -> None:
    (_, note) = run(SEVERAL, Options("epmd", node="chat")).notes
    assert note.startswith(
        "f:1: Deployment shop/web: its namespace must have the ConfigMap podname-epmd, or the pods wait for it: give --beams, or kubectl create"
    )
    there = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: podname-epmd, namespace: shop}\n"
    )
    assert len(run(SEVERAL + there, Options("epmd", node="chat")).notes) == 1


UNREADABLE = [
    (
        "bom-inside.yaml",
        "f:20: a byte order mark (U+FEFF) stands here, inside the file, as it does when files are joined: remove it",
    ),
    (
        "chart.yaml",
        "f:4: this is a Helm template: run `helm template`, and give what it prints to podname inject",
    ),
    (
        "lines.json",
        "f:2: a second JSON object begins here: write --- between them, or make one List of them (jq -s",
    ),
    ("tabs.yaml", "f:10: a tab indents this line, where YAML takes only spaces"),
]


@pytest.mark.parametrize(("name", "told"), UNREADABLE)
def test_what_cannot_be_read_is_told_by_what_it_is(name: str, told: str) -> None:
    outcome = run((DATA / "unreadable" / name).read_bytes().decode())
    assert str(outcome.problems[0]).startswith(told)
    assert not outcome.texts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"{WEB}...\n{WEB}",
            "f:6: after ... a document ends, and another one needs --- before it: write it",
        ),
        (f"# {{{{ a comment }}}}\n{WEB}  x: [", "f:6: this cannot be read as YAML: "),
        ('{"kind": "Deployment",\n', "f:2: this cannot be read as YAML: "),
    ],
)
def test_other_faults_have_their_line(text: str, told: str) -> None:
    assert str(run(text).problems[0]).startswith(told)


def test_markers_are_read_and_kept() -> None:
    text = (DATA / "markers.yaml").read_text()
    made = run(text, Options("subdomain")).texts["f"]
    assert [line for line in text.splitlines() if line not in made.splitlines()] == [
        "      containers: [{name: web, image: a}]"
    ]
    service = next(
        thing
        for thing in yaml.safe_load_all(made)
        if thing and thing["metadata"]["name"] == "web-nodes"
    )
    assert service["kind"] == "Service"
    assert run(made, Options("subdomain")).texts["f"] == made


def test_a_byte_order_mark_at_the_beginning_stays() -> None:
    assert run("\ufeff" + WEB).texts["f"] == "\ufeff" + run(WEB).texts["f"]


def test_what_is_broken_and_nobody_knows_passes_through() -> None:
    broken = "kind: Widget\ncontainers: [\n---\n{{- range .Values.x }}\ncontainers:\n---\n"
    outcome = run(broken + WEB)
    assert outcome.texts["f"] == broken + run(WEB).texts["f"]
    assert [note.partition(":")[2].partition(":")[0] for note in outcome.notes] == ["3", "4"]
    assert outcome.notes[1] == (
        "f:4: this is a Helm template: run `helm template`, and give what it prints to podname inject (passed through as it is)"
    )
