"""A list, page by page and item by item: never the whole of it at once, and never long on the event loop.

Sources: Kubernetes API concepts, "Retrieving large results sets in chunks"; client-go tools/pager.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TypeVar

from podname.errors import KubeError
from podname.kube.itemstream import ItemStream
from podname.kube.transport import JSON, Transport
from podname.kube.types import ListMeta
from podname.runtime.clock import Pace

R = TypeVar("R")

PAGE_OBJECTS = 500


class Listing:
    """One list of one collection. `version` is known when `items` has ended."""

    def __init__(
        self,
        transport: Transport,
        path: str,
        selectors: Mapping[str, str],
        version: str,
        accept: str = JSON,
    ) -> None:
        self.version = 0
        self._transport = transport
        self._path = path
        self._selectors = selectors
        self._version = version
        self._accept = accept

    async def items(
        self, decode: Callable[[bytes], R], rescue: Callable[[bytes], R]
    ) -> AsyncGenerator[R, None]:
        """Return what `decode` makes of each item.

        Raises KubeError; Gone means that the list must begin anew.
        """
        parameters = self._first_page()
        pace = Pace()
        while True:
            stream = ItemStream(decode, rescue)
            async with self._transport.stream(self._path, parameters, self._accept) as chunks:
                async for chunk in chunks:
                    for item in stream.feed(chunk):
                        yield item
                        if pace.is_due:
                            await pace.yield_control()
                for item in stream.finish():
                    yield item
                    if pace.is_due:
                        await pace.yield_control()
            metadata = stream.head.metadata or ListMeta()
            if not metadata.continue_token:
                self.version = _number(metadata.resource_version)
                return
            if metadata.continue_token == parameters.get("continue"):
                raise KubeError("the list does not go on: a page is followed by itself")
            parameters = {
                **self._selectors,
                "limit": str(PAGE_OBJECTS),
                "continue": metadata.continue_token,
            }

    def _first_page(self) -> dict[str, str]:
        """From the watch cache when a version will do, where pages are not known; otherwise from etcd, in pages."""
        if self._version in {"", "0"}:
            match = {"resourceVersion": "0"} if self._version else {"limit": str(PAGE_OBJECTS)}
        else:
            match = {"resourceVersion": self._version, "resourceVersionMatch": "NotOlderThan"}
        return {**self._selectors, **match}


def _number(version: str | None) -> int:
    if not version:
        raise KubeError("the list has no resource version")
    return int(version) if version.isascii() and version.isdecimal() else 0
