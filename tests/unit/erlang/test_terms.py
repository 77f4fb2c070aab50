"""Erlang terms: what is read, what is refused, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.erlang.term_reader import MOST_NESTED, read
from podname.erlang.terms import Term, as_text
from podname.errors import Place, TermError

READ = [
    ("", []),
    (" \n% only a comment", []),
    ("a.", ["a"]),
    ("a. b.\nc.%", ["a", "b", "c"]),
    ("'A b'. 'if'. a@b_1.", ["'A b'", "'if'", "a@b_1"]),
    ("{a,{127,0,0,1},53}.", ["{a,{127,0,0,1},53}"]),
    ('"a" "b"\n"c".', ['"abc"']),
    (r'"q\"\\\x41\x{42}\103\n".', [r'"q\"\\ABC\x{a}"']),
    ("[].\n[1,2|3]. [1|[2]].", ["[]", "[1,2|3]", "[1,2]"]),
    ("[97,98].", ["[97,98]"]),
    (
        "-1. +2. - 3. 1_000. 16#fF. 2#1010. $a. $\\n. $ .",
        ["-1", "2", "-3", "1000", "255", "10", "97", "10", "32"],
    ),
    ("1.5. -1.5e3.", ["1.5", "-1500.0"]),
    ('#{a=>1, "b" => [c]}. #{}.', ['#{a => 1,"b" => [c]}', "#{}"]),
    ('<<"hi">>. <<104,"i"/utf8>>. <<>>.', ['<<"hi">>', '<<"hi">>', '<<"">>']),
    ("fun lists:map/2.", ["fun lists:map/2"]),
    ("{a}.\r\n{b}.\r\n", ["{a}", "{b}"]),
]
REFUSED = [
    ("a", "1:2", "the last term has no end: add a dot"),
    ("{retry,9}.{retry,8}.", "1:10", "a dot ends a term only before white space"),
    ("{a\n", "1:3", "expected ',' or '}', found 'the end'"),
    ("{a,}.", "1:4", "expected a term, found '}'"),
    ("{a b}.", "1:4", "expected ',' or '}', found 'b'"),
    ("{a} {b}.", "1:5", "expected a dot after the term before, found '{'"),
    ("\n  X.", "2:3", "X is a variable"),
    ("{_,1}.", "1:2", "_ is a variable"),
    ("end.", "1:1", "end is a reserved word"),
    ("\n'abc", "2:1", "a quote is opened here and never closed: add '"),
    ('{"abc', "1:2", 'a quote is opened here and never closed: add "'),
    ("\ufeff{a}.", "1:1", "a byte order mark"),
    ("a ; b.", "1:3", "';' cannot begin anything"),
    ("-a.", "1:1", "expected a number after '-'"),
    ("1#0.", "1:1", "1#0 is no number"),
    ("8#9.", "1:1", "8#9 is no number"),
    ("1.0e999.", "1:1", "too big"),
    ("[1|2,3].", "1:5", "expected ']' after the tail of a list"),
    ("#{a}.", "1:4", "expected '=>' between a key and its value"),
    ("<<a>>.", "1:3", "only numbers and strings are read in a binary"),
    ("fun (X) -> X end.", "1:5", "expected a term, found '('"),
    ("[" * 1000, f"1:{MOST_NESTED + 1}", "nested more than"),
]


@pytest.mark.parametrize(("text", "terms"), READ)
def test_read(text: str, terms: list[str]) -> None:
    assert [str(term) for term in read(text, "f")] == terms


@pytest.mark.parametrize(("text", "place", "message"), REFUSED)
def test_refused(text: str, place: str, message: str) -> None:
    with pytest.raises(TermError) as caught:
        read(text, "f")
    assert str(caught.value).startswith(f"f:{place}: ")
    assert message in caught.value.message


def test_places() -> None:
    (first, second) = read('% one\n{a,\n  "b"}.\n\tc.\n', "rc")
    assert [str(t.place) for t in (first, first.items[1], second)] == ["rc:2:1", "rc:3:3", "rc:4:2"]


PLACE = Place("f", 1, 1)
SCALARS = st.one_of(
    st.integers().map(lambda n: Term("integer", PLACE, n)),
    st.text(min_size=1).map(lambda t: Term("atom", PLACE, t)),
    st.text().map(
        lambda t: Term(
            "list", PLACE, items=tuple(Term("integer", PLACE, ord(c)) for c in t), quoted=True
        )
    ),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    .filter(lambda f: "e" not in repr(f))
    .map(lambda f: Term("float", PLACE, f)),
)
TERMS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner).map(lambda items: Term("tuple", PLACE, items=tuple(items))),
        st.lists(inner).map(lambda items: Term("list", PLACE, items=tuple(items))),
    ),
    max_leaves=10,
)


@given(st.lists(TERMS, max_size=4))
def test_what_is_written_is_read(terms: list[Term]) -> None:
    assert list(read("\n".join(f"{term}." for term in terms), "f")) == terms


@given(st.text(alphabet="{}[]()<>\"'\\.,|#$%=-+/: aZ_0é\n\x00", max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    line = 1
    try:
        read(text, "f")
    except TermError as error:
        line = error.place.line
    assert 1 <= line <= text.count("\n") + 1


def test_texts() -> None:
    string, empty, numbers, improper = read('"ab". []. [-1]. [97|b].', "f")
    assert [as_text(t) for t in (string, empty, numbers, improper)] == ["ab", "", None, None]
