"""The native engine in a clone: what a build of it lacks here, and the build itself.

    python _build/native.py build            make src/podname/_core.abi3.so, or say why not; never an error
    python _build/native.py can fmt clippy   whether it was built and cargo has these subcommands; says what is missing

Both serve `make`; `_build/backend.py` asks `lacking` before it builds a wheel.

Source: https://doc.rust-lang.org/cargo/reference/manifest.html#the-rust-version-field.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATE = ROOT / "rust" / "Cargo.toml"
MODULE = ROOT / "src" / "podname" / "_core.abi3.so"
PURE = "PODNAME_PURE"


def wanted() -> bool:
    """Tell whether this is a machine for the native engine: Linux, with cargo, and nobody asked for the pure one."""
    return sys.platform == "linux" and bool(shutil.which("cargo")) and not os.environ.get(PURE)


def lacking() -> str:
    """Name what is missing where cargo is there; "" where everything is."""
    found = _run("cargo", "--version")
    version = re.match(r"cargo (\d+)\.(\d+)", found.stdout)
    if not version:
        return f"cargo does not run ({_first_line(found.stderr)})"
    oldest = re.search(r'^rust-version = "(\d+)\.(\d+)', CRATE.read_text(), re.MULTILINE)
    if oldest and tuple(map(int, version.groups())) < tuple(map(int, oldest.groups())):
        return f"cargo is {'.'.join(version.groups())}, and {'.'.join(oldest.groups())} or newer is needed"
    return _linker_fault()


def _linker_fault() -> str:
    if not shutil.which("cc"):
        return "there is no linker `cc` (Debian: gcc and libc6-dev)"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "empty.c"
        program.write_text("int main(void) { return 0; }\n")
        linked = _run("cc", str(program), "-o", str(program.with_suffix("")))
    if linked.returncode:
        return f"`cc` cannot link (Debian: libc6-dev): {_first_line(linked.stderr)}"
    return ""


def build() -> None:
    """Build the module where Python finds it, in place of an earlier one, or say in a line why there is none."""
    MODULE.unlink(missing_ok=True)  # it is older than its sources
    if os.environ.get(PURE):
        _tell(f"{PURE} is set: no native engine, Python answers")
    elif sys.platform != "linux":
        _tell("the native engine is for Linux: Python answers")
    elif not wanted():
        _tell("no Rust toolchain (cargo): no native engine, Python answers")
    elif missing := lacking():
        _tell(f"THE NATIVE ENGINE IS NOT BUILT: {missing}. Going on in Python.")
    else:
        _tell("building the native engine (a minute or two the first time)")
        _build()


def _build() -> None:
    # pyo3 must not link a libpython; the interpreter is named so that checks and builds share their work.
    settings = {"PYO3_PYTHON": sys.executable, "PYO3_BUILD_EXTENSION_MODULE": "1"}
    words = ["cargo", "build", "--release", "--features", "python", "--manifest-path", str(CRATE)]
    built = subprocess.run(words, env={**os.environ, **settings}, check=False)  # noqa: S603
    if built.returncode:
        _tell(
            "THE NATIVE ENGINE COULD NOT BE BUILT: cargo says why, above. Going on in Python.\n"
            f"podname: `make install` tries again; {PURE}=1 leaves it out."
        )
        return
    target = Path(os.environ.get("CARGO_TARGET_DIR", CRATE.parent / "target"))
    beside = MODULE.with_suffix(".new")
    shutil.copy(target / "release" / "libpodname_core.so", beside)
    beside.replace(MODULE)  # a server that runs goes on with the old one


def can(subcommands: list[str]) -> bool:
    """Tell whether cargo can check the native engine: it was built, and cargo has these subcommands."""
    if not MODULE.exists() or not wanted() or lacking():
        return False
    missing = [word for word in subcommands if _run("cargo", word, "--version").returncode]
    if missing:
        _tell(f"cargo has no `{'`, no `'.join(missing)}`: the Rust code is not checked")
    return not missing


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[0]


def _tell(text: str) -> None:
    sys.stderr.write(f"podname: {text}\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["build"]:
        build()
    else:
        sys.exit(not can(sys.argv[2:]))
