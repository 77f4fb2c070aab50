"""Erlang nodes in real pods find each other through the module `podname_epmd`: without epmd, by either source."""

import pytest
from tests.cluster.harness import epmd_module, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.epmd_module import evaluate
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
DEMO = "cluster-demo"
PODNAME_ONLY = pytest.mark.parametrize("server", ["podname"], indirect=True)
BY_API = {"PODNAME_SOURCE": "kubernetes"}


def two_pods(cluster: Cluster, space: str, environment: dict[str, str]) -> tuple[str, str]:
    """Start two pods that have the module, in no Service."""
    cluster.api.create(epmd_module.config_map(space))
    cluster.api.create(epmd_module.deployment(DEMO, 2, namespace=space, environment=environment))
    first, second = cluster.running_pods(space, DEMO, 2)
    return first, second


def patiently(expression: str, silence: str) -> str:
    """Return the expression that asks until there is an answer other than silence.

    A virtual machine that has just started may give up its first question to the API: code is still being loaded.
    """
    ask = f"case {expression} of {silence} when Left > 0 -> Ask(Left - 1); Answer -> Answer end"
    return f"(fun Ask(Left) -> {ask} end)(50)"


def patient_ping(node: str) -> str:
    """Return the expression that pings until there is a reply."""
    return patiently(f"net_adm:ping('{node}')", "pang")


def meet(cluster: Cluster, space: str, suffix: str) -> None:
    """See two nodes find each other in every way; the second knows the first's port from Kubernetes alone."""
    first, second = sorted(cluster.running_pods(space, DEMO, 2))
    app, other = f"app@{first}{suffix}", f"app@{second}{suffix}"
    epmd_module.start_node(cluster, first, app, namespace=space)
    pings = [patient_ping(app), f"net_adm:ping('no@{first}{suffix}')"]
    pings += [f"net_adm:ping('app@nowhere{suffix}')"]
    hosts = "lists:sort(podname_epmd:hosts())"
    world = "lists:sort(net_adm:world_list(podname_epmd:hosts()))"
    expression = f"{{{', '.join([*pings, hosts, world])}}}"
    expected = f"{{pong,pang,pang,['{first}{suffix}','{second}{suffix}'],['{app}','{other}']}}"
    said = ""

    def says() -> bool:
        nonlocal said
        said = evaluate(cluster, second, other, expression, namespace=space)
        return said == expected

    until(says, lambda: f"{expected}, not {said}", deadline_seconds=60)
    beside = f"shell@{first}{suffix}"
    reply = evaluate(cluster, first, beside, patient_ping(app), "-hidden", namespace=space)
    assert reply == "pong"


@PODNAME_ONLY
@pytest.mark.parametrize("suffix", ["", ".{space}.pod.cluster.local"], ids=["short", "long"])
def test_nodes_meet_through_podname(
    cluster: Cluster, server: DnsServer, space: str, suffix: str
) -> None:
    place = f"{server.address}:{server.port}"
    first, second = two_pods(cluster, space, {"PODNAME_DNS": place})
    for pod in (first, second):
        until(lambda: server.short(f"{pod}.{space}.pod.{ZONE}"), f"the address of {pod}")  # noqa: B023
    meet(cluster, space, suffix.format(space=space))


@pytest.mark.parametrize("suffix", ["", ".{space}.pod.cluster.local"], ids=["short", "long"])
def test_nodes_meet_through_the_kubernetes_api_alone(
    cluster: Cluster, space: str, suffix: str
) -> None:
    two_pods(cluster, space, BY_API)
    cluster.kubectl("apply", "--namespace", space, "-f", str(epmd_module.ROLE))
    meet(cluster, space, suffix.format(space=space))


def test_the_kubernetes_api_may_refuse(cluster: Cluster, space: str) -> None:
    first, second = two_pods(cluster, space, BY_API)
    question = patiently(f'podname_epmd:address_please("app", "{first}", inet)', "{error,timeout}")
    asked = f"{{{question}, podname_epmd:hosts()}}"
    said = evaluate(cluster, second, "app", asked, namespace=space)
    assert said == "{{error,forbidden},[]}"


def test_nodes_in_a_service_are_called_by_its_name(cluster: Cluster, space: str) -> None:
    cluster.api.create(workloads.service(DEMO, DEMO, namespace=space))
    two_pods(cluster, space, BY_API)
    cluster.kubectl("apply", "--namespace", space, "-f", str(epmd_module.ROLE))
    meet(cluster, space, f".{DEMO}.{space}.svc.{ZONE}")
