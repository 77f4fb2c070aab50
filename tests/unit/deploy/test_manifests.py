"""The manifests of `deploy/`: what Kubernetes takes, the permissions that docs/permissions.md tells, and no more.

Sources: the schemas of Kubernetes, as kubernetes-validate has them; the Pod Security Standards, level "restricted".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from podname.attach.ways import Options
from podname.dns.nameserver import Nameserver
from podname.inject.manifests import Extras, inject_files
from podname.inject.selection import Selection
from tests.unit.deploy.building import DEPLOY, FOLDERS, Object, build

ROOT = DEPLOY.parent
PROGRAMS = ROOT / "tests/cluster/programs/kubernetes/go.mod"
(NEW,) = re.findall(r"k8s.io/kubernetes v(\d+\.\d+)", PROGRAMS.read_text())
VERSIONS = [NEW, "1.30"]
SECURE = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
BINDS_PORT_53 = {"replacement", "replacement-pod-names"}
HOST = {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "securityContext", "initContainers"}
SERVERS = {
    "resolver": "Role",
    "stub-zone": "ClusterRole",
    "replacement": "ClusterRole",
    "replacement-pod-names": "ClusterRole",
}


@pytest.fixture(autouse=True, scope="module")
def schemas_are_read_once() -> Iterator[None]:
    """A version's definitions are a megabyte, and would be read for every object."""
    with pytest.MonkeyPatch.context() as patch:
        read = kubernetes_validate.utils.schema_contents
        patch.setattr(kubernetes_validate.utils, "schema_contents", functools.cache(read))
        versions = functools.cache(kubernetes_validate.utils.all_versions)
        patch.setattr(kubernetes_validate.utils, "all_versions", versions)
        yield


def name_of(folder: Path) -> str:
    return str(folder.relative_to(DEPLOY))


