"""Which engine runs: the native one where it was built, else the reference, loudly.

PODNAME_ENGINE=native or python asks for one.

Source: the design of podname.
"""

from __future__ import annotations

import logging
import os

from podname.engine.base import Engine
from podname.errors import PodnameError

_log = logging.getLogger("podname.server")


class NoSuchEngine(PodnameError):
    """The engine that was asked for is not there."""


def choose() -> Engine:
    """Make the engine. Raises NoSuchEngine when the one that PODNAME_ENGINE asks for is not there."""
    wanted = os.environ.get("PODNAME_ENGINE", "")
    if wanted not in {"", "native", "python"}:
        raise NoSuchEngine(f"PODNAME_ENGINE is {wanted!r}; it can be 'native' or 'python'")
    if wanted != "python":
        try:
            from podname.engine.native import NativeEngine  # noqa: PLC0415 - it may not be there
        except ImportError as error:
            if wanted:
                raise NoSuchEngine(f"the native engine was not built: {error}") from error
            _log.warning("the native engine was not built (%s): answers cost more CPU", error)
        else:
            return NativeEngine()
    from podname.engine.python import PythonEngine  # noqa: PLC0415 - start time counts

    return PythonEngine()
