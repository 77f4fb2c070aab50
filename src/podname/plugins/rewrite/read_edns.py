"""Read a rule `rewrite edns0`.

Source: CoreDNS 1.15.0 plugin/rewrite edns0.go.
"""

from __future__ import annotations

import re
from dataclasses import replace

from podname.corefile import Token
from podname.plugins.rewrite.edns import (
    ACTIONS,
    CLIENT_SUBNET,
    NSID,
    VARIABLES,
    Data,
    OptionRule,
    client_subnet,
    constant,
    metadatum,
)
from podname.plugins.rewrite.words import Words
from podname.text import shown

_KINDS = ("local", "nsid", "subnet")
_METADATA = re.compile(r"\{[^/]+/[^/]+.*\}")
_CODE_MAX = 65535


def read_edns(words: Words) -> OptionRule:
    """Read the words behind `edns0`. Raises CorefileError."""
    kind = _one_of(words, "a kind of option", _KINDS)
    action = _one_of(words, "an action", ACTIONS)
    rule = _READ[kind](words, action)
    if action != "unset" and words.next_if("revert"):
        rule = replace(rule, reverts=True)
    words.end()
    return rule


def _local(words: Words, action: str) -> OptionRule:
    code = _number(words, "the code of the option", _CODE_MAX)
    if action == "unset":
        return OptionRule(action, code, constant(b""), is_local=True)
    token = words.take("the data of the option")
    if token.text[:1] == "{" and token.text[-1:] == "}":
        return OptionRule(action, code, _variable(words, token), repeats=False, is_local=True)
    return OptionRule(action, code, constant(_data(words, token)), is_local=True)


def _nsid(_: Words, action: str) -> OptionRule:
    return OptionRule(action, NSID, constant(b""))


def _subnet(words: Words, action: str) -> OptionRule:
    if action == "unset":
        return OptionRule(action, CLIENT_SUBNET, constant(b""))
    v4_bits = _number(words, "the length of the IPv4 mask", 32)
    v6_bits = _number(words, "the length of the IPv6 mask", 128)
    return OptionRule(action, CLIENT_SUBNET, client_subnet(v4_bits, v6_bits), repeats=False)


_READ = {"local": _local, "nsid": _nsid, "subnet": _subnet}


def _one_of(words: Words, what: str, choices: tuple[str, ...]) -> str:
    token = words.take(what)
    if token.text.lower() not in choices:
        known = ", ".join(choices)
        message = f"rewrite: '{shown(token.text)}' is not {what} of edns0: there are {known}"
        raise words.error(message, token)
    return token.text.lower()


def _variable(words: Words, token: Token) -> Data:
    if token.text in VARIABLES:
        return VARIABLES[token.text]
    if _METADATA.fullmatch(token.text):
        return metadatum(token.text[1:-1])
    known = ", ".join(VARIABLES)
    message = f"rewrite: unsupported variable '{shown(token.text)}', there are {known}"
    raise words.error(message, token)


def _data(words: Words, token: Token) -> bytes:
    if not token.text.startswith("0x"):
        return token.text.encode("utf-8", "surrogateescape")
    try:
        return bytes.fromhex(token.text[2:])
    except ValueError:
        message = f"rewrite: '{shown(token.text)}' is not hexadecimal"
        raise words.error(message, token) from None


def _number(words: Words, what: str, most: int) -> int:
    """Read a number as Go writes it: decimal, 0x…, 0o…, 0b…, or octal with a leading zero."""
    token = words.take(what)
    octal = re.fullmatch(r"0[0-7_]+", token.text)
    try:
        number = int(token.text, 8 if octal else 0) if token.text[:1].isdigit() else -1
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        message = f"rewrite: {what} must be a number up to {most}: '{shown(token.text)}'"
        raise words.error(message, token)
    return number
