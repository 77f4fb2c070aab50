"""Lines of a resolv.conf, as the C library takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.dns import resolv_conf
from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf

POD_LIKE = """\
search default.svc.cluster.local svc.cluster.local cluster.local.
nameserver 10.43.0.10
options ndots:5 edns0
"""


def test_the_resolv_conf_of_a_pod() -> None:
    search = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
    expected = ResolvConf((Nameserver.parse("10.43.0.10"),), search, "", 5)
    assert resolv_conf.parse(POD_LIKE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ResolvConf()),
        ("domain a.example\n", ResolvConf(search=("a.example",), domain="a.example")),
        ("domain a\nsearch b c\n", ResolvConf(search=("b", "c"), domain="a")),
        ("nameserver x\nnameserver\n# nameserver 1.1.1.1\n", ResolvConf()),
        ("options ndots:99 ndots:x ndots\n", ResolvConf(ndots=15)),
    ],
)
def test_odd_lines_of_a_resolv_conf(text: str, expected: ResolvConf) -> None:
    assert resolv_conf.parse(text) == expected


@given(st.text())
def test_any_text_is_read_as_a_resolv_conf(text: str) -> None:
    assert resolv_conf.parse(text).ndots <= 15
