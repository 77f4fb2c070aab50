"""How a host resolves by an inetrc: method by method, and with `dns` by the rules of Erlang's own resolver.

A name with a dot is asked as it is, then of the alternative nameservers, then with each search domain; one without a
dot with search domains only, and never of the alternatives. `ndots` does not count.

Source: OTP lib/kernel inet.erl `gethostbyname_tm`, inet_res.erl `res_getby_search`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from podname.dns import addresses
from podname.dns.nameserver import Nameserver
from podname.erlang.asking import Asked, ask, past_caches
from podname.erlang.inetrc_effect import Inetrc
from podname.erlang.lookup import Lookup
from podname.erlang.native_resolver import native

HOSTS = Path("/etc/hosts")


async def look_up(host: str, inetrc: Inetrc, family: str = "inet", hosts: Path = HOSTS) -> Lookup:
    """Resolve a host as a node with this inetrc does."""
    asked: list[Asked] = []
    found: tuple[str, ...] = (host,) if addresses.parse(host) else ()
    for method in inetrc.methods:
        if found:
            break
        if method == "native":
            found, _ = await native(host, family)
        elif method == "file":
            found = in_hosts(hosts, host)
        elif method == "dns":
            asked += [each async for each in _ask(host, inetrc, family)]
            found = asked[-1].addresses if asked else ()
    past = () if found else await past_caches(asked, family)
    error = "" if found else f"nxdomain, by {', '.join(inetrc.methods) or 'no method'}"
    return Lookup(host, found, error, f"the inetrc {inetrc.path}", tuple(asked), past)


async def _ask(host: str, inetrc: Inetrc, family: str) -> AsyncIterator[Asked]:
    """Ask until there is an address."""
    for name, servers in questions(host, inetrc):
        for server in servers:
            asked = await ask(server, name, family)
            yield asked
            if asked.addresses:
                return
            if not asked.error:
                break


def questions(host: str, inetrc: Inetrc) -> list[tuple[str, Sequence[Nameserver]]]:
    """Return the names that are asked for, and of whom."""
    searched = [f"{host}.{domain}" for domain in inetrc.search or (inetrc.domain,) if domain]
    if "." not in host:
        return [(name, inetrc.nameservers) for name in searched or [host]]
    as_it_is = [(host, inetrc.nameservers), (host, inetrc.alternatives)]
    return [*as_it_is, *((name, inetrc.nameservers) for name in searched)]


def in_hosts(path: Path, host: str) -> tuple[str, ...]:
    """Find a host in a hosts file."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    words = [line.partition("#")[0].split() for line in lines]
    wanted = host.lower()
    return tuple(line[0] for line in words if wanted in [each.lower() for each in line[1:]])
