"""What `podname inetrc` prints works in a real Erlang VM, and what its check says of a file is true there.

No cluster: a VM, DNS servers on loopback, and an etc folder of the test's own (`ERL_INET_ETC_DIR`).
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.server import port_of, serving

from podname.dns.nameserver import Nameserver
from podname.erlang.inetrc import inetrc
from podname.erlang.inetrc_check import check
from podname.erlang.inetrc_state import State, load
from podname.erlang.term_reader import read
from podname.erlang.terms import Term, as_text
from podname.errors import TermError

POD = "cluster-demo-7bd795854f-298qd"
DOMAIN = "default.pod.cluster.local"
SERVICE = "web-0.web.default.svc.cluster.local"
CLUSTER_DNS = "127.0.0.153"
EXAMPLES = Path(__file__).parents[2] / "examples/cluster"
PODNAME = f".:0 {{\n bind 127.0.0.1\n kubernetes cluster.local {{\n manifests {EXAMPLES}\n pod_names\n }}\n}}\n"
OTHER = (
    f".:53 {{\n bind {CLUSTER_DNS}\n kubernetes cluster.local {{\n manifests {EXAMPLES}\n }}\n}}\n"
)
LOADED = """
    Names = [N || "rc" ++ _ = N <- lists:sort(element(2, file:list_dir(".")))],
    logger:set_primary_config(level, none),
    [begin
        supervisor:terminate_child(kernel_sup, inet_db),
        os:putenv("ERL_INETRC", filename:absname(Name)),
        supervisor:restart_child(kernel_sup, inet_db),
        Before = inet_db:get_rc(),
        inet_db:res_update_conf(),
        io:format("~s ~0p.~n~s ~0p.~n", ["before", Before, "after", inet_db:get_rc()])
     end || Name <- Names], halt().
"""
READ = """
    io:setopts([{encoding, unicode}]),
    Names = [N || "rc" ++ _ = N <- lists:sort(element(2, file:list_dir(".")))],
    [case file:consult(Name) of
        {ok, Terms} -> io:format("~tw.~n", [Terms]);
        {error, {Line, _, _}} -> io:format("~w.~n", [Line])
     end || Name <- Names], halt().
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "hosts").write_text("127.0.0.1 localhost\n")
    (folder / "resolv.conf").write_text(f"nameserver {CLUSTER_DNS}\nsearch svc.cluster.local\n")
    return folder


def erl(folder: Path, etc: Path, program: str, **environment: str) -> str:
    """Run a program in a VM and return what it prints."""
    command = ["erl", "-noshell", "-noinput", "-eval", program]
    environment = {**os.environ, "ERL_INET_ETC_DIR": str(etc), **environment}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return ran.stdout


async def address_of(name: str, text: str, etc: Path) -> str:
    """Resolve a name as a node does that connects, with an inetrc."""
    (etc / "inetrc").write_text(text)
    assert check(text.encode(), "inetrc") == []
    program = f'io:format("~0p", [inet:getaddr("{name}", inet)]), halt().'
    return await asyncio.to_thread(erl, etc, etc, program, ERL_INETRC=str(etc / "inetrc"))


@pytest.mark.parametrize(
    ("way", "name", "expected"),
    [
        ("additive", f"{POD}.{DOMAIN}", "{ok,{10,42,3,75}}"),
        ("additive", SERVICE, "{ok,{10,42,1,47}}"),
        ("additive", POD, "{error,nxdomain}"),
        ("full", f"{POD}.{DOMAIN}", "{ok,{10,42,3,75}}"),
        ("full", POD, "{ok,{10,42,3,75}}"),
        ("full", SERVICE, "{ok,{10,42,1,47}}"),
        ("full", "localhost", "{ok,{127,0,0,1}}"),
    ],
)
async def test_what_is_printed_resolves(
    etc: Path, tmp_path: Path, way: str, name: str, expected: str
) -> None:
    (tmp_path / "cluster").mkdir()
    async with serving(tmp_path, PODNAME) as server, serving(tmp_path / "cluster", OTHER):
        nameserver = Nameserver.parse(f"127.0.0.1:{port_of(server)}")
        text = inetrc(nameserver, way, DOMAIN, (DOMAIN, "svc.cluster.local"))  # type: ignore[arg-type]
        assert await address_of(name, text, etc) == expected


async def test_a_node_gets_its_long_name_from_the_domain(etc: Path) -> None:
    (etc / "inetrc").write_text(inetrc(Nameserver.parse("127.0.0.1:1"), "full", DOMAIN))
    flags = "-name app -start_epmd false -erl_epmd_port 0"
    printed = erl(
        etc,
        etc,
        'io:format("~s", [node()]), halt().',
        ERL_INETRC=str(etc / "inetrc"),
        ERL_AFLAGS=flags,
    )
    assert printed.startswith("app@")
    assert printed.endswith(f".{DOMAIN}")


