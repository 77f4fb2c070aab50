"""etcd over its JSON gateway: ranges of keys, leases, a token where there are credentials.

Questions go out by a few threads, with the standard library's client: each has five seconds, and so many may wait.

Source: etcd's gRPC gateway (`/v3/kv/range`, `/v3/lease/timetolive`, `/v3/auth/authenticate`).
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec

TIMEOUT_SECONDS = 5.0
WAITING_MAX = 256
_THREADS = 8
_ANSWER_OCTETS_MAX = 16 << 20
_UNAUTHENTICATED = 401


class EtcdError(OSError):
    """etcd did not answer, or not what was asked for."""


class KeyValue(NamedTuple):
    """One key, what stands under it, and the lease that it is bound to; 0 is none."""

    key: str
    value: bytes
    lease: int


class Client:
    """An etcd cluster."""

    def __init__(
        self,
        endpoints: Sequence[str],
        credentials: tuple[str, str] | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._endpoints, self._credentials, self._tls = tuple(endpoints), credentials, tls
        self._threads = ThreadPoolExecutor(_THREADS, "podname-etcd")
        self._waiting = 0
        self._token = ""

    async def get(self, key: str, *, is_prefix: bool) -> list[KeyValue]:
        """Return what stands under a key, or under all that begin with it. Raises EtcdError."""
        asked = {"key": _encoded(key.encode())}
        if is_prefix:
            asked["range_end"] = _encoded(_behind(key.encode()))
        answer = await self._ask("/v3/kv/range", asked)
        try:
            return [
                KeyValue(
                    base64.b64decode(each["key"]).decode("utf-8", "replace"),
                    base64.b64decode(each.get("value", "")),
                    int(each.get("lease", 0)),
                )
                for each in answer.get("kvs", ())
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EtcdError(f"etcd: an answer that cannot be read: {error!r}") from None

    async def left_seconds(self, lease: int) -> int:
        """Return how long a lease has left, 0 when that is not known."""
        try:
            answer = await self._ask("/v3/lease/timetolive", {"ID": str(lease)})
            return max(0, int(answer.get("TTL", 0)))
        except (EtcdError, TypeError, ValueError):
            return 0

    async def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        if self._waiting >= WAITING_MAX:
            raise EtcdError("etcd: too many questions wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, self._asked, path, asked)
        except TimeoutError:
            raise EtcdError("etcd: no answer in time") from None
        finally:
            self._waiting -= 1

    # ------------------------------------------------------------- in a thread

    def _asked(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        """Ask one endpoint after the other."""
        problem = EtcdError("etcd: no endpoint")
        for endpoint in self._endpoints:
            try:
                return self._answer(endpoint, path, asked)
            except (OSError, ValueError) as error:
                problem = EtcdError(f"etcd: {endpoint}: {error}")
        raise problem

    def _answer(self, endpoint: str, path: str, asked: dict[str, str]) -> dict[str, Any]:
        if self._credentials is not None and not self._token:
            self._token = self._authenticated(endpoint)
        try:
            return self._post(endpoint, path, asked)
        except urllib.error.HTTPError as error:
            if self._credentials is None or error.code != _UNAUTHENTICATED:
                raise
        self._token = self._authenticated(endpoint)  # the one before has expired
        return self._post(endpoint, path, asked)

    def _authenticated(self, endpoint: str) -> str:
        name, password = self._credentials or ("", "")
        self._token = ""
        answer = self._post(endpoint, "/v3/auth/authenticate", {"name": name, "password": password})
        return str(answer.get("token", ""))

    def _post(self, endpoint: str, path: str, asked: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(endpoint + path, msgspec.json.encode(asked))  # noqa: S310
        request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", self._token)
        with urllib.request.urlopen(  # noqa: S310  # the Corefile says where
            request, timeout=TIMEOUT_SECONDS, context=self._tls
        ) as response:
            octets = response.read(_ANSWER_OCTETS_MAX + 1)
        if len(octets) > _ANSWER_OCTETS_MAX:
            raise EtcdError(f"an answer of more than {_ANSWER_OCTETS_MAX >> 20} MiB")
        return msgspec.json.decode(octets, type=dict[str, Any])


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _behind(prefix: bytes) -> bytes:
    """Return the first key behind all that begin with a prefix, which ends in `/`."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))
