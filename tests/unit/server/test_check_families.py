"""The Corefiles that clusters come with: each is set up whole, or what is missing is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from podname.corefile import parse
from podname.engine.reference import PythonEngine
from podname.errors import CorefileError
from podname.plugins.base import Resources
from podname.server.configuration import House, configure

FOLDER = Path(__file__).parents[2] / "data" / "corefiles"

#: Family → where podname says no, and to which word. Empty: it is set up whole.
EXPECTED = {
    "aks/Corefile": [],
    "coredns-deployment": [],
    "eks": [],
    "gardener": [],
    "helm": ["helm:19:24 grpc://"],
    "k3s": [],
    "kops": [],
    "kubeadm": [],
    "kubeadm-2025": [],
    "kubespray": [],
    "minikube": [],
    "nodelocal": [],
    "openshift": [],
    "vcluster": [],
}


def test_every_family_is_here() -> None:
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert {name for name in found if "custom/" not in name} == set(EXPECTED)


@pytest.mark.parametrize("family", sorted(EXPECTED))
async def test_a_family_is_set_up_or_what_is_missing_is_named(family: str) -> None:
    path = FOLDER / family
    house = House(PythonEngine(), 53, path.parent, lambda _: None, elsewhere=True)
    try:
        await configure(parse(path), house, Resources())
    except CorefileError as error:
        refused = [str(told).removeprefix(f"{FOLDER}/") for told in (error, *error.others)]
    else:
        refused = []
    assert len(refused) == len(EXPECTED[family]), refused
    for message, expected in zip(refused, EXPECTED[family], strict=True):
        place, word = expected.split()
        assert message.startswith(f"{place}: ")
        assert f"'{word}'" in message or f" {word} " in message
        assert " yet" in message
