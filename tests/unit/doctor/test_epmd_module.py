"""Judging nodes that run with the module podname_epmd, or with another one."""

from __future__ import annotations

from dataclasses import replace

from podname.dns.nameserver import Nameserver
from podname.doctor.findings import Outcome
from podname.erlang.asking import Asked
from podname.erlang.environment import Erlang
from podname.erlang.lookup import Lookup
from tests.unit.doctor.scene import MACHINE, facts, found, outcomes

WITH_MODULE = Erlang("long", "b", epmd_module="podname_epmd")


def test_what_it_needs_is_its_own_fix() -> None:
    lookup = Lookup("there", (), "NXDOMAIN", "podname_epmd", port=4370)
    seen = facts(lookup=lookup, machine=replace(MACHINE, erlang=WITH_MODULE), reach=None)
    assert "role.yaml" in found(seen)["resolves-here"].fix
    assert (
        "PODNAME_DNS"
        in found(replace(seen, lookup=replace(lookup, asked=(seen_no(),))))["resolves-here"].fix
    )


def seen_no() -> Asked:
    return Asked(Nameserver.parse("10.0.0.1"), "there", "NXDOMAIN")


def test_the_way_of_another_module_is_not_known() -> None:
    erlang = Erlang("long", "b", epmd_module="other")
    seen = facts(
        lookup=Lookup("there", (), "no"), machine=replace(MACHINE, erlang=erlang), reach=None
    )
    assert found(seen)["resolves-here"].outcome is Outcome.WARNS
    assert "fails" not in outcomes(seen).values()
