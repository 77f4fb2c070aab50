r"""Escapes in texts, as Go and expr-lang write them: `\n`, `\x41`, `\101`, `\u00e9`.

Sources: the Go specification, rune literals; expr-lang v1.17.8 parser/lexer (`\u{1F600}`).
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))"
)
_PLAIN_ESCAPES = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


class BadEscape(ValueError):
    """There is no such escape."""


def unescaped(text: str) -> str:
    """Return what a text says, without its quotes. Raises BadEscape."""

    def one(found: re.Match[str]) -> str:
        *hexadecimal, octal, plain = found.groups()
        code = next((int(digits, 16) for digits in hexadecimal if digits), None)
        if code is None and octal:
            code = int(octal, 8)
        if code is None and plain in _PLAIN_ESCAPES:
            return _PLAIN_ESCAPES[plain]
        if code is None or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise BadEscape(f"unknown escape '{found[0]}'")
        return chr(code)

    return _ESCAPE.sub(one, text)
