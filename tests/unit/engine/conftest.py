"""Every test of the engine runs over both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import KINDS, Kind, running


@pytest.fixture(params=list(KINDS), autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """The engine under test."""
    with running(request.param) as kind:
        yield kind
