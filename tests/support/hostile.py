"""Text as somebody sends it who wants to rule a terminal or to forge a line of a log."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

#: A colour, a window's title, a line, an 8-bit CSI, the order of reading turned round, nothing to see, a line end.
HOSTILE = (
    "\x1b[31m\x1b]0;mine\x07\r\n[FATAL] forged\x9b2J\u202e\u2066\u200b\u2028\u2029\ufeff\x7f\x00\t"
)

#: Any text, also what cannot be written as UTF-8, rich in what is not harmless.
TEXT = st.lists(
    st.sampled_from([HOSTILE, "\n", "\r\n", "a word", 'File "', "  ", "é", "\U000e0041", "\udcff"])
    | st.text(st.characters(exclude_categories=()), max_size=20),
    max_size=6,
).map("".join)


def is_harmless(line: str) -> bool:
    """Tell whether each character of a line can be seen as itself."""
    return all(unicodedata.category(c)[0] not in "CZ" or c == " " for c in line)
