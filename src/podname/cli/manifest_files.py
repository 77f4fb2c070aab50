"""The manifests that a command is given: files, folders, standard input.

A folder's files are those below it. Links in it are followed within it, each file once, and never out of it: who
names a folder means what is in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

STDIN = "-"
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def manifests(paths: tuple[str, ...], tell: Callable[[str], None]) -> Iterator[str]:
    """Give the names of the files, each once; links that are not followed are told."""
    seen: set[str] = set()
    for path in paths:
        is_folder = path != STDIN and Path(path).is_dir()
        for name in _in_folder(path, tell) if is_folder else (path,):
            real = name if name == STDIN else os.path.realpath(name)
            if real not in seen:
                seen.add(real)
                yield name


def text_of(name: str) -> str:
    """Read a file. Raises OSError, and UnicodeDecodeError."""
    octets = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    return octets.decode()


def _in_folder(folder: str, tell: Callable[[str], None]) -> Iterator[str]:
    home = os.path.realpath(folder)
    found = [
        Path(place, name)
        for place, folders, files in os.walk(folder)
        for name in (*files, *(f for f in folders if Path(place, f).is_symlink()))
    ]
    for file in sorted(found):
        is_link = file.is_symlink()
        if is_link and not Path(os.path.realpath(file)).is_relative_to(home):
            if file.suffix in _SUFFIXES or file.is_dir():
                tell(f"{file}: left alone, as it links out of the folder: name it to take it")
        elif file.suffix in _SUFFIXES and file.is_file():
            yield str(file)
