"""podname's own image: the Dockerfile that people build, built by Debian's buildah on a Debian from debootstrap.

No image registry is asked, and nothing in the build has a network: what it needs is fetched before it by the ordinary
clients. BASE is a small Debian with Python. BUILDER is one with a C linker too; the machine's Rust toolchain, the
crates (`cargo vendor`) and the wheels (`pip download`) are mounted into it, with the pip.conf and the cargo
configuration that say so. Kept in the cache: both Debians, the wheels, what cargo compiled, buildah's layers, and the
image, under the hash of what it is made of.

prepare.sh makes the Debians alone: the image changes with every line of podname, and is built for those tests that
run it.

Sources: buildah-build(1); docker-archive in containers-transports(5); `cargo help vendor`; pip's configuration.
"""

import fcntl
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.harness import ClusterError, images

PODNAME = "docker.io/library/podname:latest"
"""What the kubelet makes of `podname:latest`, the name in the manifests."""
BASE, BUILDER = "localhost/debian-python:2", "localhost/debian-rust:2"
BASE_PACKAGES = ("python3", "python3-venv")
BUILDER_PACKAGES = (*BASE_PACKAGES, "gcc", "libc6-dev")
PYTHON = "3.11"  # of Debian's suite: the wheels are for it
CARGO_HOME, TOOLCHAIN, WHEELS = "/usr/local/cargo", "/usr/local/toolchain", "/usr/local/wheels"
BUILDER_ENVIRONMENT = [
    f"PATH={TOOLCHAIN}/bin:/usr/bin:/bin",
    f"CARGO_HOME={CARGO_HOME}",
    f"CARGO_TARGET_DIR={CARGO_HOME}/target",
]
PIP = f"[global]\nno-index = true\nfind-links = {WHEELS}\n"
CARGO = f"""
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "{CARGO_HOME}/vendor"
"""
ROOT = Path(__file__).parents[3]
FILES = (
    ".dockerignore",
    "Dockerfile",
    "_build/*.py",
    "examples/**/*",
    "pyproject.toml",
    "requirements/build.txt",
    "requirements/runtime.txt",
    "rust/Cargo.*",
    "rust/src/*.rs",
    "src/**/*.py",
)
DAY_SECONDS = 24 * 60 * 60
STORAGE_MEBIBYTES = 4096


def podname_image() -> Path:
    """Build podname's image (a minute or two once, then seconds for a change)."""
    with _one_at_a_time():
        image = images.cache() / f"podname-{images.key(_contents())}.tar"
        if not image.exists():
            print(f"building podname's image (kept as {image})", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=images.cache()) as work:
                _build(Path(work), image)
            _forget_all_but(image)
    return image


def debians() -> list[Path]:
    """Make the two Debians of the build, BASE and BUILDER (about a minute, once)."""
    names, packages = (BASE, BUILDER), (BASE_PACKAGES, BUILDER_PACKAGES)
    with ThreadPoolExecutor() as both:
        return list(both.map(_debian, names, packages, ({}, {"Env": BUILDER_ENVIRONMENT})))


def _debian(name: str, packages: Sequence[str], config: Mapping[str, object]) -> Path:
    made_of = repr((name, images.SUITE, packages, config, images.LEFT_OUT))
    image = images.cache() / f"debian-{images.key(made_of.encode())}.tar"
    if not image.exists():
        print(f"making {name} (once; kept as {image})", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=images.cache()) as work:
            layer = Path(work) / "layer.tar"
            images.debian(Path(work) / "root", layer, packages)
            images.write_archive(image, name, [layer], config)
    return image


def _build(work: Path, image: Path) -> None:
    bases = debians()
    buildah = ["buildah", "--storage-driver=overlay", f"--runroot={work}/run"]
    buildah.append(f"--root={_storage(bases, buildah)}")
    for archive in bases:
        _run(*buildah, "pull", "--quiet", f"docker-archive:{archive}")
    volumes = [f"--volume={volume}" for volume in _fetched(work)]
    build = ["unshare", "--net", *buildah, "build", "--layers", "--isolation=chroot"]
    arguments = [f"--build-arg=BASE={BASE}", f"--build-arg=BUILDER={BUILDER}", "--pull-never"]
    _run(*build, *volumes, *arguments, "--tag=localhost/podname", str(ROOT))
    made = image.with_suffix(".new")
    made.unlink(missing_ok=True)
    _run(*buildah, "push", "--quiet", "localhost/podname", f"docker-archive:{made}:{PODNAME}")
    made.rename(image)


def _storage(bases: Sequence[Path], buildah: Sequence[str]) -> Path:
    """Return the folder of the layers made so far: emptied when there are many, or of other bases."""
    known = images.key("".join(base.name for base in bases).encode())
    storage = images.cache() / f"buildah-{known}"
    for old in images.cache().glob("buildah-*"):
        size = int(_run("du", "--summarize", "--block-size=1M", str(old)).split()[0])
        if old != storage or size > STORAGE_MEBIBYTES:
            _run(*buildah, f"--root={old}", "rm", "--all")
            _run(*buildah, f"--root={old}", "rmi", "--all", "--force")
            shutil.rmtree(old)
    return storage


def _fetched(work: Path) -> Iterator[str]:
    """Fetch what the build needs; give what is to be mounted where."""
    pip, cargo = work / "pip.conf", images.cache() / "cargo"
    pip.write_text(PIP)
    cargo.mkdir(exist_ok=True)
    (cargo / "config.toml").write_text(CARGO)
    vendor = cargo / "vendor"
    shutil.rmtree(vendor, ignore_errors=True)
    manifest = f"--manifest-path={ROOT}/rust/Cargo.toml"
    _run("cargo", "vendor", "--quiet", "--locked", manifest, str(vendor))
    yield f"{_wheels(work)}:{WHEELS}:ro"
    yield f"{pip}:/etc/pip.conf:ro"
    yield f"{_run('rustc', '--print=sysroot').strip()}:{TOOLCHAIN}:ro"
    yield f"{cargo}:{CARGO_HOME}"


def _wheels(work: Path) -> Path:
    """Download the wheels of the build and of podname's dependencies, once for each set."""
    requirements = [ROOT / "requirements" / f"{name}.txt" for name in ("build", "runtime")]
    contents = b"".join(path.read_bytes() for path in requirements)
    wheels = images.cache() / f"wheels-{images.key(contents + PYTHON.encode())}"
    if not wheels.exists():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
        download += ["--no-deps", f"--python-version={PYTHON}", "--only-binary=:all:"]
        for path in requirements:
            _run(*download, f"--dest={work}/wheels", f"--requirement={path}")
        (work / "wheels").rename(wheels)
    return wheels


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(command)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout + done.stderr


def _contents() -> bytes:
    """Put together what the image is made of, README and LICENSE aside."""
    paths = sorted({path for pattern in FILES for path in ROOT.glob(pattern) if path.is_file()})
    parts = [f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes() for path in paths]
    settings = (BASE_PACKAGES, BUILDER_PACKAGES, BUILDER_ENVIRONMENT, images.SUITE, PYTHON)
    return b"\0".join([repr(settings).encode(), *parts])


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (images.cache() / "podname.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_all_but(image: Path) -> None:
    # Every change of the sources makes another; a day is long enough for who else uses one.
    for old in image.parent.glob("podname-*.tar"):
        if old != image and old.stat().st_mtime < time.time() - DAY_SECONDS:
            old.unlink(missing_ok=True)


if __name__ == "__main__":
    debians()
