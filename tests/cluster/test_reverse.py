"""From the address of a pod back to a node, as dns_cluster's resolvers and RabbitMQ go, on a real Erlang VM.

Source: OTP lib/kernel inet_res.erl `gethostbyaddr`: an answer of two PTR records is `nxdomain`.
"""

import contextlib
from collections.abc import Iterator

import pytest
from tests.cluster.harness import doctor, erlang, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import FIRST, ZONE
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

COREDNS_PTR = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    kubernetes cluster.local in-addr.arpa {
        kubeconfig {$KUBECONFIG}
        pod_names
        coredns_ptr
        ttl 1
    }
}
"""
CONNECT = """
{{ok, {{hostent, _, _, _, _, Addresses}}}} = inet_res:getbyname("{query}", a),
Connect = fun(Host) ->
    [Pod | _] = string:split(Host, "."),
    net_adm:ping(list_to_atom("app@" ++ Pod ++ ".{domain}"))
end,
Seen = [case inet_res:gethostbyaddr(Address) of
    {{ok, {{hostent, Host, _, _, _, _}}}} -> Connect(Host);
    {{error, Reason}} -> Reason
end || Address <- Addresses],
io:format("~p", [Seen]), halt().
"""
"""What a resolver of dns_cluster's does at a poll: addresses, a name for each, a connection to the node called so."""


@contextlib.contextmanager
def two_records(cluster: Cluster) -> Iterator[DnsServer]:
    """Have a second podname, at an address of its own, that gives PTR records as CoreDNS does."""
    with cluster.start_server("podname", COREDNS_PTR) as server:
        cluster.use_dns(server, address=FIRST)
        yield server


def pointers(server: DnsServer, address: str) -> list[str]:
    return server.short(f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa", "PTR")


def connects(cluster: Cluster, pod: str, space: str) -> str:
    domain = f"{space}.pod.{ZONE}"
    program = CONNECT.format(query=f"web.deploy.{domain}", domain=domain)
    own = ["-name", f"b@{pod}.{domain}", "-setcookie", erlang.COOKIE]
    return cluster.exec(pod, "erl", *own, "-noinput", "-eval", program, namespace=space).strip()


@pytest.mark.parametrize("server", ["podname"], indirect=True)
def test_a_pod_in_two_services_is_found_from_its_address_by_one_ptr_record_and_not_by_two(
    cluster: Cluster, server: DnsServer, space: str
) -> None:
    cluster.api.create(workloads.service("web", "web", namespace=space))
    balanced = workloads.service("all", "web", namespace=space, headless=False, ports={"http": 80})
    cluster.api.create(balanced)
    cluster.api.create(workloads.deployment("web", 2, namespace=space))
    with two_records(cluster) as other:
        spec: Object = {"dnsPolicy": "None", "dnsConfig": {"nameservers": [FIRST]}}
        cluster.api.create(workloads.pod("seeker", namespace=space, **spec))
        pods = cluster.running_pods(space, "web", 2)
        cluster.running_pods(space, "", 3)
        for pod, address in pods.items():
            erlang.start_node(cluster, pod, f"app@{pod}.{space}.pod.{ZONE}", namespace=space)
            until(lambda: len(pointers(other, address)) == 2, "two PTR records")  # noqa: B023
            wanted = [f"{pod}.web.{space}.svc.{ZONE}."]
            until(lambda: pointers(server, address) == wanted, f"{wanted}")  # noqa: B023
        first = next(iter(pods))
        assert connects(cluster, first, space) == "[pong,pong]"
        assert connects(cluster, "seeker", space) == "[nxdomain,nxdomain]"

        node = f"app@{first}.{space}.pod.{ZONE}"
        seen = {
            pod: doctor.in_pod(cluster, pod, node, namespace=space) for pod in (first, "seeker")
        }
        assert seen[first].findings["ptr"]["outcome"] == "holds"
        assert seen["seeker"].findings["ptr"]["outcome"] == "warns"
        assert f"{pods[first]} has 2 PTR records at {FIRST}" in seen["seeker"].seen("ptr")
