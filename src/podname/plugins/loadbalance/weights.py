"""The weight file: how likely each address of a name is to come first.

A line with one word is a name, and those with two below it are its addresses and their weights. What is empty or begins
with `#` says nothing.

Source: CoreDNS 1.15.0 plugin/loadbalance weighted.go, README.
"""

from __future__ import annotations

import logging
import random
import re
from pathlib import Path

from podname.dns import addresses, names
from podname.dns.unpacked import ResourceRecord
from podname.errors import PodnameError
from podname.plugins.changing_file import ChangingFile

_log = logging.getLogger(__name__)

_WEIGHT = re.compile(r"[0-9]{1,20}", re.ASCII)
_WEIGHT_DEFAULT, _WEIGHT_MOST = 1, 255

#: By name (folded), then address.
Weights = dict[bytes, dict[bytes, int]]


class WeightFileError(PodnameError):
    """A weight file cannot be used. The message begins with `file:line`."""


class WeightFile:
    """One weight file and what it said when it was last read without a fault."""

    def __init__(self, path: Path) -> None:
        self.weights: Weights = {}
        self._file = ChangingFile(path)

    def read(self) -> None:
        """Read the file if it changed. Blocks. Raises WeightFileError and OSError."""
        octets = self._file.read()
        if octets is not None:
            self.weights = parse(octets.decode("utf-8", "surrogateescape"), str(self._file.path))
            _log.info("Read the weight file %s", self._file.path)

    def ordered(self, records: list[ResourceRecord]) -> list[ResourceRecord]:
        """Let one address change places with the first one, chosen at random by weight."""
        weights = [self._weight(record) for record in records]
        (chosen,) = random.choices(range(len(records)), weights)  # noqa: S311 - no secret
        out = list(records)
        out[0], out[chosen] = out[chosen], out[0]
        return out

    def _weight(self, record: ResourceRecord) -> int:
        of_name = self.weights.get(record.owner.lower(), {})
        return of_name.get(record.rdata, _WEIGHT_DEFAULT)


def parse(text: str, file: str) -> Weights:
    """Read the content of a weight file. Raises WeightFileError, at the first fault."""
    found: Weights = {}
    name = b""
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            if len(words) == 1:
                name = _name(words[0])
                found.setdefault(name, {})
            else:
                address, weight = _address_and_weight(words, name)
                found[name].setdefault(address, weight)
        except ValueError as error:
            raise WeightFileError(f"{file}:{number}: {error}") from None
    return found


def _name(word: str) -> bytes:
    if addresses.parse(word) is not None:
        raise ValueError(
            f"'{word}' stands where a name is expected: write a weight behind the address"
        )
    try:
        return names.from_text(word)
    except names.BadName as error:
        raise ValueError(f"'{word}' is not a name: {error}") from None


def _address_and_weight(words: list[str], name: bytes) -> tuple[bytes, int]:
    if len(words) > 2:
        raise ValueError(f"expected a name, or an address and a weight: '{' '.join(words)}'")
    address = addresses.parse(words[0])
    if address is None:
        raise ValueError(f"'{words[0]}' is not an IP address")
    if not _WEIGHT.fullmatch(words[1]) or not 0 < int(words[1]) <= _WEIGHT_MOST:
        raise ValueError(f"a weight is a whole number from 1 to {_WEIGHT_MOST}, not '{words[1]}'")
    if not name:
        raise ValueError("an address before the first name: write the name above it")
    return address, int(words[1])
