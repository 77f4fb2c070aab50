"""Where the API server is: in a cluster, in a kubeconfig, at an address; and what is refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from podname.errors import KubeError
from podname.kube.config import (
    ClusterConfig,
    ExecConfig,
    Pem,
    for_command,
    from_endpoint,
    from_kubeconfig,
    in_cluster,
)
from podname.kube.kubeconfig import named_by

INSIDE = {"KUBERNETES_SERVICE_HOST": "10.43.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    for name, text in {"token": "secret\n", "ca.crt": "PEM", "namespace": "team-a\n"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_in_a_cluster(account: Path) -> None:
    assert in_cluster(INSIDE, account) == ClusterConfig(
        "https://10.43.0.1:443",
        Pem(account / "ca.crt"),
        token_file=account / "token",
        namespace="team-a",
    )
    six = INSIDE | {"KUBERNETES_SERVICE_HOST": "fd00::1"}
    assert in_cluster(six, account).server == "https://[fd00::1]:443"


def test_a_command_names_its_own_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeError, match="say the way with --kubeconfig FILE"):
        for_command(None)


def test_not_in_a_cluster(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="not in a cluster"):
        in_cluster({}, tmp_path)
    with pytest.raises(KubeError, match="token: No such file"):
        in_cluster(INSIDE, tmp_path)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://api:6443", "https://api:6443"),
        ("https://api:6443/prefix/", "https://api:6443/prefix"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("api:8080", "http://api:8080"),
        ("https://[::1]:6443", "https://[::1]:6443"),
    ],
)
def test_an_endpoint(url: str, server: str) -> None:
    assert from_endpoint(url).server == server


@pytest.mark.parametrize("url", ["", "ftp://x", "https://", "https://x:99999", "https://[", "://"])
def test_what_is_no_endpoint(url: str) -> None:
    with pytest.raises(KubeError, match="no address"):
        from_endpoint(url)


def test_an_endpoint_with_tls() -> None:
    config = from_endpoint("https://api:6443", "a.crt", "a.key", "ca.crt")
    assert (config.certificate, config.key, config.ca) == tuple(
        Pem(Path(name)) for name in ("a.crt", "a.key", "ca.crt")
    )


def kubeconfig(tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], **top: Any) -> Path:
    document = {
        "current-context": "main",
        "contexts": [
            {"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}},
            {"name": "other", "context": {"cluster": "c2"}},
        ],
        "clusters": [
            {"name": "c", "cluster": {"server": "https://api:6443", **cluster}},
            {"name": "c2", "cluster": {"server": "https://other:6443"}},
        ],
        "users": [{"name": "u", "user": user}],
        **top,
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(document))
    return path


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_kubeconfig_with_files(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path,
        {"certificate-authority": "ca.crt", "tls-server-name": "kubernetes"},
        {
            "client-certificate": "/abs/a.crt",
            "client-key": "a.key",
            "tokenFile": "token",
            "token": "not this",
        },
    )
    assert from_kubeconfig(path) == ClusterConfig(
        "https://api:6443",
        Pem(tmp_path / "ca.crt"),
        "kubernetes",
        certificate=Pem(Path("/abs/a.crt")),
        key=Pem(tmp_path / "a.key"),
        token_file=tmp_path / "token",
        namespace="team-a",
    )


def test_a_kubeconfig_with_data(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path,
        {
            "certificate-authority-data": b64("CA"),
            "certificate-authority": "x",
            "insecure-skip-tls-verify": True,
        },
        {"client-certificate-data": b64("CRT"), "client-key-data": b64("KEY"), "token": "secret"},
    )
    config = from_kubeconfig(path, "main")
    assert config.ca == Pem(data=b"CA")
    assert (config.certificate, config.key) == (Pem(data=b"CRT"), Pem(data=b"KEY"))
    assert (config.token, config.insecure) == ("secret", True)


def test_another_context(tmp_path: Path) -> None:
    config = from_kubeconfig(kubeconfig(tmp_path, {}, {}), "other")
    assert config == ClusterConfig("https://other:6443")


def test_an_exec_plugin(tmp_path: Path) -> None:
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "bin/plugin",
        "args": ["get", 7],
        "env": [{"name": "A", "value": "b"}],
        "installHint": "install it",
        "interactiveMode": "Never",
        "provideClusterInfo": True,
    }
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    path = kubeconfig(
        tmp_path, {"extensions": [extension], "tls-server-name": "k"}, {"exec": entry}
    )
    assert from_kubeconfig(path).plugin == ExecConfig(
        "client.authentication.k8s.io/v1",
        str(tmp_path / "bin/plugin"),
        ("get", "7"),
        {"A": "b"},
        "install it",
        "Never",
        {"server": "https://api:6443", "tls-server-name": "k", "config": {"audience": "x"}},
    )


@pytest.mark.parametrize(
    ("cluster", "user", "message"),
    [
        (
            {"proxy-url": "https://proxy"},
            {},
            "`proxy-url` 'https://proxy' is not supported: http://HOST",
        ),
        ({"proxy-url": "http://[x"}, {}, "config: `proxy-url` 'http://.x' is no URL"),
        ({}, {"auth-provider": {"name": "gcp"}}, "`auth-provider` is not supported"),
        ({}, {"as": "somebody"}, "`as` is not supported"),
        ({}, {"username": "u"}, "`username` is not supported"),
        ({"certificate-authority-data": "%%%"}, {}, "`certificate-authority-data` is no base64"),
        ({"server": ""}, {}, "no address of an API server"),
    ],
)
def test_what_a_kubeconfig_may_not_say(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], message: str
) -> None:
    with pytest.raises(KubeError, match=message):
        from_kubeconfig(kubeconfig(tmp_path, cluster, user))


@pytest.mark.parametrize(
    ("top", "context", "message"),
    [
        ({}, "nope", "has no context 'nope'; it has: main, other"),
        ({"current-context": ""}, "", "no context is named"),
        ({"clusters": None}, "", "has no cluster 'c'; it has: none"),
        ({"clusters": [1, {"name": "x"}]}, "", "has no cluster 'c'; it has: x"),
        ({"users": []}, "", "has no user 'u'"),
        ({"contexts": [{"name": "main", "context": 5}]}, "", "has no cluster ''"),
    ],
)
def test_a_kubeconfig_that_lacks_something(
    tmp_path: Path, top: dict[str, Any], context: str, message: str
) -> None:
    with pytest.raises(KubeError, match=message):
        from_kubeconfig(kubeconfig(tmp_path, {}, {}, **top), context)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "is no YAML"), ("- a", "is no kubeconfig"), ("", "no context is named")],
)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeError, match=message):
        from_kubeconfig(path)


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="No such file"):
        from_kubeconfig(tmp_path / "config")


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Make two files, each with a part, in folders of their own."""
    first = {
        "clusters": [
            {"name": "a", "cluster": {"server": "http://a", "certificate-authority": "ca"}}
        ]
    }
    second = {
        "current-context": "b",
        "contexts": [{"name": "b", "context": {"cluster": "a", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "a", "cluster": {"server": "http://other"}}],
        "users": [{"name": "u", "user": {"tokenFile": "token"}}],
    }
    for name, document in {"first": first, "second": second}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text(yaml.safe_dump(document))
    return tmp_path


def test_several_kubeconfigs_are_one(several: Path) -> None:
    files = tuple(several / name / "config" for name in ("first", "none", "second"))
    assert from_kubeconfig(files) == ClusterConfig(
        "http://a",
        Pem(several / "first/ca"),
        token_file=several / "second/token",
        namespace="shop",
    )
    assert from_kubeconfig(files[::-1]).server == "http://other"


def test_each_kubeconfig_that_cannot_be_read_is_named(several: Path) -> None:
    for name in ("first", "second"):
        (several / name / "config").write_text("{")
    with pytest.raises(KubeError, match=r"first/config is no YAML.*; .*second/config is no YAML"):
        from_kubeconfig(tuple(several / name / "config" for name in ("first", "second")))
    with pytest.raises(KubeError, match=r"cannot read x: No such file.*; cannot read y"):
        from_kubeconfig((Path("x"), Path("y")))


def test_which_files_kubectl_reads(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert named_by({}) == named_by(home) == ()
    assert named_by(home | {"KUBECONFIG": ":a:b:a"}) == (Path("a"), Path("b"))
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").touch()
    assert named_by(home | {"KUBECONFIG": ""}) == (tmp_path / ".kube/config",)
