"""An inetrc: what is printed holds, and what does not hold is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.dns.nameserver import BadNameserver, Nameserver
from podname.erlang.inetrc import inetrc
from podname.erlang.inetrc_check import check

UNREAD = ", and the Erlang VM then ignores the whole file"
DATA = Path(__file__).parents[2] / "data/inetrc-findings.txt"
CASES = [case.split("\n", 1) for case in DATA.read_text().split("\n\n")]
"""Each case: a name, the lines of an inetrc, and what is found after `=>`."""


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_check(case: str) -> None:
    lines = case.strip("\n").split("\n")
    text = "\n".join(line for line in lines if not line.startswith("=> "))
    expected = [line[3:] for line in lines if line.startswith("=> ")]
    found = [str(finding) for finding in check(text.encode(), "f")]
    assert [line.replace(" f:", " ").removeprefix("f:") for line in found] == expected


def test_a_file_that_is_not_utf_8_is_ignored_by_the_vm() -> None:
    (finding,) = check(b"{retry,1}.\n% \xff", "f")
    assert str(finding) == "f:2:1: this is not UTF-8" + UNREAD


@given(
    st.binary(max_size=60)
    | st.text(alphabet='{}[].," \nabclookupnameserver123', max_size=60).map(str.encode)
)
def test_no_file_raises(octets: bytes) -> None:
    assert all(finding.place.line >= 1 for finding in check(octets, "f"))


ADDRESSES = st.ip_addresses() | st.just("fd00::1")
LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


@given(ADDRESSES, st.integers(1, 65535), LABEL, st.sampled_from(["additive", "full"]))
def test_what_is_printed_holds(address: object, port: int, namespace: str, way: str) -> None:
    server = Nameserver.parse(f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}")
    domain = f"{namespace}.pod.cluster.local"
    for searches in ((), (domain,)):
        text = inetrc(server, way, domain, searches)  # type: ignore[arg-type]
        assert check(text.encode(), "f") == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10.43.0.53", "10.43.0.53"),
        ("10.43.0.53:53", "10.43.0.53"),
        ("10.43.0.53:5353", "10.43.0.53:5353"),
        ("fd00::1", "fd00::1"),
        ("[fd00::1]", "fd00::1"),
        ("[fd00::1]:5353", "[fd00::1]:5353"),
    ],
)
def test_nameservers(text: str, read: str) -> None:
    assert str(Nameserver.parse(text)) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "podname",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:x",
        "10.0.0",
        "fe80::1%eth0",
        "[::1",
        "1.2.3.4:²",
    ],
)
def test_no_nameservers(text: str) -> None:
    with pytest.raises(BadNameserver, match="is no nameserver"):
        Nameserver.parse(text)
