"""Run the README's `make serve` and `make test` as a new user would, in a fresh Debian, and not as root.

    python -m tests.debians                  in every Debian below
    python -m tests.debians trixie sid+rust  in these

A Debian is a folder for chroot, made once by debootstrap of what the README names and kept in the cache, as what pip
and cargo fetched is. It gets the files of this work tree and this machine's way to the registries. Needs root.

Source: https://www.debian.org/releases/ (Python 3.11 in bookworm, 3.13 in trixie, 3.14 in sid when this was written).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.harness import images
from tests.support.server import addresses

ROOT = Path(__file__).parents[2]
PYTHON = ("make", "python3", "python3-venv")
RUST = (*PYTHON, "cargo", "gcc", "libc6-dev")
NATIVE, REFERENCE = "engine native", "engine python"
RUST_PASSED = "test result: ok."
DEBIANS = {
    "bookworm": ("bookworm", PYTHON, REFERENCE),
    "trixie": ("trixie", PYTHON, REFERENCE),
    "sid": ("sid", PYTHON, REFERENCE),
    "sid+rust": ("sid", RUST, NATIVE),
    "bookworm+rust": ("bookworm", RUST, REFERENCE),
}
"""The suite, its packages, and the engine that runs after `make test`. Bookworm's cargo is too old: no error."""
OF_THE_MACHINE = (
    "etc/resolv.conf",
    "etc/hosts",
    "etc/pip.conf",
    "etc/ssl/certs/ca-certificates.crt",
)
"""What leads to the registries from here."""
USER = 1000
HOME = "home/user"
SETTINGS = (
    f"HOME=/{HOME}",
    f"CARGO_HOME=/{HOME}/.cache/cargo",
    "PATH=/usr/bin:/bin",
    "LANG=C.UTF-8",
)
ENTER = f"""
set -e
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
mount --bind "$1" "$0/{HOME}/.cache"
shift
exec chroot --userspec={USER}:{USER} "$0" /usr/bin/env -i -C /{HOME}/podname "$@"
"""
README = {
    "cluster-demo-7bd795854f-298qd.default.pod.cluster.local": ["10.42.3.75"],
    "web-0.web.default.svc.cluster.local": ["10.42.1.47"],
}
PORT = 1053
SERVE_SECONDS = 120


def fill(root: Path, packed: Path) -> None:
    """Unpack a Debian, with the work tree in a user's home."""
    root.chmod(0o755)
    subprocess.run(["tar", "-C", root, "-xf", packed], check=True)
    for name in OF_THE_MACHINE:
        if (source := Path("/") / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).unlink(missing_ok=True)
            shutil.copyfile(source, root / name)
    (root / HOME / ".cache").mkdir(parents=True)
    copy_work_tree(root / HOME / "podname")
    subprocess.run(["chown", "-R", f"{USER}:{USER}", str(root / HOME)], check=True)


def copy_work_tree(folder: Path) -> None:
    """Copy what git has or would take."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    for name in filter(None, os.fsdecode(listed).split("\0")):
        if os.path.lexists(ROOT / name):  # git lists what was removed, too
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)


def inside(root: Path, *words: str) -> list[str]:
    """Return the command that runs another one in a Debian."""
    cache = images.cache().parent / "user"
    cache.mkdir(exist_ok=True)
    os.chown(cache, USER, USER)
    enter = ["unshare", "--mount", "--pid", "--fork", "sh", "-c", ENTER]
    return [*enter, str(root), str(cache), *SETTINGS, *words]


async def serve(root: Path) -> float:
    """Run `make serve` until the README's names have their answers; give the seconds that took."""
    started = time.monotonic()
    command = inside(root, "make", "serve")
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    try:
        async with asyncio.timeout(SERVE_SECONDS):
            for name, expected in README.items():
                while await answer(name) != expected:
                    assert process.returncode is None, "make serve has ended"
                    await asyncio.sleep(0.1)
        return time.monotonic() - started
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)  # and so the first process of the namespace
        await process.wait()


async def answer(name: str) -> list[str]:
    """Return the addresses of a name; none while nobody answers."""
    try:
        return await addresses(PORT, name)
    except OSError:  # nobody listens yet
        return []


def passed_on(command: Sequence[str]) -> str:
    """Run a command and show what it prints; give that. Raises AssertionError when it fails."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    assert process.returncode == 0, process.returncode
    return "".join(lines)


def try_out(name: str) -> str:
    """Do what the README says; give a line about it. Raises CalledProcessError or AssertionError."""
    suite, packages, engine = DEBIANS[name]
    packed = images.debian_archive(f"readme-{suite}", packages, suite)
    with tempfile.TemporaryDirectory(dir=images.cache()) as work:
        root = Path(work)
        fill(root, packed)
        print(f"\n-- {name}: make serve", flush=True)
        serve_seconds = asyncio.run(serve(root))
        print(f"\n-- {name}: make test", flush=True)
        started = time.monotonic()
        shown = passed_on(inside(root, "make", "test"))
        test_seconds = time.monotonic() - started
        ask = inside(root, ".venv/bin/podname", "-version")
        version = subprocess.run(ask, stdout=subprocess.PIPE, check=True, text=True).stdout
    assert engine in version, version
    assert (RUST_PASSED in shown) == (engine == NATIVE), (
        "make test runs cargo's tests where there is a toolchain"
    )
    return (
        f"-- {name}: {' '.join(version.split())};"
        f" make serve answered after {serve_seconds:.0f} s, make test took {test_seconds:.0f} s"
    )


if __name__ == "__main__":
    for line in [try_out(name) for name in sys.argv[1:] or DEBIANS]:
        print(line)
