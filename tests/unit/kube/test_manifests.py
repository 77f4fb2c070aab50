"""A cluster in files: they are followed as they change, and what was good stays served."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from podname.kube.informer import Informer
from podname.kube.kinds import NAMESPACES, PODS, SERVICES, Watch
from podname.kube.manifests import MISSING_SECONDS_MAX, Manifests
from podname.kube.objects import Pod
from tests.support.clock import FakeClock, until
from tests.support.objects import namespace, pod, service


class Files:
    """A folder, its source, and a look at it when a test says so."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.folder = folder
        self.clock = clock
        self.source = Manifests([folder], clock)

    def write(self, name: str, *objects: object) -> None:
        (self.folder / name).write_text(yaml.safe_dump_all(objects))

    async def follow(self, watch: Watch[Any]) -> Informer[Any]:
        informer = self.source.watch(watch)
        await until(lambda: informer.has_synced, self.clock)
        return informer


@pytest.fixture
async def files(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Files]:
    made = Files(tmp_path, clock)
    yield made
    await made.source.close()


async def test_changes_are_followed(files: Files) -> None:
    files.write("a.yaml", pod("a", "10.0.0.1"), service("web"))
    (files.folder / "README.md").write_text("no manifest: [")
    (files.folder / ".hidden.yaml").write_text("no manifest: [")
    pods = await files.follow(Watch(PODS))
    assert pods.store.objects == {"default/a": Pod.of("default", "a", ("10.0.0.1",), "Running")}
    files.write("a.yaml", pod("a", "10.0.0.2"))
    files.write("b.yaml", pod("b"))
    await until(lambda: len(pods.store.objects) == 2, files.clock)
    assert pods.store.objects["default/a"].addresses == ("10.0.0.2",)
    (files.folder / "a.yaml").unlink()
    await until(lambda: list(pods.store.objects) == ["default/b"], files.clock)
    assert files.source.problems == []


async def test_selectors_and_namespaces_are_applied(files: Files) -> None:
    files.write(
        "a.yaml",
        pod("a", labels={"app": "web"}),
        pod("b", namespace="other", labels={"app": "web"}),
        pod("c"),
        pod("d", "10.0.0.1", phase="Succeeded", labels={"app": "web"}),
        namespace("labelled", team="x"),
    )
    assert list((await files.follow(Watch(PODS))).store.objects) == [
        "default/a",
        "other/b",
        "default/c",
    ]
    by_label = await files.follow(Watch(PODS, "default", "app=web"))
    assert list(by_label.store.objects) == ["default/a"]
    by_field = await files.follow(Watch(PODS, field_selector="metadata.name!=a"))
    assert list(by_field.store.objects) == ["other/b", "default/c"]
    names = await files.follow(Watch(NAMESPACES))
    assert set(names.store.objects) == {"default", "other", "labelled"}
    assert list((await files.follow(Watch(NAMESPACES, None, "team=x"))).store.objects) == [
        "labelled"
    ]
    assert list((await files.follow(Watch(NAMESPACES, "empty"))).store.objects) == ["empty"]


async def test_equal_watches_share_a_store(files: Files) -> None:
    files.write("a.yaml", pod("a"))
    first, second = await files.follow(Watch(PODS)), await files.follow(Watch(PODS))
    assert first is second
    files.source.release(first)
    files.write("a.yaml", pod("b"))
    await until(lambda: list(second.store.objects) == ["default/b"], files.clock)
    files.source.release(second)
    assert await files.follow(Watch(PODS)) is not first


