"""Files that `podname inject --in-place` replaces: the old one or the new one at any moment, whatever happens."""

from __future__ import annotations

import os
import random
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from podname.cli.manifest_files import manifests
from podname.cli.replacing import replace_files

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: default}\nspec:\n  containers:\n  - name: app\n"
BIG = POD + "".join(f"# {number} of many lines that fill the file\n" for number in range(5000))
INJECT = (sys.executable, "-m", "podname", "inject", "--via", "search", "--in-place")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def replaced(contents: dict[Path, bytes]) -> list[str]:
    return list(replace_files({str(path): octets for path, octets in contents.items()}))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_mode_and_link_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real/pod.yaml", tmp_path / "link.yaml"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to("real/pod.yaml")
    assert replaced({link: b"new"}) == [str(link)]
    assert (link.is_symlink(), real.read_text()) == (True, "new")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert names(tmp_path / "real") == {"pod.yaml"}


@as_root
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    path.chmod(0o4751)
    replaced({path: b"new"})
    there = path.stat()
    assert (there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)) == (12345, 23456, 0o4751)


def test_an_owner_that_cannot_be_kept_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text("old")
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result((0, 0, 0, 1, 77, 77, 0, 0, 0, 0)))
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(PermissionError) as caught:
        replaced({path: b"new"})
    assert caught.value.filename == str(path)
    assert (path.read_text(), names(tmp_path)) == ("old", {"pod.yaml"})


def refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted", "/somewhere/else")


def test_one_file_that_cannot_be_written_costs_no_other(tmp_path: Path) -> None:
    first = tmp_path / "first.yaml"
    first.write_text("old")
    with pytest.raises(FileNotFoundError) as caught:
        replaced({first: b"new", tmp_path / "nowhere/second.yaml": b"new"})
    assert caught.value.filename == str(tmp_path / "nowhere/second.yaml")
    assert (first.read_text(), names(tmp_path)) == ("old", {"first.yaml"})


def run(*paths: Path, limit_octets: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command; with a limit, no file can become larger."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_octets, limit_octets))

    command = [*INJECT, *map(str, paths)]
    return subprocess.run(
        command,
        preexec_fn=limit if limit_octets else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_file_that_cannot_be_written_whole_is_as_it_was(tmp_path: Path) -> None:
    path, other = tmp_path / "pod.yaml", tmp_path / "other.yaml"
    path.write_text(BIG)
    other.write_text(POD)
    ran = run(other, path, limit_octets=len(BIG) // 2)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"cannot write '{path}', which is as it was: File too large" in ran.stderr
    assert (path.read_text(), other.read_text()) == (BIG, POD)
    assert names(tmp_path) == {"pod.yaml", "other.yaml"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk that holds the manifest once, and not twice."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={len(BIG) * 3 // 2}", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_costs_nothing(small_disk: Path) -> None:
    path = small_disk / "pod.yaml"
    path.write_text(BIG)
    ran = run(path)
    assert ran.returncode == 2
    assert "which is as it was: No space left on device" in ran.stderr
    assert (path.read_text(), names(small_disk)) == (BIG, {"pod.yaml"})


def test_killed_at_any_moment_a_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    dice = random.Random(20261201)
    path = tmp_path / "pod.yaml"
    path.write_text(BIG)
    began = time.monotonic()
    assert run(path).returncode == 0
    took, new = time.monotonic() - began, path.read_text()
    for number in range(10):
        path.write_text(BIG)
        command = [*INJECT, str(path)]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as made:
            try:
                # the second half is where it writes
                made.wait(took * dice.uniform(0.5 if number % 4 else 0, 1.2))
            except subprocess.TimeoutExpired:
                made.kill()
        assert path.read_text() in {BIG, new}
    assert list(manifests((str(tmp_path),), print)) == [str(path)]


def test_killed_between_any_two_steps_a_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    program = (
        "import os, sys, signal\n"
        "from podname.cli.replacing import replace_files\n"
        "left = int(sys.argv[1])\n"
        "def step(event, arguments):\n"
        "    global left\n"
        "    if event in {'open', 'os.rename', 'os.chmod', 'os.chown', 'os.remove', 'tempfile.mkstemp'}:\n"
        "        left -= 1\n"
        "        if left < 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(step)\n"
        "list(replace_files({sys.argv[2]: b'new' * 9999}))\n"
    )
    path = tmp_path / "pod.yaml"
    seen = []
    for steps in range(40):
        path.write_text("old")
        ran = subprocess.run([sys.executable, "-c", program, str(steps), str(path)], check=False)
        seen.append(path.read_text())
        if ran.returncode == 0:
            break
    assert set(seen) == {"old", "new" * 9999}
    assert seen[-1] == "new" * 9999
    assert len(seen) > 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with links in it and out of it."""
    folder = tmp_path / "k8s"
    (folder / "base").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for name in ("k8s/pod.yaml", "k8s/base/pod.yaml", "outside/pod.yaml"):
        (tmp_path / name).write_text(POD)
    (folder / "within.yaml").symlink_to("base/pod.yaml")
    (folder / "out.yaml").symlink_to("../outside/pod.yaml")
    (folder / "out").symlink_to("../outside")
    (folder / "back").symlink_to("base")
    (folder / "gone.yaml").symlink_to("nowhere")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "notes.txt").symlink_to("../outside/pod.yaml")
    return folder


def test_a_folder_does_not_lead_out_of_itself(folder: Path) -> None:
    told: list[str] = []
    found = list(manifests((str(folder),), told.append))
    assert found == [f"{folder}/base/pod.yaml", f"{folder}/pod.yaml"]
    assert told == [
        f"{folder}/{name}: left alone, as it links out of the folder: name it to take it"
        for name in ("out", "out.yaml")
    ]
    outside = folder.parent / "outside/pod.yaml"
    assert run(folder).stdout.splitlines() == found
    assert outside.read_text() == POD
    assert (folder / "within.yaml").is_symlink()


def test_a_link_that_is_named_is_followed(folder: Path) -> None:
    assert run(folder / "out.yaml").stdout == f"{folder}/out.yaml\n"
    assert "dnsConfig" in (folder.parent / "outside/pod.yaml").read_text()
    assert (folder / "out.yaml").is_symlink()
    assert list(manifests((str(folder / "out"),), print)) == [f"{folder}/out/pod.yaml"]


def test_what_is_printed_to_a_full_disk_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(POD)
    with Path("/dev/full").open("wb") as full:
        command = [*INJECT[:-1], str(path)]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1] == (
        "podname: cannot write what is to be printed: No space left on device"
    )
