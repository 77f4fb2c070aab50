"""A watch in protobuf: what is read of it, whatever its octets are, and what happens when it is none."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.errors import KubeError
from podname.kube.decode import Decoder
from podname.kube.kinds import KINDS, PODS, SERVICES
from podname.kube.protobuf import Frames, Malformed, plain, stream_of, transcoder_of
from podname.kube.wireformat import MESSAGES, STATUS, Message
from tests.support.apiserver import ApiServer
from tests.support.clock import until
from tests.support.objects import pod
from tests.support.transcoder import Transcoder, frame_of, write
from tests.unit.kube.conftest import Follow

texts = st.one_of(st.text(max_size=8), st.sampled_from(["", 'a\x01\n"\\', "é\x7f"]))
needs_native = pytest.mark.skipif(
    transcoder_of("Pod") is None, reason="the native module was not built"
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
    assert lines_of(transcoder_of(kind), octets) == lines_of(
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


@pytest.mark.parametrize("kind", sorted(MESSAGES))
def test_every_field_of_a_shape_has_a_number(kind: str) -> None:
    assert missing(KINDS[kind].shape, MESSAGES[kind], kind) == []


def missing(shape: Any, message: Any, path: str) -> list[str]:
    """List the fields of a shape that protobuf would not give."""
    names = dict(message.values()) if isinstance(message, dict) else {}
    hints, out = get_type_hints(shape), []
    for field in msgspec.structs.fields(shape):
        name = f"{path}.{field.encode_name}"
        kind = message if isinstance(message, set) else names.get(field.encode_name)
        inner = inner_shape(hints[field.name])
        if kind is None or (
            isinstance(kind, set) and inner is None and field.encode_name not in kind
        ):
            out.append(name)
        elif inner is not None:
            out += missing(inner, kind[0] if isinstance(kind, list) else kind, name)
    return out


def inner_shape(hint: Any) -> Any:
    """Return the shape in a hint such as `list[PortShape] | None`."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    found = (inner_shape(each) for each in get_args(hint))
    return next((each for each in found if each is not None), None)


@needs_native
@given(frames, st.integers(1, 9))
def test_frames_come_in_pieces(drawn: tuple[str, bytes], octets: int) -> None:
    kind, whole = drawn
    transcoder = transcoder_of(kind)
    assert transcoder is not None
    cut = Frames(transcoder)
    pieces = [whole[at : at + octets] for at in range(0, len(whole), octets)]
    assert [line for piece in pieces for line in cut.feed(piece)] == transcoder.lines(whole)[0]


@needs_native
@pytest.mark.parametrize("octets", [b"\xff\xff\xff\xff", b"\0\0\0\x02{}", b"\0\0\0\0"])
def test_what_is_no_frame_is_an_error(octets: bytes) -> None:
    transcoder = transcoder_of("Pod")
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
    assert stream_of(b'{"type"', transcoder_of("Pod")).feed(b'{"type"}\n') == [b'{"type"}']


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
async def test_a_kind_of_another_shape_is_asked_for_in_json(
    server: ApiServer, follow: Follow
) -> None:
    """The transcoder gives the fields of our own shapes, and would drop all others."""
    server.speaks_protobuf = True
    server.put("pods", pod("a", "10.0.0.1"))
    other = dataclasses.replace(PODS, shape=msgspec.defstruct("Other", [], bases=(PODS.shape,)))
    informer = follow(other)
    await until(lambda: informer.has_synced)
    assert "protobuf" not in server.requests[0].headers["accept"]


def test_a_frame_that_is_none_is_an_error_of_the_api_server() -> None:
    assert issubclass(Malformed, KubeError)
