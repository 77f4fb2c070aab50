"""The webhook's certificate: made, agreed on with the API server, renewed before it ends."""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from podname.errors import Forbidden, KubeError
from podname.webhook.configuration import correct, with_annotated
from podname.webhook.keeper import Keeper
from podname.webhook.material import RENEW_DAYS, VALID_DAYS, Material
from podname.webhook.review import Settings
from podname.webhook.rounds import ROUND_SECONDS, Rounds, Time
from podname.webhook.serving import Reviewer, TlsServer
from tests.support.clock import FakeClock, until
from tests.support.requester import Asked, FakeRequester
from tests.unit.webhook.test_serving import search

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOST = "podname-webhook.podname.svc"


class Cluster(FakeRequester):
    """A Secret and a MutatingWebhookConfiguration, with versions, as the API server keeps them."""

    def __init__(self) -> None:
        self.secret: dict[str, Any] = {"metadata": {"resourceVersion": "1"}}
        hooks: list[dict[str, Any]] = [
            {"name": f"{name}.inject.podname.dev", "clientConfig": {"service": {}}}
            for name in ("pod", "namespace")
        ]
        self.configuration: dict[str, Any] = {
            "metadata": {"resourceVersion": "1"},
            "webhooks": hooks,
        }
        self.writes: list[str] = []
        self.fault: KubeError | None = None

    async def answer(self, asked: Asked) -> bytes:
        if self.fault:
            raise self.fault
        kept = self.secret if "/secrets/" in asked.path else self.configuration
        if asked.method == "GET":
            return msgspec.json.encode(kept)
        change = msgspec.json.decode(asked.body)
        if change["metadata"]["resourceVersion"] != kept["metadata"]["resourceVersion"]:
            raise KubeError("the object has been modified", 409)
        self.writes.append(asked.method)
        kept["metadata"]["resourceVersion"] += "1"
        if asked.method == "PUT":
            kept["data"] = change["data"]
        else:
            assert asked.content_type == "application/strategic-merge-patch+json"
            hooks = {hook["name"]: hook for hook in kept["webhooks"]}
            for hook in change["webhooks"]:
                there = hooks.setdefault(hook["name"], {"clientConfig": {}})
                there |= hook | {
                    "clientConfig": there["clientConfig"] | hook.get("clientConfig", {})
                }
                if hook.get("$patch") == "delete":
                    del hooks[hook["name"]]
            kept["webhooks"] = list(hooks.values())
        return msgspec.json.encode(kept)

    @property
    def trusted(self) -> bytes:
        first, *others = (
            hook["clientConfig"]["caBundle"] for hook in self.configuration["webhooks"]
        )
        assert all(other == first for other in others)
        return base64.b64decode(first)


class Replica:
    """A keeper, its calendar, and what it shows."""

    def __init__(self, cluster: Cluster) -> None:
        self.now = NOW
        self.shown: list[Material] = []
        self.clock = FakeClock()
        time = Time(self.clock, Random(7), lambda: self.now)
        self.keeper = Keeper(cluster, "podname", self.shown.append, time)
        self.rounds = Rounds(time)


def trusts(authorities: bytes, material: Material, at: datetime) -> bool:
    """Verify as a TLS client would, at a time."""
    store = Store(x509.load_pem_x509_certificates(authorities))
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(HOST))
    try:
        verifier.verify(x509.load_pem_x509_certificate(material.certificate), [])
    except x509.verification.VerificationError:
        return False
    return True


async def test_the_first_round_makes_all_and_the_second_nothing() -> None:
    cluster, writes = Cluster(), ["PUT", "PATCH"]
    replica = Replica(cluster)
    assert not replica.keeper.is_known
    await replica.keeper.round()
    assert replica.keeper.is_known
    (material,) = replica.shown
    assert trusts(cluster.trusted, material, NOW)
    assert not trusts(cluster.trusted, material, NOW + timedelta(days=VALID_DAYS + 1))
    assert cluster.writes == writes
    for _ in range(3):
        await replica.keeper.round()
    assert cluster.writes == writes
    assert replica.shown == [material]


