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
    owner: bytes, members: Sequence[tuple[Pod, bytes]], options: ZoneOptions
) -> ReadyAnswers:
    """List pods, given with their names: all their addresses, and an SRV record without port for each."""
    addresses = dict.fromkeys(address for pod, _ in members for address in pods.addresses_of(pod))
    out = endpoints.address_answers(addresses, options.pod_ttl_seconds) if addresses else {}
    return out | _srv(owner, ((pod, _NO_PORT, name) for pod, name in members), options)


def short_listing(members: Iterable[Pod], options: ZoneOptions) -> ReadyAnswers:
    """List pods by their bare hostnames."""
    return _short((pods.own_hostname(pod) for pod in members if pods.addresses_of(pod)), options)


def ports(
    owner: bytes, members: Iterable[tuple[Pod, bytes]], asked: Name, options: ZoneOptions
) -> ReadyAnswers | None:
    """Return where pods, given with their names, listen.

    None when no container says so; nothing for a protocol, which has ports below it.
    """
    having = [(pod, port, name) for pod, name in members for port in pod.ports if _is(port, asked)]
    if not having:
        return None
    return _srv(owner, having, options) if asked.port else {}


def _is(port: Port, asked: Name) -> bool:
    name, wanted = (text.lower().replace("_", "-") for text in (port.name, asked.port))
    return port.protocol.lower() == asked.protocol and wanted in {name, ""}


def _srv(
    owner: bytes, having: Iterable[tuple[Pod, Port, bytes]], options: ZoneOptions
) -> ReadyAnswers:
    targets = _fitting(
        Entry(address, name, port)
        for pod, port, name in having
        if name
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
