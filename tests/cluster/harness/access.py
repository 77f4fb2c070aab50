"""Service accounts with exactly the permissions they are given, and their kubeconfig files.

Sources: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ and the TokenRequest API.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.harness.api import Api, Object, path

Rule = Mapping[str, Sequence[str]]
GROUP = "rbac.authorization.k8s.io"


def reads(*resources: str, group: str = "") -> Rule:
    """Return the rule that allows to list and watch resources of an API group."""
    return {"apiGroups": [group], "resources": resources, "verbs": ["list", "watch"]}


COREDNS_RULES: tuple[Rule, ...] = (
    reads("services", "pods", "namespaces"),
    reads("endpointslices", group="discovery.k8s.io"),
)
"""What CoreDNS's own manifest grants it."""

PODNAME_RULES = COREDNS_RULES
"""What podname needs with `pod_names`; without it, not even the pods."""


def create_account(
    api: Api, name: str, rules: Sequence[Rule], *, only_in: str = "", home: str = "default"
) -> None:
    """Create a service account and its rules: a ClusterRole, or a Role if `only_in` is given."""
    scope = "" if only_in else "Cluster"
    place = {"namespace": only_in} if only_in else {}
    metadata = {"name": name, **place}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": home}
    role = {"kind": f"{scope}Role", "name": name, "apiGroup": GROUP}
    version = {"apiVersion": f"{GROUP}/v1", "metadata": metadata}
    api.create({"kind": "ServiceAccount", "metadata": {"name": name, "namespace": home}})
    api.create({**version, "kind": f"{scope}Role", "rules": list(rules)})
    api.create({**version, "kind": f"{scope}RoleBinding", "roleRef": role, "subjects": [subject]})


def create_token(
    api: Api, name: str, *, home: str = "default", lifetime_seconds: int = 3600
) -> str:
    """Ask for a token of a service account; ten minutes are the shortest life that is granted."""
    wish: Object = {"spec": {"expirationSeconds": lifetime_seconds}}
    answer = api.request("POST", f"{path('ServiceAccount', home, name)}/token", wish)
    return str(answer["status"]["token"])


def write_in_cluster_files(root: Path, token: str, authority: Path) -> None:
    """Put a token where a program in a pod finds its own, under the root of its file system."""
    folder = root / "run/secrets/kubernetes.io/serviceaccount"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_bytes(authority.read_bytes())
    (folder / "namespace").write_text("default")
