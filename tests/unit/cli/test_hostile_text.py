"""Each command with text that wants to rule the terminal: nothing of it is printed as it is."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.hostile import HOSTILE, is_harmless
from tests.unit.cli.test_commands import run
from tests.unit.cli.test_process import podname
from tests.unit.doctor.scene import facts

from podname.cli import main
from podname.cli.printing import escape_the_unforeseen
from podname.doctor import gather
from podname.doctor.facts import Facts, Reach
from podname.erlang.epmd import Epmd
from podname.text import escaped

ESCAPED = escaped(HOSTILE)
WORD = "\x1b[31m\x9b\u202e\u200b\x7f"  # a name of a file, and one word of a Corefile
NAME = json.dumps(HOSTILE)
POD = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {NAME}, namespace: a}}\nspec:\n  containers:\n  - name: app\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return what was printed, when it is harmless."""

    def printed() -> str:
        out, err = capsys.readouterr()
        lines = (out + err).split("\n")
        assert [line for line in lines if not is_harmless(line)] == []
        return out + err

    return printed


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    "text",
    [
        f". {{\n {WORD}\n}}\n",
        f". {{\n whoami\n}}\nimport {WORD}\n",
        f"{WORD}://a {{\n whoami\n}}\n",
        f'. {{\n reload "{HOSTILE}"\n}}\n',
    ],
)
def test_words_of_a_corefile(
    monkeypatch: pytest.MonkeyPatch, printed: Printed, command: str, text: str
) -> None:
    Path("Corefile").write_bytes(text.encode())
    assert run(monkeypatch, command, "-conf", "Corefile") == 2
    assert "\\x1b[31m" in printed()


