"""Regular expressions: Go's syntax, and no pattern that stalls whoever matches it."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.corefile.regexp import BadPattern, Regexp, expand

#: What Go writes otherwise than Python: pattern, text, the match and its groups.
GO = [
    (r"^[[:alpha:]]+$", "abc", ("abc",)),
    (r"(?P<a>x)(?<b>y)?", "wxz", ("x", "x", "")),
    (r"\Qa.b\E\z", "xa.b", ("a.b",)),
    (r"\pL+", "1\u00e9t\u00e92", ("\u00e9t\u00e9",)),
    (r"(?U)a+", "aaa", ("a",)),
    (r"\w", "\u00e9", None),  # ASCII only
    (r"a$", "a\n", None),  # Python's $ also matches before the last line end
    (r"(a)|(b)", "b", ("b", "", "b")),
    (r"x", "a\udcff", None),  # an octet that is not UTF-8
]


@pytest.mark.parametrize(("pattern", "text", "found"), GO)
def test_gos_syntax(pattern: str, text: str, found: tuple[str, ...] | None) -> None:
    regexp = Regexp(pattern)
    assert regexp.find(text) == found
    assert regexp.matches(text) == (found is not None)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing \\)"),
        (r"(a)\1", "invalid escape sequence"),
        ("(?<!a)b", "invalid perl operator"),
        ("a**", "bad repetition operator"),
        ("a{1001}", "invalid repetition size"),
        ("a" * 10_001, "at most 10000 are allowed"),
        ("((a{100}){100}){100}", "invalid repetition size"),
        ("(?:a?){1000}" * 10, "too large"),
        ("(.?)" * 2400, "too large"),  # took 24 s for a name
        ("(" * 3000 + ")" * 3000, "too large"),
    ],
)
def test_refused(pattern: str, reason: str) -> None:
    with pytest.raises(BadPattern, match=reason):
        Regexp(pattern)


def test_names_of_groups() -> None:
    regexp = Regexp(r"(?P<pod>[^.]+)\.([^.]+)\.(?P<zone>.*)")
    assert regexp.groups == 3
    assert regexp.group_names == {"pod": 1, "zone": 3}


@pytest.mark.parametrize(
    "pattern", ["(x+x+)+y", "(x|x)*y$", "(.*)*y", "(x?){30}x{30}y", "^(([a-z])+.)+[A-Z]$"]
)
def test_a_hostile_pattern_takes_no_time(pattern: str) -> None:
    regexp, began = Regexp(pattern), time.process_time()
    assert not regexp.matches("x" * 250)
    assert time.process_time() - began < 0.5  # of Python's module the universe sees no end


def test_expand_replaces_one_group_after_the_other() -> None:
    assert expand("{1}.{2}.{1}.{0}.{3}", ("w", "a", "b")) == "a.b.a.w.{3}"
    assert expand("{1}", ("w", "{2}", "b")) == "b"  # as CoreDNS


def test_a_text_does_not_grow_without_end() -> None:
    groups = ["whole", *(f"{{{number}}}" * 9 for number in range(2, 10)), "x"]
    assert len(expand("{1}.y", tuple(groups))) < 1_000_000, (
        "nine to the power of eight would be 43 million"
    )


@given(st.from_regex(r"([ab.]|\(a\)|\[ab\]|b\*){1,6}", fullmatch=True), st.text("ab.", max_size=8))
def test_what_both_can_say_python_says_too(pattern: str, text: str) -> None:
    theirs = re.search(pattern, text)
    expected = None if theirs is None else (theirs.group(), *theirs.groups(default=""))
    assert Regexp(pattern).find(text) == expected
