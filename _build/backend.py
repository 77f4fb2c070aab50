"""Builds podname: with its native engine where there is a Rust toolchain, without it elsewhere.

Where `cargo` is found, maturin builds a wheel for the platform (`cp311-abi3`); else hatchling builds a pure one
(`py3-none-any`). Each is honest about what is in it. PODNAME_PURE=1 asks for the pure one. A wheel that ought to have
the native engine and cannot be built is an error that says what is missing, never a pure wheel instead.

An editable install is the same. In a clone `make install` builds the native engine by itself (native.py).

Sources: PEP 517 (in-tree backends), PEP 660 (editable installs).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Any, NoReturn

import native

Settings = dict[str, Any] | None


def _hatchling() -> Any:
    from hatchling import build  # noqa: PLC0415 - only one of the two need be installed

    return build


def _maturin() -> Any:
    import maturin  # noqa: PLC0415

    # It runs the program `maturin`, which stands beside this Python even when nobody activated the environment.
    scripts = sysconfig.get_path("scripts")
    os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    return maturin


def get_requires_for_build_wheel(_: Settings = None) -> list[str]:
    """Name what building a wheel needs, if it can be built at all."""
    if not native.wanted():
        return ["hatchling"]
    if missing := native.lacking():
        _refuse(missing)
    return ["maturin>=1.14,<2"]


get_requires_for_build_editable = get_requires_for_build_wheel


def get_requires_for_build_sdist(_: Settings = None) -> list[str]:
    """Name what a source distribution needs."""
    return ["hatchling"]


def build_sdist(directory: str, settings: Settings = None) -> str:
    """Build a source distribution, which has both engines in it."""
    name: str = _hatchling().build_sdist(directory, settings)
    return name


def build_wheel(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Build a wheel."""
    return _build("build_wheel", directory, settings, metadata)


def build_editable(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """Make an editable install."""
    if not native.wanted():
        native.MODULE.unlink(missing_ok=True)  # of an earlier build: it would be stale
    return _build("build_editable", directory, settings, metadata)


def _build(hook: str, *arguments: Any) -> str:
    if not native.wanted():
        sys.stderr.write("podname: no Rust toolchain (or PODNAME_PURE): engine python\n")
        name: str = getattr(_hatchling(), hook)(*arguments)
        return name
    if missing := native.lacking():
        _refuse(missing)
    try:
        name = getattr(_maturin(), hook)(*arguments)
    except (Exception, SystemExit):
        _refuse("cargo says why, above")
    return name


def _refuse(why: str) -> NoReturn:
    raise SystemExit(
        f"podname: the native engine cannot be built: {why}.\n"
        f"podname: mend that, or leave it out (Python answers, at more CPU): {native.PURE}=1 pip install …"
    )
