"""What is supported is what has a folder, from the sources as from an archive."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import podname
from podname.corefile.properties import Properties
from podname.plugins import ORDER, SUPPORTED, why_not

WITHOUT_EFFECT = frozenset({"multisocket", "pprof"})
PACKAGE = Path(podname.__file__).parent


def test_every_folder_is_a_directive_of_corednss_with_a_setup_and_a_page() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("plugins/*/__init__.py")}
    assert folders == SUPPORTED
    assert folders <= set(ORDER)
    for name in folders:
        for part in ("setup.py", "handler.py", "README.md"):
            assert (PACKAGE / "plugins" / name / part).is_file(), f"{name}/{part}"


def test_the_page_of_directives_leads_to_each() -> None:
    page = (PACKAGE.parents[1] / "docs" / "directives.md").read_text()
    linked = re.findall(
        r"^\| \[(\w+)\]\(\.\./src/podname/plugins/(\w+)/README\.md\)", page, re.MULTILINE
    )
    assert linked == [(name, name) for name in sorted(SUPPORTED)]


def stands(name: str) -> str:
    """Say how a directive of CoreDNS's stands, as the page does."""
    if name in WITHOUT_EFFECT:
        return "taken, without effect"
    if name not in SUPPORTED:
        return "refused" + (why if (why := why_not(name)) != " yet" else ": not yet")
    lacking = sorted(
        word
        for module in ("setup", "options")
        if (PACKAGE / "plugins" / name / f"{module}.py").is_file()
        for declared in vars(import_module(f"podname.plugins.{name}.{module}")).values()
        if isinstance(declared, type) and issubclass(declared, Properties)
        for word in declared.LATER
    )
    return f"partly: without {', '.join(dict.fromkeys(lacking))}" if lacking else "whole"


def test_the_page_says_how_each_directive_of_corednss_stands() -> None:
    page = (PACKAGE.parents[1] / "docs" / "directives.md").read_text()
    told = re.findall(r"^\| (\w+) \| (\w.*?) \|$", page.partition("\n## Every")[2], re.MULTILINE)
    assert told[1:] == [(name, stands(name)) for name in sorted(ORDER)]


def test_the_same_are_found_in_an_archive(tmp_path: Path) -> None:
    archive = tmp_path / "podname.zip"
    with ZipFile(archive, "w") as file:
        for path in PACKAGE.rglob("*.py"):
            file.write(path, path.relative_to(PACKAGE.parent))
    program = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "import podname.plugins as plugins\n"
        f"assert plugins.__file__.startswith({str(archive)!r})\n"
        "print(*sorted(plugins.SUPPORTED))"
    )
    run = subprocess.run(  # our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == sorted(SUPPORTED)
