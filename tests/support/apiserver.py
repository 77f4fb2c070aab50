"""A small Kubernetes API server that fails on purpose: lists, watches and WatchLists over real sockets on loopback.

::

    async with ApiServer() as server:
        server.put("pods", pod("a", "10.0.0.1"))
        cluster = Cluster(from_endpoint(server.url))

It keeps objects as whatever JSON it is given (`server.state`). What goes wrong is asked for: `server.faults` changes
how requests are answered, and `tear_streams`, `freeze_streams`, `end_streams` happen to the watches that are open.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from tests.support import writes
from tests.support.clusterstate import ClusterState, Obj, Selection
from tests.support.transcoder import EVERYTHING, frame_of, write

_PLURALS = {
    "/api/v1": ("namespaces", "services", "pods"),
    "/apis/discovery.k8s.io/v1": ("endpointslices",),
}
_KINDS = {
    "namespaces": "NamespaceList",
    "services": "ServiceList",
    "pods": "PodList",
    "endpointslices": "EndpointSliceList",
}
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    504: "Timeout",
}


@dataclass
class Request:
    """A request as it came."""

    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""

    @property
    def verb(self) -> str:
        if self.method != "GET":
            return self.method.lower()
        return "watch" if self.parameters.get("watch") == "true" else "list"


@dataclass
class Faults:
    """What goes wrong until it is set back."""

    watch_list: Literal["works", "refused", "ignored", "never ends"] = "works"
    gone_as: Literal["event", "status"] = "event"
    statuses: deque[int] = field(default_factory=deque)  # for the next requests
    tokens: set[str] | None = None  # None: everybody may enter
    write_statuses: deque[int] = field(default_factory=deque)  # for the next PATCH and DELETE
    forbidden: set[str] = field(default_factory=set)  # plurals
    piece_octets: int = 0  # send in pieces of this size
    garbage: deque[bytes] = field(default_factory=deque)  # lines to send before the next events
    broken_lists: int = 0  # lists to come that stop in the middle
    items_text: str | None = None  # the text of a list's items, instead of the objects


@dataclass(eq=False)
class _Stream:
    """A watch that is open."""

    writer: asyncio.StreamWriter
    order: asyncio.Event = field(default_factory=asyncio.Event)  # something is to be done
    ends: bool = False
    tears: str = ""
    is_frozen: bool = False
    bookmarks: int = 0

    async def until_hangup(self, reader: asyncio.StreamReader) -> None:
        """Nobody sends anything on a watch: what ends the wait is the client's leaving."""
        with contextlib.suppress(OSError):
            await reader.read(1)
        self.tears = "here"
        self.order.set()


