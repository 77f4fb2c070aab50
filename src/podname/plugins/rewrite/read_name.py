"""Read a rule `rewrite name`: how to match, what to ask for instead, and what to do to the answer.

Source: CoreDNS 1.15.0 plugin/rewrite name.go.
"""

from __future__ import annotations

from podname.corefile import Token
from podname.corefile.findings import Findings
from podname.corefile.regexp import BadPattern, Regexp, regexp
from podname.plugins.rewrite.matching import Exact, Matcher, Regex, Suffix, normalized
from podname.plugins.rewrite.responses import Owner, ResponseRule, Target, matched
from podname.plugins.rewrite.rules import NameRule
from podname.plugins.rewrite.words import Words
from podname.text import shown

_PLACEHOLDERS_MAX = 101


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
        if isinstance(matcher, Regex):
            _check_groups(words, matcher.regexp, to)
        elif kind == "exact":
            _check_exact(words, to)
    auto, responses = _answers(words, found)
    text = normalized(to.text)
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


def _answers(words: Words, found: Findings) -> tuple[bool, tuple[ResponseRule, ...]]:
    """Read `[answer] auto`, `[answer] name FROM TO`, `[answer] value FROM TO`, as often as they stand there."""
    auto, names, rules = None, None, []
    is_first = True
    while words.left:
        token = words.tokens[words.at]
        if is_first and token.text == "metadata":
            raise words.error("rewrite: 'metadata' is not supported yet", token)
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
