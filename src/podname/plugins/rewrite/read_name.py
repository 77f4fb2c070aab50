"""Read a rule `rewrite name`: how to match, what to ask for instead, and what to do to the answer.

Source: CoreDNS 1.15.0 plugin/rewrite name.go.
"""

from __future__ import annotations

import re

from podname.corefile import Token
from podname.corefile.findings import Findings
from podname.corefile.regexp import BadPattern, Regexp, regexp
from podname.plugins.rewrite.matching import Exact, Matcher, Regex, Suffix, normalized
from podname.plugins.rewrite.responses import Owner, ResponseRule, Target, matched
from podname.plugins.rewrite.rules import UNKNOWN, MetadataNameRule, NameRule, Part
from podname.plugins.rewrite.words import Words
from podname.text import shown

_PLACEHOLDERS_MAX = 101
_PLACEHOLDER, _NUMBER = re.compile(r"\{([^{}]*)\}"), re.compile(r"[+-]?\d+")


def read_name(words: Words) -> NameRule:
    """Read the words behind `name`. Raises CorefileError with all that is wrong."""
    found = Findings()
    with found.gathered():
        rule = _read(words, found)
    found.raise_all()
    return rule


def _read(words: Words, found: Findings) -> NameRule:
    kind = words.kind("name", is_given=words.left > 2)
    matcher: Matcher = Exact(".")  # until it is read
    with found.gathered():
        matcher = words.matcher(kind)
    to = words.take("the name to ask for")
    with found.gathered():
        if isinstance(matcher, Regex) and not words.next_is("metadata"):
            _check_groups(words, matcher.regexp, to)
        elif kind == "exact":
            _check_exact(words, to)
    parts: tuple[Part, ...] = ()
    if words.next_if("metadata"):
        with found.gathered():
            parts = _parts(words, matcher, to)
    auto, responses = _answers(words, found)
    text = normalized(to.text)
    if parts:
        return MetadataNameRule(matcher, text, responses, auto=auto, parts=parts)
    if isinstance(matcher, Suffix) and auto:
        rename = matched(Suffix(text), matcher.text)
        return NameRule(matcher, text, (Owner(rename), Target(rename), *responses))
    return NameRule(matcher, text, responses, auto=auto or kind == "exact")


def _check_exact(words: Words, to: Token) -> None:
    """Refuse a name that is no regular expression: CoreDNS reads it as one, and refuses it."""
    try:
        Regexp(normalized(to.text))
    except BadPattern:
        message = f"rewrite: '{shown(to.text)}' cannot stand for a name (CoreDNS refuses it, too)"
        raise words.error(message, to) from None


def _check_groups(words: Words, pattern: Regexp, to: Token) -> None:
    used = sum(f"{{{number}}}" in to.text for number in range(_PLACEHOLDERS_MAX))
    if used > pattern.groups:
        message = (
            f"rewrite: '{shown(to.text)}' uses {used} groups, "
            f"'{shown(pattern.pattern)}' has {pattern.groups}"
        )
        raise words.error(message, to)


def _parts(words: Words, matcher: Matcher, to: Token) -> tuple[Part, ...]:
    """Read a name with groups and labels of metadata in braces."""
    if not isinstance(matcher, Regex):
        raise words.error("rewrite: metadata is only supported for regex name rules", to)
    *pieces, rest = _PLACEHOLDER.split(_absolute(to.text))
    if any("{" in text or "}" in text for text in [*pieces[::2], rest]):
        raise words.error(f"rewrite: a brace of '{shown(to.text)}' has no other", to)
    parts: list[Part] = []
    for text, label in zip(pieces[::2], pieces[1::2], strict=True):
        parts += [_literal(text), _placeholder(words, matcher.regexp, to, label)]
    return (*parts, _literal(rest))


def _absolute(text: str) -> str:
    return text if text.endswith(".") else text + "."


def _literal(text: str) -> Part:
    return lambda _, __: text.lower()


def _placeholder(words: Words, pattern: Regexp, to: Token, label: str) -> Part:
    if _NUMBER.fullmatch(label):
        number = int(label)
        if not 0 <= number <= pattern.groups:
            message = f"rewrite: '{shown(pattern.pattern)}' has no group {label}"
            raise words.error(message, to)
        return lambda groups, _: groups[number]
    if not 0 < label.find("/") < len(label) - 1:
        raise words.error(f"rewrite: '{shown(label)}' is no label of metadata: plugin/name", to)
    return lambda _, request: request.metadatum(label).lower() or UNKNOWN


def _answers(words: Words, found: Findings) -> tuple[bool, tuple[ResponseRule, ...]]:
    """Read `[answer] auto`, `[answer] name FROM TO`, `[answer] value FROM TO`, as often as they stand there."""
    auto, names, rules = None, None, []
    is_first = True
    while words.left:
        token = words.tokens[words.at]
        if token.text == "answer":
            words.at += 1
        elif is_first:
            message = f"rewrite: expected 'answer' instead of '{shown(token.text)}'"
            raise words.error(message, token)
        is_first = False
        kind = words.take("what of the answer to rewrite (auto, name or value)")
        if kind.text == "auto":
            auto = kind
        elif kind.text in {"name", "value"}:
            names = kind if kind.text == "name" else names
            make = Owner if kind.text == "name" else Target
            pattern, to = words.take("the pattern to match"), words.take("the replacement")
            with found.gathered():
                compiled = regexp(words.line, pattern)
                _check_groups(words, compiled, to)
                rules.append(make(matched(Regex(compiled), normalized(to.text))))
        else:
            message = f"rewrite: 'answer' takes auto, name or value, and not '{shown(kind.text)}'"
            raise words.error(message, kind)
    if auto and names:
        raise words.error("rewrite: 'answer auto' and 'answer name' exclude each other", names)
    return auto is not None, tuple(rules)