class ApiServer:
    """See the module."""

    def __init__(
        self, tls: ssl.SSLContext | None = None, state: ClusterState | None = None
    ) -> None:
        self.state = state or ClusterState()  # two servers may share one
        self.state.followers.append(self._wake)
        self.faults = Faults()
        self.requests: list[Request] = []
        self.port = 0
        self.speaks_protobuf = False  # where a watch asks for it
        self._binary: set[asyncio.StreamWriter] = set()
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._streams: set[_Stream] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pages: dict[str, tuple[int, list[Obj]]] = {}

    async def __aenter__(self) -> ApiServer:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def up(self) -> None:
        """Listen: on any port the first time, on the same one after `down`."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Be killed: nobody listens, every connection ends."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def put(self, plural: str, obj: Obj) -> Obj:
        """Add or change an object; watchers hear of it."""
        put = self.state.put(plural, obj)
        self.state.tell()
        return put

    def delete(self, plural: str, name: str, namespace: str = "") -> None:
        """Delete an object; watchers hear of it."""
        self.state.delete(plural, name, namespace)
        self.state.tell()

    @contextlib.contextmanager
    def losing_events(self) -> Any:
        """Changes that are made meanwhile reach no watch."""
        self.state.loses_events = True
        yield
        self.state.loses_events = False

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._streams)

    def count(self, verb: str, **parameters: str) -> int:
        """How many such requests came."""
        return sum(
            request.verb == verb and parameters.items() <= request.parameters.items()
            for request in self.requests
        )

    def expire_pages(self) -> None:
        """Make all `continue` tokens too old."""
        self._pages.clear()

    def bookmark(self) -> None:
        """Send a bookmark on every watch."""
        for stream in self._streams:
            stream.bookmarks += 1
        self._wake()

    def end_streams(self) -> None:
        """End every watch as after `timeoutSeconds`."""
        for stream in self._streams:
            stream.ends = True
        self._wake()

    def tear_streams(self, where: Literal["chunk", "line", "here"] = "here") -> None:
        """Break every watch: in the middle of a chunk, of a line (ending well), or where it is."""
        for stream in self._streams:
            stream.tears = where
        self._wake()

    def freeze_streams(self) -> None:
        """Say nothing more on any watch, and keep it open."""
        for stream in self._streams:
            stream.is_frozen = True

    def _wake(self) -> None:
        for stream in self._streams:
            stream.order.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while request := await _read_request(reader):
                self.requests.append(request)
                await self._answer(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        selection = _selection(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.faults.tokens is not None and token not in self.faults.tokens:
            await _send_status(writer, 401, "Unauthorized")
        elif single := writes.single(request.path):
            await self._answer_single(request, single, writer)
        elif selection is None:
            await _send_status(writer, 404, "the server could not find the requested resource")
        elif self.faults.statuses:
            await _send_status(writer, self.faults.statuses.popleft(), "as asked for")
        elif selection.plural in self.faults.forbidden:
            await _send_status(writer, 403, f"{selection.plural} is forbidden")
        elif request.verb == "watch":
            await self._watch(request, selection, reader, writer)
        else:
            await self._list(request, selection, writer)

    async def _answer_single(
        self, request: Request, single: writes.Single, writer: asyncio.StreamWriter
    ) -> None:
        """Read or write one object."""
        faults = self.faults
        if single.plural in faults.forbidden:
            who = f'User "us" cannot {request.method.lower()} resource "{single.plural}"'
            await _send_status(writer, 403, f'{single.plural} "{single.name}" is forbidden: {who}')
        elif request.method in {"PATCH", "DELETE"} and faults.write_statuses:
            await _send_status(writer, faults.write_statuses.popleft(), "as asked for")
        else:
            status, obj = writes.answer(
                self.state, single, request.method, request.parameters, request.body
            )
            self.state.tell()
            body = _compact(obj).encode()
            await self._write(writer, _head(status, len(body)) + body)

    async def _list(
        self, request: Request, selection: Selection, writer: asyncio.StreamWriter
    ) -> None:
        parameters = request.parameters
        version, objects = self.state.version, self.state.select(selection)
        if token := parameters.get("continue"):
            if token not in self._pages:
                await _send_status(writer, 410, "The provided continue parameter is too old")
                return
            version, objects = self._pages.pop(token)
        elif (asked := parameters.get("resourceVersion", "")) not in {"", "0"} and int(
            asked
        ) > version:
            await _send_status(writer, 504, "Too large resource version")
            return
        metadata = {"resourceVersion": str(version)}
        limit = 0 if parameters.get("resourceVersion") else int(parameters.get("limit", "0"))
        if limit and len(objects) > limit:
            token = f"{version}-{len(objects)}"
            self._pages[token] = (version, objects[limit:])
            metadata["continue"] = token
            objects = objects[:limit]
        if "PartialObjectMetadataList" in request.headers.get("accept", ""):
            objects = [
                {"kind": "PartialObjectMetadata", "metadata": obj["metadata"]} for obj in objects
            ]
        items = self.faults.items_text or ",".join(_compact(obj) for obj in objects)
        head = _compact(
            {"kind": _KINDS[selection.plural], "apiVersion": "v1", "metadata": metadata}
        )
        body = f'{head[:-1]},"items":[{items}]}}\n'.encode("utf-8", "surrogateescape")
        if self.faults.broken_lists:
            self.faults.broken_lists -= 1
            await self._write(writer, _head(200, len(body)) + body[: len(body) // 2])
            raise ConnectionError
        await self._write(writer, _head(200, len(body)) + body)

    async def _watch(
        self,
        request: Request,
        selection: Selection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        parameters, mode = request.parameters, self.faults.watch_list
        asks_initial = "sendInitialEvents" in parameters
        if asks_initial and mode == "refused":
            message = "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch"
            await _send_status(writer, 422, message)
            return
        since = parameters.get("resourceVersion", "")
        is_gone = since not in {"", "0"} and int(since) < self.state.compacted
        if is_gone and self.faults.gone_as == "status":
            await _send_status(writer, 410, "too old resource version")
            return
        await self._write(writer, _head(200, None))
        if self.speaks_protobuf and "protobuf" in request.headers.get("accept", ""):
            self._binary.add(writer)
        if is_gone:
            gone = {
                "kind": "Status",
                "code": 410,
                "reason": "Expired",
                "message": "too old resource version",
            }
            await self._event(writer, "ERROR", gone)
            await self._write(writer, b"0\r\n\r\n")
            return
        stream = _Stream(writer)
        self._streams.add(stream)
        hangup = asyncio.create_task(stream.until_hangup(reader))
        try:
            at = await self._initial(since, asks_initial and mode, selection, writer)
            await self._follow(stream, selection, at)
        finally:
            hangup.cancel()
            await asyncio.gather(hangup, return_exceptions=True)
            self._streams.discard(stream)

    async def _initial(
        self, since: str, mode: str | bool, selection: Selection, writer: asyncio.StreamWriter
    ) -> int:
        """Send what is there if that was asked for; give the place in the history to go on from."""
        at, version = len(self.state.history), self.state.version
        if since not in {"", "0"}:
            return next(
                (i for i, each in enumerate(self.state.history) if each.version > int(since)), at
            )
        for obj in self.state.select(selection):
            await self._event(writer, "ADDED", obj)
        if mode == "works":
            await self._bookmark(writer, version, {"k8s.io/initial-events-end": "true"})
        return at

    async def _follow(self, stream: _Stream, selection: Selection, at: int) -> None:
        writer, history = stream.writer, self.state.history
        while True:
            if stream.is_frozen:
                await asyncio.Event().wait()
            if stream.tears:
                await self._tear(stream)
            while stream.bookmarks:
                stream.bookmarks -= 1
                await self._bookmark(writer, self.state.version, {})
            while self.faults.garbage:
                await self._chunk(writer, self.faults.garbage.popleft() + b"\n")
            while at < len(history):
                at += 1
                for event_type, obj in self.state.events(selection, history[at - 1]):
                    await self._event(writer, event_type, obj)
            if stream.ends:
                await self._write(writer, b"0\r\n\r\n")
                return
            if not (stream.tears or stream.is_frozen):
                stream.order.clear()
                await stream.order.wait()

    async def _tear(self, stream: _Stream) -> None:
        half = b'{"type":"ADDED","object":{"metadata":{"na'
        if stream.tears == "line":
            await self._chunk(stream.writer, half)
            await self._write(stream.writer, b"0\r\n\r\n")
        elif stream.tears == "chunk":
            await self._write(stream.writer, b"ff\r\n" + half)
        raise ConnectionError

    async def _bookmark(self, writer: asyncio.StreamWriter, version: int, annotations: Obj) -> None:
        metadata: Obj = {"resourceVersion": str(version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        await self._event(
            writer, "BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}
        )

    async def _event(self, writer: asyncio.StreamWriter, event_type: str, obj: Obj) -> None:
        if writer in self._binary:
            kind = obj["kind"]
            octets = write(obj, EVERYTHING[kind])
            await self._chunk(writer, frame_of(kind, event_type, octets))
            return
        line = _compact({"type": event_type, "object": obj}) + "\n"
        await self._chunk(writer, line.encode("utf-8", "surrogateescape"))

    async def _chunk(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        await self._write(writer, f"{len(octets):x}\r\n".encode() + octets + b"\r\n")

    async def _write(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        size = self.faults.piece_octets or len(octets)
        for at in range(0, len(octets), size):
            writer.write(octets[at : at + size])
            await writer.drain()
            if self.faults.piece_octets:
                await asyncio.sleep(0)


def _compact(obj: Any) -> str:
    return json.dumps(obj, ensure_ascii=False, separators=(",", ":"))


def _head(status: int, length: int | None) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{framing}\r\n\r\n".encode()


async def _send_status(writer: asyncio.StreamWriter, code: int, message: str) -> None:
    status = {
        "kind": "Status",
        "code": code,
        "reason": _REASONS.get(code, "Unknown"),
        "message": message,
    }
    body = _compact(status).encode()
    writer.write(_head(code, len(body)) + body)
    await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    text = await reader.readuntil(b"\r\n\r\n")
    first, *lines = text.decode().rstrip().split("\r\n")
    method, address, _ = first.split(" ")
    target = urlsplit(address)
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    parameters = {key: values[0] for key, values in parse_qs(target.query).items()}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(target.path, parameters, headers, method, body)


def _selection(request: Request) -> Selection | None:
    for root, plurals in _PLURALS.items():
        if not request.path.startswith(f"{root}/"):
            continue
        parts = request.path.removeprefix(f"{root}/").split("/")
        namespace = parts[1] if len(parts) == 3 and parts[0] == "namespaces" else ""
        if parts[-1] in plurals and len(parts) == (3 if namespace else 1):
            labels, fields = (
                request.parameters.get(f"{each}Selector", "") for each in ("label", "field")
            )
            return Selection(parts[-1], namespace, labels, fields)
    return None
