"""The words of one rule, read from left to right."""

from __future__ import annotations

from dataclasses import dataclass

from podname.corefile import Line, Token
from podname.corefile.regexp import regexp
from podname.errors import CorefileError
from podname.plugins.rewrite.matching import LITERAL, Matcher, Regex, normalized
from podname.text import shown


@dataclass(slots=True)
class Words:
    """A cursor over the words of a rule."""

    line: Line
    tokens: list[Token]
    at: int = 0

    @property
    def left(self) -> int:
        """How many words are left."""
        return len(self.tokens) - self.at

    def take(self, what: str) -> Token:
        """Return the next word; `what` says what it is to be. Raises CorefileError at the end."""
        if not self.left:
            raise self.error(
                f"rewrite: {what} is missing", self.tokens[-1] if self.tokens else None
            )
        self.at += 1
        return self.tokens[self.at - 1]

    def next_if(self, *choices: str) -> str | None:
        """Return the next word in lower case and step over it, if it is one of these."""
        if self.left and (word := self.tokens[self.at].text.lower()) in choices:
            self.at += 1
            return word
        return None

    def next_is(self, word: str) -> bool:
        """Return whether this is the next word."""
        return self.left > 0 and self.tokens[self.at].text == word

    def end(self) -> None:
        """Raise CorefileError when words are left."""
        if self.left:
            word = self.tokens[self.at]
            raise self.error(
                f"rewrite: unexpected '{shown(word.text)}' at the end of the rule", word
            )

    def error(self, message: str, token: Token | None) -> CorefileError:
        """Make the error to raise at a word."""
        return self.line.error(message, token)

    def kind(self, field: str, *, is_given: bool) -> str:
        """Return how names are matched: `exact` unless it is given. Raises CorefileError."""
        if not is_given:
            return "exact"
        token = self.take("how to match")
        kind = token.text.lower()
        if kind not in {*LITERAL, "regex"}:
            known = ", ".join((*LITERAL, "regex"))
            message = f"rewrite: a {field} rule matches {known}, and not '{shown(token.text)}'"
            raise self.error(message, token)
        return kind

    def matcher(self, kind: str) -> Matcher:
        """Read what to match. Raises CorefileError."""
        token = self.take("what to match")
        if kind == "regex":
            return Regex(regexp(self.line, token))
        return LITERAL[kind](normalized(token.text))
