"""The loop on an API server that fails: everything ends in the truth, and nothing is written that need not be."""

from __future__ import annotations

import contextlib

import msgspec
import pytest

from podname.errors import KubeError
from podname.publish.manifests import encode
from podname.publish.objects import Port
from podname.publish.planning import Write
from podname.publish.reading import SLICES
from tests.support import writes
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.objects import endpoint, endpoint_slice
from tests.unit.publish.conftest import Publishing, headless, running, slices
from tests.unit.publish.making import Slices, pods, service


async def test_pods_are_published_and_follow(publishing: Publishing, server: ApiServer) -> None:
    server.put("services", headless())
    for number in range(3):
        server.put("pods", running(number))
    await publishing.until(lambda: publishing.names == ["web-0", "web-1", "web-2"])
    (name,) = publishing.slices
    made = publishing.slices[name]
    assert name == "web-podname-ipv4-0"
    assert made["metadata"]["labels"] == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "podname.dev",
        "service.kubernetes.io/headless": "",
    }
    assert made["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "u-web", "controller": True}
    ]
    assert made["endpoints"][0] == {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "hostname": "web-0",
        "targetRef": {"kind": "Pod", "namespace": "default", "name": "web-0", "uid": "u-web-0"},
    }
    server.delete("pods", "web-1", "default")
    server.put("pods", running(2, ready=False))
    server.put("pods", running(7))
    server.put("pods", running(8, app="other"))
    await publishing.until(lambda: publishing.names == ["web-0", "web-7"])
    server.put("pods", running(0, app="other"))
    await publishing.until(lambda: publishing.names == ["web-7"])


async def test_nothing_is_written_when_nothing_changed(
    publishing: Publishing, server: ApiServer, clock: FakeClock
) -> None:
    server.put("services", headless())
    for number in range(250):
        server.put("pods", running(number))
    await publishing.until(lambda: len(publishing.names) == 250)
    await publishing.quiet()
    version, asked = server.state.version, publishing.asked("PATCH")
    assert len(publishing.slices) == 3
    server.put("pods", running(0))  # another version of the same pod
    server.put("services", headless())
    clock.advance(700)  # a resync
    await publishing.quiet()
    assert publishing.asked("PATCH") == asked
    lease = "coordination"
    others = [each for each in server.requests if lease not in each.path and each.method != "GET"]
    assert len(others) == asked
    assert server.state.version > version  # by the Lease, and by what we put


async def test_a_rollout_is_few_writes(publishing: Publishing, server: ApiServer) -> None:
    server.put("services", headless())
    await publishing.quiet()
    for number in range(250):
        server.put("pods", running(number))
    pods = publishing.controller.catalog.pods_of
    await until(lambda: len(pods("default/web")) == 250)  # time stands still meanwhile
    assert publishing.asked("PATCH") <= 3
    await publishing.until(lambda: len(publishing.names) == 250)
    assert publishing.asked("PATCH") <= 6


async def test_a_watch_that_lags_costs_no_conflict(
    publishing: Publishing, server: ApiServer
) -> None:
    """What was written counts from when it was written, not from when the watch tells."""
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    publishing.controller._slices.store._handlers.clear()
    for number in (1, 2):
        server.put("pods", running(number))
        await publishing.until(lambda: f"web-{number}" in publishing.names)  # noqa: B023
    server.put("services", headless(None))
    await publishing.until(lambda: not publishing.slices)
    server.put("services", headless())
    again = publishing.clock.now
    await publishing.until(lambda: len(publishing.names) == 3)
    assert publishing.clock.now < again + 60, "not by the resync"
    await publishing.quiet()
    assert publishing.controller.failures == 0
    assert publishing.asked("DELETE") == 1


@pytest.mark.parametrize("status", [409, 429, 500, 403, 504])
async def test_a_write_that_fails_is_tried_again(
    publishing: Publishing, server: ApiServer, status: int
) -> None:
    server.faults.write_statuses.extend([status] * 3)
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    assert not server.faults.write_statuses
    assert publishing.controller.failures >= 3
    server.faults.write_statuses.extend([status] * 3)
    server.delete("pods", "web-0", "default")
    await publishing.until(lambda: not publishing.slices)


