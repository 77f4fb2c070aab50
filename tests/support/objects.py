"""Kubernetes objects as JSON, for tests: only what a test says is in them."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def namespace(name: str, **labels: str) -> Obj:
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}}


def pod(
    name: str, *addresses: str, namespace: str = "default", phase: str = "Running", **metadata: Any
) -> Obj:
    status: Obj = {"phase": phase}
    if addresses:
        status |= {"podIP": addresses[0], "podIPs": [{"ip": each} for each in addresses]}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "status": status,
    }


def port(number: int | None, name: str = "", protocol: str = "TCP") -> Obj:
    return {"name": name, "port": number, "protocol": protocol}


def service(
    name: str,
    *cluster_ips: str,
    namespace: str = "default",
    ports: tuple[Obj, ...] = (),
    **spec: Any,
) -> Obj:
    addresses = (
        {"clusterIP": cluster_ips[0], "clusterIPs": list(cluster_ips)} if cluster_ips else {}
    )
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ClusterIP", **addresses, "ports": list(ports), **spec},
    }


def endpoint(*addresses: str, ready: bool | None = True, hostname: str = "", pod: str = "") -> Obj:
    found: Obj = {"addresses": list(addresses), "conditions": {"ready": ready}}
    if hostname:
        found["hostname"] = hostname
    if pod:
        found["targetRef"] = {"kind": "Pod", "name": pod}
    return found


def endpoint_slice(
    name: str,
    service: str,
    *endpoints: Obj,
    namespace: str = "default",
    ports: tuple[Obj, ...] = (),
    family: str = "IPv4",
) -> Obj:
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": family,
        "endpoints": list(endpoints),
        "ports": list(ports),
    }
