"""Other Debians with other releases of Erlang/OTP: a folder for `chroot`, of what the cache keeps.

Sources: Debian's erlang-base: 23 in bullseye, 27 in trixie (25 is what runs here).
"""

import subprocess
from pathlib import Path

from tests.cluster.harness import images

RELEASES = {"23": "bullseye", "27": "trixie"}
"""Of OTP, and the suite that has it."""
PACKAGES = (
    "make",
    "erlang-base",
    "erlang-dev",
    "erlang-eunit",
    "erlang-inets",
    "erlang-src",
    "erlang-ssl",
)
ENTER = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'


def debian(otp: str) -> Path:
    """Make the archive of a Debian with a release of OTP (half a minute, once)."""
    return images.debian_archive(f"otp-{otp}", PACKAGES, RELEASES[otp])


def unpack(otp: str, folder: Path) -> Path:
    """Unpack a Debian."""
    folder.mkdir()
    subprocess.run(["tar", "-C", folder, "-xf", debian(otp)], check=True)
    return folder


def inside(root: Path, *command: str) -> list[str]:
    """Return the words that run a command in an unpacked Debian, with mounts of its own."""
    return ["unshare", "--mount", "sh", "-c", ENTER, str(root), *command]


if __name__ == "__main__":
    for release in RELEASES:
        debian(release)
