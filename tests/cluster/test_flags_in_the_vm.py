"""What `release-env --check` says of an env.sh is what a real VM does with it: its flags, its node's name.

No cluster: sh sources each file and starts a VM; for ELIXIR_ERL_OPTIONS as Elixir's script does, unquoted.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from podname.erlang.release_env_check import check

PROGRAM = 'io:format("<~0p>", [lists:keymember(edns, 1, inet_db:get_rc())]), halt().'
NODE = 'io:format("<~s>", [node()]), halt().'
START = """. ./env.sh
exec erl $ELIXIR_ERL_OPTIONS -noshell -noinput -eval "$PROGRAM"
"""
VALUES = (
    "-kernel inetrc '{rc}'",
    '-kernel inetrc \\"{rc}\\"',
    "-kernel inetrc {rc}",
    "-kernel inetrc '\\\"{rc}\\\"'",
    "-kernel inetrc \\\"'{rc}'\\\"",
    '-kernel inetrc \\\\\\"{rc}\\\\\\"',
    '-kernel inetrc \\"\\\\\\"{rc}\\\\\\"\\"',
    '-kernel inetrc \'\\"{rc}\\"',
    "-kernel inetrc '\\\"{rc}\\\".'",
    "-kernel inetrc '\\\"rc\\\"'",
    "-kernel inetrc rc",
    "-kernel inetrc",
    "-kernel  inetrc   '\\\"{rc}\\\"' +S 1",
    "+S 1 -kernel inetrc '\\\"{rc}\\\"' -kernel inet_dist_listen_min 9100 inet_dist_listen_max 9155",
    "-kernel inet_dist_listen_min 9100, inet_dist_listen_max 9155 inetrc '\\\"{rc}\\\"'",
    "-kernel inetrc '\\\"{rc}\\\"' inet_dist_use_interface {{127,0,0,1}}",
    "-kernel inetrc '\\\"{rc}\\\"' inet_dist_use_interface 127.0.0.1",
    "-kernel inetrc '\\\"{rc}\\\"' -stdlib key /no/term",
    "-other key /no/term -kernel inetrc '\\\"{rc}\\\"'",
)

FIELD = (
    'export ERL_AFLAGS="-kernel shell_history enabled, logger_level info"',
    "export ERL_AFLAGS=\"-kernel shell_history_path '/tmp/h'\"",
    'export ERL_AFLAGS="-kernel shell_history_path \'\\"/tmp/h\\"\'"',
    'export ERL_FLAGS="-kernel inet_dist_use_interface {127, 0, 0, 1}"',
    "export ERL_FLAGS=\"-kernel inet_dist_use_interface '{127, 0, 0, 1}'\"",
    'export ELIXIR_ERL_OPTIONS="-kernel inet_dist_use_interface {127, 0, 0, 1}"',
    'export ERL_FLAGS="+sbwt none +P 1000000 -kernel net_ticktime 30"',
    'export ERL_FLAGS="-kernel net_ticktime 30 # seconds"',
    'export ERL_FLAGS="-kernel logger_level Info"',
    'export ERL_FLAGS="-extra -kernel x /y"',
    'export ERL_FLAGS="-- -kernel x /y"',
    "export ERL_FLAGS=+S 2:2",
    "export RELEASE_NODE = app",
    "export ERL_FLAGS='-kernel net_ticktime 30",
    "cat <<'END' >/dev/null\ndon't\nEND",
)
"""Lines as people write them, each beside an inetrc that holds."""


def errors(text: str) -> list[str]:
    """Return the errors that the check finds."""
    return [each.message for each in check(text.encode(), "env.sh") if each.severity == "error"]


def started(folder: Path, text: str, start: str, program: str) -> str:
    """Start a VM and return what it printed; nothing when it died."""
    folder.mkdir()
    (folder / "env.sh").write_text(text)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PROGRAM": program,
        "ERL_CRASH_DUMP": "/dev/null",
    }
    ran = subprocess.run(
        ["sh", "-c", start],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout if ran.returncode == 0 else ""


def is_in_effect(folder: Path, text: str) -> bool:
    """Tell whether a VM that is started so lives and has read the inetrc."""
    return "<true>" in started(folder, text, START, PROGRAM)


def differing(
    folder: Path, texts: list[str], holds: Callable[[Path, str], bool]
) -> list[tuple[str, bool, list[str]]]:
    """Return the texts of which the check says otherwise than the VM. Some must hold, some not."""
    with ThreadPoolExecutor(2) as pool:
        folders = (folder / str(number) for number in range(len(texts)))
        held = list(pool.map(holds, folders, texts))
    assert {True, False} <= set(held)
    told = [(text, good, errors(text)) for text, good in zip(texts, held, strict=True)]
    return [each for each in told if each[1] == bool(each[2])]


def forms(path: Path) -> Iterable[str]:
    """Write each value in each way into a variable."""
    for value in VALUES:
        for variable in ("ERL_FLAGS", "ERL_AFLAGS", "ELIXIR_ERL_OPTIONS"):
            yield f'export {variable}="{value.format(rc=path)}"\n'
    for value in ("/rc", "rc", f"{path}"):
        yield f"export ERL_INETRC={value}\n" if value != "/rc" else f"ERL_INETRC={path}\n"
    yield f"export ERL_FLAGS=-kernel inetrc '\"{path}\"'\n"
    yield f'ERL_FLAGS=\'-kernel inetrc "\\"{path}\\""\'\n'
    yield f'set -a\nERL_FLAGS="-kernel inetrc \'\\"{path}\\"\'"\n'
    yield f'P={path}\nexport ERL_ZFLAGS="-kernel inetrc \'\\"$P\\"\'"\n'
    yield f"P={path}\nexport ERL_ZFLAGS=\"-kernel inetrc '$P'\"\n"
    yield f"P={path}\nexport ERL_ZFLAGS='-kernel inetrc \"$P\"'\n"
    yield from (f"export ERL_INETRC={path}\n{line}\n" for line in FIELD)
    yield f"export ERL_INETRC={path} # here\n"
    yield f"export ERL_INETRC=\"{path}\"; export OTHER='x y'\n"


@pytest.fixture
def inetrc(tmp_path: Path) -> Path:
    path = tmp_path / "rc"
    path.write_text("{edns,0}.\n")
    return path


def test_an_env_sh_is_called_good_when_the_vm_takes_it(tmp_path: Path, inetrc: Path) -> None:
    assert differing(tmp_path, list(forms(inetrc)), is_in_effect) == []


ALIVE = """. ./env.sh
exec erl $ELIXIR_ERL_OPTIONS -noshell -noinput -start_epmd false -erl_epmd_port 4370 -dist_listen false \\
  -sname own@localhost -eval "$PROGRAM"
