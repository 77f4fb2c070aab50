"""What the Corefile says of `root`. The server reads it before the other directives of the block.

Source: CoreDNS 1.15.0 plugin/root (the last one counts; a folder that is not there may come later).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context
from podname.plugins.root.handler import Root


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `root` takes."""

    SYNTAX = "PATH"


def setup(directives: Sequence[Directive], context: Context) -> Root:
    """Read `root`. Raises CorefileError."""
    for directive in directives:
        directive.expect(1, 1)
        Options.read(directive, context)
    folder = folder_of(directives, context.folder)
    if not context.elsewhere and not folder.exists():
        place = directives[-1].arguments[0].place
        context.warn(f"{place}: root path does not exist: {folder}")
    return Root()


def folder_of(directives: Sequence[Directive], folder: Path) -> Path:
    """Return the folder that relative file names of the block start from."""
    return folder / directives[-1].arguments[0].text
