"""The engines that tests run over: the reference, and the native one where it was built.

A test that depends on the fixture `engine` (a folder's conftest may make all of them) runs once for each; what it makes
by way of `current` is that engine's. Types are the reference's: the native ones differ in nothing that a test may use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from podname.engine.reference import PythonEngine, PythonTable
from podname.engine.reference.cache import PythonCache
from podname.engine.reference.responder import PythonResponder


@dataclass(frozen=True)
class Kind:
    """What one engine is made of."""

    name: str
    engine: Callable[[], Any]
    table: Callable[..., Any]
    responder: Callable[..., Any]
    cache: Callable[[str], Any]


KINDS = {"python": Kind("python", PythonEngine, PythonTable, PythonResponder, PythonCache)}

with contextlib.suppress(ImportError):
    from podname.engine.native import NativeEngine, NativeTable
    from podname.engine.native.cache import NativeCache
    from podname.engine.native.responder import NativeResponder

    KINDS["native"] = Kind(
        "native", lambda: NativeEngine(threads=2), NativeTable, NativeResponder, NativeCache
    )

_current = KINDS["python"]


def current() -> Kind:
    """Return the engine that the test runs over."""
    return _current


@contextlib.contextmanager
def running(name: str) -> Any:
    """Make an engine the current one."""
    global _current  # noqa: PLW0603  # tests run one after the other
    before, _current = _current, KINDS[name]
    try:
        yield _current
    finally:
        _current = before
