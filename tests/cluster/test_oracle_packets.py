"""CoreDNS and podname answer odd packets in the same way, octet for octet of what they mean.

Headers, classes, EDNS and everything that is malformed, over UDP and TCP; answers that do not fit.

    .venv/bin/pytest tests/cluster/test_oracle_packets.py
"""

import random
from collections.abc import Callable, Iterator
from struct import pack

import pytest
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.oracle import objects
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.objects import HEADLESS_SIZES
from tests.cluster.oracle.pair import Pair
from tests.cluster.oracle.questions import DO, Opt, Question, ask, option, pack_name, pack_opt
from tests.cluster.oracle.variants import Variant, kubernetes

VARIANTS = [
    Variant("plain", kubernetes("pods insecure")),
    Variant("balanced", "    loadbalance\n" + kubernetes("pods insecure", "ttl 30")),
    Variant("short", kubernetes(), keys=("cluster.local",)),
]
NAME = "web.one.svc.cluster.local"
QUESTION = pack_name(NAME) + pack("!HH", 1, 1)
OPT = pack_opt(Opt())
SLOW_SIZE = 5000
"""CoreDNS takes seconds for an SRV answer of so many endpoints, and half a second for others: one variant will do."""
OTHER = pack_name("x.test") + pack("!HHIH", 1, 1, 5, 4) + b"\x0a\0\0\1"


@pytest.fixture(scope="module")
def held(bare: Cluster) -> Iterator[list[Object]]:
    made = [
        objects.space("one"),
        objects.service("web", "10.96.0.1"),
        *(item for size in HEADLESS_SIZES for item in objects.headless_of(size)),
    ]
    with bare.bulk() as bulk:
        bulk.put(made)
        yield made
        bulk.delete(made)


@pytest.fixture(scope="module", params=["coredns", "podname"])
def pair(request: pytest.FixtureRequest, bare: Cluster, held: list[Object]) -> Iterator[Pair]:
    with Pair(bare, VARIANTS, subject=request.param) as pair:
        yield pair


def header(flags: int, *counts: int) -> bytes:
    return pack("!5H", flags, *counts)


def odd_headers() -> Iterator[bytes]:
    for opcode in range(16):
        for bits in (0, 0x100, 0x7B0, 0x30):
            yield header(opcode << 11 | bits, 1, 0, 0, 0) + QUESTION
    for rcode in range(1, 16):
        yield header(rcode, 1, 0, 0, 0) + QUESTION
    for flags in (0x8000, 0x8100, 0x8400, 0x0400, 0x0200, 0x0080, 0x0040, 0x07F0):
        yield header(flags, 1, 0, 0, 0) + QUESTION
        yield header(flags, 1, 0, 0, 1) + QUESTION + OPT


def odd_counts() -> Iterator[bytes]:
    for counts in (
        *((0, 0, 0, 0), (2, 0, 0, 0), (3, 0, 0, 0), (0xFFFF, 0, 0, 0), (1, 1, 0, 0), (1, 2, 0, 0)),
        *((1, 0, 1, 0), (1, 0, 2, 0), (1, 0, 0, 1), (1, 0, 0, 2), (1, 0, 0, 3), (1, 1, 1, 2)),
    ):
        yield header(0x100, *counts)
        yield header(0x100, *counts) + QUESTION
        yield header(0x100, *counts) + QUESTION + QUESTION
        yield header(0x100, *counts) + QUESTION + OTHER
        yield header(0x100, *counts) + QUESTION + OTHER + OPT
        yield header(0x100, *counts) + QUESTION + OPT
        yield header(0x100, *counts) + QUESTION + OPT + OTHER
        yield header(0x100, *counts) + QUESTION + OTHER + OTHER + OTHER + OTHER
    yield header(0x100, 1, 0, 0, 0) + QUESTION + b"junk"
    yield header(0x100, 1, 0, 0, 1) + QUESTION + OPT + b"junk"
    for cut in range(len(QUESTION)):
        yield header(0x100, 1, 0, 0, 0) + QUESTION[:cut]
    for cut in range(1, len(OPT)):
        yield header(0x100, 1, 0, 0, 1) + QUESTION + OPT[:cut]


def odd_names() -> Iterator[bytes]:
    labels = [b"a" * 63] * 3
    longest = b"".join(bytes((len(label),)) + label for label in labels)
    for name in (
        *(b"\xc0\x0c", b"\x03web\xc0\x0c", b"\xc0\x00", b"\xc0\xff", b"\x40a\0", b"\x80a\0"),
        *(longest + bytes((61,)) + b"b" * 61 + b"\0", longest + bytes((62,)) + b"b" * 62 + b"\0"),
        *(b"\0", b"\x01\0\0", b"\x01.\x07cluster\x05local\0", b"\x03a\\b\x07cluster\x05local\0"),
        *(b"\x01\xff\x07cluster\x05local\0", b"\x02\xc3\xa9\x07cluster\x05local\0"),
        *(b"\x03w b\x03one\x03svc\x07cluster\x05local\0", b'\x02"(\x07cluster\x05local\0'),
        b"".join(b"\x01a" for _ in range(127)) + b"\0",
    ):
        yield header(0x100, 1, 0, 0, 0) + name + pack("!HH", 1, 1)
        yield header(0x100, 1, 0, 0, 0) + name


