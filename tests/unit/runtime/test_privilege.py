"""Binding to a low port: the capability is used while it binds, if this process may, and at no other time."""

import threading
from collections.abc import Callable
from ctypes import CDLL, c_uint32
from pathlib import Path

import pytest

from podname.runtime import privilege

NET_BIND_SERVICE = 1 << 10


class Guarded:
    """Stands for a socket: to the first `refusals` calls it is not permitted to bind."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.effective: list[int] = []

    def bind(self, where: object) -> None:
        assert where == ("127.0.0.1", 53)
        self.effective.append(capabilities("CapEff"))
        if len(self.effective) <= self.refusals:
            raise PermissionError(13, "Permission denied")


def capabilities(name: str) -> int:
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith(f"{name}:"))


def as_in_a_pod(test: Callable[[], None]) -> None:
    """Run a test in a thread where the capability is not effective, permitted or not."""
    raised: list[BaseException] = []

    def run() -> None:
        header, sets = (c_uint32 * 2)(0x20080522, 0), (c_uint32 * 6)()
        assert CDLL(None).capget(header, sets) == 0
        sets[0] &= ~NET_BIND_SERVICE
        assert CDLL(None).capset(header, sets) == 0
        try:
            test()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def test_the_capability_is_effective_for_the_second_try_alone() -> None:
    def test() -> None:
        before, permitted = capabilities("CapEff"), capabilities("CapPrm")
        sock = Guarded(refusals=1)
        privilege.bind(sock, ("127.0.0.1", 53))  # type: ignore[arg-type]
        assert sock.effective == [before, before | permitted & NET_BIND_SERVICE]
        assert capabilities("CapEff") == before
        assert before & NET_BIND_SERVICE == 0

    as_in_a_pod(test)


def test_what_binds_at_once_takes_no_capability() -> None:
    def test() -> None:
        before = capabilities("CapEff")
        sock = Guarded(refusals=0)
        privilege.bind(sock, ("127.0.0.1", 53))  # type: ignore[arg-type]
        assert sock.effective == [before]

    as_in_a_pod(test)


def test_what_is_refused_all_the_same_is_an_error_and_the_capability_is_given_up() -> None:
    def test() -> None:
        before = capabilities("CapEff")
        with pytest.raises(PermissionError):
            privilege.bind(Guarded(refusals=2), ("127.0.0.1", 53))  # type: ignore[arg-type]
        assert capabilities("CapEff") == before

    as_in_a_pod(test)
