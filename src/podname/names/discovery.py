"""The answers at names that list pods, and at names that say where a pod listens. Pure.

Listed are the pods of a workload (a Deployment, ReplicaSet, StatefulSet, DaemonSet or Job) or of a namespace; and, by
bare hostnames only, the endpoints of a Service.

Every pod that has an address and is not gone or finished is listed, ready or not: who looks for peers must not lose
one that is about to be ready, nor one that is draining. A Service's endpoints are those that are ready.

Sources: docs/names.md; RFC 2782 (SRV); RFC 6335 §5.1 (names of ports have no underscores, Erlang nodes' may).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain

from podname.dns import constants as c
from podname.dns.names import ROOT
from podname.dns.records import ReadyAnswers, answer, srv_rdata
from podname.kube.objects import EndpointSlice, Pod, Port
from podname.names import endpoints, pods
from podname.names.endpoints import Entry
from podname.names.labels import label
from podname.names.options import ZoneOptions
from podname.names.schema import CONTROLLERS, Name

#: The third label from the zone by which a table knows the names that it must leave to code.
LAZY_LABELS = frozenset(controller.encode() for controller in CONTROLLERS)
_NO_PORT = Port("", "", 0)
#: What nodes in a pod are called; nothing when a name that was cut would not tell pods apart.
NameOf = Callable[[Pod], bytes]
#: More pods never fit into a message: an A record has sixteen octets.
MEMBERS_MAX = c.MESSAGE_OCTETS_MAX // 16
_SRV_OCTETS = 18  # without the target


# ---------------------------------------------------------------------- pods


def workload_of(pod: Pod) -> tuple[str, str]:
    """Return kind and name of the workload that a pod is of, empty for none."""
    return _workload_of(pod.owner)


@lru_cache(maxsize=64)  # pods of one workload come one after the other
def _workload_of(owner: str) -> tuple[str, str]:
    kind, _, name = owner.lower().partition("/")
    return kind, name.rpartition("/")[0] if kind == "deploy" else name


def replica_set_of(pod: Pod) -> str:
    """Return the name of the ReplicaSet that a Deployment made the pod by."""
    return pod.owner.lower().partition("/")[2].replace("/", "-")


def listing(
    owner: bytes, members: Sequence[Pod], name_of: NameOf, options: ZoneOptions
) -> ReadyAnswers:
    """List pods: all their addresses, and an SRV record without port for each.

    Only as many are named as a message holds.
    """
    addresses = dict.fromkeys(address for pod in members for address in pods.addresses_of(pod))
    out = endpoints.address_answers(addresses, options.pod_ttl_seconds) if addresses else {}
    return out | _srv(owner, ((pod, _NO_PORT) for pod in members), name_of, options)


def short_listing(members: Iterable[Pod], options: ZoneOptions) -> ReadyAnswers:
    """List pods by their bare hostnames."""
    return _short((pods.own_hostname(pod) for pod in members if pods.addresses_of(pod)), options)


def ports(
    owner: bytes, members: Iterable[Pod], name_of: NameOf, asked: Name, options: ZoneOptions
) -> ReadyAnswers | None:
    """Return where pods listen: as many as a message holds.

    None when no container says so; nothing for a protocol, which has ports below it.
    """
    wanted = _plain(asked.port)
    having = (
        (pod, port)
        for pod in members
        for port in pod.ports
        if port.protocol.lower() == asked.protocol and wanted in {_plain(port.name), ""}
    )
    first = next(having, None)
    if first is None:
        return None
    return _srv(owner, chain((first,), having), name_of, options) if asked.port else {}


def port_names(members: Iterable[Pod]) -> frozenset[tuple[str, str]]:
    """Return protocol and name of each port that pods listen on."""
    every = {port for pod in members for port in pod.ports}
    return frozenset((port.protocol.lower(), _plain(port.name)) for port in every)


def listens(names: frozenset[tuple[str, str]], asked: Name) -> bool:
    """Return whether pods that listen on these have the port that is asked for, or the protocol."""
    if asked.port:
        return (asked.protocol, _plain(asked.port)) in names
    return any(protocol == asked.protocol for protocol, _ in names)


@lru_cache(maxsize=256)  # pods of one workload have the same ports
def _plain(port_name: str) -> str:
    return port_name.lower().replace("_", "-")


def _srv(
    owner: bytes, having: Iterable[tuple[Pod, Port]], name_of: NameOf, options: ZoneOptions
) -> ReadyAnswers:
    targets = _fitting(
        Entry(address, name, port)
        for pod, port in having
        if (name := name_of(pod))
        for address in pods.addresses_of(pod)
    )
    made = endpoints.answers(owner, b"", targets, options.pod_ttl_seconds)
    return {c.SRV: made[c.SRV]} if c.SRV in made else {}


def _fitting(reached: Iterable[Entry]) -> list[Entry]:
    """Take as many as a message could hold, and one more, so that it is seen to be cut."""
    taken, octets, last = [], 0, (b"", _NO_PORT)
    for entry in reached:
        if octets > c.MESSAGE_OCTETS_MAX:
            break
        taken.append(entry)
        if (entry.target, entry.port) != last:  # another address of a pod makes no other record
            octets += _SRV_OCTETS + len(entry.target)
        last = (entry.target, entry.port)
    return taken


def _short(names: Iterable[str], options: ZoneOptions) -> ReadyAnswers:
    """Make SRV records to single labels. They are no names of ours, so nothing says where they are."""
    targets, octets = dict[bytes, None](), 0
    for made in map(label, names):
        if made and made + ROOT not in targets:
            targets[made + ROOT] = None
            octets += _SRV_OCTETS + len(made)
            if octets > c.MESSAGE_OCTETS_MAX:  # seen to be cut
                break
    weight = endpoints.srv_weight(len(targets)) if targets else 0
    rdatas = [srv_rdata(0, weight, 0, target) for target in targets]
    return {c.SRV: answer(c.SRV, options.pod_ttl_seconds, rdatas)} if rdatas else {}


# ------------------------------------------------------------------ Services


def short_endpoints(
    slices: Iterable[EndpointSlice], hostname_of: Callable[[str], str], options: ZoneOptions
) -> ReadyAnswers:
    """List the endpoints of a Service by their bare hostnames; what is neither a host nor a pod has none.

    `hostname_of` tells what the pod with a key calls itself.
    """
    reached = ((one.namespace, endpoint) for one in slices for endpoint in one.endpoints)
    return _short(
        (
            each.hostname or hostname_of(f"{namespace}/{each.pod}")
            for namespace, each in reached
            if each.hostname or each.pod
        ),
        options,
    )


def portless(
    owner: bytes, namespace: str, slices: Iterable[EndpointSlice], zone: bytes, options: ZoneOptions
) -> bytes | None:
    """Make the SRV answer of a headless Service of which no port is known.

    Targets are hostnames under the Service, as with a port; else, more use to who looks for peers than an address
    with dashes, pods by their own names.
    """

    def reached() -> Iterator[Entry]:
        for endpoint in chain.from_iterable(one.endpoints for one in slices):
            pod = pods.own_owners(namespace, endpoint.pod, zone, options) if endpoint.pod else ()
            is_named = endpoint.hostname or options.endpoint_pod_names
            for named in endpoints.named(endpoint, options):
                primary = named.primary
                target = primary + owner if primary and (is_named or not pod) else b"".join(pod)
                if target:
                    yield Entry(named.address, target, _NO_PORT)

    made = endpoints.answers(owner, b"", _fitting(reached()), options.pod_ttl_seconds)
    return made.get(c.SRV)
