"""Blocks with and without `bind` on one port: the most specific address answers, as with CoreDNS.

What is expected was seen with CoreDNS 1.15.0, for each Corefile and each address.
"""

from __future__ import annotations

import errno
import itertools
import socket
from pathlib import Path

import pytest
from tests.support.server import serving, tcp, udp, write
from tests.support.upstream import free_port

from podname.engine.reference import PythonEngine
from podname.errors import CorefileError, PodnameError
from podname.plugins.base import Resources
from podname.server.configuration import House, configure
from podname.server.lifecycle import Server
from podname.server.source import Source


def block(zone: str, port: int, bind: str, *names: str) -> str:
    hosts = "\n".join(f"10.0.0.{n} {name}" for n, name in enumerate(names, 1))
    return f"{zone}:{port} {{\n{bind and f'bind {bind}'}\nhosts {{\n{hosts}\n}}\n}}\n"


async def answer(port: int, name: str, host: str) -> str:
    reply = await udp(port, name, host=host)
    return str(reply.answer[0][0]) if reply.answer else reply.rcode().name


OUTER, INNER = "10.0.0.2", "10.0.0.1"


@pytest.mark.parametrize("inner_first", [True, False])
@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ("127.0.0.1", "", {"127.0.0.1": INNER, "127.0.0.2": OUTER, "::1": OUTER}),
        ("127.0.0.1 ::1", "", {"127.0.0.1": INNER, "127.0.0.2": OUTER, "::1": INNER}),
        ("127.0.0.1", "0.0.0.0", {"127.0.0.1": INNER, "127.0.0.2": OUTER}),
        ("::1", "::", {"127.0.0.1": OUTER, "127.0.0.2": OUTER, "::1": INNER}),
    ],
)
async def test_the_block_of_the_address_answers(
    tmp_path: Path, inner: str, outer: str, expected: dict[str, str], *, inner_first: bool
) -> None:
    """Bug: `check` called these good, and `serve` ended with "Address already in use"."""
    port = free_port()
    blocks = [
        block("a.bad.test", port, inner, "x.a.bad.test"),
        block("bad.test", port, outer, "y.bad.test", "x.a.bad.test"),
    ]
    async with serving(tmp_path, "".join(blocks if inner_first else reversed(blocks))):
        found = {host: await answer(port, "x.a.bad.test.", host) for host in expected}
        assert found == expected
        if "127.0.0.1" in inner.split():
            assert await answer(port, "y.bad.test.", "127.0.0.1") == "REFUSED"
            assert str((await tcp(port, "x.a.bad.test.")).answer[0][0]) == INNER


async def test_one_zone_may_answer_otherwise_on_one_address(tmp_path: Path) -> None:
    port = free_port()
    text = block("bad.test", port, "0.0.0.0", "x.bad.test") + block(
        "bad.test", port, "127.0.0.1", "y.bad.test", "x.bad.test"
    )
    async with serving(tmp_path, text):
        assert await answer(port, "x.bad.test.", "127.0.0.1") == "10.0.0.2"
        assert await answer(port, "x.bad.test.", "127.0.0.2") == "10.0.0.1"


async def test_every_address_in_both_spellings_is_one_listener(tmp_path: Path) -> None:
    port = free_port()
    async with serving(tmp_path, block("bad.test", port, "0.0.0.0 ::", "x.bad.test")):
        for host in ("127.0.0.1", "::1"):
            assert await answer(port, "x.bad.test.", host) == "10.0.0.1"


async def test_a_reload_goes_from_every_address_to_one_and_back(tmp_path: Path) -> None:
    port = free_port()
    everywhere = block("bad.test", port, "", "x.bad.test")
    async with serving(tmp_path, everywhere) as server:
        for bind in ("127.0.0.1", "", "0.0.0.0", "127.0.0.1", "::"):
            write(tmp_path, block("bad.test", port, bind, "x.bad.test"))
            await server.reload()
            assert await answer(port, "x.bad.test.", "127.0.0.1") == "10.0.0.1"
            elsewhere = bind != "127.0.0.1"
            try:
                assert await answer(port, "x.bad.test.", "127.0.0.2") == "10.0.0.1"
            except OSError:
                assert not elsewhere


async def test_another_process_is_in_the_way_as_ever(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = Server(Source(write(tmp_path, block("a", port, "", "x.a"))), PythonEngine())
        with pytest.raises(PodnameError, match="Address already in use"):
            await server.start()


SPELLINGS = ("", "0.0.0.0", "::")


@pytest.mark.parametrize(("one", "two"), list(itertools.permutations(SPELLINGS, 2)))
async def test_every_address_in_two_spellings_is_refused_with_both_places(
    tmp_path: Path, one: str, two: str
) -> None:
    """CoreDNS lets the kernel draw lots between the blocks, for each client anew."""
    text = block("a", 1053, one, "x.a") + block("b", 1053, two, "x.b")
    warnings: list[str] = []
    with pytest.raises(CorefileError) as caught:
        await configure(
            Source(write(tmp_path, text)).read(),
            House(PythonEngine(), 53, tmp_path, warnings.append),
            Resources(),
        )
    first = str(tmp_path / "Corefile") + ":1:1"
    assert str(caught.value).endswith(
        f"has the same sockets at {first}: give both blocks the same 'bind'"
    )


async def test_without_rights_to_the_port_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    engine = PythonEngine()
    monkeypatch.setattr(engine, "listen", refuse)
    server = Server(Source(write(tmp_path, ". {\nwhoami\n}")), engine)
    with pytest.raises(PodnameError, match=r"dns://:53: Permission denied .*-dns\.port.*NET_BIND"):
        await server.start()
