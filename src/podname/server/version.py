"""Who this is, in CoreDNS's form.

Source: CoreDNS coremain/run.go (versionString, releaseString).
"""

from __future__ import annotations

import platform
import sys

from podname import __version__

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def version(engine: str) -> str:
    """Return two lines: name and version; platform, Python and engine."""
    machine = platform.machine()
    system = f"{sys.platform}/{_MACHINES.get(machine, machine)}"
    return f"podname-{__version__}\n{system}, python{platform.python_version()}, engine {engine}"
