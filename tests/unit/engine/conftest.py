"""Every test of the engine runs over both engines."""

from __future__ import annotations

import pytest

from tests.support.engines import Kind


@pytest.fixture(autouse=True)
def _over_both(engine: Kind) -> None:
    """Run over the engine under test."""