async def test_a_broken_file_keeps_its_last_good_objects_and_takes_what_it_says_anew(
    files: Files,
) -> None:
    files.write("a.yaml", pod("a"))
    files.write("b.yaml", pod("b"))
    pods = await files.follow(Watch(PODS))
    (files.folder / "a.yaml").write_text(yaml.safe_dump(pod("half")) + "---\nmetadata: [\n")
    files.write("b.yaml", pod("c"))
    expected = {"default/a", "default/half", "default/c"}
    await until(lambda: set(pods.store.objects) == expected, files.clock)
    (problem,) = files.source.problems
    assert problem.file == str(files.folder / "a.yaml")
    files.write("a.yaml", pod("mended"))
    expected = {"default/mended", "default/c"}
    await until(lambda: set(pods.store.objects) == expected, files.clock)
    assert files.source.problems == []


async def test_a_broken_file_at_the_start_costs_only_itself(files: Files) -> None:
    files.write("a.yaml", pod("a"))
    (files.folder / "b.yaml").write_text("metadata: [\n")
    pods = await files.follow(Watch(PODS))
    assert list(pods.store.objects) == ["default/a"]
    assert len(files.source.problems) == 1


async def test_an_empty_folder_is_not_an_empty_cluster(files: Files) -> None:
    pods = files.source.watch(Watch(PODS))
    await until(lambda: files.source.problems, files.clock)
    assert not pods.has_synced
    files.write("a.yaml", pod("a"))
    await until(lambda: pods.has_synced, files.clock)
    assert list(pods.store.objects) == ["default/a"]


async def test_nothing_is_synced_until_every_path_is_there(
    tmp_path: Path, clock: FakeClock
) -> None:
    there, later = tmp_path / "a.yaml", tmp_path / "b.txt"
    there.write_text(yaml.safe_dump(pod("a")))
    source = Manifests([str(there), later], clock)
    pods = source.watch(Watch(PODS))
    assert pods.last_event_age_seconds == float("inf")
    await until(lambda: source.problems, clock)
    await source.look()
    assert not pods.has_synced
    assert str(source.problems[0]) == f"{later}:1: No such file or directory"
    later.write_text(yaml.safe_dump(pod("b")))  # a path that is named may have any suffix
    await until(lambda: pods.has_synced, clock)
    assert set(pods.store.objects) == {"default/a", "default/b"}
    assert pods.last_event_age_seconds <= 2.0
    await source.close()


async def test_a_path_that_is_gone_keeps_its_objects(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    files = Files(folder, clock)
    files.write("a.yaml", pod("a"))
    pods = await files.follow(Watch(PODS))
    folder.rename(tmp_path / "gone")
    await until(lambda: files.source.problems, clock)
    assert list(pods.store.objects) == ["default/a"]
    (tmp_path / "gone").rename(folder)
    files.write("b.yaml", pod("b"))
    await until(lambda: len(pods.store.objects) == 2, clock)
    assert files.source.problems == []
    await files.source.close()


async def test_a_configmaps_links_are_followed(tmp_path: Path, clock: FakeClock) -> None:
    for version, name in (("..1", "a"), ("..2", "b")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "x.yaml").write_text(yaml.safe_dump(pod(name)))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "x.yaml").symlink_to("..data/x.yaml")
    files = Files(tmp_path, clock)
    pods = await files.follow(Watch(PODS))
    assert list(pods.store.objects) == ["default/a"]
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    await until(lambda: list(pods.store.objects) == ["default/b"], clock)
    await files.source.close()


async def test_a_file_that_is_being_written_is_not_taken_yet(files: Files) -> None:
    files.write("a.yaml", pod("a"))
    pods = await files.follow(Watch(PODS))
    settle = files.clock.sleep

    async def write_meanwhile(seconds: float) -> None:
        if seconds < 1:  # the pause in which a file must not change
            files.write("a.yaml", pod("b"))
        await settle(seconds)

    (files.folder / "a.yaml").write_text("")  # what `>` does first
    files.clock.sleep = write_meanwhile  # type: ignore[method-assign]
    looks = len(files.clock.slept)
    await until(lambda: len(files.clock.slept) >= looks + 2, files.clock)
    assert list(pods.store.objects) == ["default/a"]
    files.clock.sleep = settle  # type: ignore[method-assign]
    await until(lambda: list(pods.store.objects) == ["default/b"], files.clock)


