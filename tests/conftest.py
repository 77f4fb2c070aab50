"""What every test shares: the event loop that the server runs on, and the engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.engines import KINDS, Kind, running

# How fast a machine is decides no test.
settings.register_profile("podname", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("podname")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(params=list(KINDS))
def engine(request: pytest.FixtureRequest) -> Iterator[Kind]:
    """The engine under test: whoever asks for this runs over each."""
    with running(request.param) as kind:
        yield kind