"""
NAMING = (
    "-sname",
    "-name",
    "-sname app@localhost",
    "-sname app@localhost +P 5000",
    "-sname app@localhost two",
    "-sname app@localhost -sname",
    "-sname -sname app@localhost",
    "-sname -setcookie x",
    "-sname +P 5000",
    "-setcookie x -sname",
    "-setcookie x -name",
    "-start_epmd",
    "-start_epmd false",
    "-start_epmd no",
    "-start_epmd -setcookie x",
    "-args_file",
    "-args_file -setcookie x",
    "-args_file {folder}/vm.args",
    "-args_file {folder}/vm.args -setcookie x",
    "-config",
    "-config -setcookie x",
    "-config {folder}/sys",
    "-config {folder}/sys.config -setcookie x",
    "-setcookie x",
)
"""Flags for a node that has a name of its own, as a release gives it."""


def is_named(folder: Path, text: str) -> bool:
    """Tell whether a VM that is started so lives and has a name."""
    return "<nonode@nohost>" not in (told := started(folder, text, ALIVE, NODE)) and "<" in told


def test_flags_are_called_good_when_a_node_lives_with_them(tmp_path: Path) -> None:
    (tmp_path / "vm.args").write_text("-setcookie y\n")
    (tmp_path / "sys.config").write_text("[].\n")
    variables = ("ERL_AFLAGS", "ELIXIR_ERL_OPTIONS", "ERL_FLAGS", "ERL_ZFLAGS")
    texts = [
        f'export {variable}="{value.format(folder=tmp_path)}"\n'
        for value in NAMING
        for variable in variables
    ]
    assert differing(tmp_path, texts, is_named) == []


@pytest.mark.parametrize("flag", ["-args_file", "-config"])
def test_a_file_that_is_missing_is_a_warning_and_no_vm_starts(tmp_path: Path, flag: str) -> None:
    text = f'export ERL_FLAGS="{flag} {tmp_path}/none ${{ERL_FLAGS:-}}"\n'
    (warning,) = check(text.encode(), "env.sh")
    assert warning.severity == "warning"
    assert "is not on this machine" in warning.message
    assert not is_named(tmp_path / "missing", text)


NODES = [
    ("sname", "app@localhost", True),
    ("sname", "app@127.0.0.1", False),
    ("sname", "app@localhost.", False),
    ("name", "app@127.0.0.1", True),
    ("name", "app@localhost", False),
    ("name", "my.app@127.0.0.1", False),
    ("name", "@127.0.0.1", False),
]


@pytest.mark.parametrize(("form", "node", "is_reached"), NODES)
def test_a_node_is_called_good_when_another_reaches_it(
    form: str, node: str, *, is_reached: bool
) -> None:
    with socket.socket() as probe:
        probe.bind(("", 0))
        flags = ["-start_epmd", "false", "-erl_epmd_port", str(probe.getsockname()[1])]
    vm = ["erl", "-noshell", "-noinput", "-setcookie", "x", *flags]
    own = {"sname": "probe@localhost", "name": "probe@127.0.0.1"}[form]
    program = f"io:format(\"<~s>\", [net_adm:ping('{node}')]), halt()."
    environment = {"PATH": os.environ["PATH"], "HOME": "/", "ERL_CRASH_DUMP": "/dev/null"}
    started = [*vm, f"-{form}", node, "-eval", 'io:format("up~n").']
    with subprocess.Popen(started, env=environment, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdout is not None
        is_up = any(line == "up\n" for line in peer.stdout)
        asking = [*vm, "-dist_listen", "false", f"-{form}", own, "-eval", program]
        told = subprocess.run(
            asking, env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout
        peer.kill()
    assert (is_up and "<pong>" in told) == is_reached
    text = f"RELEASE_DISTRIBUTION={form}\nRELEASE_NODE={node}\n"
    assert (errors(text) == []) == is_reached
