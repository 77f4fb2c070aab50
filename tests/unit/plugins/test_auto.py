"""The zones of a folder: files that come, change, go, clash, or are broken."""

from pathlib import Path

import pytest

from podname.corefile import Token
from podname.corefile.regexp import Regexp
from podname.dns import names
from podname.errors import Place
from podname.plugins.auto.folder import Naming, ZoneFolder

SOA = "@ 60 IN SOA ns h {serial} 2 3 4 5\n"
A, B = names.from_text("a.test"), names.from_text("b.test")


def folder_of(path: Path, pattern: str = r"db\.(.*)", template: str = "{1}") -> ZoneFolder:
    word = Token(str(path), Place("F", 1, 1))
    return ZoneFolder(Naming(path, Regexp(pattern), template, word), 60)


async def test_files_come_change_and_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = folder_of(tmp_path)
    await folder.look()
    assert not folder.files
    (tmp_path / "db.a.test").write_text(SOA.format(serial=1))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "db.B.TEST").write_text(SOA.format(serial=1))
    (tmp_path / "readme").write_text("nothing")
    await folder.look()
    assert {origin: file.zone.serial for origin, file in folder.files.items()} == {A: 1, B: 1}
    (tmp_path / "db.a.test").write_text(SOA.format(serial=2))
    (tmp_path / "inner" / "db.B.TEST").write_text("broken")
    await folder.look()
    assert {origin: file.zone.serial for origin, file in folder.files.items()} == {A: 2, B: 1}
    assert "Zone b.test. stays as it was" in caplog.text
    (tmp_path / "db.a.test").unlink()
    await folder.look()
    assert set(folder.files) == {B}


async def test_of_two_files_for_a_zone_the_first_one_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, serial in (("1-a.test", 1), ("2-a.test", 2)):
        (tmp_path / name).write_text(SOA.format(serial=serial))
    folder = folder_of(tmp_path, r"^\d-(.*)$")
    await folder.look()
    assert folder.files[A].zone.serial == 1
    assert "1-a.test is used, not" in caplog.text


async def test_a_broken_file_and_a_bad_name_cost_their_own_zone_only(tmp_path: Path) -> None:
    for name, text in (("db.a.test", SOA.format(serial=1)), ("db.b.test", "x"), ("db.b..c", "")):
        (tmp_path / name).write_text(text)
    folder = folder_of(tmp_path)
    await folder.look()
    assert set(folder.files) == {A}