async def test_the_later_file_counts(files: Files) -> None:
    files.write("b.yaml", service("web", "10.43.0.2"))
    files.write("a.yaml", service("web", "10.43.0.1"))
    services = await files.follow(Watch(SERVICES))
    assert services.store.objects["default/web"].cluster_ips == ("10.43.0.2",)


async def test_a_file_that_only_looks_changed_is_not_read_again(files: Files) -> None:
    files.write("a.yaml", pod("a"))
    pods = await files.follow(Watch(PODS))
    known = files.source._known[files.folder / "a.yaml"]
    (files.folder / "a.yaml").touch()
    await until(lambda: files.source._known[files.folder / "a.yaml"] is not known, files.clock)
    assert files.source._known[files.folder / "a.yaml"].content is known.content
    assert list(pods.store.objects) == ["default/a"]


async def test_a_pipe_in_a_folder_keeps_nobody_waiting(files: Files) -> None:
    os.mkfifo(files.folder / "pipe.yaml")
    (files.folder / "folder.yaml").mkdir()
    files.write("a.yaml", pod("a"))
    pods = await files.follow(Watch(PODS))
    assert set(pods.store.objects) == {"default/a"}


def _move(files: Files) -> list[Callable[[], object]]:
    """An object moves from one file to another, first out, then in."""
    return [
        lambda: files.write("a.yaml", pod("a")),
        lambda: files.write("b.yaml", pod("stays")),
    ]


def _replace(files: Files) -> list[Callable[[], object]]:
    """A file is unlinked and made anew."""
    return [
        (files.folder / "a.yaml").unlink,
        lambda: files.write("a.yaml", pod("a"), pod("stays")),
    ]


def _truncate(files: Files) -> list[Callable[[], object]]:
    """A file is emptied, then filled piece by piece, as `kubectl get > file` does."""
    path = files.folder / "a.yaml"
    return [
        lambda: path.write_text(""),
        lambda: files.write("a.yaml", pod("a")),
        lambda: files.write("a.yaml", pod("a"), pod("new"), pod("stays")),
    ]


@pytest.mark.parametrize("rewrite", [_move, _replace, _truncate])
async def test_issue_9_files_that_are_rewritten_take_no_object_away_that_stays(
    files: Files, rewrite: Callable[[Files], list[Callable[[], object]]]
) -> None:
    files.write("a.yaml", pod("a"), pod("stays"))
    pods = await files.follow(Watch(PODS))
    for step in rewrite(files):
        step()
        looked_at = files.source._looked_at
        await until(lambda: files.source._looked_at != looked_at, files.clock)  # noqa: B023
        assert "default/stays" in pods.store.objects
    await until(lambda: not files.source._missing_since, files.clock)
    assert "default/stays" in pods.store.objects


async def test_what_is_removed_goes_when_the_files_rest(files: Files) -> None:
    files.write("a.yaml", pod("a"), pod("goes"))
    pods = await files.follow(Watch(PODS))
    files.write("a.yaml", pod("a"))
    await until(lambda: files.source._missing_since, files.clock)
    assert "default/goes" in pods.store.objects
    await until(lambda: list(pods.store.objects) == ["default/a"], files.clock)


async def test_what_is_removed_goes_from_files_that_never_rest(files: Files) -> None:
    files.write("a.yaml", pod("a"), pod("goes"))
    pods = await files.follow(Watch(PODS))
    began, turns = files.clock.now, 0
    while "default/goes" in pods.store.objects:
        turns += 1
        files.write("a.yaml", pod("a", f"10.0.0.{turns}"))
        looked_at = files.source._looked_at
        await until(lambda: files.source._looked_at != looked_at, files.clock)  # noqa: B023
    assert MISSING_SECONDS_MAX <= files.clock.now - began < MISSING_SECONDS_MAX + 5
