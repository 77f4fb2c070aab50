"""`make install` and `pip install` with a Rust toolchain, with half of one and without; cargo is a script here.

With real toolchains in real Debians: tests/debians/run.sh.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKE = shutil.which("make")
CARGO = """\
#!/bin/sh
case $1 in
--version) echo 'cargo 1.88.0 (0123abc 2025-06-26)' ;;
build) mkdir -p rust/target/release && echo native >rust/target/release/libpodname_core.so ;;
test | fmt | clippy) echo "rust: $1" >&2 ;;
*) exit 101 ;;
esac
"""
PYTHON = """\
#!/bin/sh
case $1 in
-m) echo "python: $2" >&2 ;;
*) exec {} "$@" ;;
esac
"""
PROGRAMS = {"cargo": CARGO, "cc": "#!/bin/sh\n"}
HALVES = {
    "old": {**PROGRAMS, "cargo": CARGO.replace("1.88.0", "1.85.1")},
    "no linker": {"cargo": CARGO},
    "no libc": {**PROGRAMS, "cc": "#!/bin/sh\necho 'ld: cannot find Scrt1.o' >&2\nexit 1\n"},
    "no default": {**PROGRAMS, "cargo": "#!/bin/sh\necho 'error: no default toolchain' >&2\nexit 1\n"},
}  # fmt: skip
LACKING = {
    "old": "cargo is 1.85, and 1.88 or newer is needed",
    "no linker": "there is no linker `cc` (Debian: gcc and libc6-dev)",
    "no libc": "`cc` cannot link (Debian: libc6-dev): ld: cannot find Scrt1.o",
    "no default": "cargo does not run (error: no default toolchain)",
}
FAILING = {
    **PROGRAMS,
    "cargo": CARGO.replace("build) ", "build) echo 'error: E0001' >&2; exit 101; "),
}


class Clone:
    """A clone whose .venv has everything, but no native engine; the path has none of this machine's toolchains."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, folder / "bin"
        self.module = folder / "src/podname/_core.abi3.so"
        for name in ("Makefile", "pyproject.toml", "_build", "requirements", "rust/Cargo.toml"):
            _copy(ROOT / name, folder / name)
        for made in (self.module.parent, self.bin, folder / ".venv/bin"):
            made.mkdir(parents=True)
        (self.bin / "mkdir").symlink_to(shutil.which("mkdir") or "mkdir")
        _program(folder / ".venv/bin/python", PYTHON.format(sys.executable))
        for tool in ("ruff", "mypy", "lint-imports"):
            _program(folder / ".venv/bin" / tool, "#!/bin/sh\n")
        for stamp in (".runtime", ".installed"):
            (folder / ".venv" / stamp).touch()

    def has(self, programs: dict[str, str]) -> None:
        """Put programs on the path, in place of those that were there."""
        for name in PROGRAMS:
            (self.bin / name).unlink(missing_ok=True)
        for name, text in programs.items():
            _program(self.bin / name, text)

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Return the exit code and standard error of a command in it."""
        ran = subprocess.run(
            words,
            cwd=self.folder,
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stderr

    def make(self, target: str, **environment: str) -> str:
        """Run `make`, which must go well; give what people read."""
        assert MAKE is not None
        code, told = self.run(MAKE, "--no-print-directory", target, **environment)
        assert code == 0, told
        return told

    def install(self, **environment: str) -> str:
        """Run `make install`."""
        return self.make("install", **environment)


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


needs_make = pytest.mark.skipif(MAKE is None, reason="make is not installed")


@needs_make
def test_the_native_engine_is_built_once_and_anew_when_its_sources_change(clone: Clone) -> None:
    clone.has(PROGRAMS)
    assert "building the native engine" in clone.install()
    assert clone.module.read_text() == "native\n"
    clone.has({})
    assert clone.install() == ""
    (clone.folder / "rust/Cargo.toml").touch()
    assert clone.install() == (
        "podname: no Rust toolchain (cargo): no native engine, Python answers\n"
    )
    assert not clone.module.exists()


@needs_make
@pytest.mark.parametrize("half", HALVES)
def test_half_a_toolchain_is_named_in_a_line_until_it_is_whole(clone: Clone, half: str) -> None:
    clone.has(HALVES[half])
    told = f"podname: THE NATIVE ENGINE IS NOT BUILT: {LACKING[half]}. Going on in Python.\n"
    assert clone.install() == told
    assert clone.install() == told
    assert not clone.module.exists()
    clone.has(PROGRAMS)
    clone.install()
    assert clone.module.exists()


@needs_make
def test_a_build_that_fails_shows_why_and_is_tried_again(clone: Clone) -> None:
    clone.has(FAILING)
    told = clone.install().splitlines()
    assert told[1] == "error: E0001"
    assert "COULD NOT BE BUILT" in told[2]
    assert "PODNAME_PURE=1 leaves it out" in told[3]
    clone.has(PROGRAMS)
    clone.install()
    assert clone.module.exists()


@needs_make
def test_podname_pure_takes_the_native_engine_away(clone: Clone) -> None:
    clone.has(PROGRAMS)
    clone.install()
    assert "PODNAME_PURE is set" in clone.install(PODNAME_PURE="1")
    assert not clone.module.exists()
    clone.install()
    assert clone.module.exists()


@needs_make
def test_rust_code_is_tested_and_checked_where_that_works(clone: Clone) -> None:
    clone.has(PROGRAMS)
    assert clone.make("test").endswith("python: pytest\nrust: test\n")
    assert clone.make("lint") == "rust: fmt\nrust: clippy\npython: mypy.stubtest\n"
    clone.has({**PROGRAMS, "cargo": CARGO.replace("test | fmt | clippy", "test")})
    assert clone.make("test") == "python: pytest\nrust: test\n"
    assert (
        clone.make("lint")
        == "podname: cargo has no `fmt`, no `clippy`: the Rust code is not checked\n"
    )
    for programs in ({}, FAILING, *HALVES.values()):
        clone.has(programs)
        (clone.folder / "rust/Cargo.toml").touch()
        assert clone.make("test").endswith("python: pytest\n")
        assert "rust:" not in clone.make("lint")


@needs_make
def test_rust_code_is_left_alone_when_its_toolchain_has_gone(clone: Clone) -> None:
    clone.has(PROGRAMS)
    clone.install()
    for programs in ({}, *HALVES.values()):
        clone.has(programs)
        assert clone.make("test") == "python: pytest\n"
        assert clone.module.exists()


REQUIRES = "import backend; print(backend.get_requires_for_build_wheel(), file=backend.sys.stderr)"


def test_a_wheel_is_pure_without_a_toolchain_and_refused_with_half_of_one(clone: Clone) -> None:
    ask = (sys.executable, "-c", REQUIRES)
    path = {"PYTHONPATH": str(clone.folder / "_build")}
    assert clone.run(*ask, **path) == (0, "['hatchling']\n")
    clone.has(PROGRAMS)
    assert "maturin" in clone.run(*ask, **path)[1]
    for half, programs in HALVES.items():
        clone.has(programs)
        code, told = clone.run(*ask, **path)
        assert code == 1
        assert LACKING[half] in told
        assert "PODNAME_PURE=1 pip install" in told
        assert clone.run(*ask, **path, PODNAME_PURE="1") == (0, "['hatchling']\n")
