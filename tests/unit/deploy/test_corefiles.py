"""Each Corefile of `deploy/`, and what its pages tell people to make of theirs, is one that podname serves."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from podname.cli import main
from tests.unit.deploy.building import DEPLOY, FOLDERS, build

COREFILES = sorted(DEPLOY.rglob("Corefile"))
KUBEADM = DEPLOY.parent / "tests/cluster/coredns/kubeadm.yaml"


def check(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    monkeypatch.setenv("POD_NAMESPACE", "default")
    monkeypatch.setattr(sys, "argv", ["podname", "check", "-elsewhere", str(path)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0), capsys.readouterr().err


def kubeadms() -> str:
    items = list(yaml.safe_load_all(KUBEADM.read_text()))
    (config,) = [item for item in items if item["kind"] == "ConfigMap"]
    return str(config["data"]["Corefile"])


@pytest.mark.parametrize("path", COREFILES, ids=lambda path: path.parent.name)
def test_a_corefile_is_good(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(path, monkeypatch, capsys) == (0, "")


def test_every_deployment_of_a_server_finds_its_corefile() -> None:
    for folder in FOLDERS:
        maps = {
            item["metadata"]["name"]: item.get("data", {})
            for item in build(folder)
            if item["kind"] == "ConfigMap"
        }
        for item in build(folder):
            if item["kind"] == "Deployment" and folder.name != "base":
                arguments = item["spec"]["template"]["spec"]["containers"][0]["args"]
                if "/etc/podname/Corefile" in arguments:
                    assert "Corefile" in maps["podname"]


def test_the_stub_zones_stand_behind_kubeadms_corefile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = kubeadms()
    for name in ("podname.server", "reverse.server"):
        text += (DEPLOY / "stub-zone" / name).read_text()
    text = re.sub("^PODS", "10.42.0.0/16", text, flags=re.MULTILINE)
    path = tmp_path / "Corefile"
    path.write_text(re.sub("ADDRESS$", "10.43.0.53", text, flags=re.MULTILINE))
    assert check(path, monkeypatch, capsys) == (0, "")


def test_the_names_of_pods_come_on_top_of_kubeadms_corefile() -> None:
    ours = (DEPLOY / "replacement-pod-names/Corefile").read_text()
    assert ours.replace("       pod_names\n", "") == kubeadms()
    assert "pod_names" in ours
