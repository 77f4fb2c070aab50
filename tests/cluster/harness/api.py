"""A small client of the API server: JSON objects in and out, over connections made inside.

`Api` is what a test speaks to Kubernetes with: `create`, `apply`, `get`, `find`, `patch`, `delete` by
kind. Kinds are few and known, so a table replaces discovery.

Sources: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import http.client
import json
import select
import ssl
import threading
from pathlib import Path
from typing import Any, cast

from tests.cluster.harness import ClusterError
from tests.cluster.harness.namespace import HOST, Namespace

PORT = 6443
Object = dict[str, Any]
"""A Kubernetes object as JSON has it."""

CORE, APPS, DISCOVERY = "api/v1", "apis/apps/v1", "apis/discovery.k8s.io/v1"
RBAC = "apis/rbac.authorization.k8s.io/v1"
KINDS = {
    "Namespace": (CORE, "namespaces"),
    "Node": (CORE, "nodes"),
    "Pod": (CORE, "pods"),
    "Service": (CORE, "services"),
    "ServiceAccount": (CORE, "serviceaccounts"),
    "ConfigMap": (CORE, "configmaps"),
    "Secret": (CORE, "secrets"),
    "Deployment": (APPS, "deployments"),
    "ReplicaSet": (APPS, "replicasets"),
    "StatefulSet": (APPS, "statefulsets"),
    "Job": ("apis/batch/v1", "jobs"),
    "EndpointSlice": (DISCOVERY, "endpointslices"),
    "Role": (RBAC, "roles"),
    "RoleBinding": (RBAC, "rolebindings"),
    "ClusterRole": (RBAC, "clusterroles"),
    "ClusterRoleBinding": (RBAC, "clusterrolebindings"),
}
CLUSTER_SCOPED = {"Namespace", "Node", "ClusterRole", "ClusterRoleBinding"}
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


class ApiError(ClusterError):
    """The API server refused; `code` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Api:
    """A client with one token; one connection for each thread that uses it."""

    def __init__(self, namespace: Namespace, authority: Path, token: str) -> None:
        self._namespace = namespace
        self._authority = authority
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._local = threading.local()
        self._connections: list[http.client.HTTPConnection] = []

    def close(self) -> None:
        """Close every connection."""
        while self._connections:
            self._connections.pop().close()

    def create(self, item: Object) -> Object:
        """Create an object."""
        return self.request("POST", path_of(item, named=False), item)

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        """Read an object."""
        return self.request("GET", path(kind, namespace, name))

    def find(self, kind: str, namespace: str = "default", selector: str = "") -> list[Object]:
        """Read the objects of a kind in a namespace, of the labels asked for."""
        query = f"?labelSelector={selector}" if selector else ""
        answer = self.request("GET", path(kind, namespace) + query)
        return cast("list[Object]", answer["items"])

    def patch(
        self, kind: str, name: str, change: Object, namespace: str = "default", *, part: str = ""
    ) -> Object:
        """Merge a change into an object, or into a part of it such as its `status`."""
        address = path(kind, namespace, name) + (f"/{part}" if part else "")
        return self.request("PATCH", address, change, content_type=MERGE)

    def apply(self, item: Object) -> Object:
        """Create an object, or make the one with its name look like it (server-side apply)."""
        address = f"{path_of(item)}?fieldManager=tests&force=true"
        return self.request("PATCH", address, item, content_type=APPLY)

    def delete(
        self, kind: str, name: str, namespace: str = "default", *, now: bool = False
    ) -> None:
        """Delete an object, `now` without any grace."""
        options = {"gracePeriodSeconds": 0} if now else {}
        self.request("DELETE", path(kind, namespace, name), options)

    def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Ask the API server; a connection that it closed meanwhile is opened again."""
        headers = {**self._headers, "Content-Type": content_type}
        content = None if body is None else json.dumps(body)
        connection = self._connection()
        try:
            connection.request(method, f"/{path}", content, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next request connects anew
            raise ConnectionError(f"{method} /{path}: {error!r}") from error
        value = (
            cast("Object", json.loads(text)) if text.startswith(b"{") else {"text": text.decode()}
        )
        if answer.status >= 400:
            raise ApiError(answer.status, f"{method} /{path}: {value.get('message', text)}")
        return value

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            context = ssl.create_default_context(cafile=str(self._authority))
            self._local.connection = _Connection(self._namespace, context)
            self._connections.append(self._local.connection)
        connection = cast("http.client.HTTPConnection", self._local.connection)
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()  # nothing is outstanding: what is to be read is the server's goodbye
        return connection


class _Connection(http.client.HTTPSConnection):
    def __init__(self, namespace: Namespace, context: ssl.SSLContext) -> None:
        super().__init__(HOST, PORT, timeout=60, context=context)
        self._namespace = namespace
        self._tls = context

    def connect(self) -> None:
        plain = self._namespace.connect(HOST, PORT, timeout_seconds=60)
        self.sock = self._tls.wrap_socket(plain, server_hostname=HOST)


def path(kind: str, namespace: str, name: str = "") -> str:
    """Return the path of an object, or of all of its kind in a namespace."""
    group, plural = KINDS[kind]
    place = plural if kind in CLUSTER_SCOPED else f"namespaces/{namespace}/{plural}"
    return f"{group}/{place}/{name}".rstrip("/")


def path_of(item: Object, *, named: bool = True) -> str:
    """Return the path at which an object is read and replaced, or created."""
    metadata = item["metadata"]
    name = metadata["name"] if named else ""
    return path(item["kind"], metadata.get("namespace", "default"), name)
