"""A cluster in files: folders and files of Kubernetes objects, followed as they change.

Files are looked at once a second: a ConfigMap's files are symbolic links that are swapped at once, an editor writes
beside and renames, `>` writes in place, and looking again is right for all of them. A change is taken when the file
has not changed for a moment, so that nobody sees half of one.

What was good stays served: a file of which a part cannot be read keeps the objects it had, and so does a path that is
gone. Files are rewritten one after the other, and some are empty or missing while they are: what the files say is taken
at once, but an object that they no longer hold goes only when another look finds nothing changed (or, where files never
come to rest, after a while). Until every path was there once, a folder with
something in it, nothing counts as synced. If two files hold the same object, the later one counts, in the order of
paths and names.

A namespace that an object stands in exists, whether or not the files hold a Namespace: `kubectl get` of one namespace
prints none.

Source: design.md, "Configuration"; Kubernetes volumes, AtomicWriter.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from podname.errors import ManifestError
from podname.kube.informer import Informer, SharedInformerFactory
from podname.kube.kinds import NAMESPACES, T, Watch
from podname.kube.manifestfile import Loaded, ManifestFile, parse_manifest
from podname.kube.objects import Namespace
from podname.kube.selectors import Selector, matches, parse_selector
from podname.kube.store import Change, Store
from podname.runtime.clock import Clock, SystemClock

logger = logging.getLogger(__name__)

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
POLL_SECONDS = 1.0
SETTLE_SECONDS = 0.1
#: So long an object that is missing is kept while other things go on changing.
MISSING_SECONDS_MAX = 30.0

_Stamp = tuple[int, int, int]  # changed at (ns), octets, inode
_Key = tuple[str, str]  # kind, `namespace/name`
_Comparison = tuple[dict[str, T], list[Change[T]]]  # a whole content, and what is new of it


@dataclass
class _Known:
    """A file as it was when it was read last."""

    stamp: _Stamp
    digest: bytes
    content: ManifestFile


@dataclass
class _Scan:
    """The files that are there, in order; `missing` are paths that could not be looked at."""

    stamps: dict[Path, _Stamp]
    missing: dict[Path, str]


class FileInformer(Generic[T]):
    """The store of one watch on files."""

    def __init__(self, source: Manifests, watch: Watch[T]) -> None:
        self.store: Store[T] = Store()
        self.watch = watch
        self._source = source
        self._labels = _selector(watch.label_selector)
        self._fields = _selector(watch.selectors.get("fieldSelector", ""))

    @property
    def has_synced(self) -> bool:
        """Whether all files were read once."""
        return self.store.has_synced

    @property
    def last_event_age_seconds(self) -> float:
        """How long ago the files were last looked at."""
        return self._source.last_look_age_seconds

    def update(self, objects: Iterable[Loaded]) -> None:
        """Bring the store to what the files hold now."""
        self.store.swap(*self.compare(objects))

    def compare(self, objects: Iterable[Loaded]) -> _Comparison[T]:
        """Find out what the files hold for this watch, and in what that differs. May run in a thread."""
        taken = [loaded.object for loaded in objects if self._takes(loaded)]
        content: dict[str, T] = {obj.key: obj for obj in taken}  # type: ignore[misc]
        return content, [change for change in self.store.compare(content) if change is not None]

    def _takes(self, loaded: Loaded) -> bool:
        watch = self.watch
        return (
            loaded.kind == watch.kind.name
            and watch.namespace in {None, loaded.namespace}
            and matches(self._labels, loaded.labels)
            and matches(self._fields, loaded.fields)
        )


class Manifests:
    """The source that reads files. `problems` is what is wrong in them now."""

    def __init__(self, paths: Sequence[str | Path], clock: Clock | None = None) -> None:
        self.paths = [Path(path) for path in paths]
        self._clock = clock or SystemClock()
        self._known: dict[Path, _Known] = {}
        self._missing: dict[Path, str] = {}
        self._objects: dict[_Key, Loaded] = {}
        self._missing_since: dict[
            _Key, float
        ] = {}  # objects that the files no longer hold, kept until they rest
        self._factory = SharedInformerFactory(self._start, lambda _: None)
        self._looked_at: float | None = None
        self._has_read = False
        self._task: asyncio.Task[None] | None = None

    @property
    def problems(self) -> list[ManifestError]:
        """What is wrong in the files now."""
        missing = [ManifestError(why, str(path), 1) for path, why in self._missing.items()]
        return missing + [
            problem for known in self._known.values() for problem in known.content.problems
        ]

    @property
    def last_look_age_seconds(self) -> float:
        """How long ago the files were last looked at; infinite before the first time."""
        if self._looked_at is None:
            return float("inf")
        return self._clock.monotonic() - self._looked_at

    def watch(self, watch: Watch[T]) -> Informer[T]:
        """Begin to follow, or share what is followed already. On the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="manifests")
        return self._factory.watch(watch)

    def _start(self, watch: Watch[Any]) -> FileInformer[Any]:
        informer: FileInformer[Any] = FileInformer(self, watch)
        if self._has_read:
            informer.update(self._objects_for(watch))
        return informer

    def release(self, informer: Informer[Any]) -> None:
        """Give back what `watch` gave; when nobody is left its store is updated no more."""
        self._factory.release(informer)

    async def close(self) -> None:
        """Follow nothing any more."""
        self._factory.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                logger.exception("manifests could not be followed")
            await self._clock.sleep(POLL_SECONDS)

    async def look(self) -> None:
        """Look at all files once and take what changed. The work is done beside the event loop."""
        scan = await asyncio.to_thread(self._scan)
        is_quiet = not self._differs(scan)
        if self._has_read and not is_quiet:
            await self._clock.sleep(SETTLE_SECONDS)
            settled = await asyncio.to_thread(self._scan)
            scan.stamps = {  # what still changes is looked at the next time
                path: stamp if scan.stamps.get(path) == stamp else self._stamp_of(path)
                for path, stamp in settled.stamps.items()
            }
            scan.missing = settled.missing
        changed = await asyncio.to_thread(self._read, scan)
        self._looked_at = self._clock.monotonic()
        self._report_missing(scan.missing)
        differs = self._take(scan, changed)
        if differs or self._missing_since or (not self._has_read and not scan.missing):
            await self._publish(scan, is_quiet=is_quiet)

    def _differs(self, scan: _Scan) -> bool:
        known = {path: known.stamp for path, known in self._known.items()}
        return known != scan.stamps

    def _stamp_of(self, path: Path) -> _Stamp:
        known = self._known.get(path)
        return known.stamp if known else (0, 0, 0)

    def _scan(self) -> _Scan:
        scan = _Scan({}, {})
        for path in self.paths:
            try:
                files = sorted(path.iterdir()) if path.is_dir() else [path]
                if files == [path]:
                    path.stat()
            except OSError as error:
                scan.missing[path] = error.strerror or str(error)
                files = [file for file in self._known if path in {file, file.parent}]
            ours = [file for file in files if file == path or _is_ours(file)]
            if not (
                ours or self._has_read or path in scan.missing
            ):  # more likely not filled yet than an empty cluster
                scan.missing[path] = f"holds no manifest ({', '.join(sorted(SUFFIXES))}) yet"
            for file in ours:
                self._scan_file(file, scan)
        return scan

    def _scan_file(self, file: Path, scan: _Scan) -> None:
        """Note a file's stamp; one that cannot be looked at stays as it was known."""
        try:
            status = file.stat()
            scan.stamps[file] = (status.st_ctime_ns, status.st_size, status.st_ino)
        except OSError:
            if file in self._known:
                scan.stamps[file] = self._known[file].stamp

    def _read(self, scan: _Scan) -> dict[Path, _Known]:
        """Read the files whose stamps are not those that we know."""
        changed = {}
        for path, stamp in scan.stamps.items():
            known = self._known.get(path)
            if stamp == self._stamp_of(path):
                continue
            try:
                octets = path.read_bytes()
            except OSError as error:
                content = ManifestFile(str(path))
                content.give_up(error.strerror or str(error), 1)
                changed[path] = _Known(stamp, b"", content)
                continue
            digest = hashlib.sha256(octets).digest()
            if known and known.digest == digest:
                changed[path] = _Known(stamp, digest, known.content)
            else:
                changed[path] = _Known(stamp, digest, parse_manifest(str(path), octets))
        return changed

    def _take(self, scan: _Scan, changed: Mapping[Path, _Known]) -> bool:
        """Bring what is known up to date; say whether any object may have changed."""
        gone = [path for path in self._known if path not in scan.stamps]
        for path in gone:
            del self._known[path]
        differs = bool(gone)
        for path, new in changed.items():
            old = self._known.get(path)
            self._known[path] = new
            if old is None or old.content is not new.content:
                differs = True
                for problem in new.content.problems:
                    logger.warning("%s", problem)
                if old is not None and new.content.is_broken:
                    _keep(old.content, new.content)
        return differs

    def _report_missing(self, missing: dict[Path, str]) -> None:
        for path, why in missing.items():
            if path not in self._missing:
                logger.warning("%s: %s", path, why)
        self._missing = missing

    async def _publish(self, scan: _Scan, *, is_quiet: bool) -> None:
        if scan.missing and not self._has_read:
            return
        self._known = {path: self._known[path] for path in scan.stamps if path in self._known}
        self._objects = await asyncio.to_thread(self._collect, is_quiet)
        self._has_read = True
        for watch, informer in list(self._factory.informers.items()):
            found = await asyncio.to_thread(lambda: informer.compare(self._objects_for(watch)))  # noqa: B023
            informer.store.swap(*found)

    def _collect(self, is_quiet: bool) -> dict[_Key, Loaded]:
        """Return what the files hold, each object once, and what is only missing while they are written."""
        objects = {
            (loaded.kind, loaded.key): loaded
            for known in self._known.values()
            for loaded in known.content.objects
        }
        now, since = self._clock.monotonic(), self._missing_since
        missing = (
            {}
            if is_quiet
            else {
                key: since.get(key, now)
                for key in self._objects
                if key not in objects and now - since.get(key, now) < MISSING_SECONDS_MAX
            }
        )
        self._missing_since = missing
        return {key: self._objects[key] for key in missing} | objects

    def _objects_for(self, watch: Watch[Any]) -> list[Loaded]:
        """Return all objects, and the namespaces that they stand in where these are asked for."""
        objects = self._objects
        if watch.kind == NAMESPACES:
            objects = dict(objects)
            mentioned = {loaded.namespace for loaded in objects.values()}
            for name in mentioned | ({watch.namespace} if watch.namespace else set()):
                objects.setdefault(("Namespace", name), _namespace(name))
        return list(objects.values())


def _keep(old: ManifestFile, new: ManifestFile) -> None:
    """Let a file that is broken keep the objects that it had, as far as it does not say them anew."""
    every = {(loaded.kind, loaded.key): loaded for loaded in (*old.objects, *new.objects)}
    new.objects = list(every.values())


def _selector(text: str) -> Selector:
    """Field selectors are written as label selectors are."""
    return parse_selector(text) if text else ()


def _is_ours(file: Path) -> bool:
    """Whether a name in a folder is a file of objects; to open a pipe would be to wait for ever."""
    if file.suffix not in SUFFIXES or file.name.startswith("."):
        return False
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return True  # it may be back in a moment


def _namespace(name: str) -> Loaded:
    labels = {"kubernetes.io/metadata.name": name}
    return Loaded("Namespace", name, name, Namespace(name), labels, {"metadata.name": name})