def validate(item: Object, version: str) -> None:
    try:
        kubernetes_validate.validate(item, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = "/".join(str(step) for step in error.path)
        pytest.fail(f"{item['kind']} {item['metadata']['name']}: {where}: {error.message}")


def of_kind(folder: Path, *kinds: str) -> list[Object]:
    return [item for item in build(folder) if item["kind"] in kinds]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_kubernetes_takes_every_object(folder: Path, version: str) -> None:
    for item in build(folder):
        validate(item, version)


def test_a_field_that_there_is_not_is_noticed() -> None:
    (deployment,) = of_kind(DEPLOY / "resolver", "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    with pytest.raises(pytest.fail.Exception, match="imagePolicy"):
        validate(deployment, NEW)


def test_every_file_is_part_of_a_way() -> None:
    named = {DEPLOY / "stub-zone/podname.server", DEPLOY / "stub-zone/reverse.server"}
    for folder in FOLDERS:
        words = yaml.safe_load((folder / "kustomization.yaml").read_text())
        named.add(folder / "kustomization.yaml")
        named |= {(folder / name).resolve() for name in words["resources"]}
        for maker in words.get("configMapGenerator", ()):
            named |= {folder / name for name in maker["files"]}
    assert {path for path in DEPLOY.rglob("*") if path.is_file()} <= named


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_pods_may_as_little_as_they_can(folder: Path) -> None:
    for deployment in of_kind(folder, "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert not spec.keys() & HOST
        (container,) = spec["containers"]
        secure: Any = SECURE
        if name_of(folder) in BINDS_PORT_53:
            secure = {**SECURE, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
        assert container["securityContext"] == secure
        assert container["image"] == "podname:latest"  # the kustomization says which
        assert container["resources"].keys() == {"requests", "limits"}
        assert {"livenessProbe", "readinessProbe"} <= container.keys()


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_the_image_is_chosen_in_one_place(folder: Path) -> None:
    words = yaml.safe_load((folder / "kustomization.yaml").read_text())
    images = words.get("images", [])
    if folder.name == "base":
        assert not images
    else:
        assert images == [{"name": "podname", "newName": "podname", "newTag": "latest"}]


def permissions(rules: list[Object]) -> set[tuple[str, str, str, str]]:
    """Return what rules allow: group, resource, verb, and the one object if it is for one."""
    return set(_permissions(rules))


def _permissions(rules: list[Object]) -> Iterator[tuple[str, str, str, str]]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [""]):
                        yield group, resource, verb, name


def told(kind: str) -> set[tuple[str, str, str, str]]:
    """Return what docs/permissions.md shows as the Role or ClusterRole."""
    page = (ROOT / "docs/permissions.md").read_text()
    shown = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    (role,) = [role for role in shown if role["kind"] == kind]
    return permissions(role["rules"])


@pytest.mark.parametrize(("way", "kind"), SERVERS.items())
def test_a_server_has_the_permissions_of_the_page(way: str, kind: str) -> None:
    (role,) = of_kind(DEPLOY / way, "Role", "ClusterRole")
    assert role["kind"] == kind
    assert permissions(role["rules"]) == told(kind)
    assert {verb for _, _, verb, _ in told(kind)} == {"list", "watch"}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_accounts_are_bound_to_their_own_role_and_nobody_else_is(folder: Path) -> None:
    accounts = of_kind(folder, "ServiceAccount")
    roles = of_kind(folder, "Role", "ClusterRole")
    bindings = of_kind(folder, "RoleBinding", "ClusterRoleBinding")
    for binding in bindings:
        (subject,) = binding["subjects"]
        (account,) = accounts
        assert subject["name"] == account["metadata"]["name"]
        assert subject["namespace"] == account["metadata"]["namespace"]
    bound = {(each["roleRef"]["kind"], each["roleRef"]["name"]) for each in bindings}
    assert bound == {(each["kind"], each["metadata"]["name"]) for each in roles}
    for deployment in of_kind(folder, "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] == accounts[0]["metadata"]["name"]


@pytest.mark.parametrize("way", ["resolver", "publish/one-namespace"])
def test_one_namespace_has_nothing_outside_it(way: str) -> None:
    objects = build(DEPLOY / way)
    assert {item["metadata"]["namespace"] for item in objects} == {"default"}
    assert not {item["kind"] for item in objects} & {"ClusterRole", "ClusterRoleBinding"}


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_services_and_budgets_find_the_pods(folder: Path) -> None:
    for deployment in of_kind(folder, "Deployment"):
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        selectors = [deployment["spec"]["selector"]["matchLabels"]]
        selectors += [
            item["spec"]["selector"]["matchLabels"]
            for item in of_kind(folder, "PodDisruptionBudget")
        ]
        for service in of_kind(folder, "Service"):
            selectors.append(service["spec"]["selector"])
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
        assert all(selector.items() <= labels.items() for selector in selectors)


def test_the_replacement_is_behind_the_clusters_service() -> None:
    (deployment,) = of_kind(DEPLOY / "replacement", "Deployment")
    assert deployment["spec"]["template"]["metadata"]["labels"]["k8s-app"] == "kube-dns"
    assert "k8s-app" not in deployment["spec"]["selector"]["matchLabels"]


WORKLOADS = """
apiVersion: v1
kind: Pod
metadata: {name: chat, labels: {app: chat}}
spec: SPEC
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat}
spec: {selector: {matchLabels: {app: chat}}, template: {metadata: {labels: {app: chat}}, spec: SPEC}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: every}
spec: {selector: {matchLabels: {app: every}}, template: {metadata: {labels: {app: every}}, spec: SPEC}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: SPEC}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {completionMode: Indexed, completions: 2, template: {metadata: {labels: {app: once}}, spec: SPEC}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often}
spec:
  schedule: "@hourly"
  jobTemplate: {spec: {template: {metadata: {labels: {app: often}}, spec: SPEC}}}
"""
SPEC = "{restartPolicy: Never, containers: [{name: chat, image: chat}]}"
SERVER = Nameserver.parse("10.43.0.53")
OPTIONS = [
    Options("search", SERVER, port=4370),
    Options("inetrc", SERVER, port=4370, tls=True),
    Options("epmd", SERVER, port=4370, tls=True),
    Options("subdomain", tls=True, dns_over_tcp=True),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("publish", [False, True], ids=["", "publish"])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: each.via)
def test_kubernetes_takes_what_inject_writes(
    options: Options, version: str, *, publish: bool
) -> None:
    extras = Extras(namespace="default", beams={"podname_epmd.beam": b"FOR1"})
    files = {"f.yaml": WORKLOADS.replace("SPEC", SPEC)}
    selection = Selection(frozenset({"job", "cronjob"}))
    outcome = inject_files(files, replace(options, publish=publish), extras, selection)
    assert not outcome.problems
    written = list(yaml.safe_load_all(outcome.texts["f.yaml"]))
    assert len(written) >= 6
    for item in written:
        validate(item, version)
