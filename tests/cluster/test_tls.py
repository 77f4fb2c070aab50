"""Distribution over TLS with one wildcard certificate, and nobody in with another.

Every pod of a Service is called `<pod>.<service>.<namespace>.svc.<zone>`, so one certificate for
`*.<service>.<namespace>.svc.<zone>` names them all, those included that are not yet there.

Sources: https://www.erlang.org/doc/apps/ssl/ssl_distribution.html; demo/ssl_dist.conf.
"""

import base64

import pytest
import trustme
from tests.cluster.harness import ClusterError, demo, release, resolvers, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.resolvers import FIRST, ZONE
from tests.cluster.harness.waiting import until

pytestmark = pytest.mark.usefixtures("released")
DEMO = "cluster-demo"
FOLDER = "/etc/dist"
POLLS = 4


def secret(name: str, space: str, authority: trustme.CA, domain: str, service: str) -> Object:
    """Return the Secret with a wildcard certificate, as cert-manager would make it, and the options."""
    certificate = authority.issue_cert(f"*.{domain}")
    options = (release.PROJECT / "ssl_dist.conf").read_text().replace("SERVICE", service)
    files = {
        "ca.crt": authority.cert_pem.bytes(),
        "tls.crt": certificate.cert_chain_pems[0].bytes(),
        "tls.key": certificate.private_key_pem.bytes(),
        "ssl_dist.conf": options.encode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": space},
        "data": {key: base64.b64encode(value).decode() for key, value in files.items()},
    }


def over_tls(name: str, replicas: int, space: str, service: str) -> Object:
    """Return a Deployment whose nodes speak TLS with the certificate in the Secret of its name."""
    flags = f"-proto_dist inet_tls -ssl_dist_optfile {FOLDER}/ssl_dist.conf"
    environment = {**demo.long_name(service), **demo.polls(srv=service), "ERL_FLAGS": flags}
    return demo.deployment(
        name,
        replicas,
        namespace=space,
        environment=environment,
        container={"volumeMounts": [{"name": "dist", "mountPath": FOLDER, "readOnly": True}]},
        volumes=[{"name": "dist", "secret": {"secretName": name}}],
        **resolvers.asks(FIRST),
    )


def test_a_wildcard_certificate_lets_in_whom_it_names_and_nobody_else(
    cluster: Cluster, space: str
) -> None:
    service = f"{DEMO}.{space}.svc.{ZONE}"
    authority = trustme.CA()
    strangers = {"other-service": (authority, f"other.{space}.svc.{ZONE}")}
    strangers["other-authority"] = (trustme.CA(), service)
    item = workloads.service(DEMO, "", namespace=space, ports={"epmd": 4369})
    item["spec"]["selector"] = {"tier": "nodes"}
    cluster.api.create(item)
    with resolvers.podname(cluster) as server:
        cluster.use_dns(server, address=FIRST)
        cluster.api.create(secret(DEMO, space, authority, service, service))
        pods = demo.start(cluster, in_tier(over_tls(DEMO, 2, space, service)))
        demo.become_whole(cluster, pods.values())
        first, second = (f"demo@{pod}.{service}" for pod in pods)
        remote = [
            "env",
            f"RELEASE_NODE={second}",
            release.PROGRAM,
            "rpc",
            "IO.inspect(Node.list())",
        ]

        def peers() -> str:
            try:
                return demo.run(cluster, next(iter(pods)), *remote, namespace=space)
            except ClusterError as error:  # a handshake has seven seconds: few on a busy machine
                return str(error)

        until(lambda: first in peers(), peers, deadline_seconds=60)
        outside: dict[str, str] = {}
        for name, (issuer, domain) in strangers.items():
            cluster.api.create(secret(name, space, issuer, domain, service))
            outside |= demo.start(cluster, in_tier(over_tls(name, 1, space, service)))
        until(lambda: len(server.short(service, "SRV")) == 4, "SRV records of all four")
        demo.polled(cluster, [*pods.values(), *outside.values()], POLLS)
        demo.become_whole(cluster, pods.values())
        assert [demo.status(cluster, address).peers for address in outside.values()] == [[], []]


def in_tier(item: Object) -> Object:
    """Put the pods of a Deployment behind the one Service of all."""
    item["spec"]["template"]["metadata"]["labels"]["tier"] = "nodes"
    return item
