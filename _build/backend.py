"""Builds podname: with its native engine where there is a Rust toolchain, without it elsewhere.

Where `cargo` is found, maturin builds a wheel for the platform (`cp311-abi3`); else hatchling builds a pure one
(`py3-none-any`). Each is honest about what is in it. PODNAME_PURE=1 asks for the pure one. A wheel that ought to have
the native engine and cannot be built is an error, never a pure wheel instead.

An editable install is what a clone is worked with: there a failing compiler is shown, and the install goes on without
the native engine. PODNAME_NATIVE=1 makes that an error too.

Sources: PEP 517 (in-tree backends), PEP 660 (editable installs).
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

Settings = dict[str, Any] | None

#: The packet loop is Linux's.
NATIVE = (
    sys.platform == "linux"
    and bool(shutil.which("cargo"))
    and not os.environ.get("PODNAME_PURE")
)
_MUST = bool(os.environ.get("PODNAME_NATIVE"))


def _hatchling() -> Any:
    from hatchling import build  # noqa: PLC0415 - only one of the two need be installed

    return build


def _maturin() -> Any:
    import maturin  # noqa: PLC0415

    # It runs the program `maturin`, which stands beside this Python even when nobody activated the environment.
    scripts = sysconfig.get_path("scripts")
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    return maturin


def _requires() -> list[str]:
    return ["maturin>=1.14,<2"] if NATIVE else ["hatchling"]


def get_requires_for_build_wheel(_: Settings = None) -> list[str]:
    """Name what building a wheel needs."""
    return _requires()


def get_requires_for_build_editable(_: Settings = None) -> list[str]:
    """Name what an editable install needs: both, for one must stand in for the other."""
    return [*_requires(), "hatchling", "editables"]


def get_requires_for_build_sdist(_: Settings = None) -> list[str]:
    """Name what a source distribution needs."""
    return ["hatchling"]


def build_sdist(directory: str, settings: Settings = None) -> str:
    """Build a source distribution, which has both engines in it."""
    name: str = _hatchling().build_sdist(directory, settings)
    return name


def build_wheel(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Build a wheel."""
    if NATIVE:
        name: str = _maturin().build_wheel(directory, settings, metadata)
    else:
        _tell("podname: no Rust toolchain (or PODNAME_PURE): a pure wheel, engine python")
        name = _hatchling().build_wheel(directory, settings, metadata)
    return name


def build_editable(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Make an editable install, with the native engine if it can be built."""
    if NATIVE:
        try:
            native: str = _maturin().build_editable(directory, settings, metadata)
        except (Exception, SystemExit) as error:
            if _MUST:
                raise
            _tell(f"podname: THE NATIVE ENGINE COULD NOT BE BUILT ({error!r}); going on with python")
        else:
            return native
    elif _MUST:
        raise SystemExit("podname: PODNAME_NATIVE is set, but there is no cargo")
    _forget_native()
    name: str = _hatchling().build_editable(directory, settings, metadata)
    return name


def _forget_native() -> None:
    """Remove the module of an earlier build: it would be stale."""
    for old in (Path(__file__).parent.parent / "src/podname").glob("_core.*.so"):
        old.unlink()


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
