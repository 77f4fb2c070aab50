"""`forward` over TLS and HTTPS, against name servers on loopback."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import dns.message
import pytest
import trustme
from tests.support.doh import Said, doh
from tests.support.plugin import ask, context, directives, question, samples, until
from tests.support.upstream import answering, response, scripted

from podname.dns import constants as c
from podname.errors import CorefileError, ServeError
from podname.plugins.base import Reply
from podname.plugins.forward.handler import Forward
from podname.plugins.forward.setup import parse, setup

ADDRESS = answering("@ 30 A 192.0.2.1")
ONCE = "max_fails 0\nmax_connect_attempts 1"


class Authority:
    """A CA of a test, and the files of it."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.folder = trustme.CA(), folder
        self.ca.cert_pem.write_to_path(folder / "ca.pem")

    def server(self, *names: str, not_after: datetime.datetime | None = None) -> ssl.SSLContext:
        """Make the context of a server with these names in its certificate."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names or ("127.0.0.1",), not_after=not_after).configure_cert(made)
        return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def forwarding(folder: Path, to: str, *lines: str) -> AsyncIterator[Forward]:
    house = context(folder=folder)
    block = "\n".join(("tls ca.pem", *lines))
    plugin = setup(directives(f".:53 {{\nforward . {to} {{\n{block}\n}}\n}}", "forward"), house)
    try:
        yield plugin
    finally:
        for resource in house.resources.all():
            await resource.close()


def addresses(reply: Reply) -> list[str]:
    assert reply is not None
    return [str(rr) for rrset in dns.message.from_wire(reply).answer for rr in rrset]


async def failing(plugin: Forward) -> str:
    with pytest.raises(ServeError) as caught:
        await ask(plugin, question())
    assert (caught.value.rcode, caught.value.extended_error) == (c.SERVFAIL, 23)
    return str(caught.value)


async def test_questions_over_tls_use_one_connection_after_the_other(authority: Authority) -> None:
    async with (
        scripted(ADDRESS, authority.server()) as upstream,
        forwarding(authority.folder, f"tls://{upstream.at}") as plugin,
    ):
        for _ in range(3):
            assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
        assert (upstream.connections, {asked.protocol for asked in upstream.asked}) == (1, {"tcp"})
        label = ("forward", upstream.at, "tcp-tls")
        assert samples(plugin.collect())["coredns_proxy_conn_cache_hits_total", *label] == 2


@pytest.mark.parametrize(
    ("target", "lines"), [("%dns.example", ()), ("", ("tls_servername dns.example",))]
)
async def test_a_server_is_known_by_its_name(
    authority: Authority, target: str, lines: Sequence[str]
) -> None:
    async with scripted(ADDRESS, authority.server("dns.example")) as upstream:
        to = f"tls://127.0.0.1{target}:{upstream.port}"
        async with forwarding(authority.folder, to, *lines) as plugin:
            assert addresses(await ask(plugin, question())) == ["192.0.2.1"]


async def test_a_certificate_that_does_not_prove_it_is_no_upstream(authority: Authority) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    for server in (
        authority.server("other.example"),
        authority.server("127.0.0.1", not_after=past),
        Authority(authority.folder / "..").server(),
    ):
        async with (
            scripted(ADDRESS, server) as upstream,
            forwarding(authority.folder, f"tls://{upstream.at}", ONCE) as plugin,
        ):
            assert "tls: failed to verify certificate" in await failing(plugin)
            assert not upstream.asked


async def test_an_upstream_without_tls(authority: Authority) -> None:
    async def garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"this is no handshake at all\n")
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with forwarding(authority.folder, f"tls://127.0.0.1:{port}", ONCE) as plugin:
            assert "dial tcp" in await failing(plugin)


async def test_a_client_shows_its_certificate(authority: Authority) -> None:
    server = authority.server()
    server.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(server)
    ours = authority.ca.issue_cert("client.example")
    ours.private_key_pem.write_to_path(authority.folder / "key.pem")
    ours.cert_chain_pems[0].write_to_path(authority.folder / "cert.pem")
    async with scripted(ADDRESS, server) as upstream:
        to = f"tls://{upstream.at}"
        async with forwarding(authority.folder, to, "tls cert.pem key.pem ca.pem") as plugin:
            assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
        async with forwarding(authority.folder, to, ONCE) as plugin:
            await failing(plugin)


async def test_many_questions_share_connections_and_are_answered_in_any_order(
    authority: Authority,
) -> None:
    held: list[bytes] = []

    def holding(packet: bytes) -> Sequence[bytes]:
        held.append(packet)
        return []

    def reply(packet: bytes) -> bytes:
        label = dns.message.from_wire(packet).question[0].name.labels[0].decode()
        return response(packet, f"@ 1 A 192.0.2.{label}")

    async with (
        scripted(holding, authority.server()) as upstream,
        forwarding(authority.folder, f"tls://{upstream.at}") as plugin,
    ):
        asking = [
            asyncio.ensure_future(ask(plugin, question(f"{number}.example.org.")))
            for number in range(40)
        ]
        await until(lambda: len(held) == 40)
        assert upstream.connections < 40
        by_port = {asked.port: asked for asked in upstream.asked}
        writers = {writer.get_extra_info("peername")[1]: writer for writer in upstream.writers}
        assert set(by_port) <= set(writers)
        for asked in reversed(upstream.asked):
            message = reply(asked.packet)
            writers[asked.port].write(len(message).to_bytes(2, "big") + message)
        found = await asyncio.gather(*asking)
        assert [addresses(each) for each in found] == [[f"192.0.2.{n}"] for n in range(40)]


@pytest.mark.parametrize("closing", ["tls://", ""])
async def test_a_connection_closed_while_kept_is_nobodys_fault(
    authority: Authority, closing: str
) -> None:
    async with (
        scripted(ADDRESS, authority.server() if closing else None) as upstream,
        forwarding(authority.folder, closing + upstream.at, "force_tcp\n" + ONCE) as plugin,
    ):
        assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
        upstream.hang_up()
        assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
        assert upstream.connections == 2


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_questions_over_https_are_streams_of_one_connection(
    authority: Authority, method: str
) -> None:
    async with (
        doh(lambda packet: Said(*ADDRESS(packet)), authority.server()) as upstream,  # type: ignore[misc]
        forwarding(
            authority.folder, f"https://127.0.0.1:{upstream.port}", f"doh_method {method}"
        ) as plugin,
    ):
        replies = await asyncio.gather(*(ask(plugin, question()) for _ in range(20)))
        assert [addresses(reply) for reply in replies] == [["192.0.2.1"]] * 20
        assert upstream.connections == 1
        for asked in upstream.asked:
            assert (asked.method, asked.packet[:2]) == (method, b"\0\0")
            assert asked.fields[":authority"] == f"127.0.0.1:{upstream.port}"
            assert asked.fields["accept"] == "application/dns-message"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(b"no such page, and that in HTML", 500), "no DNS message"),
        (Said(b"", 200), "no DNS message"),
        (Said(b"<html>a page of a portal</html>", 200, "text/html"), "no DNS message"),
        (Said(b"", None), "stream error"),
    ],
    ids=["500", "empty", "html", "reset"],
)
async def test_a_response_over_https_without_a_message(
    authority: Authority, said: Said, reason: str
) -> None:
    async with doh(lambda _: said, authority.server()) as upstream:
        to = f"https://127.0.0.1:{upstream.port}"
        async with forwarding(authority.folder, to, ONCE) as plugin:
            assert reason in await failing(plugin)


async def test_a_server_that_goes_away_is_connected_to_again(authority: Authority) -> None:
    def leaving(packet: bytes) -> Said:
        return Said(response(packet, "@ 30 A 192.0.2.1"), goes=True)

    async with doh(leaving, authority.server()) as upstream:
        to = f"https://127.0.0.1:{upstream.port}"
        async with forwarding(authority.folder, to, ONCE) as plugin:
            for _ in range(3):
                assert addresses(await ask(plugin, question())) == ["192.0.2.1"]
            assert upstream.connections == 3


async def test_an_https_server_that_only_speaks_http_1(authority: Authority) -> None:
    async with scripted(ADDRESS, authority.server()) as upstream:
        to = f"https://{upstream.at}"
        async with forwarding(authority.folder, to, ONCE) as plugin:
            assert "does not speak HTTP/2" in await failing(plugin)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls://9.9.9.9%a.example {\ntls_servername b.example\n}", "name the server"),
        ("https://9.9.9.9/dns-query", "paths are not allowed"),
        ("9.9.9.9 {\ntls none.pem\n}", "cannot read"),
        ("9.9.9.9 {\ntls bad.pem\n}", "cannot be used"),
        ("9.9.9.9 {\ndoh_method PUT\n}", "unknown doh_method"),
        ("quic://9.9.9.9", "not supported yet"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    (directive,) = directives(f".:53 {{\nforward . {text}\n}}", "forward")
    with pytest.raises(CorefileError, match=message):
        parse(directive, context(folder=tmp_path))


@pytest.mark.parametrize(
    ("target", "label", "name"),
    [
        ("tls://9.9.9.9", "9.9.9.9:853", None),
        ("tls://9.9.9.9%dns.quad9.net:10853", "9.9.9.9:10853", "dns.quad9.net"),
        ("tls://[2620:fe::fe%dns.quad9.net]:853", "[2620:fe::fe]:853", "dns.quad9.net"),
        ("https://9.9.9.9", "9.9.9.9:443", None),
    ],
)
def test_where_an_upstream_is(target: str, label: str, name: str | None) -> None:
    (directive,) = directives(f".:53 {{\nforward . {target}\n}}", "forward")
    (address,) = parse(directive, context()).addresses
    assert (str(address), address.server_name) == (label, name)
