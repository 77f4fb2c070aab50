"""What holds for every Corefile, and for every text that is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from podname.corefile import (
    Corefile,
    Directive,
    Line,
    Place,
    ServerBlock,
    Token,
    block_keys,
    parse_text,
)
from podname.errors import CorefileError

NOWHERE = Place("", 0, 0)
SPACES = st.sampled_from([" ", "\t", "  ", " \r", "\u2003"])

# Words that can be written: no backslash (it could not stand before a quote), no variables.
TEXTS = st.one_of(
    st.sampled_from(["import", "a", "{}", "x{", "}y", "30", "(s)", ""]),
    st.text(st.characters(exclude_characters="\\$%", exclude_categories=["Cs"]), max_size=8),
).filter(lambda text: text not in {"{", "}"})
NAMES = TEXTS.filter(lambda text: text != "import")
KEYS = NAMES.filter(
    lambda text: text and "," not in text and not (text.startswith("(") and text.endswith(")"))
)


def token(text: str) -> Token:
    return Token(text, NOWHERE)


def lines(first: st.SearchStrategy[str]) -> st.SearchStrategy[Line]:
    arguments = st.lists(TEXTS.map(token), max_size=3).map(tuple)
    return st.builds(Line, first.map(token), arguments)


DIRECTIVES = st.builds(
    lambda line, block: Directive(line.name, line.arguments, block),
    lines(NAMES),
    st.none() | st.lists(lines(NAMES), max_size=3).map(tuple),
)
BLOCKS = st.builds(
    ServerBlock,
    st.lists(KEYS.map(token), min_size=1, max_size=3).map(tuple),
    st.lists(DIRECTIVES, max_size=4).map(tuple),
)
COREFILES = st.lists(BLOCKS, max_size=3).map(lambda blocks: Corefile(tuple(blocks)))


class Renderer:
    """Write a Corefile in one of the many ways in which it can be written."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def corefile(self, corefile: Corefile) -> str:
        bom = "\ufeff" if self._draw(st.booleans()) else ""
        return bom + "".join(self._block(block) for block in corefile.blocks)

    def _block(self, block: ServerBlock) -> str:
        comma, space = self._draw(
            st.sampled_from([("", " "), (",", " "), (",", "\n\t"), (",", "\r\n # and\n")])
        )  # the comma is part of the word: after a closing quote it would be a word of its own
        *some, last = (key.text for key in block.keys)
        keys = space.join(self._word(text) for text in [*(key + comma for key in some), last])
        opening = self._draw(st.sampled_from([" {", "\n{", '\t{ # "']))
        body = "".join(self._directive(directive) for directive in block.directives)
        return f"{keys}{opening}{self._end()}{body}{self._draw(SPACES)}}}{self._end()}"

    def _directive(self, directive: Directive) -> str:
        if directive.block is None:
            return self._line(directive) + self._end()
        inner = "".join(self._line(line) + self._end() for line in directive.block)
        return f"{self._line(directive)} {{{self._end()}{inner}}}{self._end()}"

    def _line(self, line: Line) -> str:
        words = [self._word(word.text) for word in (line.name, *line.arguments)]
        return self._draw(SPACES) + self._draw(SPACES).join(words)

    def _word(self, text: str) -> str:
        if text.split() == [text] and not set(text) & set('#"\ufeff') and self._draw(st.booleans()):
            return text
        return '"' + text.replace('"', '\\"') + '"'

    def _end(self) -> str:
        return self._draw(st.sampled_from(["\n", "\r\n", " \n\n", ' # "{ } import x\n', "\t#\n"]))


@st.composite
def rendered(draw: st.DrawFn) -> tuple[Corefile, str]:
    corefile = draw(COREFILES)
    return corefile, Renderer(draw).corefile(corefile)


def tokens_of(corefile: Corefile) -> Iterator[Token]:
    for block in corefile.blocks:
        yield from block.keys
        for directive in block.directives:
            yield from (directive.name, *directive.arguments)
            for line in directive.block or ():
                yield from (line.name, *line.arguments)


def bare(lines: Sequence[Line] | None) -> list[list[str]] | None:
    return None if lines is None else [[line.name.text, *line.words()] for line in lines]


def texts(corefile: Corefile) -> object:
    return [
        (
            [key.text for key in block.keys],
            [(bare([directive]), bare(directive.block)) for directive in block.directives],
        )
        for block in corefile.blocks
    ]


@given(rendered())
def test_what_is_written_is_read(case: tuple[Corefile, str]) -> None:
    corefile, text = case
    parsed = parse_text(text, environment={})
    assert texts(parsed) == texts(corefile)
    assert parsed.text_digest == corefile.text_digest


@given(rendered())
def test_every_word_stands_where_it_says(case: tuple[Corefile, str]) -> None:
    _, text = case
    source = text.removeprefix("\ufeff").split("\n")
    for word in tokens_of(parse_text(text, file="F", environment={})):
        rest = "\n".join(source[word.place.line - 1 :])[word.place.column - 1 :]
        quoted = '"' + word.text.replace('"', '\\"')
        assert word.place.file == "F"
        assert rest.startswith((quoted, word.text) if word.text else quoted)


PIECES = st.sampled_from(
    [
        "{",
        "}",
        "{ ",
        " }",
        "\n",
        " ",
        "import",
        "import s",
        "(s)",
        "(t)",
        '"',
        "\\",
        "#",
        ",",
        "a",
        "a.b:53",
        "{$A}",
        "{%A%}",
        "{$",
        "10.0.0.0/9",
        "log",
        "\r",
        "\x00",
        "\ufeff",
        "*",
        "[",
        "?",
    ]
)
TEXT = st.text(max_size=200) | st.lists(PIECES, max_size=60).map("".join)


@given(TEXT, st.dictionaries(st.sampled_from(["A", "B"]), TEXT))
def test_any_text_is_parsed_or_refused_with_a_place(text: str, environment: dict[str, str]) -> None:
    try:
        corefile = parse_text(text, file="/nowhere/Corefile", environment=environment)
        for block in corefile.blocks:
            block_keys(block)
    except CorefileError as error:
        for each in (error, *error.others):
            assert each.place is not None
            assert each.place.line <= text.count("\n") + 1
