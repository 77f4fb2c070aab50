"""How the API server is asked for the objects of one watch: as a list, or as a stream of events.

A watch is asked for in protobuf where the native module reads it; once an answer was no protobuf, in JSON.

Source: client-go tools/cache `ListWatch`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from random import Random
from typing import Generic

from podname.kube.decode import Decoder
from podname.kube.events import Event
from podname.kube.kinds import T, Watch
from podname.kube.listing import Listing
from podname.kube.protobuf import Malformed, stream_of, transcoder_of
from podname.kube.transport import JSON, PROTOBUF_WATCH, Transport
from podname.runtime.clock import Pace

#: A stream has a random length, so that not all watches of a cluster begin anew at once.
WATCH_SECONDS = (300, 600)


class ListWatch(Generic[T]):
    """Lists and watches what one watch is about. `heard` is called whenever the API server sends something."""

    def __init__(
        self, watch: Watch[T], transport: Transport, random: Random, heard: Callable[[], None]
    ) -> None:
        self.decoder = Decoder(watch.kind)
        self._watch = watch
        self._transport = transport
        self._random = random
        self._heard = heard
        self._transcoder = transcoder_of(watch.kind.shape)  # None: JSON

    async def list_objects(self, version: str, add: Callable[[T], None]) -> int:
        """Hand each object of a list to `add`; return the version of the list. Raises KubeError."""
        listing = Listing(self._transport, self._watch.path, self._watch.selectors, version)
        decoder = self.decoder
        async with aclosing(listing.items(decoder.item, decoder.rescue_item)) as items:
            async for item in items:
                if item is not None:
                    add(item)
        return listing.version

    async def events(self, parameters: Mapping[str, str]) -> AsyncGenerator[Event[T], None]:
        """Return the events of one stream. Raises KubeError."""
        lines, pace = None, Pace()
        accept = PROTOBUF_WATCH if self._transcoder else JSON
        parameters = {
            **self._watch.selectors,
            **parameters,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(self._random.randint(*WATCH_SECONDS)),
        }
        try:
            async with self._transport.stream(self._watch.path, parameters, accept) as chunks:
                async for chunk in chunks:
                    self._heard()
                    lines = lines or stream_of(chunk, self._transcoder)
                    for line in lines.feed(chunk):
                        if line and not line.isspace():
                            yield self.decoder.event(line)
                        if pace.is_due:
                            await pace.yield_control()
        except Malformed:
            self._transcoder = None
            raise
