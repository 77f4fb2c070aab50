"""Small files that say how to reach an API server and be let in."""

from __future__ import annotations

from pathlib import Path

from podname.errors import KubeError


def read_file(path: Path) -> bytes:
    """Read a small file. Raises KubeError that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise KubeError(f"cannot read {path}: {error.strerror}") from error
