"""What the pages point to is there: files, headings, and the tests that they name.

A heading's anchor is made as GitHub makes it: https://docs.github.com/en/get-started/writing-on-github.
"""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bench", "clients", "docs", "src", "tests")
FOUND = [
    *ROOT.glob("*.md"),
    *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md")),
]
PAGES = sorted(str(page.relative_to(ROOT)) for page in FOUND)
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text_of(page: Path) -> str:
    """Return a page without its blocks of code."""
    return BLOCK.sub("", page.read_text())


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@cache
def all_tests() -> str:
    """Return the text of all tests."""
    return "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_what_it_links_to_is_there(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(ROOT / page)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_that_it_names_are_there(page: str) -> None:
    for name in re.findall(r"`(test_\w+)`", text_of(ROOT / page)):
        assert f"def {name}(" in all_tests()
    for path in re.findall(r"`(tests/[\w/]+\.py)`", text_of(ROOT / page)):
        assert (ROOT / path).exists(), path
