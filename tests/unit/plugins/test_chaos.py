"""`chaos`: which server this is, in class CH and nowhere else."""

from __future__ import annotations

import socket

import dns.message
import pytest
from tests.support.plugin import NOBODY, ask, context, directives, question

from podname import __version__
from podname.errors import ServeError
from podname.plugins.chaos.handler import Chaos
from podname.plugins.chaos.setup import setup

TABLE = [
    ("chaos v1", "version.bind.", ["v1"]),
    ("chaos v1", "VERSION.Server.", ["v1"]),
    ('chaos "v 1" bob ann bob', "authors.bind.", ["ann", "bob"]),
    ("chaos", "version.bind.", [f"podname-{__version__}"]),
    ("chaos", "hostname.bind.", [socket.gethostname()]),
    ("chaos", "id.server.", [socket.gethostname()]),
    ("chaos one\nchaos two", "version.bind.", ["one"]),
    (f"chaos {'v' * 300}", "version.bind.", ["v" * 255]),
]


def chaos(text: str) -> Chaos:
    return setup(directives(f". {{\n{text}\n}}", "chaos"), context())


@pytest.mark.parametrize(("text", "name", "expected"), TABLE)
async def test_which_server_this_is(text: str, name: str, expected: list[str]) -> None:
    reply = await ask(chaos(text), question(name, "TXT", rdclass="CH"))
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert not message.flags & 0x0400, "not authoritative, as CoreDNS's"
    (rrset,) = message.answer
    assert (rrset.name.to_text(), rrset.ttl, rrset.rdclass) == (name, 0, 3)
    assert sorted(rdata.to_text().strip('"') for rdata in rrset) == expected


@pytest.mark.parametrize(
    ("name", "rtype", "rclass"),
    [
        ("other.bind.", "TXT", "CH"),
        ("version.bind.", "A", "CH"),
        ("version.bind.", "TXT", "IN"),
        ("a.version.bind.", "TXT", "CH"),
    ],
)
async def test_every_other_question_goes_on(name: str, rtype: str, rclass: str) -> None:
    with pytest.raises(ServeError, match="no next plugin found"):
        await ask(chaos("chaos"), question(name, rtype, rdclass=rclass), NOBODY)
