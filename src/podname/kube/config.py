"""Where the API server is and how to speak to it: in a cluster, by a kubeconfig file, or by an address.

Only what is asked for is read. A kubeconfig that needs something we do not do (an `auth-provider`,
impersonation) is refused by that name, not used as if it did not say so.

Sources: client-go rest `InClusterConfig`, tools/clientcmd/api v1 `Config`; CoreDNS plugin/kubernetes `getClientConfig`.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from podname.errors import KubeError
from podname.kube.files import read_file
from podname.kube.kubeconfig import Entry, load
from podname.kube.proxy import Proxy

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_USER_REFUSED = ("auth-provider", "username", "as", "as-uid", "as-groups", "as-user-extra")


@dataclass(frozen=True)
class Pem:
    """A certificate or a key: in a file, which may be renewed, or as it stands."""

    file: Path | None = None
    data: bytes = b""

    def read(self) -> bytes:
        """Return its octets. Raises KubeError when the file cannot be read."""
        return self.data if self.file is None else read_file(self.file)


@dataclass(frozen=True)
class ExecConfig:
    """A program that gives credentials (client.authentication.k8s.io)."""

    api_version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    install_hint: str = ""
    interactive_mode: str = "IfAvailable"
    cluster: Mapping[str, Any] | None = None  # what KUBERNETES_EXEC_INFO says of the cluster


@dataclass(frozen=True)
class ClusterConfig:
    """An API server, and everything that is needed to be let in."""

    server: str
    ca: Pem | None = None
    server_name: str = ""
    insecure: bool = False
    certificate: Pem | None = None
    key: Pem | None = None
    token: str = ""
    token_file: Path | None = None
    plugin: ExecConfig | None = None
    namespace: str = "default"
    proxy: Proxy | None = None


def in_cluster(
    environment: Mapping[str, str] | None = None,
    folder: Path = SERVICE_ACCOUNT,
    instead: str = "name a `kubeconfig` or an `endpoint`",
) -> ClusterConfig:
    """Read what Kubernetes gives each pod: two variables and the projected files of its service account.

    Where there is no cluster the message says what to do `instead`.
    """
    variables = os.environ if environment is None else environment
    host = variables.get("KUBERNETES_SERVICE_HOST", "")
    port = variables.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise KubeError(
            "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set;"
            f" {instead}"
        )
    token_file, namespace_file = folder / "token", folder / "namespace"
    read_file(token_file)
    return ClusterConfig(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca=Pem(folder / "ca.crt"),
        token_file=token_file,
        namespace=(
            read_file(namespace_file).decode().strip() if namespace_file.exists() else "default"
        ),
    )


def for_command(kubeconfig: Path | None) -> ClusterConfig:
    """Read what `--kubeconfig` names, or else what a pod is given."""
    if kubeconfig is None:
        return in_cluster(instead="say the way with --kubeconfig FILE")
    return from_kubeconfig(kubeconfig)


def from_endpoint(
    url: str, certificate: str = "", key: str = "", certificate_authority: str = ""
) -> ClusterConfig:
    """Speak to `url`, with the three files of the Corefile's `tls` when they are given."""
    return ClusterConfig(
        server=_server(url, "endpoint"),
        ca=_optional(certificate_authority),
        certificate=_optional(certificate),
        key=_optional(key),
    )


def from_kubeconfig(paths: Path | tuple[Path, ...], context: str = "") -> ClusterConfig:
    """Read one context of a kubeconfig file or of several, its current one when none is named."""
    merged = load((paths,) if isinstance(paths, Path) else paths)
    name = context or merged.current_context
    if not name:
        raise KubeError(f"{merged.name}: no context is named, and it has no current-context")
    chosen = merged.entry("context", name).content
    cluster_entry = merged.entry("cluster", str(chosen.get("cluster") or ""))
    user_name = str(chosen.get("user") or "")
    user_entry = merged.entry("user", user_name) if user_name else Entry(cluster_entry.file)
    path, cluster = cluster_entry.file, cluster_entry.content
    user_path, user = user_entry.file, user_entry.content
    _refuse(user_path, user, _USER_REFUSED)
    token_file = str(user.get("tokenFile") or "")
    return ClusterConfig(
        server=_server(str(cluster.get("server") or ""), str(path)),
        ca=_pem(path, cluster, "certificate-authority"),
        server_name=str(cluster.get("tls-server-name") or ""),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        proxy=_proxy(path, str(cluster.get("proxy-url") or "")),
        certificate=_pem(user_path, user, "client-certificate"),
        key=_pem(user_path, user, "client-key"),
        token="" if token_file else str(user.get("token") or ""),
        token_file=user_path.parent / token_file if token_file else None,
        plugin=_plugin(user_path, user, cluster),
        namespace=str(chosen.get("namespace") or "default"),
    )


def _proxy(path: Path, url: str) -> Proxy | None:
    try:
        return Proxy.parse(url) if url else None
    except KubeError as error:
        raise KubeError(f"{path}: {error}") from None


def _refuse(path: Path, entry: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if entry.get(key):
            raise KubeError(
                f"{path}: `{key}` is not supported: use a token, a client certificate or an exec plugin"
            )


def _pem(path: Path, entry: dict[str, Any], key: str) -> Pem | None:
    """Read `key-data`, which wins, or `key`, a file beside the kubeconfig."""
    data = entry.get(f"{key}-data")
    if data:
        try:
            return Pem(data=base64.b64decode(str(data), validate=True))
        except binascii.Error as error:
            raise KubeError(f"{path}: `{key}-data` is no base64") from error
    file = entry.get(key)
    return Pem(path.parent / str(file)) if file else None


def _plugin(path: Path, user: dict[str, Any], cluster: dict[str, Any]) -> ExecConfig | None:
    entry = user.get("exec")
    if not isinstance(entry, dict):
        return None
    command = str(entry.get("command") or "")
    variables = [each for each in entry.get("env") or () if isinstance(each, dict)]
    return ExecConfig(
        api_version=str(entry.get("apiVersion") or ""),
        command=str(path.parent / command) if "/" in command else command,
        arguments=tuple(str(each) for each in entry.get("args") or ()),
        environment={str(each.get("name")): str(each.get("value") or "") for each in variables},
        install_hint=str(entry.get("installHint") or ""),
        interactive_mode=str(entry.get("interactiveMode") or "IfAvailable"),
        cluster=_told_cluster(cluster) if entry.get("provideClusterInfo") is True else None,
    )


def _told_cluster(cluster: dict[str, Any]) -> dict[str, Any]:
    """What a plugin with `provideClusterInfo` is told: the cluster's entry, and its own extension."""
    keys = (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority-data",
        "proxy-url",
    )
    told = {key: cluster[key] for key in keys if cluster.get(key)}
    for extension in cluster.get("extensions") or ():
        if isinstance(extension, dict) and extension.get("name") == (
            "client.authentication.k8s.io/exec"
        ):
            told["config"] = extension.get("extension")
    return told


def _optional(file: str) -> Pem | None:
    return Pem(Path(file)) if file else None


def _server(url: str, where: str) -> str:
    """Check the API server's address: a scheme and a host at least."""
    text = url if "://" in url else f"http://{url}" if url else ""
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise KubeError(f"{where}: {url!r} is no address of an API server")
    return text.rstrip("/")
