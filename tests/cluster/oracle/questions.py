"""Questions as values, and the packets that they become.

A name is text with `\\DDD` for what is not plain, so that a failing question can be read and repeated.

Sources: RFC 1035 §4.1, RFC 6891 §6.1.
"""

import re
from dataclasses import dataclass
from struct import pack

from tests.cluster.oracle.messages import TYPES, type_text

RD, RA, AD, CD, TC, AA = 0x100, 0x80, 0x20, 0x10, 0x200, 0x400
DO = 0x8000


@dataclass(frozen=True, slots=True)
class Opt:
    """The EDNS part of a question."""

    udp_octets: int = 1232
    flags: int = 0
    version: int = 0
    options: bytes = b""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked and how. `raw` replaces the whole packet behind the id."""

    name: str = "."
    rtype: int = TYPES["A"]
    rclass: int = 1
    flags: int = RD
    opt: Opt | None = None
    tcp: bool = False
    raw: bytes | None = None

    def packet(self, number: int) -> bytes:
        """Make the packet with this id."""
        if self.raw is not None:
            return pack("!H", number) + self.raw
        header = pack("!6H", number, self.flags, 1, 0, 0, 1 if self.opt else 0)
        asked = pack_name(self.name) + pack("!HH", self.rtype, self.rclass)
        return header + asked + (pack_opt(self.opt) if self.opt else b"")

    def __str__(self) -> str:
        if self.raw is not None:
            return f"raw {self.raw.hex()}{' tcp' if self.tcp else ''}"
        class_text = "" if self.rclass == 1 else f" class {self.rclass}"
        flags = "" if self.flags == RD else f" flags {self.flags:#06x}"
        rest = f"{flags}{' tcp' if self.tcp else ''}{f' {self.opt}' if self.opt else ''}"
        return f"{self.name} {type_text(self.rtype)}{class_text}{rest}"


def ask(name: str, kind: str = "A", *, tcp: bool = False, opt: Opt | None = None) -> Question:
    """Make the question that a stub resolver asks."""
    return Question(name, TYPES[kind], tcp=tcp, opt=opt)


def labels_of(name: str) -> list[bytes]:
    """Return the octets of a name's labels."""
    return [
        re.sub(r"\\(\d{3})", lambda found: chr(int(found[1])), label).encode("latin-1")
        for label in name.rstrip(".").split(".")
        if label
    ]


def pack_name(name: str) -> bytes:
    """Write a name; a label that is too long is cut to 63 octets."""
    labels = [label[:63] for label in labels_of(name)]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def fits(name: str) -> bool:
    """Whether the name can be asked for."""
    labels = labels_of(name)
    return all(len(label) < 64 for label in labels) and sum(map(len, labels)) + len(labels) < 255


def pack_opt(opt: Opt) -> bytes:
    """Write an OPT record."""
    extended = opt.version << 16 | opt.flags
    return b"\0" + pack("!HHIH", 41, opt.udp_octets, extended, len(opt.options)) + opt.options


def option(code: int, data: bytes = b"") -> bytes:
    """Write an EDNS option."""
    return pack("!HH", code, len(data)) + data