async def test_a_year_of_renewals_is_trusted_at_every_moment() -> None:
    cluster = Cluster()
    replicas = [Replica(cluster), Replica(cluster)]
    for day in range(0, 365, 5):
        for replica in (*replicas, *replicas):
            replica.now = NOW + timedelta(days=day)
            trusted_before = cluster.trusted if replicas[0].shown else b""
            await replica.keeper.round()
            for each in replicas:
                if each.shown:
                    assert trusts(cluster.trusted, each.shown[-1], replica.now)
            if trusted_before:  # by an API server that has not heard of what this round changed
                assert trusts(trusted_before, replica.shown[-1], replica.now)
    assert replicas[0].shown == replicas[1].shown
    assert len(replicas[0].shown) == 1 + 364 // (VALID_DAYS - RENEW_DAYS)
    assert len(x509.load_pem_x509_certificates(cluster.trusted)) == 2


async def test_a_new_certificate_is_shown_a_round_after_its_authority_is_known() -> None:
    cluster = Cluster()
    replica = Replica(cluster)
    await replica.keeper.round()
    replica.now += timedelta(days=VALID_DAYS - RENEW_DAYS)
    await replica.keeper.round()
    assert len(replica.shown) == 1
    assert trusts(cluster.trusted, replica.shown[0], replica.now)
    await replica.keeper.round()
    assert len(replica.shown) == 2
    assert trusts(cluster.trusted, replica.shown[1], replica.now)


async def test_the_other_replica_waits_a_round_too() -> None:
    """One that comes right after the first shows nothing that API servers have not heard of."""
    cluster = Cluster()
    first, second = Replica(cluster), Replica(cluster)
    for replica in (first, second):
        await replica.keeper.round()
        replica.now += timedelta(days=VALID_DAYS - RENEW_DAYS)
    await first.keeper.round()
    await second.keeper.round()
    assert len(first.shown) == len(second.shown) == 1
    await second.keeper.round()
    await first.keeper.round()
    assert first.shown == second.shown
    assert len(first.shown) == 2


async def test_of_two_replicas_one_takes_the_others() -> None:
    cluster = Cluster()
    first, second = Replica(cluster), Replica(cluster)
    results = await asyncio.gather(
        first.keeper.round(), second.keeper.round(), return_exceptions=True
    )
    assert [type(result) for result in results].count(KubeError) <= 1
    for replica in (first, second):
        await replica.keeper.round()
    assert first.shown == second.shown
    assert cluster.writes.count("PUT") == 1


def _other_key(secret: dict[str, Any]) -> None:
    secret["tls.key"] = Material.make([HOST], NOW).as_data()["tls.key"]


def _other_authority(secret: dict[str, Any]) -> None:
    secret["ca.crt"] = Material.make([HOST], NOW).as_data()["ca.crt"]


def _other_host(secret: dict[str, Any]) -> None:
    secret.update(Material.make(["other.svc"], NOW).as_data())


def _cut(secret: dict[str, Any]) -> None:
    secret["tls.crt"] = secret["tls.crt"][:400]


def _no_base64(secret: dict[str, Any]) -> None:
    secret["tls.crt"] = "%%%"


def _no_text(secret: dict[str, Any]) -> None:
    secret["tls.key"] = 7


@pytest.mark.parametrize(
    "spoil", [_other_key, _other_authority, _other_host, _cut, _no_base64, _no_text, dict.clear]
)
async def test_a_spoilt_secret_is_made_anew(spoil: Any) -> None:
    cluster = Cluster()
    replica = Replica(cluster)
    await replica.keeper.round()
    spoil(cluster.secret["data"])
    await replica.keeper.round()
    assert trusts(cluster.trusted, replica.shown[0], NOW)  # which is still shown
    await replica.keeper.round()
    assert Material.of_secret(cluster.secret["data"], [HOST]) == replica.shown[-1]
    assert len(replica.shown) == 2
    assert trusts(cluster.trusted, replica.shown[-1], NOW)


