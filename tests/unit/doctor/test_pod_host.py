"""Which pod a host means, and what the machine says when it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.doctor import machine, pod_host
from podname.doctor.pod_host import Kind, PodHost


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("10.0.0.1", PodHost(Kind.ADDRESS, "10.0.0.1")),
        ("fd00::1", PodHost(Kind.ADDRESS, "fd00::1")),
        ("web-0", PodHost(Kind.SHORT, "web-0")),
        (
            "web-0.web.ns.svc.cluster.local",
            PodHost(Kind.SERVICE, "web-0", "web", "ns", "cluster.local"),
        ),
        ("Web-0.web.ns.svc", PodHost(Kind.SERVICE, "web-0", "web", "ns", "")),
        ("web-0.ns.pod.cluster.local", PodHost(Kind.POD, "web-0", "", "ns", "cluster.local")),
        ("a.b.ns.pod.x", PodHost(Kind.POD, "a.b", "", "ns", "x")),
        ("pod.ns.pod.x", PodHost(Kind.POD, "pod", "", "ns", "x")),
        ("laptop.example", PodHost(Kind.OTHER, "laptop")),
        (".web.ns.svc.x", PodHost(Kind.SERVICE, "", "web", "ns", "x")),
    ],
)
def test_a_host_says_which_pod_it_means(host: str, place: PodHost) -> None:
    assert pod_host.read(host) == place


@given(st.text())
def test_any_host_means_something(host: str) -> None:
    assert pod_host.read(host).kind in Kind


def test_no_resolv_conf_is_a_fact(tmp_path: Path) -> None:
    assert "No such file" in machine.read_resolv_conf(tmp_path / "none").problem
