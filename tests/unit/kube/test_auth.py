"""Being let in: tokens that are renewed, exec plugins of both versions, certificates that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from podname.errors import KubeError
from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig, ExecConfig, Pem
from podname.kube.plugin import Credential, run_plugin
from tests.support.clock import FakeClock

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"


async def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", FakeClock()
    file.write_text("one\n")
    credentials = Credentials(ClusterConfig("http://x", token_file=file), clock)
    assert await credentials.headers() == {"Authorization": "Bearer one"}
    file.write_text("two")
    clock.advance(59)
    assert await credentials.headers() == {"Authorization": "Bearer one"}
    clock.advance(1)
    assert await credentials.headers() == {"Authorization": "Bearer two"}


async def test_a_refused_token_is_read_again_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    credentials = Credentials(ClusterConfig("http://x", token_file=file), FakeClock())
    generation = credentials.generation
    await credentials.headers()
    file.write_text("two")
    credentials.renew(generation)
    assert await credentials.headers() == {"Authorization": "Bearer two"}
    file.write_text("three")
    credentials.renew(generation)  # another stream, whose request was older
    assert await credentials.headers() == {"Authorization": "Bearer two"}


async def test_a_token_file_that_is_gone_is_an_error_for_now(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", FakeClock()
    credentials = Credentials(ClusterConfig("http://x", token_file=file), clock)
    with pytest.raises(KubeError, match="No such file"):
        await credentials.headers()
    file.write_text("one")
    assert await credentials.headers() == {"Authorization": "Bearer one"}
    file.unlink()
    clock.advance(60)
    assert await credentials.headers() == {"Authorization": "Bearer one"}


async def test_without_a_token_there_is_no_header() -> None:
    credentials = Credentials(ClusterConfig("http://x"), FakeClock())
    assert await credentials.headers() == {}
    assert await credentials.tls() is None


@pytest.mark.parametrize(
    ("ca", "certificate", "key"),
    [(b"nonsense", b"", b""), (b"", b"nonsense", b"nonsense"), (b"\xff\xfe", b"", b"")],
)
async def test_certificates_that_are_none(ca: bytes, certificate: bytes, key: bytes) -> None:
    config = ClusterConfig(
        "https://x", Pem(data=ca), certificate=Pem(data=certificate), key=Pem(data=key)
    )
    with pytest.raises(KubeError, match="cannot be used"):
        await Credentials(config, FakeClock()).tls()


Plugin = Callable[..., ExecConfig]


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """Make a plugin that notes what it is told and prints what it is given."""

    def make(output: object, *, version: str = V1, code: int = 0, **options: Any) -> ExecConfig:
        text = output if isinstance(output, str) else json.dumps(output)
        (tmp_path / "output").write_text(text)
        script = tmp_path / "plugin"
        script.write_text(
            "#!/bin/sh\n"
            f'printf "%s" "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\n'
            f'echo "$A $@" >> {tmp_path}/asked\n'
            f"cat {tmp_path}/output\necho trouble >&2\nexit {code}\n"
        )
        script.chmod(0o700)
        return ExecConfig(version, str(script), **options)

    return make


def credential(version: str = V1, **status: object) -> dict[str, object]:
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}


@pytest.mark.parametrize("version", [V1, V1BETA1])
async def test_a_plugin_gives_a_token(plugin: Plugin, tmp_path: Path, version: str) -> None:
    config = plugin(
        credential(version, token="secret", expirationTimestamp="2030-01-01T00:00:00Z"),
        version=version,
        arguments=("get", "x y"),
        environment={"A": "b"},
        cluster={"server": "https://x"},
    )
    found = await run_plugin(config)
    assert found == Credential("secret", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert (tmp_path / "asked").read_text() == "b get x y\n"
    assert json.loads((tmp_path / "info").read_text()) == {
        "apiVersion": version,
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": "https://x"}},
    }


async def test_a_plugin_is_asked_again_when_its_token_expires(
    plugin: Plugin, tmp_path: Path
) -> None:
    def expiring(token: str, seconds: float) -> dict[str, object]:
        return credential(
            token=token,
            expirationTimestamp=(datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(),
        )

    credentials = Credentials(
        ClusterConfig("http://x", plugin=plugin(expiring("one", 5))), FakeClock()
    )
    assert await credentials.headers() == {"Authorization": "Bearer one"}
    plugin(expiring("two", 3600))
    assert await credentials.headers() == {"Authorization": "Bearer two"}
    plugin(expiring("three", 3600))
    assert await credentials.headers() == {"Authorization": "Bearer two"}
    assert len((tmp_path / "asked").read_text().splitlines()) == 2


async def test_a_plugin_gives_a_client_certificate(plugin: Plugin) -> None:
    issued = trustme.CA().issue_cert("podname@example.org")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems).decode()
    key = issued.private_key_pem.bytes().decode()
    config = plugin(credential(clientCertificateData=chain, clientKeyData=key))
    credentials = Credentials(ClusterConfig("https://x", plugin=config), FakeClock())
    assert await credentials.headers() == {}
    assert await credentials.tls() is not None
    assert credentials._given is not None
    assert credentials._given.certificate == chain.encode()


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (
            credential(token="x"),
            {"version": "client.authentication.k8s.io/v1alpha1"},
            "v1alpha1' is not supported",
        ),
        (credential(token="x"), {"interactive_mode": "Always"}, "wants a terminal"),
        (credential(token="x"), {"code": 3}, "ended with code 3: trouble"),
        (credential(V1BETA1, token="x"), {}, "v1' was asked for"),
        (credential(), {}, "no token and no certificate"),
        (credential(clientCertificateData="x"), {}, "no token and no certificate"),
        ({"apiVersion": V1, "kind": "ExecCredential"}, {}, "no token and no certificate"),
        ("nonsense", {}, "gave no ExecCredential"),
        (credential(token=5), {}, "gave no ExecCredential"),
        (credential(token="x", expirationTimestamp="soon"), {}, "gave no ExecCredential"),
    ],
)
async def test_plugins_that_fail(
    plugin: Plugin, output: object, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(KubeError, match=message):
        await run_plugin(plugin(output, **options))


async def test_a_plugin_that_is_not_there_says_how_to_get_it() -> None:
    with pytest.raises(KubeError, match="No such file or directory; brew install it"):
        await run_plugin(ExecConfig(V1, "/no/such/plugin", install_hint="brew install it"))


async def test_a_plugin_that_hangs_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "plugin"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o700)
    with pytest.raises(KubeError, match=r"took over 0\.05 s"):
        await run_plugin(ExecConfig(V1, str(script)), deadline_seconds=0.05)
