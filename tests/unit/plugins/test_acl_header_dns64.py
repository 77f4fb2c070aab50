"""What `acl`, `header`, `dns64`, `bufsize`, `cancel` and `local` take and refuse, and what an address becomes."""

from __future__ import annotations

import re
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from tests.support.plugin import context, directives

from podname.errors import CorefileError
from podname.plugins.acl.handler import Action, Policy
from podname.plugins.base import Plugin
from podname.plugins.dns64.handler import translated
from podname.plugins.header.handler import Flags


def set_up(name: str, text: str) -> Plugin:
    found = directives(f".:53 {{\n{text}\n}}", name)
    plugin: Plugin = import_module(f"podname.plugins.{name}.setup").setup(found, context())
    return plugin


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("acl", "acl {\nforbid\n}", "unexpected token 'forbid'"),
        ("acl", "acl {\nblok\n}", "did you mean 'block'"),
        ("acl", "acl {\nblock A\n}", "expect 'type | net'"),
        ("acl", "acl {\nblock type\n}", "no token specified in 'type' section"),
        ("acl", "acl {\nblock type NOTHING\n}", "expect legal QTYPE"),
        ("acl", "acl {\nblock net 10.0.0.0/33\n}", "illegal CIDR notation"),
        ("header", "header", "header needs a rule"),
        ("header", "header {\nquery set\n}", "expected at least 2 arguments"),
        ("header", "header {\nquery put rd\n}", "unknown flag action 'put'"),
        ("header", "header {\nresponse set ad\n}", "unknown flag 'ad'"),
        ("header", "header {\nquestion set rd\n}", "unknown property 'question' of header"),
        ("dns64", "dns64 10.0.0.0/8", "is not an IPv6 network"),
        ("dns64", "dns64 64:ff9b::", "is not an IPv6 network"),
        ("dns64", "dns64 64:ff9b::/95", "invalid prefix length"),
        ("dns64", "dns64 {\nprefix\n}", "expected 1 argument"),
        ("bufsize", "bufsize 511", "511"),
        ("bufsize", "bufsize 4097", "4097"),
        ("bufsize", "bufsize many", "many"),
        ("cancel", "cancel -1s", "invalid negative duration"),
        ("cancel", "cancel soon", "is not a duration"),
        ("local", "local {\nlocalhost_prefix maybe\n}", "there are on, off"),
        ("local", "local example.org", "expected no argument"),
        ("multisocket", "multisocket 0", "0"),
        ("pprof", "pprof {\nblock x\n}", "x"),
        ("minimal", "minimal {\nx\n}", "unknown property 'x'"),
        ("root", "root", "expected 1 argument"),
    ],
)
def test_what_is_refused(name: str, text: str, problem: str) -> None:
    with pytest.raises(CorefileError, match=re.escape(problem)):
        set_up(name, text)


@pytest.mark.parametrize(
    ("address", "qtype", "is_meant"),
    [
        ("10.1.2.3", 1, True),
        ("10.1.2.3", 28, False),
        ("11.1.2.3", 1, False),
        ("fd00::1", 1, True),
        ("fe80::1%eth0", 1, False),
        ("::ffff:10.1.2.3", 1, True),
    ],
)
def test_a_policy_is_about_types_and_networks(address: str, qtype: int, is_meant: bool) -> None:
    plugin = set_up("acl", "acl {\nblock type A net 10.0.0.0/8 fd00::/64\n}")
    (policy,) = plugin.rules[0].policies  # type: ignore[attr-defined]
    assert policy.is_about(qtype, address) == is_meant
    assert Policy(Action.BLOCK).is_about(qtype, address)


def test_the_last_rule_about_a_flag_counts() -> None:
    flags = Flags().then(0x100, is_set=True).then(0x180, is_set=False).then(0x80, is_set=True)
    assert (flags.set_, flags.clear) == (0x80, 0x100)


@pytest.mark.parametrize(
    ("prefix", "made"),
    [
        ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
    ],
)
def test_addresses_are_translated_as_rfc_6052_has_it(prefix: str, made: str) -> None:
    octets = translated(IPv6Network(prefix), IPv4Address("192.0.2.33").packed)
    assert IPv6Address(octets) == IPv6Address(made)
