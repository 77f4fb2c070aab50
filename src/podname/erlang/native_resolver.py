"""How a host resolves as the C library does it, which is how an Erlang node without an inetrc resolves.

Once by the C library itself, and question by question at each nameserver. The questions show why: which name was asked
first, what each server said, and, for a negative answer, how long a cache will repeat it.

Source: resolv.conf(5) (`ndots`, `search`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

from podname.dns.nameserver import Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.erlang.asking import Asked, ask, past_caches
from podname.erlang.lookup import Lookup

NATIVE_SECONDS = 12.0
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}


async def look_up(host: str, conf: ResolvConf, family: str = "inet") -> Lookup:
    """Resolve a host in both ways."""
    addresses, error = await native(host, family)
    asked = []
    for server in conf.nameservers:
        asked += await _ask_in_order(server, candidates(host, conf), family)
    answered = any(each.addresses for each in asked)
    past = () if answered else await past_caches(asked, family)
    return Lookup(host, addresses, error, asked=tuple(asked), past_caches=past)


def candidates(host: str, conf: ResolvConf) -> list[str]:
    """Return the names that the C library asks for, in its order."""
    if host.endswith("."):
        return [host]
    searched = [f"{host}.{domain}" for domain in conf.search]
    return [host, *searched] if host.count(".") >= conf.ndots else [*searched, host]


async def native(host: str, family: str) -> tuple[tuple[str, ...], str]:
    """Resolve as the C library does: addresses, or why there are none.

    In a thread that nobody waits for: the C library may take a minute, and cannot be told to stop.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[tuple[str, ...], str]] = loop.create_future()

    def settle(result: tuple[tuple[str, ...], str]) -> None:
        if not done.done():
            done.set_result(result)

    def resolve() -> None:
        result = _native(host, family)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        return await asyncio.wait_for(done, NATIVE_SECONDS)
    except TimeoutError:
        return (), f"no answer in {NATIVE_SECONDS:g} s"


def _native(host: str, family: str) -> tuple[tuple[str, ...], str]:
    octets = host.encode(
        "utf-8", "surrogateescape"
    )  # text would go through IDNA, which Erlang does not do
    try:
        found = socket.getaddrinfo(octets, None, _FAMILIES[family], socket.SOCK_STREAM)
    except OSError as error:
        return (), error.strerror or str(error)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found)), ""


async def _ask_in_order(server: Nameserver, names: Sequence[str], family: str) -> list[Asked]:
    """Ask until there is an address, or no answer at all."""
    asked: list[Asked] = []
    for name in names:
        asked.append(await ask(server, name, family))
        if asked[-1].addresses or asked[-1].error:
            break
    return asked
