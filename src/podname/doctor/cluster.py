"""What the API server knows of the two pods and the Services that their names go through.

Only lists are asked for, narrowed to one object where that is possible, so that a Role which may list pods, services
and endpointslices is enough. What is forbidden is noted, and nothing else fails for it.

Sources: Kubernetes API concepts (field selectors: `metadata.name`, `status.podIP`); EndpointSlice controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import TypeVar

import msgspec
from msgspec import Struct

from podname.dns import addresses
from podname.doctor.facts import Api, EndpointView, PodView, ServiceView, Side
from podname.doctor.pod_host import Kind, PodHost
from podname.erlang.environment import described
from podname.errors import Forbidden, KubeError
from podname.kube import types
from podname.kube.listing import Listing
from podname.kube.scrub import scrub
from podname.kube.transport import Transport

S = TypeVar("S", bound=Struct)
_NAMING = ("RELEASE_NODE", "RELEASE_NAME", "RELEASE_DISTRIBUTION", "ERL_INETRC")


class _Unseen(Exception):
    """The API server did not show it."""


class ClusterEye:
    """Reads of one API server, by default in one namespace."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._namespace = namespace
        self._was_reached = False
        self._problem = ""
        self._forbidden: dict[str, None] = {}

    @property
    def api(self) -> Api:
        """How the API server treated us so far."""
        return Api(self._was_reached, self._problem, tuple(self._forbidden), self._namespace)

    async def side(self, place: PodHost, namespaces: Sequence[str] = ()) -> Side:
        """Find the pod that a host means, and the Service that its name goes through."""
        wanted = [place.namespace] if place.namespace else [self._namespace, *namespaces]
        pod, was_searched = None, False
        for namespace in dict.fromkeys(wanted):
            try:
                pod = await self._find_pod(place, namespace)
                was_searched = True
            except _Unseen:
                continue
            if pod is not None:
                break
        service = await self._service_of(place, pod)
        return Side(pod, service, was_searched, pod.namespace if pod else wanted[0])

    async def holder(self, address: str, namespace: str) -> str | None:
        """Return which pod has an address: its name, nothing when there is none, None when that is not to be seen."""
        selector = {"fieldSelector": f"status.podIP={address}"}
        for where in (f"/namespaces/{namespace or self._namespace}", ""):
            try:
                what = "pods" if where else ""
                found = await self._list(f"/api/v1{where}/pods", types.Pod, selector, what)
            except _Unseen:
                return None
            running = [pod for pod in map(_pod, found) if not _is_over(pod)]
            if running:
                return str(running[0])
        return ""

    async def _find_pod(self, place: PodHost, namespace: str) -> PodView | None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        if place.kind is not Kind.ADDRESS:
            selector = {"fieldSelector": f"metadata.name={place.label}"}
            named = await self._list(path, types.Pod, selector, "pods")
            if named:
                return _pod(named[0])
        every = await self._list(path, types.Pod, {}, "pods")
        meant = [pod for pod in map(_pod, every) if _is_meant(pod, place)]
        return min(meant, key=_is_over, default=None)

    async def _service_of(self, place: PodHost, pod: PodView | None) -> ServiceView | None:
        name = place.service or (pod.subdomain if pod else "")
        namespace = place.namespace or (pod.namespace if pod else "")
        if not name:
            return None
        path = f"/api/v1/namespaces/{namespace}/services"
        selector = {"fieldSelector": f"metadata.name={name}"}
        try:
            found = await self._list(path, types.Service, selector, "services")
            if not found:
                return ServiceView(namespace, name, exists=False)
            endpoint = await self._endpoint(namespace, name, pod)
        except _Unseen:
            return None
        spec = found[0].spec or types.ServiceSpec()
        return ServiceView(
            namespace,
            name,
            exists=True,
            is_headless=spec.cluster_ip == "None",
            publishes_not_ready=spec.publish_not_ready_addresses is True,
            endpoint=endpoint,
        )

    async def _endpoint(
        self, namespace: str, service: str, pod: PodView | None
    ) -> EndpointView | None:
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        selector = {"labelSelector": f"{types.SERVICE_NAME_LABEL}={service}"}
        found = await self._list(path, types.EndpointSlice, selector, "endpointslices")
        for endpoint in (each for item in found for each in item.endpoints or ()):
            if pod is not None and set(endpoint.addresses or ()) & set(pod.addresses):
                conditions = endpoint.conditions or types.EndpointConditions()
                return EndpointView(endpoint.hostname or "", conditions.ready is not False)
        return None

    async def _list(self, path: str, kind: type[S], selector: dict[str, str], what: str) -> list[S]:
        """Read a list. Raises _Unseen; what is forbidden is noted under `what`, if that is anything."""
        if self._problem and not self._was_reached:
            raise _Unseen  # once is enough to wait for a server that does not answer
        listing = Listing(self._transport, path, selector, version="")
        decode = msgspec.json.Decoder(kind).decode
        try:
            async with aclosing(listing.items(decode, lambda raw: scrub(raw, kind))) as items:
                found = [item async for item in items if item is not None]
        except Forbidden:
            self._was_reached = True
            if what:
                self._forbidden[f"list {what} in namespace {path.split('/')[-2]}"] = None
            raise _Unseen from None
        except KubeError as error:
            self._was_reached = self._was_reached or error.code > 0
            self._problem = str(error)
            raise _Unseen from None
        self._was_reached = True
        return found


def _is_meant(pod: PodView, place: PodHost) -> bool:
    """Whether a host's first label, or its address, can mean this pod."""
    if place.kind is Kind.ADDRESS:
        return place.label in pod.addresses
    dashed = {addresses.to_dashed(address) for address in pod.addresses}
    return place.label in {pod.name, pod.own_hostname, *dashed}


def _is_over(pod: PodView) -> bool:
    return pod.phase in {"Succeeded", "Failed"}


def _pod(shape: types.Pod) -> PodView:
    metadata = shape.metadata or types.ObjectMeta()
    spec = shape.spec or types.PodSpec()
    status = shape.status or types.PodStatus()
    variables = _environment(spec)
    secret = variables.get("RELEASE_COOKIE", "")
    return PodView(
        namespace=metadata.namespace or "",
        name=metadata.name or "",
        hostname=spec.hostname_override or spec.hostname or "",
        subdomain=spec.subdomain or "",
        addresses=tuple(types.addresses_of(status)),
        phase=status.phase or "",
        is_ready=_is_ready(status),
        is_leaving=bool(metadata.deletion_timestamp),
        dns_policy=spec.dns_policy or "ClusterFirst",
        searches=tuple((spec.dns_config and spec.dns_config.searches) or ()),
        environment=tuple((name, variables[name]) for name in _NAMING if name in variables),
        cookie=described("RELEASE_COOKIE", secret) if secret else None,
        ports=tuple(
            (port.name, port.port)
            for container in spec.containers or ()
            for port in container.ports or ()
            if port.name and port.port
        ),
    )


def _environment(spec: types.PodSpec) -> dict[str, str]:
    """Return the variables that are written out in a pod, the first container's last: it wins."""
    variables: dict[str, str] = {}
    for container in reversed(spec.containers or []):
        for variable in container.env or ():
            if variable.name and variable.value:
                variables[variable.name] = variable.value
    return variables


def _is_ready(status: types.PodStatus) -> bool:
    ready = [each.status for each in status.conditions or () if each.type == "Ready"]
    return ready == ["True"]
