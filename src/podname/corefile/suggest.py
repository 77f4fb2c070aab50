"""The word that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_CLOSE_ENOUGH = 0.6


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return the word of `known` that `word` probably misspells, None if none is near."""
    close = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=_CLOSE_ENOUGH)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of an error about `word`: the neighbour that it has, empty for none."""
    hint = suggest(word, known)
    return f", did you mean '{hint}'?" if hint else ""