async def test_failures_are_no_hot_loop(
    publishing: Publishing, server: ApiServer, clock: FakeClock
) -> None:
    server.put("services", headless())
    await publishing.quiet()
    server.faults.write_statuses.extend([429] * 1000)
    began = clock.now
    for number in range(40):
        server.put("pods", running(number))
        await publishing.until(lambda: clock.now > began + 2 * number)  # noqa: B023
    assert publishing.asked("PATCH") <= 12
    server.faults.write_statuses.clear()
    await publishing.until(lambda: len(publishing.names) == 40)


async def test_a_failure_of_one_service_costs_no_other(
    publishing: Publishing, server: ApiServer
) -> None:
    theirs = endpoint_slice("bad-podname-ipv4-0", "bad", endpoint("10.9.9.9"))
    server.put("endpointslices", theirs)
    for name in ("bad", "good"):
        server.put("services", headless(name=name))
    server.put("pods", running(0))
    await publishing.until(lambda: "good-podname-ipv4-0" in publishing.slices)
    await publishing.quiet()
    assert publishing.slices["bad-podname-ipv4-0"]["endpoints"] == theirs["endpoints"]


async def test_what_others_have_of_the_service_stays(
    publishing: Publishing, server: ApiServer
) -> None:
    server.put("endpointslices", endpoint_slice("theirs", "web", endpoint("10.9.9.9")))
    before = slices(server)["theirs"]
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: len(publishing.slices) == 2)
    server.put("services", headless(None))
    await publishing.until(lambda: len(publishing.slices) == 1)
    assert publishing.slices == {"theirs": before}


async def test_what_somebody_changed_is_put_right(
    publishing: Publishing, server: ApiServer
) -> None:
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    server.put("endpointslices", {**publishing.slices["web-podname-ipv4-0"], "endpoints": []})
    await publishing.until(lambda: publishing.names == ["web-0"])
    server.delete("endpointslices", "web-podname-ipv4-0", "default")
    await publishing.until(lambda: publishing.names == ["web-0"])


@pytest.mark.parametrize(
    "change", ["annotation", "selector", "service", "cluster address"], ids=str
)
async def test_slices_go_when_nobody_asks_for_them(
    publishing: Publishing, server: ApiServer, change: str
) -> None:
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    match change:
        case "annotation":
            server.put("services", headless(None))
        case "selector":
            server.put("services", headless(selector={"app": "web"}))
        case "service":
            server.delete("services", "web", "default")
        case _:
            server.put("services", headless(clusterIP="10.43.0.7"))
    await publishing.until(lambda: not publishing.slices)


async def test_a_service_made_anew_owns_its_slices(
    publishing: Publishing, server: ApiServer
) -> None:
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    again = headless()
    again["metadata"]["uid"] = "u-again"
    server.put("services", again)

    def owners() -> list[str]:
        metadata = publishing.slices["web-podname-ipv4-0"]["metadata"]
        return [each["uid"] for each in metadata["ownerReferences"]]

    await publishing.until(lambda: owners() == ["u-again"])


async def test_a_lost_watch_ends_in_the_truth(publishing: Publishing, server: ApiServer) -> None:
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    server.state.compact()
    server.tear_streams()
    server.delete("pods", "web-0", "default")
    server.put("pods", running(1))
    await publishing.until(lambda: publishing.names == ["web-1"])


async def test_nothing_is_deleted_before_everything_is_known(
    server: ApiServer, clock: FakeClock
) -> None:
    first = Publishing(server, clock)
    server.put("services", headless())
    server.put("pods", running(0))
    await first.until(lambda: first.names == ["web-0"])
    await first.close()
    server.faults.forbidden.add("pods")
    second = Publishing(server, clock, "b")
    try:
        await second.until(lambda: second.controller.election.is_leading)
        began = clock.now
        await second.until(lambda: clock.now > began + 60)
        assert second.names == ["web-0"]
        assert (second.asked("DELETE"), second.controller.has_synced) == (0, False)
        server.faults.forbidden.clear()
        server.put("pods", running(1))
        await second.until(lambda: second.names == ["web-0", "web-1"])
    finally:
        await second.close()


async def test_what_was_published_stays_and_the_lease_is_released(
    server: ApiServer, clock: FakeClock
) -> None:
    publishing = Publishing(server, clock)
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: publishing.names == ["web-0"])
    await publishing.close()
    assert publishing.names == ["web-0"]
    lease = server.state.get("leases", "home", "lease")
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == ""


