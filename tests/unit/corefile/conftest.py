"""How the tests of the Corefile write down what was parsed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from podname.corefile import Corefile, Directive, Line

Outline = Callable[[Corefile], list[str]]


def _line(line: Line) -> str:
    return " ".join([line.name.text, *line.words()])


def _directive(directive: Directive) -> str:
    if directive.block is None:
        return _line(directive)
    return f"{_line(directive)} {{{' | '.join(map(_line, directive.block))}}}"


@pytest.fixture(scope="session")
def outline() -> Outline:
    """A block is one text: its keys, a colon, its directives; the lines of a block between bars."""

    def of(corefile: Corefile) -> list[str]:
        return [
            f"{' '.join(key.text for key in block.keys)}: {'; '.join(map(_directive, block.directives))}"
            for block in corefile.blocks
        ]

    return of
