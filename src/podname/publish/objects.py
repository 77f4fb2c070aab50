"""Services, pods and slices, stripped to what publishing needs. Immutable; equal when nothing that counts differs.

Source: Kubernetes API v1, discovery.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

IPV4, IPV6 = "IPv4", "IPv6"


class WantedPort(Struct, frozen=True, gc=False):
    """A Service's port. `target` is a number, or a name for each pod to resolve."""

    name: str
    protocol: str
    target: int | str
    app_protocol: str


class Service(Struct, frozen=True, gc=False):
    """A Service. `selects` says that it has a selector of its own; `annotation` is None when it is not there."""

    namespace: str
    name: str
    uid: str
    annotation: str | None
    is_headless: bool
    type: str
    selects: bool
    families: tuple[str, ...]
    publishes_not_ready: bool
    ports: tuple[WantedPort, ...]

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


class NamedPort(Struct, frozen=True, gc=False):
    """A port of a container that has a name."""

    name: str
    protocol: str
    number: int


class Pod(Struct, frozen=True, gc=False):
    """A pod that is not finished. `addresses` are good to be published; there may be none yet."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...]
    node: str
    is_ready: bool
    is_terminating: bool
    ports: tuple[NamedPort, ...]

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


class Port(Struct, frozen=True, gc=False, order=True):
    """A port of a slice."""

    name: str
    protocol: str
    number: int
    app_protocol: str


class Endpoint(Struct, frozen=True, gc=False):
    """An endpoint of a slice: a pod's addresses of one family. Conditions are None where nobody wrote them."""

    uid: str  # of the pod
    pod: str
    hostname: str
    addresses: tuple[str, ...]
    node: str
    ready: bool | None
    serving: bool | None
    terminating: bool | None


class Content(Struct, frozen=True, gc=False):
    """What a slice says, and for whom: all that we ever write into one."""

    service: str
    owner: str  # the Service's uid
    family: str
    ports: tuple[Port, ...]
    endpoints: tuple[Endpoint, ...]


class Slice(Struct, frozen=True, gc=False):
    """An EndpointSlice as it is. `is_labelled`: it carries all the labels that we give."""

    namespace: str
    name: str
    uid: str
    version: str
    is_ours: bool
    is_labelled: bool
    owners: tuple[str, ...]
    content: Content  # its owner is "" when there is none

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def service_key(self) -> str:
        """The key of the Service that it belongs to."""
        return f"{self.namespace}/{self.content.service}"

    def says(self, content: Content) -> bool:
        """Whether it is all that we would write; others may own it, too."""
        if not self.is_labelled or content.owner not in self.owners:
            return False
        mine = self.content
        return (mine.service, mine.family, mine.ports, mine.endpoints) == (
            content.service,
            content.family,
            content.ports,
            content.endpoints,
        )
