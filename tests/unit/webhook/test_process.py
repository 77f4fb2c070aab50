"""The manifests, the page and the metrics of `podname webhook`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from podname.attach.ways import MARK
from podname.cli.webhook import command
from podname.webhook.configuration import BY_LABEL, NAME
from podname.webhook.keeper import Keeper
from podname.webhook.namespaces import Namespaces, Space
from podname.webhook.process import WebhookCollector
from podname.webhook.review import Settings
from podname.webhook.rounds import Time
from podname.webhook.serving import PATH, Reviewer
from tests.support.clock import FakeClock
from tests.unit.webhook.test_certificate import Cluster
from tests.unit.webhook.test_namespaces import Spaces

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy" / "webhook"


def objects() -> list[Any]:
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    names = kustomization["resources"]
    assert {*names, "kustomization.yaml"} == {path.name for path in DEPLOY.iterdir()}
    return [
        item for name in names for item in yaml.safe_load_all((DEPLOY / name).read_text()) if item
    ]


def of_kind(kind: str) -> Any:
    (found,) = [item for item in objects() if item["kind"] == kind]
    return found


def test_nothing_can_fail_because_of_an_entry() -> None:
    entries = of_kind("MutatingWebhookConfiguration")["webhooks"]
    for entry in entries:
        assert (entry["failurePolicy"], entry["sideEffects"]) == ("Ignore", "None")
        assert entry["timeoutSeconds"] <= 5
        assert entry["clientConfig"]["service"]["path"] == PATH
    by_pod, by_namespace = (entry["matchConditions"][0]["expression"] for entry in entries)
    assert by_namespace == f"!{by_pod}"
    assert MARK in by_pod
    chosen = [(entry["name"], entry["namespaceSelector"]) for entry in entries[1:]]
    assert chosen == [(BY_LABEL, {"matchExpressions": [{"key": MARK, "operator": "Exists"}]})]


def test_permissions_are_for_two_objects_by_name_and_to_read_namespaces() -> None:
    (secret,) = of_kind("Role")["rules"]
    configuration, namespaces = of_kind("ClusterRole")["rules"]
    for rule in (secret, configuration):
        assert rule["resourceNames"] == [NAME]
    assert namespaces["resources"] == ["namespaces"]
    assert set(namespaces["verbs"]) == {"get", "list", "watch"}
    names = {of_kind(kind)["metadata"]["name"] for kind in ("Secret", "Service", "Deployment")}
    assert names == {NAME}


async def test_every_metric_is_told() -> None:
    def samples(collector: WebhookCollector) -> Mapping[str, float]:
        return {each.name: each.value for family in collector.collect() for each in family.samples}

    source = Spaces()
    namespaces = Namespaces(source, Cluster())
    source.store.replace([Space("one", "search"), Space("two", "search")])
    reviewer = Reviewer(namespaces.mark, Settings())
    keeper = Keeper(Cluster(), "podname", lambda _: None, Time(FakeClock(), Random(1)))
    await keeper.round()
    await reviewer.answer(b"")
    found = samples(WebhookCollector(reviewer, keeper, namespaces))
    assert found["podname_webhook_answers_total"] == 1
    assert found["podname_webhook_namespaces"] == 2
    assert keeper.shown is not None
    assert found["podname_webhook_certificate_end_seconds"] == keeper.shown.ends.timestamp()
    told = re.findall(r"`(podname_webhook_\w+)", (ROOT / "docs" / "webhook.md").read_text())
    assert {*told} == {re.sub(r"(_answer_seconds)_(count|sum)$", r"\1", name) for name in found}


@pytest.mark.parametrize(
    ("option", "value"),
    [("--nameserver", "podname"), ("--serve", "8443x"), ("--listen", ":99999")],
)
def test_a_wrong_command_line(option: str, value: str) -> None:
    ran = CliRunner().invoke(command, [option, value])
    assert ran.exit_code == 2
    assert value in ran.output


def test_not_in_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    ran = CliRunner().invoke(command, [])
    assert ran.exit_code == 1
    assert "not in a cluster" in ran.output
