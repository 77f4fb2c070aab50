"""What is read of Erlang from text: variables, an inetrc, a hosts file; and in which order names are asked for."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.erlang import environment, inetrc_effect
from podname.erlang.environment import Erlang
from podname.erlang.erlang_resolver import in_hosts, questions
from podname.erlang.inetrc_effect import Inetrc
from podname.erlang.native_resolver import candidates


def test_names_are_asked_for_in_the_order_of_the_c_library() -> None:
    conf = ResolvConf((), ("x.y", "y"), "", 2)
    assert candidates("a", conf) == ["a.x.y", "a.y", "a"]
    assert candidates("a.b.c", conf) == ["a.b.c", "a.b.c.x.y", "a.b.c.y"]
    assert candidates("a.", conf) == ["a."]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, Erlang()),
        ({"RELEASE_NODE": "app"}, Erlang(node="app")),
        ({"RELEASE_NAME": "app", "RELEASE_DISTRIBUTION": "sname"}, Erlang("short", "app")),
        ({"RELEASE_NODE": "app@a.b"}, Erlang("long", "app@a.b")),
        ({"ERL_FLAGS": "-sname x", "RELEASE_DISTRIBUTION": "name"}, Erlang("short", "x")),
        (
            {"ERL_AFLAGS": "-name x@a.b -erl_epmd_port 4370 -proto_dist inet6_tls"},
            Erlang("long", "x@a.b", 4370, 4369, "inet6", True),
        ),
        ({"ERL_ZFLAGS": "-kernel inetrc '\"/a b\"'", "ERL_INETRC": "/c"}, Erlang(inetrc="/a b")),
        ({"ERL_INETRC": "/c", "ERL_EPMD_PORT": "77777"}, Erlang(inetrc="/c")),
        ({"ERL_FLAGS": "-name 'x"}, Erlang("long", "x")),
        ({"ERL_FLAGS": "-sname x", "ERL_AFLAGS": "-sname y"}, Erlang("short", "y")),
        ({"ERL_FLAGS": "-name x@a.b", "ERL_AFLAGS": "-sname y"}, Erlang("short", "y")),
        ({"ELIXIR_ERL_OPTIONS": "-epmd_module m -extra -sname x"}, Erlang(epmd_module="m")),
        ({"ERL_FLAGS": "-name"}, Erlang("long", "")),
    ],
)
def test_the_environment_tells_how_nodes_start(variables: dict[str, str], expected: Erlang) -> None:
    assert environment.erlang(variables) == expected


def test_a_cookie_is_found_where_erlang_finds_it(tmp_path: Path) -> None:
    (tmp_path / ".erlang.cookie").write_text("from-home\n")
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases/COOKIE").write_text("from-release")
    variables = {"HOME": str(tmp_path)}
    order = []
    for name, value in [
        ("RELEASE_ROOT", str(tmp_path)),
        ("RELEASE_COOKIE", "from-variable"),
        ("ERL_FLAGS", "-setcookie from-flag"),
    ]:
        order.append(environment.cookie(variables))
        variables[name] = value
    order.append(environment.cookie(variables))
    assert [found and found[1] for found in order] == [
        "from-home", "from-release", "from-variable", "from-flag",
    ]  # fmt: skip
    assert environment.cookie({"HOME": str(tmp_path / "none")}) is None


def test_of_a_cookie_nothing_is_shown_but_the_beginning_of_its_hash() -> None:
    shown = environment.described("RELEASE_COOKIE", "secret")
    assert shown.digest == "2bb80d"  # printf %s secret | sha256sum | cut -c-6
    assert "secret" not in repr(shown)


CONF = ResolvConf((Nameserver.parse("10.43.0.10"),), ("ns.svc.z",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Inetrc("F", nameservers=CONF.nameservers, search=CONF.search)),
        (
            ('{resolv_conf, ""}.\n{nameserver, {127,0,0,53}, 5353}.\n{lookup, [dns]}.\n'
            '{domain, "d"}.\n{search, ["s"]}.\n'),
            Inetrc("F", "", (), (), "d", ("dns",), (Nameserver(ip_address("127.0.0.53"), 5353),), (), ("s",)),
        ),
        (
            "{alt_nameserver, {0,0,0,0,0,0,0,1}, 5353}.\n{lookup, [file, dns]}.\n",
            Inetrc(
                "F", "", (), (), "", ("file", "dns"), CONF.nameservers,
                (Nameserver(ip_address("::1"), 5353),), CONF.search,
            ),
        ),
    ],
)  # fmt: skip
def test_what_an_inetrc_comes_to(tmp_path: Path, text: str, expected: Inetrc) -> None:
    file = tmp_path / "inetrc"
    file.write_text(text)
    found = inetrc_effect.look(str(file), CONF)
    assert found.errors == ()
    assert repr(found).replace(str(file), "F") == repr(expected)


def test_an_inetrc_that_is_undone(tmp_path: Path) -> None:
    file = tmp_path / "inetrc"
    file.write_text("{nameserver, {127,0,0,53}, 5353}.\n{lookup, [file, dns]}.\n")
    found = inetrc_effect.look(str(file), CONF)
    assert found.nameservers == CONF.nameservers
    assert found.errors[0].startswith(f"{file}:1:1: ")


@pytest.mark.parametrize("octets", [b"{oh", b"\xff\xfe", b'{lookup, dns}.\n{domain, "d"}.\n'])
def test_an_inetrc_that_is_none_leaves_everything_to_resolv_conf(
    tmp_path: Path, octets: bytes
) -> None:
    file = tmp_path / "inetrc"
    file.write_bytes(octets)
    found = inetrc_effect.look(str(file), CONF)
    assert found.errors
    assert (found.nameservers, found.methods, found.domain) == (CONF.nameservers, ("native",), "")
    assert "cannot read" in inetrc_effect.look(str(tmp_path / "none"), CONF).problem


def test_erlang_asks_in_an_order_of_its_own() -> None:
    one, other = Nameserver.parse("10.0.0.1"), Nameserver.parse("10.0.0.2")
    rc = Inetrc("F", nameservers=(one,), alternatives=(other,), search=("s",), domain="d")
    assert questions("a.b", rc) == [("a.b", (one,)), ("a.b", (other,)), ("a.b.s", (one,))]
    assert questions("a", rc) == [("a.s", (one,))]
    assert questions("a", Inetrc("F", nameservers=(one,), domain="d")) == [("a.d", (one,))]
    assert questions("a", Inetrc("F", nameservers=(one,))) == [("a", (one,))]


def test_a_host_in_a_hosts_file(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.1 a.b A # c\n\n10.0.0.2 a\n")
    assert in_hosts(hosts, "a") == ("10.0.0.1", "10.0.0.2")
    assert in_hosts(hosts, "c") == in_hosts(tmp_path / "none", "a") == ()
