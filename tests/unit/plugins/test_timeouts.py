"""`timeouts`: what is read, what is refused, and that it is for everybody on the address."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.server import serving

from podname.engine.base import StreamLimits
from podname.errors import CorefileError
from podname.server.listeners import Address

COREFILE = """a.test:0 {{
    bind 127.0.0.1
    timeouts {{
        {first}
    }}
    whoami
}}
b.test:0 {{
    bind 127.0.0.1
    whoami
    {second}
}}
"""


@pytest.mark.parametrize(
    ("first", "second", "limits"),
    [
        ("read 1s", "", StreamLimits(1.0)),
        ("idle 30", "", StreamLimits(idle_seconds=30.0)),
        ("maxtcpqueries -1\nwrite 24h", "", StreamLimits(write_seconds=86_400.0)),
        ("read 5s", "timeouts {\nread 7s\nmaxtcpqueries 3\n}", StreamLimits(7.0, queries_most=3)),
    ],
)
async def test_limits_are_for_everybody_on_the_address(
    first: str, second: str, limits: StreamLimits, tmp_path: Path
) -> None:
    async with serving(tmp_path, COREFILE.format(first=first, second=second)) as server:
        listener = server.listeners.open[Address("127.0.0.1", 0)]
        assert listener._tcp.limits == limits  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("", "timeouts block with no timeouts specified"),
        ("read 500ms", "timeout provided '500ms' needs to be between 1 second and 24 hours"),
        ("idle 25h", "timeout provided '25h' needs to be between 1 second and 24 hours"),
        ("write soon", "'soon'"),
        ("read", "wrong argument count"),
        ("maxtcpqueries 0", "maxtcpqueries needs to be -1 (unlimited) or a positive integer"),
        ("maxtcpqueries -2", "maxtcpqueries must be at least -1: -2"),
        ("wait 5s", "unknown property 'wait' of timeouts"),
    ],
)
async def test_what_is_refused(first: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorefileError) as caught:
        async with serving(tmp_path, COREFILE.format(first=first, second="")):
            pass
    assert message in str(caught.value)
