"""Injecting: what pods get, what stands in the way, and that doing it twice is doing it once."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from podname.attach.patch import applied, changes
from podname.attach.pod_template import inject
from podname.attach.ways import WAYS, Options, Owner
from podname.dns.nameserver import Nameserver
from podname.inject.certificates import own_secret, wildcards
from podname.inject.manifests import Extras, Outcome, inject_files
from podname.inject.selection import Selection

DATA = Path(__file__).parents[2] / "data/inject"
SERVER = Nameserver.parse("10.43.0.53")
EXTRAS = Extras(
    namespace="default", issuer="ClusterIssuer/ca", beams={"podname_epmd.beam": b"FOR1"}
)
OPTIONS = [
    Options("search"),
    Options("search", SERVER, node="app", tls=True),
    Options("inetrc", SERVER, port=4370, zone="example.org"),
    Options("epmd", SERVER, port=4370, tls=True),
    Options("epmd"),
    Options("subdomain", port=4370, tls=True),
]


JOBS = Selection(frozenset({"job", "cronjob"}))


def injected(text: str, options: Options, extras: Extras = EXTRAS) -> str:
    outcome = inject_files({"f.yaml": text}, options, extras, JOBS)
    assert [str(problem) for problem in outcome.problems] == []
    return outcome.texts["f.yaml"]


def problems(text: str, options: Options, extras: Extras = EXTRAS) -> list[str]:
    outcome = inject_files({"f.yaml": text}, options, extras)
    assert not outcome.texts
    return [str(problem) for problem in outcome.problems]


def labelled(text: str) -> str:
    return text.replace(
        '"helm.sh/hook": test', '"helm.sh/hook": test\n    podname.dev/inject: "false"'
    )


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: f"{o.via}-{o.port}-{o.tls}")
@pytest.mark.parametrize("name", ["helm.yaml", "kustomize.yaml", "list.yaml", "list.json"])
def test_twice_is_once_and_everything_else_stays(name: str, options: Options) -> None:
    text = labelled((DATA / name).read_text())
    once = injected(text, options)
    assert injected(once, options) == once
    changed = {
        "volumes: []",
        "dnsConfig: {}",
        'value: "+S 2"',
        "env: *common",
        "searches: [corp.example]",
    }
    lines = iter(once.splitlines())
    for line in text.splitlines():
        if name == "list.json" or line.strip() in changed or "nightly, image" in line:
            continue
        assert line in lines, line


@pytest.mark.parametrize("name", ["helm-search", "kustomize-inetrc", "list-subdomain", "helm-epmd"])
def test_golden(name: str) -> None:
    source, _, via = name.partition("-")
    server = SERVER if via in {"inetrc", "epmd"} else None
    options = Options(via, server, port=4370 if via == "inetrc" else None)  # type: ignore[arg-type]
    made = injected(labelled((DATA / f"{source}.yaml").read_text()), options)
    assert made == (DATA / f"{name}.golden").read_text()


POD = """\
# a pod
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: default
  labels: {{app: a}}
