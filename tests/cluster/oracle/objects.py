"""The words in which clusters are written: complete objects as the API server would store them.

They go straight into etcd (`harness.bulk`), where nothing is validated or defaulted, so that an odd
object is as easy to write as a good one.
"""

from collections.abc import Iterable, Mapping, Sequence

from tests.cluster.harness.api import Object

Port = tuple[str | None, str | None, int | None]
"""Name, protocol, number."""

LABELS = {"shown": "yes", "team": "a"}
"""What every object carries unless a test says otherwise; the variants with selectors ask for it."""


def space(name: str, labels: Mapping[str, str] = LABELS) -> Object:
    """Return a Namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def service(
    name: str,
    *addresses: str,
    at: str = "one",
    ports: Iterable[Port] = (("http", "TCP", 80),),
    kind: str = "ClusterIP",
    external: str = "",
    labels: Mapping[str, str] = LABELS,
) -> Object:
    """Return a Service; without addresses it is headless."""
    listed = [
        {"name": port or "", "protocol": protocol or "TCP", "port": number}
        for port, protocol, number in ports
    ]
    spec: Object = {"type": kind, "ports": listed, "sessionAffinity": "None"}
    if kind == "ExternalName":
        spec["externalName"] = external
    else:
        spec |= {
            "clusterIP": (addresses or ("None",))[0],
            "clusterIPs": list(addresses or ["None"]),
        }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": at, "labels": dict(labels)},
        "spec": spec,
    }


def external(name: str, target: str, *, at: str = "one") -> Object:
    """Return an ExternalName Service."""
    return service(name, at=at, kind="ExternalName", external=target, ports=())


def endpoint(
    *addresses: str,
    hostname: str | None = None,
    pod: str | None = None,
    ready: bool | None = True,
    conditions: Mapping[str, bool | None] | None = None,
) -> Object:
    """Return one endpoint of a slice."""
    given: Object = {"addresses": list(addresses)}
    given["conditions"] = dict(conditions) if conditions is not None else {"ready": ready}
    if hostname is not None:
        given["hostname"] = hostname
    if pod is not None:
        given["targetRef"] = {"kind": "Pod", "name": pod}
    return given


def slice_of(
    owner: str | None,
    *endpoints: Object,
    name: str = "",
    at: str = "one",
    ports: Sequence[Port] | None = (("http", "TCP", 80),),
    kind: str = "IPv4",
    labels: Mapping[str, str] = LABELS,
) -> Object:
    """Return an EndpointSlice of the Service `owner`, or of none."""
    listed = [dict(zip(("name", "protocol", "port"), port, strict=True)) for port in ports or ()]
    mark = {} if owner is None else {"kubernetes.io/service-name": owner}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name or f"{owner}-{kind.lower()}",
            "namespace": at,
            "labels": {**labels, **mark},
        },
        "addressType": kind,
        "endpoints": list(endpoints),
        "ports": listed if ports is not None else None,
    }


def pod(
    name: str,
    *addresses: str,
    at: str = "one",
    phase: str = "Running",
    labels: Mapping[str, str] = LABELS,
    host_network: bool = False,
    terminating: bool = False,
    owner: tuple[str, str, str] | None = None,
    ports: Mapping[str, int] | None = None,
) -> Object:
    """Return a Pod as it looks when it has (or had) a place; `owner` is API version, kind and name."""
    metadata: Object = {"name": name, "namespace": at, "labels": dict(labels)}
    if owner is not None:
        reference = dict(zip(("apiVersion", "kind", "name"), owner, strict=True))
        metadata["ownerReferences"] = [{**reference, "uid": "0-1", "controller": True}]
    if terminating:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
    status: Object = {"phase": phase}
    if addresses:
        status |= {"podIP": addresses[0], "podIPs": [{"ip": text} for text in addresses]}
    spec = {
        "containers": [
            {
                "name": "main",
                "image": "none",
                "ports": [{"name": key, "containerPort": n} for key, n in (ports or {}).items()],
            }
        ],
        "nodeName": "node-1",
        "hostNetwork": host_network,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def key_of(item: Object) -> tuple[str, str, str]:
    """Return what identifies an object: kind, namespace and name."""
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


HEADLESS_SIZES = (30, 120, 1000, 6000)


def headless_of(size: int) -> list[Object]:
    """Return a headless Service with so many endpoints, in slices of a hundred; all have a shared name."""
    name = f"big-{size}"
    made = [service(name)]
    for start in range(0, size, 100):
        numbers = range(start, min(size, start + 100))
        listed = (
            endpoint(
                f"10.{20 + size // 1000}.{number >> 8}.{number & 255}",
                hostname="named" if number % 3 == 0 else None,
                pod=f"{name}-{number}",
            )
            for number in numbers
        )
        made.append(slice_of(name, *listed, name=f"{name}-{start}"))
    return made
