"""The command line: what each command prints and how it exits, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from podname import __version__
from podname.cli import main
from podname.plugins import SUPPORTED
from podname.server.source import EXAMPLES

GOOD = ". {\n    whoami\n}\n"
BAD = "quic://a. {\n    whoani\n    health nowhere\n    reload 1ms\n}\n"
MISTAKES = [
    "Corefile:1:1: podname does not serve 'quic://' yet, only 'dns://', 'tls://' and 'https://'",
    "Corefile:2:5: unknown directive 'whoani', did you mean 'whoami'?",
    "Corefile:3:12: missing port in address 'nowhere': write HOST:PORT or :PORT",
    "Corefile:4:12: interval value must be greater or equal to 2s",
]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["podname", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def test_check_says_that_a_file_is_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Corefile").write_text(GOOD)
    for arguments in (["Corefile"], ["-conf", "Corefile"], ["--conf=Corefile"], []):
        assert run(monkeypatch, "check", *arguments) == 0
        assert capsys.readouterr() == ("Corefile: good, 1 server block\n", "")


def test_check_without_a_corefile_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "check") == 2
    told = f"podname: there is no Corefile in {tmp_path}: name one, as in podname check FILE\n"
    assert capsys.readouterr() == ("", told)


def test_check_takes_the_corefile_that_comes_with_podname_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "check", str(EXAMPLES / "Corefile")) == 0
    assert "good, 1 server block" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["serve", "check"])
def test_two_corefiles_are_one_too_many(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    Path("Corefile").write_text(GOOD)
    assert run(monkeypatch, name, "Corefile", "-conf", "other") == 2
    told = "two Corefiles are named, 'Corefile' and -conf 'other': leave one of them out\n"
    assert capsys.readouterr().err.endswith(told)


def test_check_tells_every_mistake_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Corefile").write_text(BAD)
    assert run(monkeypatch, "check", "Corefile") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == MISTAKES


def test_serve_refuses_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Corefile").write_text(BAD)
    for arguments in (["-conf", "Corefile"], ["serve", "Corefile"]):
        assert run(monkeypatch, *arguments) == 2
        assert capsys.readouterr().err.splitlines() == MISTAKES


def test_check_tells_every_mistake_within_a_directive(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Corefile").write_text(
        ".:53 {\n"
        "kubernetes cluster.local {\npods maybe\nttl -1\nbogus\n}\n"
        "hosts hosts {\nttl abc\nreload x\n}\n"
        "cache {\nsuccess a\nprefetch x\n}\n"
        "forward . 127.0.0.1 {\nmax_concurrent x\npolicy foo\n}\n"
        "}\n"
    )
    assert run(monkeypatch, "check", "Corefile") == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    lines = [int(line.split(":")[1]) for line in told]
    assert lines == [3, 4, 5, 8, 9, 12, 13, 16, 17]


def test_check_warns_and_stays_content(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("Corefile").write_text(". {\n import custom/*.override\n log {name}\n whoami\n}\n")
    assert run(monkeypatch, "check", "Corefile") == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("warning: Corefile:2:9: no files match")
    assert second.startswith("warning: Corefile:3:6: '{name}' is taken for a name")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read 'Corefile': No such file or directory"),
        (". {", "Corefile:"),
        (". {\nwhoami\n}\n.:53 {\nwhoami\n}", "Corefile:4:1: cannot serve dns://.:53 - it is"),
        ("quic://10.0.0.0/9 {\nwhoami\n}", "Corefile:1:1: podname does not serve 'quic://' yet"),
        ("# all of it is a comment", "Corefile:1:1: there is no server block: nothing would be"),
        ("a.:99999 {\nwhoami\n}", "Corefile:1:1: port 99999 is not in range"),
    ],
)
def test_check_refuses(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    message: str,
) -> None:
    if text is not None:
        Path("Corefile").write_text(text)
    assert run(monkeypatch, "check", "Corefile") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("arguments", [["-version"], ["--version"], ["serve", "-version=true"]])
def test_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(monkeypatch, *arguments) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"podname-{__version__}"
    assert second.endswith((", engine python", ", engine native"))


def test_plugins(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "-plugins") == 0
    assert capsys.readouterr().out.split() == sorted(SUPPORTED)


@pytest.mark.parametrize(
    "arguments", [[], ["-h"], ["--help"], ["-help"], ["serve", "-h"], ["check", "--help"]]
)
def test_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code = run(monkeypatch, *arguments)
    assert code == (0 if arguments else 2)
    shown = "".join(capsys.readouterr())
    words = {"serve": ["-conf", "-dns.port", "-pidfile", "-log-format"], "check": ["FILE"]}
    for word in words.get(arguments[0] if arguments else "", ["serve", "check"]):
        assert word in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["-nosuch"],
        ["serve", "a", "b"],
        ["-p", "x"],
        ["-p", "70000"],
        ["-log-format", "xml"],
        ["nosuchcommand"],
        ["-conf"],
    ],
)
def test_a_wrong_command_line_is_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("chekc", "there is no command 'chekc', did you mean 'check'?"),
        ("serv -conf x", "there is no command 'serv', did you mean 'serve'?"),
        ("release_env", "there is no command 'release_env', did you mean 'release-env'?"),
        ("nosuchcommand", "there is no command 'nosuchcommand'"),
        ("-cnof x", "there is no option '--cnof', did you mean '--conf'?"),
        ("serve -dns.prot=5", "there is no option '--dns.prot', did you mean '--dns.port'?"),
        ("-pidfle x", "there is no option '--pidfle', did you mean '--pidfile'?"),
        ("publish --listne x", "there is no option '--listne', did you mean '--listen'?"),
        ("webhook -listne x", "there is no option '--listne', did you mean '--listen'?"),
        ("inject --no-dns-ovr-tcp", "'--no-dns-ovr-tcp', did you mean '--no-dns-over-tcp'?"),
        ("serve --x", "there is no option '--x'"),
    ],
)
def test_a_mistyped_word_gets_its_neighbour(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str, told: str
) -> None:
    assert run(monkeypatch, *words.split()) == 2
    assert capsys.readouterr().err.endswith(f"{told}\n")
