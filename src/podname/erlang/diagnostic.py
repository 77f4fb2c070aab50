"""What a check of a file found, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from podname.errors import Place


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something wrong in a file; a `warning` may be meant."""

    place: Place
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Return `file:line:column: message`, a warning said to be one."""
        return ("warning: " if self.severity == "warning" else "") + f"{self.place}: {self.message}"
