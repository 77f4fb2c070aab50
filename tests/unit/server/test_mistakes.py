"""Every mistake of a Corefile is told at once, with its place and its directive; what can be meant is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from podname.corefile import parse_text
from podname.engine.reference import PythonEngine
from podname.errors import CorefileError
from podname.plugins.base import Resources
from podname.server.configuration import House, configure

MISTAKES = [
    (
        "forward a..b nosuch {\nmax_fails x\nbogus\n}\nforward . quic://192.0.2.1",
        [
            "2:9: zone is not a valid domain name: 'a..b': label '' has 0 octets, 1 to 63 are allowed",
            "2:14: 'nosuch' is neither an IP address nor a file",
            "3:11: 'x' after 'max_fails' is not a whole number (in forward)",
            "4:1: unknown property 'bogus' of forward",
            "6:11: upstreams over quic:// are not supported yet",
        ],
    ),
    (
        "kubernetes 10.in-addr.arpa {\nttl 9999\npods maybe\n}",
        [
            "2:1: non-reverse zone name must be used",
            "3:5: ttl must be in range [0, 3600]: 9999 (in kubernetes)",
            "4:6: unknown pods 'maybe', there are disabled, insecure, verified (in kubernetes)",
        ],
    ),
    (
        "cache 30 a..b {\nprefetch x\n}\nloop\nloop",
        [
            "2:10: zone is not a valid domain name",
            "3:10: 'x' after 'prefetch' is not a whole number (in cache)",
            "6:1: loop can only be used once per Server Block, it already is at Corefile:5:1",
        ],
    ),
    (
        "proxy . 192.0.2.1\nfederation a b",
        [
            "2:1: unknown directive 'proxy': CoreDNS removed it in 1.5.0, write 'forward'",
            "3:1: unknown directive 'federation': CoreDNS removed it in 1.7.0, nothing stands for it",
        ],
    ),
    ("whoami }", ["2:8: '}' must stand on a line of its own"]),
    ("log {\nclass all }", ["3:11: invalid class: }"]),
]

TAKEN = [
    ("forward . 192.0.2.1 { max_concurrent 1000 }", []),
    ("forward . 192.0.2.1 {\nexpire 5s }\nwhoami", []),
    ("errors { stacktrace }", []),
    ("hosts { ttl 30 }", []),
    ("kubernetes cluster.local { ttl 30 }", ["2:35: this '}' is taken for a word of 'ttl'"]),
    ("health { lameduck 5s }", []),
    ("hosts { fallthrough }", ["2:21: this '}' is taken for a word of 'fallthrough', as CoreDNS"]),
    (
        "kubernetes cluster.local a..b .c",
        [
            "2:26: zone is not a valid domain name: 'a..b'",
            "2:31: zone is not a valid domain name: '.c'",
        ],
    ),
]


async def check(text: str, tmp_path: Path) -> tuple[list[str], list[str]]:
    """Return the errors and the warnings of a server block's text."""
    warnings: list[str] = []
    house = House(PythonEngine(), 53, tmp_path, warnings.append, elsewhere=True)
    try:
        await configure(parse_text(f". {{\n{text}\n}}"), house, Resources())
    except CorefileError as error:
        return [str(each) for each in (error, *error.others)], warnings
    return [], warnings


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
async def test_every_mistake_is_told(text: str, expected: list[str], tmp_path: Path) -> None:
    told, _ = await check(text, tmp_path)
    assert len(told) == len(expected), told
    for each, beginning in zip(told, expected, strict=True):
        assert each.startswith(f"Corefile:{beginning}")


@pytest.mark.parametrize(("text", "warned"), TAKEN)
async def test_what_coredns_takes_is_taken(text: str, warned: list[str], tmp_path: Path) -> None:
    told, warnings = await check(text, tmp_path)
    assert not told
    for beginning in warned:
        assert any(each.startswith(f"Corefile:{beginning}") for each in warnings), warnings
    assert len([each for each in warnings if "'}'" in each or "zone is" in each]) == len(warned)
