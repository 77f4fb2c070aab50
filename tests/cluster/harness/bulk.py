"""Objects by the thousand, put into etcd past the API server: 100,000 pods in seconds.

The API server holds nothing that etcd does not, reads JSON as well as its own encoding, and sees
what is written to etcd through its watch: a client cannot tell these objects from others. What it
would have added on the way (uid, creation time) is added here; nothing is validated or defaulted,
so give complete objects.

Sources: etcd's JSON gateway, https://etcd.io/docs/latest/dev-guide/api_grpc_gateway/
"""

import base64
import http.client
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from tests.cluster.harness import ClusterError
from tests.cluster.harness.api import Object
from tests.cluster.harness.namespace import Namespace

ETCD_PORT = 2379
BATCH = 500
KEYS = {
    "Namespace": "namespaces",
    "Node": "minions",
    "Pod": "pods",
    "Service": "services/specs",
    "EndpointSlice": "endpointslices",
}


class Bulk:
    """A connection to etcd that puts and deletes many objects at once."""

    def __init__(self, namespace: Namespace) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", ETCD_PORT)
        self._connection.sock = namespace.connect("127.0.0.1", ETCD_PORT)

    def __enter__(self) -> "Bulk":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def put(self, objects: Iterable[Object]) -> int:
        """Create the objects, or replace those that are there; return how many."""
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        operations = (
            {"requestPut": {"key": _encode(key_of(item)), "value": _encode(_stored(item, created))}}
            for item in objects
        )
        return self._transact(operations)

    def delete(self, objects: Iterable[Object]) -> int:
        """Delete the objects; return how many."""
        keys = (_encode(key_of(item)) for item in objects)
        return self._transact({"requestDeleteRange": {"key": key}} for key in keys)

    def _transact(self, operations: Iterator[Object]) -> int:
        total = 0
        while batch := list(itertools.islice(operations, BATCH)):
            self._connection.request("POST", "/v3/kv/txn", json.dumps({"success": batch}))
            answer = self._connection.getresponse()
            text = answer.read().decode()
            if answer.status != http.client.OK:
                raise ClusterError(f"etcd refused a batch of objects: {text[:500]}")
            total += len(batch)
        return total


def key_of(item: Object) -> str:
    """Return the key under which the API server keeps an object."""
    metadata = item["metadata"]
    place = [metadata["namespace"]] if "namespace" in metadata else []
    return "/".join(["/registry", KEYS[item["kind"]], *place, metadata["name"]])


def _stored(item: Object, created: str) -> str:
    given = {"uid": str(uuid.uuid4()), "creationTimestamp": created}
    return json.dumps({**item, "metadata": {**given, **item["metadata"]}}, separators=(",", ":"))


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
