"""The garbage collector while much is made of a cluster."""

import gc
import weakref

from podname.kube.collector import paused


class Node:
    def __init__(self) -> None:
        self.me = self


def test_it_is_off_until_the_last_block_ends_and_what_is_there_then_is_looked_at_no_more() -> None:
    frozen = gc.get_freeze_count()
    try:
        with paused():
            with paused():
                assert not gc.isenabled()
            assert not gc.isenabled()
            kept = [[each] for each in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= frozen + len(kept)
    finally:
        gc.unfreeze()


def test_garbage_of_before_is_taken_before() -> None:
    gc.collect()
    gone = weakref.ref(Node())
    assert gone() is not None
    try:
        with paused():
            assert gone() is None
    finally:
        gc.unfreeze()
