"""Gather the facts: the machine, the resolver, the cluster, and what answers at the node's address.

From outside a cluster its resolver and its network are not ours: then the API server alone is asked, and says what
a pod would see.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from podname.doctor import machine, pod_host
from podname.doctor.cluster import ClusterEye
from podname.doctor.facts import Api, Facts, Machine, Reach, Where
from podname.doctor.pod_host import Kind, PodHost
from podname.erlang import (
    asking,
    environment,
    epmd,
    epmd_module,
    erlang_resolver,
    handshake,
    inetrc_effect,
    native_resolver,
    nodename,
    own_node,
)
from podname.erlang.asking import Pointers
from podname.erlang.epmd import Epmd
from podname.erlang.lookup import Lookup
from podname.erlang.nodename import ASSUMED, ENVIRONMENT, BadNode, NodeName
from podname.errors import KubeError
from podname.kube import config, kubeconfig
from podname.kube.auth import Credentials
from podname.kube.config import ClusterConfig
from podname.kube.transport import HttpTransport
from podname.runtime.clock import SystemClock

_IDLE_SECONDS = 10.0
RUNNING = "it runs here"


@dataclass(frozen=True)
class Request:
    """What is to be looked at, and from where."""

    node: str = ""
    own: str = ""
    kubeconfig: Path | None = None
    context: str = ""
    namespace: str = ""
    port: int = 0  # at which nodes listen, when they run without epmd
    resolv_conf: Path = machine.RESOLV_CONF
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)


async def gather(request: Request) -> Facts:
    """Look at everything. Raises BadNode when the request names no node."""
    where, cluster, problem = _access(request)
    here = None if where is Where.OUTSIDE else machine.look(request.variables, request.resolv_conf)
    own, own_source = await _own(request, here)
    node = nodename.parse(request.node) if request.node else own
    if node is None:
        raise BadNode(
            "say which node: podname doctor NAME@HOST (none runs here, nor is RELEASE_NODE set)"
        )
    facts = Facts(where, node, own, own_source, here, api=Api(problem=problem))
    if here is not None:
        facts = await _resolved(facts, here, request.variables)
    if cluster is not None:
        facts = await _with_cluster(facts, cluster, request.namespace)
    if here is not None and _has_module(here):
        facts = _with_port(facts, here, request.variables)
    if here is not None:
        pointers = await _pointers(facts, here)
        facts = dataclasses.replace(
            facts, pointers=pointers, reach=await _reach(facts, here, request)
        )
    return facts


def _access(request: Request) -> tuple[Where, ClusterConfig | None, str]:
    """Find the way to the API server, which tells where we are."""
    variables = request.variables
    is_pod = bool(variables.get("KUBERNETES_SERVICE_HOST"))
    if is_pod and request.kubeconfig is None:
        try:
            return Where.POD, config.in_cluster(variables), ""
        except KubeError as error:
            return Where.POD, None, str(error)
    paths = (request.kubeconfig,) if request.kubeconfig else kubeconfig.named_by(variables)
    if not paths:
        return Where.ALONE, None, "there is neither a pod's service account nor a kubeconfig"
    where = Where.POD if is_pod else Where.OUTSIDE
    try:
        return where, config.from_kubeconfig(paths, request.context), ""
    except KubeError as error:
        return where, None, str(error)


async def _own(request: Request, here: Machine | None) -> tuple[NodeName | None, str]:
    """Return what a node here is called, and what tells so: the words given, the node itself, or how it is started."""
    if request.own:
        return nodename.parse(request.own), "--from"
    if here is None:
        return None, ""
    port = epmd_module.fixed_port(here.erlang, request.variables) if _has_module(here) else 0
    running = await own_node.running(here.erlang, here.hostname, request.port or port)
    if running is not None:
        return running, RUNNING
    return _own_by_environment(request, here)


def _own_by_environment(request: Request, here: Machine) -> tuple[NodeName | None, str]:
    name, at, host = here.erlang.node.partition("@")
    if at:
        return nodename.parse(here.erlang.node), ENVIRONMENT
    form = here.erlang.form
    source = ENVIRONMENT
    if not form and request.node:
        form, source = nodename.parse(request.node).form, ASSUMED
    host = here.fqdn if form == "long" else here.hostname.partition(".")[0]
    if not request.node and not name:
        return None, ""
    return NodeName(name or nodename.ANY, host), source


def _has_module(here: Machine) -> bool:
    return here.erlang.epmd_module == epmd_module.MODULE


async def _by_module(facts: Facts, here: Machine, variables: Mapping[str, str]) -> Facts:
    """Find the node through podname as the module does; through the API server it is found later."""
    if epmd_module.is_by_api(variables):
        return facts
    look_up = epmd_module.look_up(facts.node, here.resolv_conf, variables, here.erlang.family)
    return dataclasses.replace(facts, lookup=await look_up)


def _with_port(facts: Facts, here: Machine, variables: Mapping[str, str]) -> Facts:
    """Add to what the module found what the API server and the fixed port tell it."""
    pod, erlang = facts.there.pod, here.erlang
    addresses, ports = (pod.addresses, dict(pod.ports)) if pod else ((), {})
    lookup = facts.lookup or epmd_module.by_api(facts.node, addresses, ports, erlang.family)
    port = lookup.port or epmd_module.fixed_port(erlang, variables)
    return dataclasses.replace(facts, lookup=dataclasses.replace(lookup, port=port))


async def _resolved(facts: Facts, here: Machine, variables: Mapping[str, str]) -> Facts:
    """Resolve the node's host as a node here does: by its inetrc, or else with the C library."""
    host, family, conf = facts.node.host, here.erlang.family, here.resolv_conf
    if facts.node.is_address:
        return dataclasses.replace(facts, lookup=Lookup(host, (host,)))
    if _has_module(here):
        return await _by_module(facts, here, variables)
    if not here.erlang.inetrc:
        return dataclasses.replace(facts, lookup=await native_resolver.look_up(host, conf, family))
    found = inetrc_effect.look(here.erlang.inetrc, conf)
    lookup = (
        await erlang_resolver.look_up(host, found, family)
        if "dns" in found.methods
        else await native_resolver.look_up(host, conf, family)
    )
    return dataclasses.replace(facts, inetrc=found, lookup=lookup)