spec:
{spec}  containers:
  - name: app
{container}"""


def pod(spec: str = "", container: str = "", name: str = "web") -> str:
    return POD.format(spec=spec, container=container, name=name)


def env(name: str, value: str) -> str:
    return f"    env:\n    - name: LOG\n      value: x\n    - name: {name}\n      value: {value}\n"


CONFLICTS = [
    (pod("  hostNetwork: true\n"), "epmd", "f.yaml:9: Pod default/web: a pod on its node's network is called as the node"),
    (pod("  dnsPolicy: Default\n"), "search", "f.yaml:9: Pod default/web: dnsPolicy Default asks the node's nameservers"),
    (pod("  dnsPolicy: Default\n"), "subdomain", "f.yaml:9: Pod default/web: dnsPolicy Default asks"),
    (pod("  dnsConfig:\n    nameservers: [10.0.0.1]\n"), "search", "f.yaml:10: Pod default/web: 10.0.0.1 is asked first"),
    (pod("  dnsConfig:\n    searches: x\n"), "search", "f.yaml:10: Pod default/web: searches must be a list"),
    (pod("  dnsConfig: x\n"), "search", "f.yaml:9: Pod default/web: dnsConfig must be a mapping"),
    (pod("  dnsConfig:\n    searches: [" + ", ".join(f"s{n}" for n in range(30)) + "]\n"), "search", "f.yaml:10: Pod default/web: Kubernetes takes 32"),
    (pod(name="a.b"), "search", "f.yaml:5: Pod default/a.b: the name 'a.b' has a dot"),
    (pod(name="a" * 64), "search", "f.yaml:5: Pod default/" + "a" * 64 + ": the pod's name has 64 characters, and a label"),
    (pod(container=env("RELEASE_DISTRIBUTION", "name")), "search", "f.yaml:14: Pod default/web: RELEASE_DISTRIBUTION is 'name', which does not go with --via search, whose names are short: remove it, or take inetrc,"),
    (pod(container=env("RELEASE_NODE", "x@y")), "inetrc", "f.yaml:14: Pod default/web: RELEASE_NODE is 'x@y', which names another host: remove it, and give --node x to stay x@"),
    (pod(container=env("ERL_AFLAGS", "+S 1")), "epmd", None),
    (pod(container=env("ERL_AFLAGS", "-epmd_module x")), "epmd", "f.yaml:14: Pod default/web: ERL_AFLAGS has -epmd_module already"),
    (pod(container="    env:\n    - name: ERL_AFLAGS\n      valueFrom: {fieldRef: {fieldPath: x}}\n"), "epmd", "f.yaml:12: Pod default/web: ERL_AFLAGS is not written here"),
    (pod(container="    env: x\n"), "search", "f.yaml:11: Pod default/web: env must be a list"),
    (pod("  volumes:\n  - name: podname\n    emptyDir: {}\n"), "inetrc", "f.yaml:10: Pod default/web: the volume podname is something else"),
    (pod(container="    volumeMounts:\n    - name: x\n      mountPath: /etc/podname\n"), "inetrc", "f.yaml:12: Pod default/web: x is mounted at /etc/podname"),
    (pod("  containers: []\n").replace("  containers:\n  - name: app\n", ""), "search", "f.yaml:9: Pod default/web: there are no containers"),
    ("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: x\nspec:\n  replicas: 1\n", "search", "f.yaml:6: Deployment x: there is no pod template"),
    (pod(name="x") + "---\n" + "a: [kind: Pod\n", "search", "f.yaml:13: this cannot be read as YAML: did not find expected"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "via", "message"), CONFLICTS)
def test_conflicts(text: str, via: str, message: str | None) -> None:
    options = Options(via, None if via == "subdomain" else SERVER)  # type: ignore[arg-type]
    if message is None:
        injected(text, options)
        return
    told = problems(text, options)
    assert any(line.startswith(message) for line in told), told


def test_other_conflicts() -> None:
    text = pod().replace("  namespace: default\n", "")
    assert problems(text, Options("search"), Extras()) == [
        "f.yaml:2: Pod web: the namespace is needed: write metadata.namespace, or give --namespace"
    ]
    assert (
        "there is no container 'x', but app"
        in problems(pod(), Options("search", containers=("x",)))[0]
    )
    subdomain = pod("  subdomain: there\n")
    assert "give --service there" in problems(subdomain, Options("subdomain", service="other"))[0]
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: there, namespace: default}\nspec:\n  clusterIP: 10.0.0.1\n"
    assert (
        "f.yaml:17: Service default/there: is not headless"
        in problems(subdomain + service, Options("subdomain"))[0]
    )
    single = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "a"}]}}'
    assert "a ConfigMap must stand beside it" in problems(single, Options("inetrc", SERVER))[0]


def test_json_with_tabs() -> None:
    text = '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"metadata": {"name": "x"},\n\t"spec": {"containers": [{"name": "a"}]}\n}\n'
    made = injected(text, Options("search"))
    assert json.loads(made)["spec"]["dnsConfig"] == {"searches": ["default.pod.cluster.local"]}
    assert made.startswith('{\n\t"apiVersion": "v1",\n\t"kind": "Pod"')


def test_a_service_that_is_there_is_taken_and_shows_pods_that_are_not_ready() -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: there, namespace: default}\nspec:\n  clusterIP: None # headless\n"
    made = injected(pod("  subdomain: there\n") + service, Options("subdomain"))
    assert made.endswith(
        "  clusterIP: None # headless\n  publishNotReadyAddresses: true\n  ports:\n  - name: epmd\n    port: 4369\n"
    )
    assert "$(POD_NAME).there.$(POD_NAMESPACE).svc.cluster.local" in made


def test_a_service_that_is_elsewhere_is_not_made_again() -> None:
    outcome = inject_files({"f": pod("  subdomain: there\n")}, Options("subdomain"), EXTRAS)
    assert "kind: Service" not in outcome.texts["f"]
    node, note = outcome.notes
    assert node == (
        "f:11: Pod default/web: its node is app@web.there.default.svc.cluster.local,"
        " after the container: --node says otherwise"
    )
    assert note.startswith(
        "f:2: Pod default/web: its Service there is not among these files: it must be headless,"
    )


def test_a_service_to_publish_has_no_selector() -> None:
    made = [*yaml.safe_load_all(injected(pod(), Options("subdomain", publish=True)))]
    assert made[1]["metadata"]["annotations"] == {"podname.dev/publish": "app=a"}
    assert "selector" not in made[1]["spec"]


def test_other_options_change_what_was_made_before() -> None:
    once = injected(pod(), Options("inetrc", SERVER))
    again = injected(once, Options("inetrc", Nameserver.parse("10.0.0.9:5353")))
    assert "{alt_nameserver, {10,0,0,9}, 5353}." in again
    assert "10,43,0,53" not in again


def test_an_own_ca_is_made_once_and_covers_every_domain() -> None:
    two = pod() + "---\n" + pod(name="other")
    extras = Extras()
    options = Options("subdomain", tls=True)
    once = injected(two, options, extras)
    assert injected(once, options, extras) == once
    (secret,) = (thing for thing in yaml.safe_load_all(once) if thing["kind"] == "Secret")
    domains = {f"{name}-nodes.default.svc.cluster.local" for name in ("web", "other")}
    assert wildcards(secret) == frozenset(domains)
    more = once + "---\n" + pod(name="third")
    assert (
        "does not cover *.third-nodes.default.svc.cluster.local"
        in problems(more, options, extras)[0]
    )


def test_the_certificate_is_signed_by_the_ca() -> None:
    secret = own_secret("x", ["a.b"])
    files = [base64.b64decode(secret["data"][name]) for name in ("ca.crt", "tls.crt")]
    ca, leaf = map(x509.load_pem_x509_certificate, files)
    leaf.verify_directly_issued_by(ca)
    assert wildcards({"data": {"tls.crt": "?"}}) is None


def test_an_annotated_default_container_is_taken() -> None:
    mark = "  annotations: {kubectl.kubernetes.io/default-container: side}\n  labels:"
    text = pod(container="  - name: side\n").replace("  labels:", mark)
    (made,) = yaml.safe_load_all(injected(text, Options("search")))
    assert [("env" in container) for container in made["spec"]["containers"]] == [False, True]


def test_what_is_not_ours_passes_through() -> None:
    text = (
        "{{- if .Values.x }}\nkind: Widget\n---\n\tfoo: [\n---\nkind: ConfigMapper\n---\n" + pod()
    )
    made = injected(text, Options("search"))
    assert made.startswith(text.partition("# a pod")[0])


NAMES = st.sampled_from(["app", "side", "LOG", "RELEASE_NODE", "ERL_AFLAGS", "podname", "x.y", ""])
JUNK = st.none() | st.booleans() | st.integers() | NAMES
THINGS = st.recursive(
    JUNK,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)
NAMED = st.fixed_dictionaries(
    {"name": NAMES}, optional={"value": THINGS, "mountPath": THINGS, "configMap": THINGS}
)
CONTAINERS = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "env": st.lists(NAMED, max_size=3) | THINGS,
        "volumeMounts": st.lists(NAMED, max_size=2) | THINGS,
    },
)
LISTS = st.lists(NAMED | NAMES, max_size=2) | THINGS
SPECS = st.fixed_dictionaries(
    {"containers": st.lists(CONTAINERS, min_size=1, max_size=2) | THINGS},
    optional={
        "dnsConfig": st.dictionaries(st.sampled_from(["searches", "nameservers", "options"]), LISTS)
        | THINGS,
        "dnsPolicy": THINGS | st.sampled_from(["None", "ClusterFirst"]),
        "volumes": st.lists(NAMED, max_size=2) | THINGS,
        "hostname": THINGS,
        "subdomain": THINGS,
    },
)
TEMPLATES = st.fixed_dictionaries({"spec": SPECS | THINGS}, optional={"metadata": THINGS})


@given(TEMPLATES, st.sampled_from(OPTIONS), st.sampled_from(["Deployment", "Pod"]))
def test_any_template_is_injected_once_or_has_problems(
    template: Any, options: Options, kind: str
) -> None:
    owner = Owner(kind, "web", "default")
    once = inject(template, owner, options)
    operations = list(changes(template, once.template))
    if once.problems:
        return
    assert applied(template, operations) == once.template
    twice = inject(once.template, owner, options)
    assert not twice.problems
    assert twice.template == once.template


@settings(max_examples=50)
@given(THINGS | TEMPLATES, st.sampled_from(OPTIONS))
def test_any_object_in_a_file_is_injected_or_has_problems(thing: Any, options: Options) -> None:
    whole = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w"},
        "spec": {"template": thing},
    }
    outcome = inject_files({"f": yaml.safe_dump(whole)}, options, EXTRAS)
    assert outcome.texts or outcome.problems


@settings(max_examples=50)
@given(st.text(alphabet="kind: PodList\n-{}[]&*'\"|#", max_size=80), st.sampled_from(WAYS))
def test_any_text_is_injected_or_has_problems(text: str, via: Any) -> None:
    outcome: Outcome = inject_files({"f": f"kind: Pod\n{text}"}, Options(via, SERVER), EXTRAS)
    assert outcome.texts or outcome.problems
