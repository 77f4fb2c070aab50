"""Which engine runs: the native one where it was built, else the reference, and a line that says so.

PODNAME_ENGINE=native or python asks for one.

Source: the design of podname.
"""

from __future__ import annotations

import os
import re

from podname.engine.base import Engine
from podname.errors import PodnameError

_DIRECTORY = re.compile(r"\S*/")


class NoSuchEngine(PodnameError):
    """The engine that was asked for is not there."""


def choose() -> Engine:
    """Make the engine. Raises NoSuchEngine when the one that PODNAME_ENGINE asks for is not there."""
    wanted = os.environ.get("PODNAME_ENGINE", "")
    if wanted not in {"", "native", "python"}:
        raise NoSuchEngine(f"PODNAME_ENGINE is {wanted!r}; it can be 'native' or 'python'")
    fault = "" if wanted == "python" else native_fault()
    if fault and wanted:
        raise NoSuchEngine(fault)
    if fault or wanted == "python":
        from podname.engine.reference import PythonEngine  # noqa: PLC0415 - start time counts

        return PythonEngine()
    from podname.engine.native import NativeEngine  # noqa: PLC0415 - it may not be there

    return NativeEngine()


def remark(engine: Engine) -> str:
    """Return why the reference runs where nobody asked for it; "" where there is nothing to say."""
    if engine.name == "native" or os.environ.get("PODNAME_ENGINE"):
        return ""
    return f"{native_fault()}: Python answers, which costs more CPU"


def native_fault() -> str:
    """Return in a few words why the native engine cannot run; "" where it can."""
    try:
        from podname import _core  # noqa: F401, PLC0415
    except ImportError as error:
        if not (error.path or "").endswith(".so"):
            return "the native engine was not built"
        return f"the native engine cannot be loaded ({_DIRECTORY.sub('', error.msg)})"
    return ""
