"""One HTTP request, for tests of endpoints."""

from __future__ import annotations

import asyncio


async def get(port: int, path: str) -> tuple[int, str]:
    """Ask 127.0.0.1; give the status and the body."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    return int(head.split()[1]), body.decode()
