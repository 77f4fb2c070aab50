"""Formats of the query log: text with `{fields}`.

A field that nobody knows stays as it is written. `{/log/class}` and `{/log/type}` need no `metadata`
directive here; a label that nobody knows anything under is `-`.

Sources: CoreDNS plugin/log README, plugin/pkg/replacer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from podname.dns import constants as c
from podname.dns import names
from podname.dns.texts import class_text, rcode_text, type_text
from podname.plugins.log.entry import Entry

EMPTY = "-"
COMMON = (
    '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}"'
    " {rcode} {>rflags} {rsize} {duration}"
)
COMBINED = COMMON + ' "{>opcode}"'

_FIELD = re.compile(r"\{[^{}]*\}")
_FLAGS = (
    (c.QR, "qr"),
    (c.AA, "aa"),
    (c.TC, "tc"),
    (c.RD, "rd"),
    (c.RA, "ra"),
    (0x0040, "z"),
    (c.AD, "ad"),
    (c.CD, "cd"),
)

Field = Callable[[Entry], str]


def compile_format(text: str) -> Callable[[Entry], str]:
    """Make what writes an entry in this format. `{common}` and `{combined}` are short for theirs."""
    text = text.replace("{common}", COMMON).replace("{combined}", COMBINED)
    template, fields, end = [], [], 0
    for match in _FIELD.finditer(text):
        if field := _field(match[0]):
            template += [text[end : match.start()].replace("%", "%%"), "%s"]
            fields.append(field)
            end = match.end()
    template.append(text[end:].replace("%", "%%"))
    joined = "".join(template)
    return lambda entry: joined % tuple([field(entry) for field in fields])


def labels_of(text: str) -> frozenset[str]:
    """Return the labels of metadata that a format shows."""
    words = (match[0] for match in _FIELD.finditer(text))
    return frozenset(w[2:-1] for w in words if w.startswith("{/") and w not in _METADATA)


def bracketed(address: str) -> str:
    """Put an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address


def duration_text(seconds: float) -> str:
    """Show a duration to the nanosecond, without zeros that say nothing."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".")


def _field(word: str) -> Field | None:
    if word.startswith("{/"):
        return _METADATA.get(word) or _metadatum(word[2:-1])
    return _FIELDS.get(word)


def _metadatum(label: str) -> Field:
    def field(entry: Entry) -> str:
        value = (entry.metadata or {}).get(label)
        return EMPTY if value is None else value()

    return field


def _local(entry: Entry) -> str:
    """Return the address that was asked; a listener on every address is `[::]`."""
    return bracketed(entry.client.server_address or "::")


def _flags(entry: Entry) -> str:
    if entry.response is None:
        return EMPTY
    return ",".join([name for flag, name in _FLAGS if entry.flags & flag])


def _rcode(entry: Entry) -> str:
    return EMPTY if entry.rcode is None else rcode_text(entry.rcode)


_METADATA: dict[str, Field] = {
    "{/log/type}": lambda e: e.classify()[0],
    "{/log/class}": lambda e: e.classify()[1],
}
_FIELDS: dict[str, Field] = {
    "{type}": lambda e: type_text(e.query.qtype),
    "{name}": lambda e: names.to_text(e.query.folded),
    "{class}": lambda e: class_text(e.query.qclass),
    "{proto}": lambda e: e.client.protocol,
    "{size}": lambda e: str(len(e.query.packet)),
    "{remote}": lambda e: bracketed(e.client.address),
    "{port}": lambda e: str(e.client.port),
    "{local}": _local,
    "{>id}": lambda e: str(e.query.message_id),
    "{>opcode}": lambda e: str(e.opcode),
    "{>do}": lambda e: "true" if e.dnssec_ok else "false",
    "{>bufsize}": lambda e: str(e.buffer_octets),
    "{rcode}": _rcode,
    "{rsize}": lambda e: str(e.response_octets()),
    "{duration}": lambda e: duration_text(e.seconds) + "s",
    "{>rflags}": _flags,
}