def odd_options() -> Iterator[bytes]:
    plain = QUESTION
    for size in (0, 1, 511, 512, 513, 1231, 1232, 4096, 65535):
        yield header(0x100, 1, 0, 0, 1) + plain + pack_opt(Opt(size))
    for version in (1, 2, 255):
        for name in (NAME, "x.test", "cluster.local"):
            question = pack_name(name) + pack("!HH", 1, 1)
            yield header(0x110, 1, 0, 0, 1) + question + pack_opt(Opt(1232, DO, version))
    for flags in (DO, 0x4000, 0x2000, 0x0001, 0x7FFF, 0xFFFF):
        yield header(0x100, 1, 0, 0, 1) + plain + pack_opt(Opt(1232, flags))
    for code in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 18, 20, 65001, 65535):
        for data in (b"", b"\0", b"12345678", b"\0\1\x18\0\x0a\0\0", bytes(40)):
            yield header(0x100, 1, 0, 0, 1) + plain + pack_opt(Opt(options=option(code, data)))
    yield header(0x100, 1, 0, 0, 1) + plain + pack_opt(Opt(options=b"\0\x0a\0\x09short"))
    yield header(0x100, 1, 0, 0, 1) + plain + pack_opt(Opt(options=b"\0"))
    yield header(0x100, 1, 0, 0, 2) + plain + OPT + OPT
    yield header(0x100, 1, 0, 0, 1) + plain + b"\x01x" + OPT
    yield header(0x100, 1, 0, 0, 1) + plain + pack_opt(Opt(options=option(12, bytes(700))))


def _is_response(packet: bytes) -> bool:
    return packet[0] >= 0x80  # neither answers those, and to wait for them together is quicker


PACKETS = sorted([*odd_headers(), *odd_counts(), *odd_names(), *odd_options()], key=_is_response)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("variant", VARIANTS[::2], ids=lambda variant: variant.name)
def test_odd_packets(
    pair: Pair,
    variant: Variant,
    held: list[Object],
    tell: Callable[[object], None],
    *,
    tcp: bool,
) -> None:
    # Over TCP each packet is waited for alone: two that nobody answers are enough.
    packets = [raw for raw in PACKETS if not _is_response(raw)] + PACKETS[-2:] if tcp else PACKETS
    report = pair.compare(variant, [Question(raw=raw, tcp=tcp) for raw in packets], held)
    tell(report)
    report.check()


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_types_and_classes(
    pair: Pair, variant: Variant, held: list[Object], tell: Callable[[object], None]
) -> None:
    names = [
        NAME,
        "cluster.local",
        "no.one.svc.cluster.local",
        "x.test",
        ".",
        "1.0.96.10.in-addr.arpa",
    ]
    classes = [0, 1, 2, 3, 4, 254, 255, 256, 65535]
    every = [*range(70), *range(99, 110), *range(249, 263), 32768, 32769, 65280, 65535]
    questions = [
        Question(name, rtype, rclass, opt=opt, tcp=rtype in {251, 252})
        for name in names
        for rtype in every
        for rclass in (classes if rtype in {1, 16, 255} else [1])
        for opt in (None, Opt())
    ]
    report = pair.compare(variant, questions, held)
    tell(report)
    report.check()


@pytest.mark.parametrize(
    ("size", "variant"),
    [
        pytest.param(size, variant, id=f"{size}-{variant.name}")
        for size in HEADLESS_SIZES
        for variant in (VARIANTS if size < SLOW_SIZE else VARIANTS[:1])
    ],
)
def test_answers_that_do_not_fit(
    pair: Pair, variant: Variant, size: int, held: list[Object], tell: Callable[[object], None]
) -> None:
    owner = f"big-{size}.one.svc.cluster.local"
    names = [owner, f"_http._tcp.{owner}", f"HTTP.tcp.{owner.upper()}", f"named.{owner}"]
    octets = (0, 512, 600, 700, 1232, 1400, 1452, 4096, 65535)
    sizes = [None, *(Opt(number) for number in octets)]
    kinds = ("A", "AAAA", "SRV") if size < SLOW_SIZE else ("A", "AAAA")
    questions = [
        Question(name, TYPES[kind], opt=opt, tcp=tcp)
        for name in names
        for kind in kinds
        for opt in sizes
        for tcp in ((False, True) if opt is None else (False,))
    ]
    report = pair.compare(variant, questions, held)
    tell(report)
    report.check()


def test_noise(pair: Pair, held: list[Object], tell: Callable[[object], None]) -> None:
    chance = random.Random(1)
    packets = [_spoiled(chance.choice(PACKETS), chance) for _ in range(600)]
    report = pair.compare(VARIANTS[0], [Question(raw=raw) for raw in packets], held)
    tell(report)
    report.check()


def _spoiled(packet: bytes, chance: random.Random) -> bytes:
    octets = bytearray(packet)
    for _ in range(chance.choice((1, 1, 2, 5))):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    octets[0] &= 0x7F  # a response has no reply, and silence takes its time
    return bytes(octets)


def test_a_mixed_case_question_comes_back(pair: Pair, held: list[Object]) -> None:
    report = pair.compare(VARIANTS[0], [ask("WeB.oNe.SvC.cLuStEr.LoCaL")], held)
    report.check()
