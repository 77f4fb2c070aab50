"""Go's flags become click's."""

from __future__ import annotations

import pytest

from podname.cli.flags import from_go

TABLE = [
    ("", ""),
    ("-conf Corefile", "--conf Corefile"),
    ("--conf=Corefile", "--conf=Corefile"),
    ("-conf=a=b", "--conf=a=b"),
    ("-p 53", "-p 53"),
    ("-p=53", "-p 53"),
    ("--p=53", "-p 53"),
    ("-p -1", "-p -1"),
    ("-pidfle x", "--pidfle x"),
    ("inject -", "inject -"),
    ("-quiet", "--quiet"),
    ("-quiet=true -version=1", "--quiet --version"),
    ("-quiet=false -plugins=F", ""),
    ("-quiet=maybe", "--quiet=maybe"),
    ("check -elsewhere=true x", "check --elsewhere x"),
    ("check a=b", "check a=b"),
    ("check -- -p=53", "check -- -p=53"),
]


@pytest.mark.parametrize(("given", "made"), TABLE)
def test_from_go(given: str, made: str) -> None:
    assert from_go(given.split()) == made.split()
