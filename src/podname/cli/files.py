"""Files that a command reads to check them, and how it says what it found."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from podname.cli.printing import say, tell
from podname.erlang.diagnostic import Diagnostic

MOST_OCTETS = 1 << 20


def octets_of(path: Path) -> bytes:
    """Read a file; end the command when it cannot be read."""
    try:
        with path.open("rb") as file:
            octets = file.read(MOST_OCTETS + 1)
    except OSError as error:
        tell(f"podname: cannot read {str(path)!r}: {error.strerror}")
        sys.exit(2)
    if len(octets) > MOST_OCTETS:
        tell(f"podname: {str(path)!r} is bigger than a mebibyte: it is something else")
        sys.exit(2)
    return octets


def exit_with(findings: Sequence[Diagnostic], praise: str) -> NoReturn:
    """Tell the findings and end: 0 when there are only warnings, 2 otherwise."""
    for finding in findings:
        tell(str(finding))
    if any(finding.severity == "error" for finding in findings):
        sys.exit(2)
    say(praise)
    sys.exit(0)
