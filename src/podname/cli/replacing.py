"""Files that are given new contents: each is the old one or the new one at any moment, also when the disk is full.

All new files are written beside the old ones first, and brought to the disk; only then each takes the old one's place.
So a disk that is full costs nothing. A file that is named by a link is replaced where it is; the link stays. Mode and
owner stay, and where the owner cannot be kept, the file stays as it was.

Source: rename(2), fsync(2).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path


def replace_files(contents: Mapping[str, bytes]) -> Iterator[str]:
    """Replace files, and give the name of each that is. Raises OSError, whose `filename` is the file's."""
    beside: dict[str, Path] = {}
    try:
        for name, octets in contents.items():
            with _named(name):
                beside[name] = _write_beside(_target(name), octets)
        for name in contents:
            with _named(name):
                target = _target(name)
                beside[name].rename(target)
                del beside[name]
                _sync_folder(target.parent)
            yield name
    finally:
        for path in beside.values():
            _remove(path)


def _target(name: str) -> Path:
    """Give the file that a name stands for, behind all links."""
    return Path(os.path.realpath(name))


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Let errors name the file that somebody gave."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = name, None
        raise


def _write_beside(target: Path, octets: bytes) -> Path:
    """Write a file next to another, with its mode and owner."""
    there = target.stat()
    # The ending keeps what a sudden death leaves behind out of the manifests of a folder.
    descriptor, name = tempfile.mkstemp(".tmp", f".{target.name[:200]}.", target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _own(file.fileno(), there)
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        _remove(Path(name))
        raise
    return Path(name)


def _own(descriptor: int, there: os.stat_result) -> None:
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (there.st_uid, there.st_gid):
        os.fchown(descriptor, there.st_uid, there.st_gid)
    os.fchmod(descriptor, there.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    # What was renamed is renamed, also on a file system that cannot do this.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