async def test_two_replicas_write_once_and_one_takes_over(
    server: ApiServer, clock: FakeClock
) -> None:
    first, second = Publishing(server, clock), Publishing(server, clock, "b")
    try:
        server.put("services", headless())
        for number in range(30):
            server.put("pods", running(number))
        await first.until(lambda: len(first.names) == 30)
        await first.quiet()
        writers = [each.controller.writer.writes["apply"] for each in (first, second)]
        assert min(writers) == 0
        leader, other = (first, second) if writers[0] else (second, first)
        await leader.close()
        server.put("pods", running(40))
        await other.until(lambda: "web-40" in other.names)
        await other.quiet()
        assert other.controller.writer.writes["apply"] == 1
        assert other.controller.election.changes == 1
        assert not leader.controller.plans
    finally:
        await first.close()
        await second.close()


async def test_both_believing_to_lead_end_in_the_truth(clock: FakeClock) -> None:
    """What no election can exclude: a leader that was asleep writes once more."""
    async with ApiServer() as one, ApiServer(state=one.state) as other:
        first, second = Publishing(one, clock), Publishing(other, clock, "b")
        for each in (first, second):
            each.controller.writer._may_write = lambda: True
        try:
            one.put("services", headless())
            await first.until(lambda: first.controller.has_synced)
            await first.until(lambda: second.controller.has_synced)
            for number in range(20):
                one.put("pods", running(number))
                for each in (first, second):
                    with contextlib.suppress(KubeError):  # the other one was faster
                        await each.controller.sync("default/web")
            await first.until(lambda: len(first.names) == 20)
            await first.quiet()
            assert [len(each["endpoints"]) for each in first.slices.values()] == [20]
        finally:
            await first.close()
            await second.close()


async def test_faults_are_told_once_and_counted(
    publishing: Publishing, server: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put("services", headless("app="[:3]))
    server.put("services", headless("app in web", "slip"))
    server.put("services", headless("app=web", "mine", selector={"app": "web"}))
    server.put("pods", running(0, name="x" * 70))
    server.put("pods", running(1, name="dotted.name"))
    server.put("services", headless("app=web", "named"))
    await publishing.until(lambda: "named-podname-ipv4-0" in publishing.slices)
    await publishing.quiet()
    for number in range(2, 5):
        server.put("pods", running(number))
        await publishing.quiet()
    told = [each.getMessage() for each in caplog.records if each.name.endswith("controller")]
    warnings = [line for line in told if "annotation" in line or "no DNS labels" in line]
    assert len([line for line in warnings if "default/slip" in line]) == 1
    assert len([line for line in warnings if "default/mine" in line]) == 1
    (line,) = [line for line in warnings if "Service default/named: 2 pods" in line]
    assert "dotted.name" in line
    hosts = [
        each.get("hostname") for each in publishing.slices["named-podname-ipv4-0"]["endpoints"]
    ]
    assert hosts.count(None) == 2
    assert sorted(filter(None, hosts)) == ["web-2", "web-3", "web-4"]


async def test_an_admission_that_changes_what_is_written_is_told_and_no_hot_loop(
    publishing: Publishing,
    server: ApiServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    original = writes.answer

    def meddling(*arguments: object) -> tuple[int, dict[str, object]]:
        status, obj = original(*arguments)  # type: ignore[arg-type]
        if obj.get("endpoints"):
            obj["endpoints"][0]["hostname"] = "meddled"
        return status, obj

    monkeypatch.setattr(writes, "answer", meddling)
    server.put("services", headless())
    server.put("pods", running(0))
    await publishing.until(lambda: "admission webhook" in caplog.text)
    began, asked = publishing.clock.now, publishing.asked("PATCH")
    await publishing.until(lambda: publishing.clock.now > began + 120)
    assert publishing.asked("PATCH") - asked < 12


def test_the_writer_speaks_of_all_that_it_compares() -> None:
    """What a plan compares must be what an apply sets: else there is a write without end."""
    plan = Slices().follow(service(), pods(range(3)))
    (write,) = plan.writes
    content = msgspec.structs.replace(
        write.content,
        ports=(Port("dist", "TCP", 9100, "kubernetes.io/h2c"), Port("", "UDP", 1, "")),
    )
    text = encode(Write("default", "x", content, None))
    assert SLICES.flatten(msgspec.json.decode(text, type=SLICES.shape), []).says(content)
