"""Variables of the environment in words: `{$NAME}` and `{%NAME%}`.

A variable that is not set is the empty text, as in CoreDNS, but with a warning. The value of a variable is not searched
for further variables, so that none can refer to itself for ever.

Sources: coredns/caddy caddyfile/parse.go (replaceEnvVars).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from podname.corefile.tree import Token
from podname.text import shown

_STYLES = (re.compile(r"\{%(.+?)%\}", re.DOTALL), re.compile(r"\{\$([^}]+)\}"))


def expand(
    token: Token, environment: Mapping[str, str], warn: Callable[[Token, str], None]
) -> Token:
    """Put the environment's values into a token; `warn` learns of variables that are not set."""
    text = token.text
    if "{$" not in text and "{%" not in text:
        return token

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            warn(token, f"environment variable '{shown(match[1])}' is not set")
        return environment.get(match[1], "")

    for style in _STYLES:
        text = style.sub(value, text)
    return Token(text, token.place)