async def test_a_bundle_that_somebody_took_away_is_put_back() -> None:
    cluster = Cluster()
    replica = Replica(cluster)
    await replica.keeper.round()
    del cluster.configuration["webhooks"][1]["clientConfig"]["caBundle"]
    cluster.configuration["webhooks"].append(
        {"name": "three.example.org", "clientConfig": {"caBundle": "eA=="}}
    )
    await replica.keeper.round()
    assert trusts(cluster.trusted, replica.shown[0], NOW)
    assert len(replica.shown) == 1


async def test_what_fails_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster()
    replica = Replica(cluster)
    cluster.fault = Forbidden("GET secrets: 403: no", 403)
    running = asyncio.create_task(replica.rounds.run(replica.keeper.round))
    for _ in range(3):
        await asyncio.sleep(0)
        replica.clock.advance(ROUND_SECONDS)
    assert [record.getMessage() for record in caplog.records] == [
        "podname webhook: GET secrets: 403: no: apply deploy/webhook"
    ]
    cluster.fault = None
    replica.clock.advance(ROUND_SECONDS)
    await until(lambda: replica.keeper.is_known)
    running.cancel()


async def test_who_is_woken_goes_round_at_once() -> None:
    replica, rounds = Replica(Cluster()), 0

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            replica.rounds.wake()  # something changes while a round goes: there is another

    running = asyncio.create_task(replica.rounds.run(work))
    await until(lambda: rounds == 1)
    replica.rounds.wake()
    await until(lambda: rounds == 3)
    await asyncio.sleep(0)
    assert rounds == 3
    replica.clock.advance(2 * ROUND_SECONDS)
    await until(lambda: rounds == 4)
    running.cancel()


def entry(cluster: Cluster, name: str) -> Any:
    hooks = {hook["name"]: hook for hook in cluster.configuration["webhooks"]}
    return hooks.get(f"{name}.inject.podname.dev")


async def test_the_entry_for_annotated_namespaces() -> None:
    cluster = Cluster()
    await Replica(cluster).keeper.round()
    writes = len(cluster.writes)

    async def choose(*names: str) -> bool:
        return await correct(cluster, lambda entries: with_annotated(entries, list(names)))

    assert not await choose()
    assert await choose("here", "there")
    assert not await choose("here", "there")
    label, name = entry(cluster, "annotated")["namespaceSelector"]["matchExpressions"]
    assert label == {"key": "podname.dev/inject", "operator": "DoesNotExist"}
    assert (name["operator"], name["values"]) == ("In", ["here", "there"])
    assert (
        entry(cluster, "annotated")["clientConfig"] == entry(cluster, "namespace")["clientConfig"]
    )
    assert await choose("here")
    entry(cluster, "namespace")["timeoutSeconds"] = 3  # as an operator may want it
    assert await choose("here")
    assert entry(cluster, "annotated")["timeoutSeconds"] == 3
    assert await choose()
    assert entry(cluster, "annotated") is None
    assert not await choose()
    assert len(cluster.writes) == writes + 4


async def test_a_configuration_that_is_not_ours() -> None:
    cluster = Cluster()
    cluster.configuration["webhooks"] = [{"name": "x.example.org", "clientConfig": {}}]
    assert not await correct(cluster, lambda entries: with_annotated(entries, ["here"]))
    cluster.configuration["webhooks"] = None
    await Replica(cluster).keeper.round()
    assert cluster.writes == ["PUT"]


def test_a_secret_that_is_none() -> None:
    values: list[object] = [None, [], "x", {}, {"ca.crt": ""}]
    for data in values:
        assert Material.of_secret(data, [HOST]) is None


def test_the_server_keeps_the_good_certificate_when_the_new_one_is_bad() -> None:
    server = TlsServer("127.0.0.1", 0, Reviewer(search, Settings()))
    material = Material.make([HOST], NOW)
    server.show(material)
    with pytest.raises(ssl.SSLError):
        server.show(replace(material, key=Material.make([HOST], NOW).key))
