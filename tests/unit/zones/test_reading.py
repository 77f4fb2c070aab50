"""Zone files that are broken, hostile, or change: errors that say where, and nothing lost."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.corefile import Token
from podname.dns import names
from podname.errors import Place
from podname.plugins.file.zonefile import ZoneFile
from podname.zones import BadZoneFile, reading
from podname.zones.reading import read_zone, zone_of_text

ORIGIN = names.from_text("example.org")
SOA = "@ 60 IN SOA ns h {serial} 2 3 4 5\n"
ZONE = SOA.format(serial=1) + "a 60 IN A 192.0.2.1\n"
PATH = Path("zone.db")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "zone.db: no SOA record for example.org."),
        ("a 60 IN A 192.0.2.1\n", "zone.db: no SOA record for example.org."),
        (ZONE + "a 60 IN A nowhere\n", "zone.db:3: "),
        (ZONE + "a 60 IN A\n", "zone.db:3: "),
        (ZONE + "a 60 CH A 192.0.2.1\n", "zone.db:3: "),
        (ZONE + 'a 60 IN TXT "open\n', "zone.db:3: "),
        (ZONE + "b 60 IN SOA ns h 1 2 3 4 5\n", "zone.db: a SOA record at b.example.org."),
        (ZONE + "b 60 IN NSEC3PARAM 1 0 0 -\n", "NSEC3 is not supported, only NSEC"),
        (ZONE + "$INCLUDE missing.db\n", "missing.db"),
        (ZONE + f"{'a' * 64} 60 IN A 192.0.2.1\n", "zone.db:3: "),
        (ZONE + "$GENERATE 1-2 a ${0,999999,d}\n", "zone.db:3: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(BadZoneFile, match=message.replace("$", r"\$").replace(".", r"\.")):
        zone_of_text(text, ORIGIN, PATH)


LINE = st.sampled_from(
    (
        "a",
        "@",
        "*",
        "60",
        "IN",
        "CH",
        "A",
        "SOA",
        "192.0.2.1",
        "(",
        ")",
        '"',
        ";",
        "\\",
        "$TTL",
        "$ORIGIN",
        "\x00",
        "é",
    )
)


@given(st.lists(st.lists(LINE, max_size=8).map(" ".join), max_size=6).map("\n".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        zone = zone_of_text(ZONE + text, ORIGIN, PATH)
    except BadZoneFile:
        return
    assert zone.serial is not None


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ZONE_FILE_OCTETS_MAX", len(ZONE))
    path = tmp_path / "zone.db"
    path.write_text(ZONE)
    assert read_zone(path, ORIGIN).serial == 1
    path.write_text(ZONE + ";")
    with pytest.raises(BadZoneFile, match="larger than"):
        read_zone(path, ORIGIN)


def zone_file(path: Path, *, by_mtime: bool = False) -> ZoneFile:
    return ZoneFile(path, ORIGIN, Token(str(path), Place("F", 1, 1)), 60, by_mtime=by_mtime)


async def test_a_new_serial_is_taken_and_what_is_broken_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "zone.db"
    path.write_text(ZONE)
    file = zone_file(path)
    await file.read()
    for text, serial in (
        (ZONE + "b 60 IN A 192.0.2.2\n", 1),  # the serial says that nothing changed
        (SOA.format(serial=2), 2),
        (SOA.format(serial=3)[:-9], 2),
        ("", 2),
        (SOA.format(serial=4), 4),
    ):
        path.write_text(text)
        await file.look()
        assert file.zone.serial == serial
        assert names.from_text("b.example.org") not in file.zone.nodes
    path.unlink()
    await file.look()
    assert file.zone.serial == 4
    assert "stays as it was" in caplog.text


async def test_the_time_of_the_file_decides_where_it_is_said_to(tmp_path: Path) -> None:
    path = tmp_path / "zone.db"
    path.write_text(ZONE)
    file = zone_file(path, by_mtime=True)
    await file.read()
    path.write_text(ZONE + "b 60 IN A 192.0.2.2\n")
    later_ns = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later_ns, later_ns))
    await file.look()
    assert names.from_text("b.example.org") in file.zone.nodes
