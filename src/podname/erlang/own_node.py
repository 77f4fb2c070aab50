"""The node that runs here, by its own word: epmd tells its port, and the beginning of a handshake its whole name.

No variable has to be there, so it works in an ephemeral container, too. Of several nodes none is chosen.
"""

from __future__ import annotations

from podname.erlang import epmd, handshake
from podname.erlang.environment import Erlang
from podname.erlang.nodename import BadNode, NodeName, parse

_HERE = {"inet": "127.0.0.1", "inet6": "::1"}


async def running(erlang: Erlang, hostname: str, port: int = 0) -> NodeName | None:
    """Ask the node here for its name; `port` is known where nodes run without epmd."""
    address = _HERE[erlang.family]
    port = port or erlang.fixed_port or await _only_port(address, erlang.epmd_port)
    if not port:
        return None
    name = f"podname-doctor@{hostname}"
    shaken, _ = await handshake.probe(address, port, name, None, hostname, tls_first=erlang.is_tls)
    try:
        return parse(shaken.node)
    except BadNode:
        return None


async def _only_port(address: str, epmd_port: int) -> int:
    """Return the port of the only node that the epmd here knows."""
    names = (await epmd.ask(address, epmd_port, "")).names
    if len(names) != 1:
        return 0
    return (await epmd.ask(address, epmd_port, names[0])).node_port
