"""Where the Corefile comes from, to be read again at each reload.

Sources: CoreDNS coremain/run.go (confLoader, defaultLoader).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Corefile, Place, parse, parse_text
from podname.errors import CorefileError

#: The folder of the Corefile and the cluster that are served when nobody says what to serve.
EXAMPLES = Path(__file__).parent.parent / "examples"

_DEFAULT = Path("Corefile")


@dataclass(frozen=True, slots=True)
class Source:
    """A Corefile's place. `text` is what came through a pipe and cannot be read again."""

    path: Path
    text: str | None = None

    @property
    def folder(self) -> Path:
        """The folder that relative file names in it start from."""
        return self.path.parent

    @property
    def embedded(self) -> bool:
        """Whether this is the default that comes with podname."""
        return self.path.parent == EXAMPLES

    def read(self) -> Corefile:
        """Read it. Raises CorefileError.

        A file that is empty, perhaps because it is being written just now, would end all service.
        """
        file = str(self.path)
        corefile = parse(self.path) if self.text is None else parse_text(self.text, file=file)
        if not corefile.blocks:
            message = "there is no server block: nothing would be served"
            raise CorefileError(message, Place(file, 1, 1))
        return corefile


def find(conf: str | None) -> Source:
    """Return the source that `-conf` names; without one ./Corefile, and failing that the embedded default."""
    if conf == "stdin":
        return Source(Path("stdin"), sys.stdin.read())
    if conf:
        return Source(Path(conf))
    return Source(_DEFAULT if _DEFAULT.exists() else EXAMPLES / "Corefile")
