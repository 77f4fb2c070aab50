"""What consumers ask for: shared watches, given back, and what is not asked for is not watched."""

from __future__ import annotations

from podname.kube.config import from_endpoint
from podname.kube.informer import Cluster
from podname.kube.kinds import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, Watch
from podname.kube.objects import Namespace
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.objects import endpoint, endpoint_slice, namespace, pod, service


async def test_equal_watches_share_one_reflector(server: ApiServer, cluster: Cluster) -> None:
    server.put("services", service("web", "10.43.0.1"))
    first, second = cluster.watch(Watch(SERVICES)), cluster.watch(Watch(SERVICES))
    other = cluster.watch(Watch(SERVICES, label_selector="a=b"))
    assert first is second
    assert first is not other
    await until(lambda: first.has_synced and other.has_synced)
    assert len(server.requests) == 2
    assert (len(first.store.objects), len(other.store.objects)) == (1, 0)


async def test_what_nobody_uses_any_more_is_not_watched(
    server: ApiServer, cluster: Cluster
) -> None:
    first, second = cluster.watch(Watch(PODS)), cluster.watch(Watch(PODS))
    await until(lambda: first.has_synced)
    cluster.release(first)
    assert server.watches == 1
    assert list(cluster.informers) == [Watch(PODS)]
    cluster.release(second)
    await until(lambda: server.watches == 0)
    assert cluster.informers == {}
    again = cluster.watch(Watch(PODS))
    assert again is not first
    await until(lambda: again.has_synced)


async def test_all_kinds_in_one_namespace(server: ApiServer, cluster: Cluster) -> None:
    for name in ("default", "other"):
        server.put("pods", pod("a", namespace=name))
        server.put("services", service("web", namespace=name))
        server.put(
            "endpointslices", endpoint_slice("web-1", "web", endpoint("10.0.0.1"), namespace=name)
        )
        server.put("namespaces", namespace(name))
    informers = [
        cluster.watch(Watch(kind, "default")) for kind in (PODS, SERVICES, ENDPOINT_SLICES)
    ]
    names = cluster.watch(Watch(NAMESPACES, "default"))
    await until(lambda: all(informer.has_synced for informer in informers))
    assert [list(informer.store.objects) for informer in informers] == [
        ["default/a"],
        ["default/web"],
        ["default/web-1"],
    ]
    # a Role cannot allow to list namespaces: nothing is asked
    assert names.store.objects == {"default": Namespace("default")}
    assert names.has_synced
    assert {request.path for request in server.requests} == {
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/services",
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    }
    cluster.release(names)


async def test_all_namespaces(server: ApiServer, cluster: Cluster) -> None:
    server.put("namespaces", namespace("a", team="x"))
    server.put("namespaces", namespace("b"))
    informer = cluster.watch(Watch(NAMESPACES, label_selector="team=x"))
    await until(lambda: informer.has_synced)
    assert list(informer.store.objects) == ["a"]
    assert server.requests[0].parameters["labelSelector"] == "team=x"


async def test_finished_pods_are_not_watched(server: ApiServer, cluster: Cluster) -> None:
    server.put("pods", pod("done", "10.0.0.1", phase="Succeeded"))
    server.put("pods", pod("runs", "10.0.0.2"))
    informer = cluster.watch(Watch(PODS, field_selector="metadata.name!=x"))
    await until(lambda: informer.has_synced)
    assert list(informer.store.objects) == ["default/runs"]
    server.put("pods", pod("runs", "10.0.0.2", phase="Failed"))
    await until(lambda: not informer.store.objects)
    assert server.requests[0].parameters["fieldSelector"] == (
        "status.phase!=Succeeded,status.phase!=Failed,metadata.name!=x"
    )


async def test_a_missing_permission_is_said_and_costs_only_its_kind(
    server: ApiServer, cluster: Cluster, clock: FakeClock
) -> None:
    server.faults.forbidden.add("pods")
    pods, services = cluster.watch(Watch(PODS)), cluster.watch(Watch(SERVICES))
    await until(
        lambda: services.has_synced and cluster.informers[Watch(PODS)].counters.failures >= 3, clock
    )
    assert not pods.has_synced
    assert cluster.transport.requests["WATCH", 403] >= 3
    server.faults.forbidden.clear()
    await until(lambda: pods.has_synced, clock)


async def test_closing_ends_everything(server: ApiServer, clock: FakeClock) -> None:
    cluster = Cluster(from_endpoint(server.url), clock=clock)
    informers = [cluster.watch(Watch(kind)) for kind in (PODS, SERVICES)]
    await until(lambda: all(informer.has_synced for informer in informers))
    await cluster.close()
    await until(lambda: not server._tasks)
