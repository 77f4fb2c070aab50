"""What a watch says, as far as it is of use.

`version` is the resource version as a number: Kubernetes promises since 1.35 that they can be compared (KEP-5504),
and they always could. One that is no number counts as 0, "not known".

Sources: kube-rs `watcher::Event`; client-go pkg/watch `Event`.
"""

from __future__ import annotations

from typing import Generic

from msgspec import Struct

from podname.kube.kinds import T


class Apply(Struct, Generic[T], frozen=True, gc=False):
    """An object was added or changed."""

    key: str
    version: int
    object: T


class Delete(Struct, frozen=True, gc=False):
    """An object is gone."""

    key: str
    version: int


class Progress(Struct, frozen=True, gc=False):
    """Nothing happened up to `version`: a bookmark, or an object that is of no use.

    `initial_events_end` marks the bookmark that ends the initial events of a WatchList.
    """

    version: int
    initial_events_end: bool = False


Event = Apply[T] | Delete | Progress
