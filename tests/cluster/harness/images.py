"""The images of the pods, made on the spot: no image registry is asked.

Two are needed everywhere; podname's own is in image.py. `pause` holds a pod's namespaces: one
static C program. `erlang` is a small Debian with Erlang, Elixir and dig, from debootstrap and the
machine's own Debian mirror. Both are kept in the cache under a name that hashes what they are made
of.

Sources: the archive that `docker save` writes (manifest.json, a config, one tar per layer), which
`ctr images import` reads; debootstrap(8).
"""

import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PAUSE = "localhost/pause:1"
ERLANG = "localhost/erlang:1"
SUITE = "bookworm"
PACKAGES = ("erlang-base", "elixir", "bind9-dnsutils")
LEFT_OUT = ("./dev/", "./proc/", "./sys/", "./var/cache/apt/", "./var/lib/apt/", "./usr/share/doc/")
SOURCE = Path(__file__).with_name("pause.c")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def cache() -> Path:
    """Return the folder where what is built once is kept."""
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    folder = Path(os.environ.get("PODNAME_CACHE", home / "podname")) / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pause_program() -> Path:
    """Compile the first process of a pod, and of the cluster itself."""
    program = cache() / f"pause-{key(SOURCE.read_bytes())}"
    if not program.exists():
        made = program.with_suffix(f".{os.getpid()}")
        subprocess.run(["cc", "-O2", "-static", "-o", made, SOURCE], check=True)
        made.rename(program)
    return program


def pause_image() -> Path:
    """Make the image of the pause program."""
    program = pause_program()
    image = program.with_suffix(".tar")
    if not image.exists():
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            layer = Path(work) / "layer.tar"
            with tarfile.open(layer, "w") as tar:
                tar.add(program, "pause")
            write_archive(image, PAUSE, [layer], {"Entrypoint": ["/pause"]})
    return image


def erlang_image() -> Path:
    """Make the image of the Erlang pods (about 35 seconds, once)."""
    image = cache() / f"erlang-{key(repr((SUITE, PACKAGES, LEFT_OUT)).encode())}.tar"
    if not image.exists():
        print(f"making the image of the Erlang pods (once; kept as {image})", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            layer = Path(work) / "layer.tar"
            debian(Path(work) / "root", layer, PACKAGES)
            write_archive(image, ERLANG, [layer], {"Env": ["LANG=C.UTF-8"], "Cmd": ["/bin/bash"]})
    return image


def write_archive(
    image: Path, name: str, layers: Sequence[Path], config: Mapping[str, object]
) -> None:
    """Write the archive of an image of layers with different file names, as `docker save` would."""
    digests = []
    for layer in layers:
        with layer.open("rb") as content:
            digests.append(f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}")
    description = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": [{"created_by": "tests/cluster"} for _ in layers],
    }
    names = [layer.name for layer in layers]
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": names}]
    made = image.with_suffix(f".{os.getpid()}")
    with tarfile.open(made, "w") as tar:
        for path, value in (("manifest.json", manifest), ("config.json", description)):
            member = tarfile.TarInfo(path)
            content_octets = json.dumps(value).encode()
            member.size = len(content_octets)
            tar.addfile(member, io.BytesIO(content_octets))
        for layer in layers:
            tar.add(layer, layer.name)
    made.rename(image)


def debian(root: Path, layer: Path, packages: Sequence[str], suite: str = SUITE) -> None:
    """Make a small Debian with some packages, as a folder and as the layer of an image."""
    # In a mount namespace of its own: debootstrap mounts /proc in the folder that it fills.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
    command += [f"--include={','.join(packages)}", suite, str(root), *_mirror()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        log = root / "debootstrap" / "debootstrap.log"
        tail = log.read_text(errors="replace")[-2000:] if log.exists() else done.stderr
        raise SystemExit(f"debootstrap failed:\n{done.stdout[-1000:]}\n{tail}")
    left_out = [f"--exclude={folder}*" for folder in LEFT_OUT]
    subprocess.run(["tar", "-C", root, "-cf", layer, "--numeric-owner", *left_out, "."], check=True)


def debian_archive(name: str, packages: Sequence[str], suite: str = SUITE) -> Path:
    """Return the archive of a small Debian, made once (one or two minutes)."""
    archive = cache() / f"{name}-{key(repr((suite, packages, LEFT_OUT)).encode())}.tar"
    if not archive.exists():
        print(f"making a Debian {suite} (once; kept as {archive})", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=cache()) as work:
            made = Path(work) / "debian.tar"
            debian(Path(work) / "root", made, packages, suite)
            made.rename(archive)
    return archive


def _mirror() -> list[str]:
    # The machine's own mirror, as apt knows it; debootstrap has a default when there is none.
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {SUITE}"]
    found = subprocess.run(query, capture_output=True, text=True, check=False).stdout.split()
    return found[:1]


def key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


if __name__ == "__main__":
    pause_image()
    erlang_image()
