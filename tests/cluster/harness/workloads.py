"""The objects that tests create: manifests as functions, with only what a test varies."""

from collections.abc import Mapping
from typing import Any, cast

from tests.cluster.harness.api import Object
from tests.cluster.harness.images import ERLANG
from tests.cluster.harness.namespace import HOST

NODE = "node-1"


def namespace(name: str) -> Object:
    """Return a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(
    name: str,
    app: str,
    *,
    namespace: str = "default",
    headless: bool = True,
    ports: Mapping[str, int] | None = None,
    **spec: object,
) -> Object:
    """Return a Service for the pods with a label `app`."""
    listed = [{"name": key, "port": value} for key, value in (ports or {}).items()]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"app": app},
            **({"clusterIP": "None"} if headless else {}),
            **({"ports": listed} if listed else {}),
            **spec,
        },
    }


def pod(name: str, *, namespace: str = "default", app: str = "", **spec: object) -> Object:
    """Return a Pod of the Erlang image that waits until it is told to do something."""
    return {"apiVersion": "v1", "kind": "Pod", **pod_template(app, name, namespace, **spec)}


def pod_template(app: str, name: str = "", namespace: str = "", **spec: object) -> Object:
    """Return what a Pod consists of, by itself or as the template of a workload.

    `container` is what its container has besides the usual, or instead of it.
    """
    container: Object = {
        "name": "main",
        "image": ERLANG,
        "imagePullPolicy": "Never",
        "command": ["sleep", "infinity"],
        **cast("Object", spec.pop("container", {})),
    }
    if "readiness" in spec:
        container["readinessProbe"] = spec.pop("readiness")
    metadata = {"name": name, "namespace": namespace, "labels": {"app": app} if app else {}}
    rest = {"terminationGracePeriodSeconds": 1, "containers": [container], **spec}
    return {"metadata": {key: value for key, value in metadata.items() if value}, "spec": rest}


def deployment(name: str, replicas: int, *, namespace: str = "default", **spec: object) -> Object:
    """Return a Deployment whose pods have the label `app` with its name."""
    return _workload("Deployment", name, replicas, namespace, spec, {})


def stateful_set(name: str, replicas: int, *, namespace: str = "default", **spec: object) -> Object:
    """Return a StatefulSet with a Service of its own name."""
    extra = {"serviceName": name, "podManagementPolicy": "Parallel"}
    return _workload("StatefulSet", name, replicas, namespace, spec, extra)


def indexed_job(name: str, count: int, *, namespace: str = "default", **spec: Any) -> Object:
    """Return an Indexed Job, all of whose pods run at once; they call themselves `<name>-<index>`."""
    counts = {"completionMode": "Indexed", "completions": count, "parallelism": count}
    template = pod_template(name, restartPolicy="Never", **spec)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**counts, "template": template},
    }


NEVER_READY: Object = {"exec": {"command": ["false"]}, "periodSeconds": 1}
"""A readiness probe that fails."""


def _workload(
    kind: str, name: str, replicas: int, namespace: str, pod_spec: Object, extra: Object
) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": pod_template(name, **pod_spec),
            **extra,
        },
    }


def placed_pod(
    name: str,
    *addresses: str,
    namespace: str = "default",
    app: str = "",
    ready: bool = True,
    phase: str = "Running",
    **spec: object,
) -> Object:
    """Return a Pod as it looks when a kubelet runs it: on a Node, with addresses and a state."""
    state = "True" if ready else "False"
    status = {
        "phase": phase,
        "podIP": addresses[0],
        "podIPs": [{"ip": address} for address in addresses],
        "conditions": [{"type": kind, "status": state} for kind in ("Ready", "ContainersReady")],
    }
    return {**pod(name, namespace=namespace, app=app, nodeName=NODE, **spec), "status": status}


def endpoint_slice(
    service: str,
    pods: Mapping[str, str],
    *,
    namespace: str = "default",
    ports: Mapping[str, int] | None = None,
) -> Object:
    """Return the slice of a Service for pods given by name and IPv4 address, as a controller would.

    For a Service without a selector, or where no controllers run.
    """
    targets = {name: {"kind": "Pod", "name": name, "namespace": namespace} for name in pods}
    listed = [
        {"name": key, "port": value, "protocol": "TCP"} for key, value in (ports or {}).items()
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service}-slice",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": listed,
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}, "targetRef": targets[name]}
            for name, address in pods.items()
        ],
    }


def node() -> Object:
    """Return the Node on which placed pods are, where no kubelet makes one."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}


def dns_service(name: str, service_address: str, places: Mapping[str, int]) -> list[Object]:
    """Return a Service of DNS servers that are not in pods, and a slice for each of them.

    A place is the name of a slice and the port of a server on the node; slices may differ in ports.
    """
    metadata = {"name": name, "namespace": "kube-system"}
    kinds = ("UDP", "TCP")
    ports = [{"name": kind.lower(), "protocol": kind, "port": 53} for kind in kinds]
    service = {"clusterIP": service_address, "ports": ports}
    label = {"kubernetes.io/service-name": name}
    slices: list[Object] = [
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "name": slice_name, "labels": label},
            "addressType": "IPv4",
            "ports": [{**item, "port": port} for item in ports],
            "endpoints": [{"addresses": [HOST]}],
        }
        for slice_name, port in places.items()
    ]
    return [{"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service}, *slices]