def test_the_name_of_a_corefile(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    Path(WORD).write_text(". {\n whoami\n}\n")
    assert run(monkeypatch, "check", WORD) == 0
    assert printed() == f"{escaped(WORD)}: good, 1 server block\n"


def test_the_environment_of_a_corefile(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    Path("Corefile").write_text(". {\n whoami\n ready {$ADDRESS}\n}\n")
    monkeypatch.setenv("ADDRESS", WORD)
    assert run(monkeypatch, "check", "Corefile") == 2
    assert escaped(WORD) in printed()


@pytest.mark.parametrize(
    "arguments",
    [
        (HOSTILE,),
        (f"--{HOSTILE}",),
        ("check", f"--{HOSTILE}"),
        ("doctor", HOSTILE),
        ("inetrc", "--nameserver", HOSTILE),
        ("publish", "--listen", HOSTILE),
        ("inetrc", "--check", WORD),
        ("release-env", "--long", "--node", HOSTILE),
    ],
)
def test_the_command_line(
    monkeypatch: pytest.MonkeyPatch, printed: Printed, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "argv", ["podname", *arguments])
    with pytest.raises(SystemExit):
        main()
    assert "\\x1b" in printed()


def test_what_click_says_itself_keeps_its_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "inject") == 2
    assert "Missing option '--via'. Choose from:\n\tsearch,\n" in capsys.readouterr().err
    assert run(monkeypatch) == 2
    assert "\nCommands:\n  serve " in capsys.readouterr().err


REACH = Reach("10.42.3.7", Epmd(4369, (HOSTILE, "app")))


@pytest.fixture
def epmd_that_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gathered(_: gather.Request) -> Facts:
        return facts(reach=REACH)

    monkeypatch.setattr(gather, "gather", gathered)


@pytest.mark.usefixtures("epmd_that_lies")
def test_doctor_with_names_of_epmd(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    assert run(monkeypatch, "doctor", "app@there") == 1
    assert f"epmd at 10.42.3.7:4369 knows {ESCAPED}, app, not app" in printed()


@pytest.mark.usefixtures("epmd_that_lies")
def test_doctor_in_json_gives_the_names_as_they_are(
    monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    assert run(monkeypatch, "doctor", "app@there", "--output", "json") == 1
    findings = json.loads(printed())["findings"]
    (port,) = [each for each in findings if each["check"] == "port"]
    assert HOSTILE in port["seen"]


@pytest.mark.parametrize(
    "text",
    [
        POD.replace(", namespace: a", ""),
        POD + "  subdomain: 7\n  dnsConfig: 7\n",
    ],
)
def test_inject_with_names_of_objects(
    monkeypatch: pytest.MonkeyPatch, printed: Printed, text: str
) -> None:
    Path("web.yaml").write_text(text)
    assert run(monkeypatch, "inject", "--via", "search", "web.yaml") == 2
    assert ESCAPED in printed()


def test_inject_with_a_name_of_a_file(monkeypatch: pytest.MonkeyPatch, printed: Printed) -> None:
    path = Path(f"{WORD}.yaml")
    path.write_text(POD)
    assert run(monkeypatch, "inject", "--via", "search", str(path), "--diff") == 0
    assert f"--- {escaped(str(path))}\n" in printed()
    assert run(monkeypatch, "inject", "--via", "search", str(path), "--in-place") == 0
    assert f"{escaped(str(path))}\n" in printed()


def test_injected_manifests_stay_exact(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("web.yaml").write_text("# \u202e\u200b\ufeff is a comment\n" + POD)
    assert run(monkeypatch, "inject", "--via", "search", "web.yaml") == 0
    assert capsys.readouterr().out.startswith("# \u202e\u200b\ufeff is a comment\napiVersion")


def test_errors_and_warnings_that_nobody_foresaw(
    monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    assert logging.lastResort is not None
    monkeypatch.setattr(logging.lastResort, "formatter", logging.lastResort.formatter)
    escape_the_unforeseen()
    error = RuntimeError(HOSTILE)
    sys.excepthook(RuntimeError, error, None)
    logging.lastResort.handle(
        logging.LogRecord(
            "podname", logging.WARNING, "", 0, HOSTILE, (), (type(error), error, None)
        )
    )
    assert printed() == f"RuntimeError: {ESCAPED}\n{ESCAPED}\nRuntimeError: {ESCAPED}\n"


@asynccontextmanager
async def api_server() -> AsyncIterator[int]:
    """Refuse everything with a Status that is hostile; give the port."""
    body = json.dumps({"kind": "Status", "code": 500, "message": HOSTILE}).encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 500 X\r\nConnection: close\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def kubeconfig(port: int) -> str:
    entry = {"cluster": "c", "namespace": "home"}
    document = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": entry}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
    }
    Path("kubeconfig").write_text(json.dumps(document))
    return "kubeconfig"


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("command", ["publish", "webhook"])
async def test_messages_of_an_api_server(tmp_path: Path, command: str, form: str) -> None:
    async with api_server() as port:
        arguments = ["--kubeconfig", kubeconfig(port), "--listen", "127.0.0.1:0"]
        if command == "webhook":
            arguments += ["--serve", "127.0.0.1:0"]
        async with podname(tmp_path, command, *arguments, "--log-format", form) as running:
            await running.line("forged")
    assert all(map(is_harmless, running.lines))
    if form == "json":
        assert HOSTILE.strip() in json.loads(running.lines[-1])["msg"]


async def test_messages_of_an_api_server_to_serve(tmp_path: Path) -> None:
    async with api_server() as port:
        text = f". {{\n kubernetes cluster.local {{\n endpoint http://127.0.0.1:{port}\n }}\n}}\n"
        async with podname(tmp_path, "-p=0", "-conf=stdin", stdin=text) as running:
            await running.line("forged")
    assert all(map(is_harmless, running.lines))


@pytest.mark.parametrize("form", ["text", "json"])
async def test_names_that_are_asked_for(tmp_path: Path, form: str) -> None:
    text = ".:0 {\n bind 127.0.0.1\n log\n whoami\n}\n"
    label = HOSTILE.encode()[:63]
    question = b"\0\1\1\0\0\1\0\0\0\0\0\0" + bytes([len(label)]) + label + b"\0\0\1\0\1"
    async with podname(tmp_path, "-conf=stdin", "-log-format", form, stdin=text) as running:
        port = int((await running.line(r"is ready on 127\.0\.0\.1:(\d+)"))[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(question, ("127.0.0.1", port))
            await running.line("forged")
    assert all(map(is_harmless, running.lines))
