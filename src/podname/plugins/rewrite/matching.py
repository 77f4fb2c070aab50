r"""Which names a rule applies to, and what it makes of them: exact, prefix, suffix, substring, regex.

Names are texts here, as CoreDNS has them: folded, with their last dot and with escapes (`podname.dns.names.to_text`).

`zones` says where the names may lie that a rule can match, so that the engine answers all others by itself: a suffix
`.example.org.` matches below `example.org`; `ple.org.` begins within a label, and matches below `org`.

Sources: CoreDNS 1.15.0 plugin/rewrite name.go, plugin/normalize.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from podname.corefile.regexp import Regexp, expand
from podname.dns.names import ROOT, BadName, from_escaped

EVERYWHERE = (ROOT,)
#: What a pattern may end with so that each name it matches does: plain labels, the last dot, the end.
_PLAIN_END = re.compile(r"((?:[a-z0-9_-]|\\\.)+\\\.)\$$")
_NOT_PLAIN = re.compile(r"\||\\\\|\\Q")


class Matcher(Protocol):
    """A kind of match."""

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The zones that hold every name it matches."""

    def replace(self, name: str, to: str) -> str | None:
        """Return the name with what matched replaced; None when it does not match."""


@dataclass(frozen=True, slots=True)
class Exact:
    """The whole name."""

    text: str

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The name itself."""
        return _zones(self.text)

    def replace(self, name: str, to: str) -> str | None:
        """Return `to` for the name."""
        return to if name == self.text else None


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a name begins with."""

    text: str
    zones = EVERYWHERE

    def replace(self, name: str, to: str) -> str | None:
        """Return the name with another beginning."""
        return to + name[len(self.text) :] if name.startswith(self.text) else None


@dataclass(frozen=True, slots=True)
class Suffix:
    """What a name ends with, also within a label."""

    text: str

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The zone that begins behind the first dot."""
        return _zones(self.text.partition(".")[2])

    def replace(self, name: str, to: str) -> str | None:
        """Return the name with another end."""
        return name.removesuffix(self.text) + to if name.endswith(self.text) else None


@dataclass(frozen=True, slots=True)
class Substring:
    """What stands anywhere in a name."""

    text: str
    zones = EVERYWHERE

    def replace(self, name: str, to: str) -> str | None:
        """Return the name with each occurrence replaced."""
        return name.replace(self.text, to) if self.text in name else None


@dataclass(frozen=True, slots=True)
class Regex:
    """What a regular expression finds; the whole name becomes the replacement, with its groups put in."""

    regexp: Regexp

    @property
    def zones(self) -> tuple[bytes, ...]:
        """The zone that the pattern ends with, if it says plainly which."""
        pattern = self.regexp.pattern
        found = None if _NOT_PLAIN.search(pattern) else _PLAIN_END.search(pattern)
        return EVERYWHERE if found is None else Suffix(found[1].replace("\\.", ".")).zones

    def replace(self, name: str, to: str) -> str | None:
        """Return the replacement."""
        groups = self.regexp.find(name)
        return None if groups is None else expand(to, groups)


LITERAL: dict[str, Callable[[str], Matcher]] = {
    "exact": Exact,
    "prefix": Prefix,
    "suffix": Suffix,
    "substring": Substring,
}


def normalized(text: str) -> str:
    """Return a name in lower case and with its last dot, as CoreDNS makes each literal."""
    bare = text.removesuffix(".")
    is_absolute = bare != text and (len(bare) - len(bare.rstrip("\\"))) % 2 == 0
    return (text if is_absolute else text + ".").lower()


def _zones(text: str) -> tuple[bytes, ...]:
    try:
        return (from_escaped(text or ".").lower(),)
    except BadName:
        return EVERYWHERE
