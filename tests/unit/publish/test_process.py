"""`podname publish` as a process, its endpoint, and the manifests that run it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from podname.publish.metrics import ControllerCollector
from tests.support.apiserver import ApiServer
from tests.support.http import get
from tests.unit.publish.conftest import Publishing, headless, running

DEPLOY = Path(__file__).parents[3] / "deploy" / "publish"


def samples(publishing: Publishing) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in ControllerCollector(publishing.controller).collect()
        for sample in family.samples
        if sample.name.startswith("podname_publish_") and not sample.labels
    }


async def test_what_is_counted(publishing: Publishing, server: ApiServer) -> None:
    server.put("services", headless())
    server.put("services", headless("app=", "empty"))
    server.put("services", headless("app=web", "mine", selector={"app": "web"}))
    server.put("services", headless(None, "others"))
    server.put("pods", running(0))
    server.put("pods", running(1, name="dotted.name"))
    await publishing.until(lambda: len(publishing.slices) == 1)
    await publishing.quiet()
    found = samples(publishing)
    assert found["podname_publish_synced"] == 1
    assert found["podname_publish_leading"] == 1
    assert found["podname_publish_services"] == 2  # `app=` is a selector: the empty value
    assert found["podname_publish_services_refused"] == 1
    assert found["podname_publish_endpoints"] == 2
    assert found["podname_publish_pods_without_hostname"] == 1
    assert found["podname_publish_queue_length"] == 0
    assert found["podname_publish_elections_total"] == 1
    assert found["podname_publish_failures_total"] == 0


@asynccontextmanager
async def command(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "podname", "publish", *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kubeconfig"
    entry = {"cluster": "c", "namespace": "home"}
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": entry}],
                "clusters": [{"name": "c", "cluster": {"server": url}}],
            }
        )
    )
    return path


async def line(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while octets := await process.stdout.readline():
            if text in octets.decode():
                return octets.decode()
    raise AssertionError(text)


async def test_it_publishes_until_it_is_told_to_end(server: ApiServer, tmp_path: Path) -> None:
    server.put("services", headless())
    server.put("pods", running(0))
    free = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    path = kubeconfig(tmp_path, server.url)
    async with command(
        tmp_path, "--kubeconfig", str(path), "--listen", f"127.0.0.1:{port}"
    ) as process:
        assert "holds the Lease home/podname-publish" in await line(process, "leading")
        await line(process, "Service default/web: 1 endpoints, 1 slices written, 0 deleted")
        assert await get(port, "/health") == (200, "OK")
        assert await get(port, "/ready") == (200, "OK")
        status, text = await get(port, "/metrics")
        assert status == 200
        assert "podname_publish_leading 1.0" in text
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    lease: Any = server.state.get("leases", "home", "podname-publish")
    assert lease["spec"]["holderIdentity"] == ""
    assert server.state.get("endpointslices", "default", "web-podname-ipv4-0") is not None


async def test_it_is_not_ready_before_it_knows_everything(
    server: ApiServer, tmp_path: Path
) -> None:
    server.faults.forbidden.add("pods")
    path = kubeconfig(tmp_path, server.url)
    free = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    async with command(
        tmp_path, "--kubeconfig", str(path), "--listen", f"127.0.0.1:{port}"
    ) as process:
        await line(process, ", Lease home/podname-publish")  # the endpoint is open
        assert await get(port, "/ready") == (503, "not synced")
        assert await get(port, "/health") == (200, "OK")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--listen", "nowhere"], 2, "'nowhere' is no [HOST]:PORT"),
        (["--kubeconfig", "missing"], 1, "podname: cannot read missing"),
        ([], 1, "podname: not in a cluster"),
    ],
)
async def test_what_is_wrong_is_said(
    tmp_path: Path, arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    async with command(tmp_path, *arguments) as process:
        _, errors = await process.communicate()
        assert process.returncode == code
        assert said in errors.decode()


def documents(folder: Path) -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return [
        item
        for name in kustomization["resources"]
        for item in yaml.safe_load_all((folder / name).read_text())
    ]


@pytest.mark.parametrize("folder", [DEPLOY, DEPLOY / "one-namespace"], ids=["all", "one"])
def test_the_manifests_grant_what_is_asked_for_and_no_more(folder: Path) -> None:
    items = documents(folder)
    kinds = [item["kind"] for item in items]
    granted = {
        (group, resource, verb)
        for item in items
        for rule in item.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    slices, leases = "discovery.k8s.io", "coordination.k8s.io"
    assert granted == {
        *{("", kind, verb) for kind in ("services", "pods") for verb in ("list", "watch")},
        *{(slices, "endpointslices", v) for v in ("list", "watch", "create", "patch", "delete")},
        *{(leases, "leases", verb) for verb in ("get", "create", "update")},
    }
    assert ("ClusterRole" in kinds) == (folder == DEPLOY)


def test_the_deployment_starts_what_the_command_line_takes() -> None:
    from podname.cli.publish import command as publish  # noqa: PLC0415

    for folder in (DEPLOY, DEPLOY / "one-namespace"):
        (deployment,) = [item for item in documents(folder) if item["kind"] == "Deployment"]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        name, *arguments = container["args"]
        assert name == "publish"
        assert publish.make_context("publish", [*arguments]).params["listen"] == ("", 9153)
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
