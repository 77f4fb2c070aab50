"""Several kubeconfigs are read as kubectl reads them. No cluster, only the program."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.harness.programs import prepare

from podname.errors import KubeError
from podname.kube.config import from_kubeconfig

NAMES = ("a", "b", "c")
SETS = 60


def generated(dice: random.Random, number: int) -> dict[str, Any]:
    """Write a part of a kubeconfig, now and then an empty one."""

    def some() -> list[str]:
        return dice.sample(NAMES, dice.randint(0, len(NAMES)))

    cluster = {"server": f"https://{number}.example", "certificate-authority": "ca.crt"}
    user = {"client-certificate": "ca.crt", "client-key": "ca.crt", "token": f"t{number}"}
    document = {
        "clusters": [{"name": name, "cluster": cluster} for name in some()],
        "users": [{"name": name, "user": user} for name in some()],
        "contexts": [
            {
                "name": name,
                "context": {
                    "cluster": dice.choice(NAMES),
                    "user": dice.choice(NAMES),
                    "namespace": f"n{number}",
                },
            }
            for name in some()
        ],
        "current-context": dice.choice(["", *NAMES]),
    }
    return dice.choice([document, document, document, {}])


@pytest.fixture(scope="module")
def kubectl() -> Path:
    return prepare()["kubectl"]


def theirs(kubectl: Path, listed: str, context: str = "") -> dict[str, Any] | None:
    """Return what kubectl makes of KUBECONFIG; None when it refuses."""
    command = [str(kubectl), "config", "view", "--raw", "--flatten", "--minify", "-o", "json"]
    ran = subprocess.run(
        [*command, *(["--context", context] if context else [])],
        env={**os.environ, "KUBECONFIG": listed},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return json.loads(ran.stdout) if ran.returncode == 0 else None


def test_several_kubeconfigs_are_merged_as_kubectl_does(tmp_path: Path, kubectl: Path) -> None:
    dice, both = random.Random(20261201), 0
    for number in range(SETS):
        files = []
        for part in range(dice.randint(1, 3)):
            folder = tmp_path / f"{number}-{part}"
            files.append(folder / "config")
            if dice.random() < 0.9:
                folder.mkdir()
                (folder / "ca.crt").write_text(f"{number}-{part}")
                files[-1].write_text(yaml.safe_dump(generated(dice, 10 * number + part)))
        context = dice.choice(["", *NAMES])
        found = theirs(kubectl, ":".join(map(str, files)), context)
        try:
            ours = from_kubeconfig(tuple(files), context)
        except KubeError:
            assert not _is_complete(found), (number, found)
            continue
        assert found is not None
        both += 1
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        assert ours.server == cluster["server"]
        assert ours.ca is not None
        assert ours.certificate is not None
        assert ours.ca.read() == _decoded(cluster["certificate-authority-data"])
        assert ours.certificate.read() == _decoded(user["client-certificate-data"])
        assert ours.token == user["token"]
        assert ours.namespace == found["contexts"][0]["context"]["namespace"]
    assert both > SETS / 5


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


def _is_complete(found: dict[str, Any] | None) -> bool:
    """Tell whether kubectl could go to a server with that: it shows also what leads nowhere."""
    return bool(found and found.get("clusters") and found.get("users") and found.get("contexts"))


@pytest.mark.parametrize("broken", ["{", "- a"])
def test_one_that_is_broken_spoils_all(tmp_path: Path, kubectl: Path, broken: str) -> None:
    good = {
        "clusters": [{"name": "a", "cluster": {"server": "https://x"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a"}}],
        "current-context": "a",
    }
    files = tmp_path / "good", tmp_path / "broken"
    files[0].write_text(yaml.safe_dump(good))
    assert theirs(kubectl, str(files[0])) is not None
    files[1].write_text(broken)
    assert theirs(kubectl, f"{files[0]}:{files[1]}") is None
    with pytest.raises(KubeError, match="broken is no"):
        from_kubeconfig(files)