PIECES = """\
{resolv_conf,""}.
{resolv_conf,"/nowhere/resolv.conf"}.
{nameserver,{127,0,0,1},5353}.
{nameserver,{10,0,0,1}}.
{alt_nameserver,{127,0,0,1},5353}.
{nameserver,"10.0.0.1"}.
{search,["a.b","c"]}.
{search,["c",""]}.
{search,[]}.
{search,"a.b"}.
{domain,"d.e"}.
{domain,""}.
{lookup,[file,dns]}.
{lookup,[fil,'dns',"native"]}.
{lookup,[]}.
{lookup,dns}.
{timeout,500}.
{timeout,0}.
{retry,2}.
{retry,-1}.
{servfail_retry_timeout,0}.
{edns,0}.
{edns,1}.
{usevc,true}.
{usevc,yes}.
{inet6,true}.
{udp_payload_size,511}.
{udp_payload_size,1400}.
{cache_size,0}.
clear_ns.
clear_search.
clear_hosts.
clear_cache.
reset.
bogus.
{bogus,1}.
{retry,1,2}.
{}.
[].
% a comment
{host,{1,2,3,4},["x"]}.
{host,{1,2,3,4},"x"}.
{host,{0,0,0,0,0,0,0,1},["y","z"]}.
{hosts_file,""}.
{hosts_file,"x"}.
{nameserver,{0,0,0,0,0,0,0,1}}.
{nameserver,{1,2,3,256}}.
{nameserver,{1,2,3,4},65536}.
{file,resolv,"/nowhere"}.
{file,bogus,"/nowhere"}.
{tcp,inet_tcp}.
{socks5_port,1080}.
{socks5_methods,[none]}.
{timeout,500
{retry,1}.{retry,2}.
""".splitlines()
OPTIONS = (
    "domain", "timeout", "retry", "servfail_retry_timeout", "edns", "usevc", "inet6", "udp_payload_size", "cache_size"
)  # fmt: skip


def theirs(listed: Term) -> dict[str, object]:
    """Order what the VM tells of itself."""
    out: dict[str, object] = {"nameservers": [], "alt_nameservers": [], "search": [], "hosts": 0}
    for item in listed.items:
        name, first, *more = item.items
        match str(name.value):
            case "nameservers" | "alt_nameservers" as servers:
                port = more[0].value if more else 53
                out[servers] = [*out[servers], f"{{{first},{port}}}"]  # type: ignore[misc]
            case "search":
                out["search"] = [as_text(domain) for domain in first.items]
            case "host":
                out["hosts"] = int(str(out["hosts"])) + 1
            case "lookup":
                out["lookup"] = [method.value for method in first.items]
            case option if option in OPTIONS:
                out[option] = first
    return out


def ours(state: State) -> dict[str, object]:
    """Return what is in effect by the rules, as the VM tells it: without what is the default."""
    out: dict[str, object] = {name: list(entries) for name, entries in state.lists.items()}
    out["hosts"] = len(state.lists["hosts"])
    out["lookup"] = list(state.lookup)
    for option in OPTIONS:
        if option in state.options and state.text(option) != "":
            out[option] = state.options[option].items[1]
    return out


def of_resolv_conf(state: State) -> State:
    """Put what etc/resolv.conf says into an emptied state."""
    if "resolv_conf" not in state.options:
        nothing = read("x.", "")[0]
        domain = read(f"{{{CLUSTER_DNS.replace('.', ',')}}}.", "")[0]
        state.lists["nameservers"] = {f"{{{domain},53}}": nothing}
        state.lists["search"] = {"svc.cluster.local": nothing}
    return state


def test_the_rules_are_those_of_the_vm(etc: Path, tmp_path: Path) -> None:
    dice = random.Random(20261122)
    texts = ["\n".join(dice.choices(PIECES, k=dice.randint(1, 7))) for _ in range(600)]
    texts += PIECES
    for number, text in enumerate(texts):
        (tmp_path / f"rc{number:04}").write_text(text)
    lines = erl(tmp_path, etc, LOADED).rstrip("\n").split("\n")
    assert len(lines) == 2 * len(texts)
    for number, text in enumerate(texts):
        before, after = (
            read(line.partition(" ")[2], "vm")[0] for line in lines[2 * number : 2 * number + 2]
        )
        try:
            state = load(read(text, "f"))
        except TermError:
            state = load(())
        assert ours(state) == theirs(before), text
        state.first_lookup()
        assert ours(of_resolv_conf(state)) == theirs(after), text


def test_what_is_read_is_what_the_vm_reads(etc: Path, tmp_path: Path) -> None:
    dice = random.Random(20261122)
    words = [*"{}[]()<>|,.;:/-+#=>", "{", "}", "[", "]", ",", ". ", ".\n", "a", "'B c'", '"s"', "X", "_", "if", "12", "16#ff", "1.5e3", "$a", "$\\n", " ", "%c\n", "fun", "#{", "=>", "<<", ">>", "é", "a@b", "1_0"]  # fmt: skip # noqa: E501
    texts = [
        "".join(dice.choices(words, k=dice.randint(1, 9))) + dice.choice([".", ".\n", ""])
        for _ in range(3000)
    ]
    texts += [
        path.partition("\n")[2]
        for path in Path("tests/data/inetrc-findings.txt").read_text().split("\n\n")
    ]
    for number, text in enumerate(texts):
        (tmp_path / f"rc{number:04}").write_text(text)
    lines = erl(tmp_path, etc, READ).rstrip("\n").split("\n")
    assert len(lines) == len(texts)
    both = 0
    for text, line in zip(texts, lines, strict=True):
        (vm,) = read(line, "vm")
        try:
            terms: tuple[Term, ...] | None = read(text, "f")
        except TermError:
            terms = None
        assert (terms is None) == (vm.kind == "integer"), (text, line)
        if terms is not None:
            both += 1
            assert vm.items == terms, (text, line)
    assert both > 50


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Leave no crash dump behind."""
    os.environ["ERL_CRASH_DUMP"] = "/dev/null"
    yield
    del os.environ["ERL_CRASH_DUMP"]
