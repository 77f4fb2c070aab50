"""Answer from the zones of a folder.

Source: CoreDNS 1.15.0 plugin/auto auto.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.dns.names import longest_match
from podname.engine.base import Code
from podname.plugins.auto.folder import ZoneFolder
from podname.plugins.base import Context, Draft, Next, Plugin, Reply, Request
from podname.plugins.file.answers import look_up, response_of
from podname.runtime.tasks import Tasks


class Auto(Plugin):
    """The `auto` of a server block: the zones that it may answer for, and those that there are."""

    name = "auto"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, zones: Sequence[bytes], folder: ZoneFolder, context: Context) -> None:
        self.folder = folder
        self._zones = frozenset(zones)
        self._context = context
        self._tasks = Tasks()

    async def prepare(self) -> None:
        """Read the zones; what is wrong with one is logged, and costs that zone only."""
        if not self._context.elsewhere:
            await self.folder.look()

    async def start(self) -> None:
        """Go on looking."""
        self._tasks.start(self.folder.follow())

    async def stop(self) -> None:
        """Stop looking."""
        await self._tasks.end()

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the questions where zones may be."""
        draft.layers.append(Code(tuple(sorted(self._zones))))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer in the zones that there are, or hand on."""
        name = request.query.folded
        if longest_match(name, self._zones) is None:
            return await next_(request)
        origin = longest_match(name, self.folder.files)
        if origin is None:
            return await next_(request)
        found = await look_up(self.folder.files[origin].zone, request)
        return None if found is None else response_of(request, found)
