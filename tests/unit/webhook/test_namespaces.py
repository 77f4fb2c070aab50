"""What namespaces say, as the webhook follows it, and as it reads it where it knows nothing yet."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import Any

import msgspec
import pytest

from podname.errors import Forbidden, KubeError
from podname.kube.config import from_endpoint
from podname.kube.informer import Cluster
from podname.kube.store import Store
from podname.webhook.namespaces import SPACES, Namespaces, Space
from podname.webhook.review import Settings
from podname.webhook.serving import Reviewer
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock, until
from tests.support.requester import Asked, FakeRequester
from tests.unit.webhook.test_review import asked, pod

MARK = "podname.dev/inject"


def namespace(name: str, annotation: Any = None, label: Any = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "annotations": {"a": "b"}}
    if annotation is not None:
        metadata["annotations"] = {MARK: annotation}
    if label is not None:
        metadata["labels"] = {MARK: label, "kubernetes.io/metadata.name": name}
    return {"metadata": metadata}


class Spaces:
    """A source of namespaces whose store the test writes."""

    last_event_age_seconds = 0.0

    def __init__(self) -> None:
        self.store: Store[Any] = Store()

    @property
    def has_synced(self) -> bool:
        return self.store.has_synced

    def watch(self, _: Any) -> Any:
        return self

    def release(self, _: Any) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing is open."""


class Reads(FakeRequester):
    """An API server of which single namespaces are read."""

    def __init__(self, *namespaces: dict[str, Any], fault: KubeError | None = None) -> None:
        self.namespaces = {each["metadata"]["name"]: each for each in namespaces}
        self.fault = fault
        self.paths: list[str] = []

    async def answer(self, asked: Asked) -> bytes:
        assert asked.method == "GET"
        assert asked.seconds < 5
        self.paths.append(asked.path)
        if self.fault:
            raise self.fault
        found = self.namespaces.get(asked.path.removeprefix("/api/v1/namespaces/"))
        if found is None:
            raise KubeError(f"GET {asked.path}: 404: not found", 404)
        return msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("annotation", "label", "mark", "kind"),
    [
        (None, None, "", ""),
        ("search", None, "search", "search"),
        (None, "epmd", "epmd", "epmd"),
        ("inetrc", "epmd", "inetrc", "inetrc"),
        ("", "epmd", "epmd", "epmd"),
        ("false", "epmd", "false", "false"),
        ("serach", "epmd", "serach", "invalid"),
    ],
)
def test_the_annotation_comes_before_the_label(
    annotation: str | None, label: str | None, mark: str, kind: str
) -> None:
    shape = msgspec.convert(namespace("shop", annotation, label), SPACES.shape)
    space = SPACES.flatten(shape, [])
    assert (space.key, space.mark, space.kind_of_mark) == ("shop", mark, kind)
    assert space.is_annotated == (annotation not in {None, "", "false"})


async def test_what_changes_is_known_and_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "podname.attach")
    changes = 0

    def changed() -> None:
        nonlocal changes
        changes += 1

    async with ApiServer() as server:
        server.put("namespaces", namespace("one"))
        server.put("namespaces", namespace("two", "search", "epmd"))
        server.put("namespaces", namespace("three", label="epmd"))
        config = from_endpoint(server.url)
        cluster = Cluster(config, clock=FakeClock(), random=Random(1))
        namespaces = Namespaces(cluster, Reads(), changed)
        assert namespaces.annotated is None
        await until(lambda: namespaces.annotated == ["two"])
        assert await namespaces.mark("two") == "search"
        assert await namespaces.mark("three") == "epmd"
        assert namespaces.counts() == {"search": 1, "epmd": 1}
        before = changes
        server.put("namespaces", namespace("three", label="search"))
        server.put("namespaces", namespace("one", "serach"))
        await until(lambda: namespaces.annotated == ["one", "two"])
        assert changes == before + 1  # the label is no news for the configuration
        assert namespaces.counts() == {"search": 2, "invalid": 1}
        server.delete("namespaces", "two")
        await until(lambda: namespaces.annotated == ["one"])
        await cluster.close()
    (told,) = [each for each in caplog.messages if "namespace" in each]
    assert "namespace one says podname.dev/inject='serach': write search, inetrc" in told


async def test_what_is_not_known_yet_is_read() -> None:
    source, reads = Spaces(), Reads(namespace("new", label="epmd"), namespace("none"))
    namespaces = Namespaces(source, reads)
    assert await namespaces.mark("new") == "epmd"
    source.store.replace([Space("new"), Space("old", "search")])
    assert await namespaces.mark("new") == "epmd"
    assert await namespaces.mark("old") == "search"
    assert await namespaces.mark("none") == ""
    assert await namespaces.mark("gone") == ""
    names = [path.rpartition("/")[2] for path in reads.paths]
    assert names == ["new", "new", "none", "gone"]


@pytest.mark.parametrize(
    "fault", [Forbidden("GET: 403: no", 403), KubeError("no answer within 2 s")]
)
async def test_a_namespace_that_cannot_be_read_is_a_warning(fault: KubeError) -> None:
    namespaces = Namespaces(Spaces(), Reads(fault=fault))
    reviewer = Reviewer(namespaces.mark, Settings())
    said = msgspec.json.decode((await reviewer.answer(asked(pod()))).body)["response"]
    assert (said["uid"], said["allowed"]) == ("u-1", True)
    assert str(fault) in said["warnings"][0]
    assert "patch" not in said


@pytest.mark.parametrize("text", [b"", b"[]", b'{"metadata": {"labels": 7}}', b"\xff"])
async def test_a_namespace_that_is_none(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = Reads()

    async def request(*_: Any, **__: Any) -> bytes:
        await asyncio.sleep(0)
        return text

    monkeypatch.setattr(reads, "request", request)
    with pytest.raises(KubeError, match="this is no namespace"):
        await Namespaces(Spaces(), reads).mark("shop")


async def test_a_pod_that_says_something_needs_no_namespace() -> None:
    reads = Reads(fault=KubeError("not to be asked"))
    reviewer = Reviewer(Namespaces(Spaces(), reads).mark, Settings())
    for mark, outcome in (("search", "injected"), ("false", "unchanged"), ("x", "warned")):
        given = await reviewer.answer(asked(pod(labels={MARK: mark})))
        assert given.outcome == outcome
    assert not reads.paths
