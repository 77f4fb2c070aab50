"""Which event loop runs: uvloop's, where there is one. TLS and datagrams cost it less than Python's own.

Source: uvloop, "Performance".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes an event loop, for `asyncio.Runner`; None is Python's own."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