async def _with_cluster(facts: Facts, cluster: ClusterConfig, namespace: str) -> Facts:
    """Add what the API server knows."""
    transport = HttpTransport(Credentials(cluster, SystemClock()), _IDLE_SECONDS)
    eye = ClusterEye(transport, namespace or cluster.namespace)
    meant = pod_host.read(facts.node.host)
    try:
        there = await eye.side(meant, _searched_namespaces(facts.machine))
        own_host = _own_host(facts)
        here = await eye.side(own_host) if own_host else facts.here
        holders = [
            (address, holder)
            for address in (facts.lookup.addresses if facts.lookup else ())
            if (holder := await eye.holder(address, there.namespace)) is not None
        ]
    finally:
        await transport.close()
    return dataclasses.replace(facts, there=there, here=here, holders=tuple(holders), api=eye.api)


def _own_host(facts: Facts) -> PodHost | None:
    """Return by what the pod here is found: by the name given for it or, inside it, by its hostname."""
    if facts.where is Where.POD and facts.machine and facts.own_source != "--from":
        return PodHost(Kind.SHORT, facts.machine.hostname.partition(".")[0])
    return pod_host.read(facts.own.host) if facts.own and facts.where is not Where.ALONE else None


def _searched_namespaces(here: Machine | None) -> list[str]:
    """Return the namespaces whose pods a short name may mean, by the search domains."""
    domains = [each.split(".") for each in (here.resolv_conf.search if here else ())]
    return [labels[0] for labels in domains if len(labels) > 2 and labels[1] == "pod"]


async def _pointers(facts: Facts, here: Machine) -> Pointers | None:
    """Ask for the name of the address as `inet_res` does: of the inetrc's nameservers, else of resolv.conf's."""
    if facts.lookup is None or not facts.lookup.addresses:
        return None
    servers = (facts.inetrc and facts.inetrc.nameservers) or here.resolv_conf.nameservers
    silent = {each.server for each in facts.lookup.asked if each.error}
    good = [each for each in servers if each not in silent]
    return await asking.names_of(facts.lookup.addresses[0], good)


async def _reach(facts: Facts, here: Machine, request: Request) -> Reach | None:
    """Go to the address that the host resolves to, as a node would."""
    address = _address(facts.lookup)
    if address is None:
        return None
    mapper: Epmd | None = None
    told = facts.lookup.port if facts.lookup else 0
    port = request.port or told or here.erlang.fixed_port
    if not port:
        mapper = await epmd.ask(address, here.erlang.epmd_port, facts.node.name)
        port = mapper.node_port
    if not port:
        return Reach(address, mapper)
    found = environment.cookie(request.variables)
    shaken, certificate = await handshake.probe(
        address,
        port,
        f"podname-doctor-{os.getpid()}@{(facts.own.host if facts.own else '') or here.hostname}",
        found[1] if found else None,
        facts.node.host,
        tls_first=here.erlang.is_tls,
    )
    return Reach(address, mapper, shaken, certificate)


def _address(lookup: Lookup | None) -> str | None:
    return lookup.addresses[0] if lookup and lookup.addresses else None
