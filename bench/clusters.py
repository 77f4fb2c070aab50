"""A cluster of N pods in N/10 Services, as objects: what the comparisons with CoreDNS are made on.

Half of the Services are headless, each has ten ready endpoints in one slice. A pod is as long as a small real one
(owner, labels, one container, conditions, managedFields): about two and a half kilobytes of JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

PODS_PER_SERVICE = 10
NAMESPACES = 50
PORT = {"name": "http", "port": 4000, "protocol": "TCP"}


def namespace_of(service: int) -> str:
    """Return the namespace that a Service stands in."""
    return f"team-{service % NAMESPACES}"


def service_name(service: int) -> str:
    return f"app-{service}"


def pod_name(service: int, number: int) -> str:
    return f"app-{service}-7bd795854f-{number:05x}"


def pod_address(service: int, number: int) -> str:
    pod = service * PODS_PER_SERVICE + number
    return f"10.{64 + (pod >> 16)}.{pod >> 8 & 255}.{pod & 255}"


def cluster_ip(service: int) -> str:
    return f"10.43.{128 + (service >> 8)}.{service & 255}"


def is_headless(service: int) -> bool:
    return service % 2 == 1


def objects(pods: int) -> Iterator[Object]:
    """Return all objects of a cluster."""
    for number in range(NAMESPACES):
        yield {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": f"team-{number}"}}
    for service in range(pods // PODS_PER_SERVICE):
        yield _service(service)
        yield endpoint_slice(service)
        for number in range(PODS_PER_SERVICE):
            yield pod(service, number)


def _service(service: int) -> Object:
    address = "None" if is_headless(service) else cluster_ip(service)
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": service_name(service), "namespace": namespace_of(service)},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "selector": {"app": service_name(service)},
            "ports": [{**PORT, "targetPort": 4000}],
        },
        "status": {"loadBalancer": {}},
    }


def endpoint_slice(service: int, *more: tuple[str, str]) -> Object:
    """Return a Service's slice; `more` are further pods, as name and address."""
    own = [(pod_name(service, n), pod_address(service, n)) for n in range(PODS_PER_SERVICE)]
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": f"{service_name(service)}-x7k2p",
            "namespace": namespace_of(service),
            "labels": {"kubernetes.io/service-name": service_name(service)},
        },
        "addressType": "IPv4",
        "ports": [PORT],
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "node-1",
                "targetRef": {"kind": "Pod", "namespace": namespace_of(service), "name": name},
            }
            for name, address in (*own, *more)
        ],
    }


def pod(service: int, number: int) -> Object:
    """Return one pod."""
    return named_pod(service, pod_name(service, number), pod_address(service, number))


def named_pod(service: int, name: str, address: str) -> Object:
    """Return a pod of a Service with this name and address."""
    conditions = (
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    )
    since = "2026-11-22T10:00:00Z"
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "generateName": f"{service_name(service)}-7bd795854f-",
            "namespace": namespace_of(service),
            "labels": {"app": service_name(service), "pod-template-hash": "7bd795854f"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": f"{service_name(service)}-7bd795854f",
                    "uid": "0f0a1b2c-0000-4000-8000-000000000000",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": [
                {
                    "manager": "kubelet",
                    "operation": "Update",
                    "apiVersion": "v1",
                    "time": since,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:status": {f"f:{part}": {".": {}} for part in conditions}},
                    "subresource": "status",
                }
            ],
        },
        "spec": {
            "nodeName": "node-1",
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "securityContext": {},
            "containers": [
                {
                    "name": "app",
                    "image": "registry.example/app:1.2.3",
                    "ports": [{"containerPort": 4000, "protocol": "TCP"}],
                    "env": [{"name": "RELEASE_COOKIE", "value": "secret"}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                    "imagePullPolicy": "IfNotPresent",
                }
            ],
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": since} for kind in conditions
            ],
            "hostIP": "10.42.3.1",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": since,
            "qosClass": "Burstable",
        },
    }
