"""Listeners for TLS and HTTPS over a reload, and what of them is refused."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from tests.support.server import serving, write
from tests.support.tables import make_query

from podname.errors import CorefileError
from podname.server.listeners import Address

COREFILE = """tls://.:0 https://.:0 {{
    bind 127.0.0.1
    tls {name}.pem {name}.key
    prometheus 127.0.0.1:0
    whoami
}}
"""


def certificates(folder: Path) -> trustme.CA:
    authority = trustme.CA()
    for name in ("a", "b"):
        made = authority.issue_cert(f"{name}.test", "127.0.0.1")
        made.cert_chain_pems[0].write_to_path(str(folder / f"{name}.pem"))
        made.private_key_pem.write_to_path(str(folder / f"{name}.key"))
    return authority


class Client:
    """A connection over TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connected(cls, port: int, authority: trustme.CA) -> Client:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    @property
    def names(self) -> str:
        return str(self.writer.get_extra_info("peercert"))

    async def ask(self) -> bytes:
        packet = make_query("a.test. A").to_wire()
        self.writer.write(len(packet).to_bytes(2, "big") + packet)
        length = await self.reader.readexactly(2)
        return await self.reader.readexactly(int.from_bytes(length, "big"))

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_another_certificate_takes_no_connection_away(tmp_path: Path) -> None:
    authority = certificates(tmp_path)
    async with serving(tmp_path, COREFILE.format(name="a")) as server:
        port = server.listeners.port(Address("127.0.0.1", 0, "tls"))
        before = await Client.connected(port, authority)
        assert "a.test" in before.names
        write(tmp_path, COREFILE.format(name="b"))
        reload = asyncio.create_task(server.reload())
        while not reload.done():  # nobody is refused meanwhile
            await (await Client.connected(port, authority)).close()
        await reload
        after = await Client.connected(port, authority)
        assert "b.test" in after.names
        assert await before.ask()
        assert await after.ask()
        assert server.listeners.port(Address("127.0.0.1", 0, "tls")) == port
        await before.close()
        await after.close()


async def test_what_is_refused_leaves_the_old_certificate(tmp_path: Path) -> None:
    authority = certificates(tmp_path)
    async with serving(tmp_path, COREFILE.format(name="a")) as server:
        port = server.listeners.port(Address("127.0.0.1", 0, "tls"))
        write(tmp_path, COREFILE.format(name="b") + "nothing {\nnosuch\n}\n")
        with pytest.raises(CorefileError):
            await server.reload()
        client = await Client.connected(port, authority)
        assert "a.test" in client.names
        await client.close()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            (
                "tls://a.test:853 {\nbind 127.0.0.1\ntls a.pem a.key\nwhoami\n}\n"
                "tls://b.test:853 {\nbind 127.0.0.1\ntls b.pem b.key\nwhoami\n}\n"
            ),
            "Corefile:6:1: 'tls://b.test.:853' has another 'tls' than 'tls://a.test.:853' at",
        ),
        (
            "tls://a.test:5353 b.test:5353 {\nbind 127.0.0.1\ntls a.pem a.key\nwhoami\n}\n",
            "'dns://b.test.:5353' listens on the address of 'tls://a.test.:5353' at",
        ),
    ],
)
async def test_what_cannot_share_an_address_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    certificates(tmp_path)
    with pytest.raises(CorefileError) as caught:
        async with serving(tmp_path, text):
            pass
    assert message in str(caught.value)
