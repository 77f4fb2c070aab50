"""How nodes that run with `-epmd_module podname_epmd` find each other: past resolv.conf, inetrc and epmd.

By podname: `_<name>._tcp.<host>` has the port and the target, otherwise the host's address and the fixed port count. A
short host is completed by a domain. By the Kubernetes API: the pod's address, and its container port that is called
like the node.

Sources: clients/erlang/README.md, podname_epmd_dns.erl, podname_epmd_config.erl, podname_epmd_kubernetes.erl.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import dns.exception
import dns.message
import dns.rdatatype

from podname.dns.nameserver import BadNameserver, Nameserver
from podname.dns.resolv_conf import ResolvConf
from podname.erlang import environment
from podname.erlang.asking import Asked, ask, exchange, past_caches
from podname.erlang.domains import pods_domain
from podname.erlang.environment import Erlang
from podname.erlang.lookup import Lookup
from podname.erlang.nodename import NodeName

MODULE = "podname_epmd"
DEFAULT_PORT = 4370


def fixed_port(erlang: Erlang, variables: Mapping[str, str]) -> int:
    """Return the port of a node that nothing else is known of."""
    told = environment.number(variables.get("PODNAME_DIST_PORT", ""))
    return erlang.fixed_port or told or DEFAULT_PORT


def is_by_api(variables: Mapping[str, str]) -> bool:
    """Whether the module asks the Kubernetes API instead of podname."""
    return variables.get("PODNAME_SOURCE") == "kubernetes"


async def look_up(
    node: NodeName, conf: ResolvConf, variables: Mapping[str, str], family: str
) -> Lookup:
    """Find a node as the module does through podname."""
    host = node.host if "." in node.host else f"{node.host}.{domain(conf, variables)}".rstrip(".")
    asked: list[Asked] = []
    for server in servers(variables) or conf.nameservers:
        target, port = await _service(server, f"_{node.name}._tcp.{host}")
        asked.append(await ask(server, target or host, family))
        if not asked[-1].error:
            found = asked[-1].addresses
            past = () if found else await past_caches(asked, family)
            return Lookup(node.host, found, asked[-1].rcode, MODULE, tuple(asked), past, port)
    return Lookup(node.host, (), "no nameserver answers", MODULE, tuple(asked))


def by_api(
    node: NodeName, addresses: Sequence[str], ports: Mapping[str, int], family: str
) -> Lookup:
    """Find a node as the module does through the API server, which told the addresses and ports of its pod."""
    has_colon = family == "inet6"
    found = tuple(each for each in addresses if (":" in each) == has_colon)
    return Lookup(
        node.host,
        found,
        "" if found else "no such pod, or none that may be seen",
        f"{MODULE}, by the API server",
        port=ports.get(node.name.replace("_", "-"), 0),
    )


def domain(conf: ResolvConf, variables: Mapping[str, str]) -> str:
    """Return what completes a short name: as told, or by the search domains that the kubelet writes."""
    told = variables.get("PODNAME_DOMAIN", "").strip(".")
    parts = [each.partition(".svc.") for each in conf.search]
    found = [pods_domain(name, zone) for name, svc, zone in parts if svc and "." not in name]
    return told or next(iter(found), "")


def servers(variables: Mapping[str, str]) -> tuple[Nameserver, ...]:
    """Read `PODNAME_DNS`: `10.43.0.53`, `10.43.0.53:1053`, `[fd00::53]:53`; what is none of these is left out."""
    words = variables.get("PODNAME_DNS", "").replace(",", " ").split()
    found: list[Nameserver] = []
    for word in words:
        with contextlib.suppress(BadNameserver):
            found.append(Nameserver.parse(word))
    return tuple(found)


async def _service(server: Nameserver, name: str) -> tuple[str, int]:
    """Ask for the SRV record of just that node: its target and port, or nothing."""
    try:
        reply = await exchange(dns.message.make_query(name, "SRV"), server)
    except (dns.exception.DNSException, OSError):
        return "", 0
    found = [
        rdata for rrset in reply.answer if rrset.rdtype == dns.rdatatype.SRV for rdata in rrset
    ]
    if not found:
        return "", 0
    first = min(found, key=lambda rdata: (rdata.priority, rdata.weight))
    return first.target.to_text(omit_final_dot=True), first.port
