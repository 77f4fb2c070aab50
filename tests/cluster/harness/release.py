"""The image of the released Elixir application `demo`, whose nodes the tests let find each other.

`mix release` runs in the Debian of the Erlang image itself, with no network but loopback, so that
what is built offline here can be built offline anywhere, and fits the image that it is put into.
The image is a layer upon the Erlang one: the release, in /opt/demo. It is kept in the cache under
the hash of what it is made of.

Sources: `mix help release`; unshare(1).
"""

import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from tests.cluster.harness import ClusterError, images, pages

RELEASE = "localhost/demo:1"
FOLDER = "/opt/demo"
PROGRAM = f"{FOLDER}/bin/demo"
LIBRARY = f"{FOLDER}/lib/demo-1.0.0/ebin"
ROOT = Path(__file__).parents[3]
PROJECT = ROOT / "tests/cluster/demo"
EPMD_MODULE = ROOT / "clients/erlang/src"
DAY_SECONDS = 24 * 60 * 60
FILES = ("mix.exs", "config/*.exs", "lib/*.ex", "lib/demo/*.ex")
RESOLVER = ("libcluster.md", "dns_cluster instead of libcluster", "lib/my_app/pod_names.ex")
"""A page, a section, and the path of the module that it tells people to copy: it is released as it stands there."""
CONFIGURATION = f"{FOLDER}/releases/1.0.0/runtime.exs"
"""`config/runtime.exs` in the release."""

BUILD = """
set -e
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
exec chroot "$0" /usr/bin/env --ignore-environment HOME=/build LANG=C.UTF-8 PATH=/usr/bin:/bin \
    MIX_ENV=prod sh -c 'cd /build && mix release --quiet --path /opt/demo'
"""


def release_image() -> Path:
    """Make the image of the released application (about 10 seconds, once)."""
    base = images.erlang_image()
    key = images.key(b"".join([base.name.encode(), BUILD.encode(), *_contents().values()]))
    image = images.cache() / f"demo-{key}.tar"
    if not image.exists():
        print(f"releasing the demo application (once; kept as {image})", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=images.cache()) as work:
            layers = [_unpacked(base, Path(work)), Path(work) / "demo.tar"]
            _release(layers[0], layers[1])
            config = {"Env": ["LANG=C.UTF-8"], "Cmd": [PROGRAM, "start"], "WorkingDir": FOLDER}
            images.write_archive(image, RELEASE, layers, config)
        _forget_all_but(image)
    return image


def _forget_all_but(image: Path) -> None:
    # Every change of the sources makes another 215 MB; a day is long enough for who else uses one.
    for old in image.parent.glob("demo-*.tar"):
        if old.stat().st_mtime < time.time() - DAY_SECONDS:
            old.unlink(missing_ok=True)


def _contents() -> dict[str, bytes]:
    # The project, with the epmd module and a page's resolver among its sources as somebody would copy them.
    found = {
        str(path.relative_to(PROJECT)): path.read_bytes()
        for pattern in FILES
        for path in sorted(PROJECT.glob(pattern))
    }
    page, section, path = RESOLVER
    resolver = pages.shown((ROOT / "docs" / page).read_text(), section, path)
    return (
        found
        | {path: resolver.encode()}
        | {f"src/{path.name}": path.read_bytes() for path in sorted(EPMD_MODULE.glob("*.erl"))}
    )


def _unpacked(base: Path, work: Path) -> Path:
    with tarfile.open(base) as archive:
        archive.extract("layer.tar", work, filter="data")
    return work / "layer.tar"


def _release(debian: Path, layer: Path) -> None:
    root = debian.with_name("root")
    root.mkdir()
    subprocess.run(["tar", "-C", root, "-xf", debian], check=True)
    for name, content in _contents().items():
        path = root / "build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    command = ["unshare", "--mount", "--net", "sh", "-c", BUILD, str(root)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ClusterError(f"mix release failed:\n{done.stdout}{done.stderr}")
    subprocess.run(["tar", "-C", root, "-cf", layer, "--numeric-owner", "opt/demo"], check=True)


if __name__ == "__main__":
    release_image()
