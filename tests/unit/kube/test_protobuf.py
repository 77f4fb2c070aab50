"""A watch in protobuf: what is read of it, whatever its octets are, and what happens when it is none."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.errors import KubeError
from podname.kube import types
from podname.kube.decode import Decoder
from podname.kube.kinds import KINDS, PODS, SERVICES, Kind
from podname.kube.part import part
from podname.kube.protobuf import Frames, Malformed, stream_of, transcoder_of
from podname.kube.wireformat import STATUS, Message, plain
from podname.publish.reading import SLICES
from podname.webhook.namespaces import SPACES
from tests.support.apiserver import ApiServer
from tests.support.clock import until
from tests.support.objects import pod
from tests.support.transcoder import MESSAGES, Transcoder, frame_of, write
from tests.unit.kube.conftest import Follow

texts = st.one_of(st.text(max_size=8), st.sampled_from(["", 'a\x01\n"\\', "é\x7f"]))
needs_native = pytest.mark.skipif(
    transcoder_of(PODS.shape) is None, reason="the native module was not built"
)


def values_of(message: Message) -> st.SearchStrategy[dict[str, Any]]:
    """Draw JSON objects with the fields of a message, any of which may be missing."""
    return st.fixed_dictionaries(
        {}, optional={name: _values(kind) for name, kind in message.values()}
    )


def _values(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, list):
        return st.lists(_values(kind[0]), max_size=3)
    if isinstance(kind, set):
        return st.dictionaries(st.sampled_from([*sorted(kind), "another"]), texts, max_size=3)
    if isinstance(kind, dict):
        return values_of(kind)
    return {str: texts, int: st.integers(-(2**31), 2**31 - 1), bool: st.booleans()}[kind]


frames = st.sampled_from(sorted(MESSAGES)).flatmap(
    lambda kind: st.tuples(
        st.just(kind),
        st.lists(
            values_of(MESSAGES[kind]).map(
                lambda value: frame_of(kind, "ADDED", write(value, MESSAGES[kind]))
            ),
            max_size=3,
        ).map(b"".join),
    )
)
spoiled = st.tuples(frames, st.integers(0, 400), st.binary(max_size=4)).map(
    lambda drawn: (
        drawn[0][0],
        drawn[0][1][: drawn[1]] + drawn[2] + drawn[0][1][drawn[1] + len(drawn[2]) :],
    )
)


@needs_native
@given(st.one_of(frames, spoiled))
def test_the_native_transcoder_equals_the_reference(drawn: tuple[str, bytes]) -> None:
    kind, octets = drawn
    assert lines_of(transcoder_of(KINDS[kind].shape), octets) == lines_of(
        Transcoder(MESSAGES[kind], STATUS), octets
    )


def lines_of(transcoder: Any, octets: bytes) -> tuple[list[bytes], int] | None:
    """Return the lines and what they took; None where the octets are no frames."""
    try:
        lines, taken = transcoder.lines(octets)
    except ValueError:
        return None
    return lines, taken


@given(values_of(MESSAGES["Pod"]))
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    octets = frame_of("Pod", "MODIFIED", write(value, MESSAGES["Pod"]))
    lines, taken = Transcoder(MESSAGES["Pod"], STATUS).lines(octets)
    assert taken == len(octets)
    assert kept(json.loads(lines[0])["object"]) == kept(value)


def kept(value: Any) -> Any:
    """Leave out the map entries that nobody asks for, and what is empty."""
    if isinstance(value, dict):
        inner = {key: kept(each) for key, each in value.items() if key != "another"}
        return {key: each for key, each in inner.items() if each not in ({}, [])}
    return [kept(each) for each in value] if isinstance(value, list) else value


@needs_native
@pytest.mark.parametrize("kind", [*KINDS.values(), SLICES, SPACES], ids=repr)
def test_what_is_read_of_a_kind_can_be_had_in_protobuf(kind: Kind[Any]) -> None:
    assert transcoder_of(kind.shape) is not None


@needs_native
@pytest.mark.parametrize(
    "wanted",
    [
        "spec { selector }",  # a whole map
        "spec { ports { targetPort } }",  # a number or a text
        "metadata { deletionTimestamp }",  # a message of its own
    ],
)
def test_what_has_no_number_is_asked_for_in_json(wanted: str) -> None:
    assert transcoder_of(part(types.Service, wanted)) is None


@needs_native
@given(frames, st.integers(1, 9))
def test_frames_come_in_pieces(drawn: tuple[str, bytes], octets: int) -> None:
    kind, whole = drawn
    transcoder = transcoder_of(KINDS[kind].shape)
    assert transcoder is not None
    cut = Frames(transcoder)
    pieces = [whole[at : at + octets] for at in range(0, len(whole), octets)]
    assert [line for piece in pieces for line in cut.feed(piece)] == transcoder.lines(whole)[0]


@needs_native
@pytest.mark.parametrize("octets", [b"\xff\xff\xff\xff", b"\0\0\0\x02{}", b"\0\0\0\0"])
def test_what_is_no_frame_is_an_error(octets: bytes) -> None:
    transcoder = transcoder_of(PODS.shape)
    assert transcoder is not None
    with pytest.raises(Malformed):
        Frames(transcoder).feed(octets)


def test_a_number_beyond_its_kind_costs_its_part() -> None:
    octets = write({"metadata": {"name": "a", "namespace": "b"}}, MESSAGES["Service"])
    spec = write({"ports": [{"name": "x", "port": 1 << 40}]}, MESSAGES["Service"][2][1])
    frame = frame_of("Service", "ADDED", octets + b"\x12" + bytes((len(spec),)) + spec)
    (line,), _ = Transcoder(MESSAGES["Service"], STATUS).lines(frame)
    event: Any = Decoder(SERVICES).event(line)
    assert event.object.ports == ()


@needs_native
def test_a_server_that_speaks_json_is_understood() -> None:
    assert stream_of(b'{"type"', transcoder_of(PODS.shape)).feed(b'{"type"}\n') == [b'{"type"}']


@needs_native
def test_a_kind_of_field_that_is_none_is_refused() -> None:
    from podname._core import Transcoder as Native  # noqa: PLC0415 - where it was built

    with pytest.raises(ValueError, match="kind of field"):
        Native([(1, "name", "float", False, [], [])], plain(STATUS))


@needs_native
async def test_octets_that_are_no_protobuf_let_json_be_asked_for(
    server: ApiServer, follow: Follow, clock: Any
) -> None:
    server.speaks_protobuf = True
    server.put("pods", pod("a", "10.0.0.1"))
    informer = follow()
    await until(lambda: informer.has_synced)
    server.faults.garbage.append(b"no frame")
    server.put("pods", pod("a", "10.0.0.2"))
    await until(lambda: informer.counters.failures == 1)
    clock.advance(60)
    await until(lambda: informer.store.objects["default/a"].addresses == ("10.0.0.2",))
    accepted = [request.headers["accept"] for request in server.requests]
    assert "protobuf" in accepted[0]
    assert "protobuf" not in accepted[-1]


@needs_native
@pytest.mark.parametrize(("shape", "is_protobuf"), [(PODS.shape, True), (types.Pod, False)])
async def test_a_kind_is_asked_for_as_it_can_be_read(
    server: ApiServer, follow: Follow, shape: type[msgspec.Struct], is_protobuf: bool
) -> None:
    server.speaks_protobuf = True
    server.put("pods", pod("a", "10.0.0.1"))
    informer = follow(dataclasses.replace(PODS, shape=shape))
    await until(lambda: informer.has_synced)
    assert ("protobuf" in server.requests[0].headers["accept"]) == is_protobuf
    assert informer.store.objects["default/a"].addresses == ("10.0.0.1",)


def test_a_frame_that_is_none_is_an_error_of_the_api_server() -> None:
    assert issubclass(Malformed, KubeError)
