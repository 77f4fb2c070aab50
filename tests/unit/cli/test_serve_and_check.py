"""What `podname serve` refuses before it listens, `podname check` refuses: the same words, places and exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from podname.cli import main
from podname.kube.config import in_cluster
from podname.plugins.kubernetes import setup as kubernetes

ELSEWHERE = "podname: for another machine or a pod, check the Corefile with -elsewhere\n"
A_MINUTE = 60

#: Corefile → how the first line begins. Another machine might serve these.
ONLY_HERE = {
    ". {\nkubernetes cluster.local\n}": "Corefile:2:1: not in a cluster: KUBERNETES_SERVICE_HOST and",
    ". {\nkubernetes a {\nkubeconfig nosuch\n}\n}": "Corefile:3:12: cannot read nosuch: No such file",
    ". {\nbind nosuch\n}": "Corefile:2:6: not a valid IP address or interface name: 'nosuch'",
    ". {\nbind lo {\nexcept nosuch\n}\n}": "Corefile:3:8: not a valid IP address or interface name:",
    ". {\nhealth nosuch.invalid:8080\n}": "Corefile:2:8: cannot listen on http://nosuch.invalid:8080:",
    ". {\nready nosuch.invalid:8181\n}": "Corefile:2:7: cannot listen on http://nosuch.invalid:8181:",
    ". {\nprometheus nosuch.invalid:9153\n}": "Corefile:2:12: cannot listen on http://nosuch.invalid:",
    f". {{\nready {'a' * 64}:8181\n}}": f"Corefile:2:7: cannot listen on http://{'a' * 64}:8181: this is not",
}
#: These, no machine.
NOWHERE = {
    ". {\nkubernetes a {\nendpoint ftp://x\n}\n}": "Corefile:3:10: endpoint: 'ftp://x' is no address",
    ". {\nkubernetes a {\nkubeconfig .\n}\n}": "Corefile:3:12: cannot read .: Is a directory",
    ". {\nkubernetes a {\nkubeconfig Corefile\n}\n}": "Corefile:3:12: Corefile is no ",
    ". {\nkubernetes a {\nkubeconfig empty\n}\n}": "Corefile:3:12: empty: no context is named",
    ". {\nkubernetes a {\nkubeconfig empty other\n}\n}": "Corefile:3:12: empty has no context 'other'",
    ". {\nkubernetes a\nkubernetes b\n}": "Corefile:3:1: kubernetes can only be used once",
    ". {\nbind lo {\nexcept lo\n}\n}": "Corefile:2:1: no address is left to bind to",
    ". {\nbind 0.0.0.0\n}\na {\n}": "Corefile:4:1: cannot serve dns://a.:53 - dns://.:53 on 0.0.0.0",
    ". {\nbind 127.0.0.1\n}\n. {\n}": "Corefile:4:1: cannot serve dns://.:53 - zone overlap",
    ". {\nwhoami\nhealth [::1%lo]:8080\n}": "Corefile:3:8: the address '[::1%lo]:8080' has a zone",
    ". {\nwhoami\nready 1.2.3.4\n}": "Corefile:3:7: missing port in address '1.2.3.4'",
    ".:15399 {\nbind 127.0.0.1\nhealth 127.0.0.1:15399\n}": "Corefile:1:1: http://127.0.0.1:15399 of",
    ".:15399 {\nbind 127.0.0.1\nprometheus :15399\n}": "Corefile:1:1: http://:15399 of health, ready or",
    ".:15399 {\nready localhost:15399\n}": "Corefile:1:1: http://localhost:15399 of health, ready or",
    ". {\nforward . nosuch\n}": "Corefile:2:11: 'nosuch' is neither an IP address nor a file",
    ". {\nforward . ./nosuch\n}": "Corefile:2:11: the file of upstreams './nosuch' cannot be found",
    ". {\nerrors {\nconsolidat 5s x\n}\n}": "Corefile:3:1: unknown property 'consolidat' of errors",
    ". {\nroute53\n}": "Corefile:2:1: the directive 'route53' is CoreDNS's",
    "import nosuch\n": "Corefile:1:8: file to import not found: 'nosuch'",
    "# nothing\n": "Corefile:1:1: there is no server block",
    ". {": "Corefile:1:3: this server block is opened here and never closed",
}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("RES_OPTIONS", "timeout:1 attempts:1")  # where no name server answers
    Path("empty").touch()


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    """Run a command in this process; give its exit code and standard error."""
    monkeypatch.setattr(sys, "argv", ["podname", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize("text", [*ONLY_HERE, *NOWHERE])
def test_they_refuse_alike(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    Path("Corefile").write_text(text)
    code, told = run(monkeypatch, capsys, "serve", "Corefile")
    assert (code, told.count("\n")) == (2, 1)
    assert told.startswith({**ONLY_HERE, **NOWHERE}[text])
    remedy = ELSEWHERE if text in ONLY_HERE else ""
    assert run(monkeypatch, capsys, "check", "Corefile") == (2, told + remedy)


@pytest.mark.parametrize("text", ONLY_HERE)
def test_a_corefile_for_another_machine_is_good_where_only_that_one_can_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    Path("Corefile").write_text(text)
    assert run(monkeypatch, capsys, "check", "-elsewhere", "Corefile") == (0, "")


@pytest.mark.parametrize("text", NOWHERE)
def test_what_no_machine_serves_is_refused_for_another_one_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    Path("Corefile").write_text(text)
    code, told = run(monkeypatch, capsys, "check", "-elsewhere", "Corefile")
    assert (code, told.startswith(NOWHERE[text])) == (2, True)


def test_blocks_on_interfaces_of_another_machine_are_compared_by_their_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for interface, code in (("pod1", 0), ("pod0", 2)):
        Path("Corefile").write_text(f". {{\nbind pod0\n}}\n. {{\nbind {interface}\n}}\n")
        assert run(monkeypatch, capsys, "check", "-elsewhere")[0] == code


def process(name: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command as a process of its own; give its exit code and what it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "podname", name, "Corefile"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=A_MINUTE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_every_mistake_of_a_file_is_told_alike_by_two_processes() -> None:
    """The host of `health`, the missing kubeconfig and the mistyped property are found in different steps."""
    Path("Corefile").write_text(
        ".:0 {\nhealth nosuch.invalid:8080\nkubernetes a {\nkubeconfig nosuch\n}\n"
        "bind 127.0.0.1 {\nexept ::1\n}\nlog {\nclass a\nclas b\n}\n}\n"
    )
    code, out, told = process("serve", {})
    assert [line.split(":")[1] for line in told.splitlines()] == ["2", "4", "7", "10", "11"]
    assert (code, out) == (2, "")
    assert process("check", {}) == (2, "", told + ELSEWHERE)


@pytest.mark.parametrize("engine", ["rust", "Python"])
def test_an_engine_that_there_is_not_is_told_alike(engine: str) -> None:
    Path("Corefile").write_text(". {\nwhoami\n}\n")
    environment = {"PODNAME_ENGINE": engine}
    told = f"podname: PODNAME_ENGINE is {engine!r}; it can be 'native' or 'python'\n"
    assert process("serve", environment) == process("check", environment) == (2, "", told)


def test_in_a_pod_the_cluster_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    Path("token").write_text("abc")
    monkeypatch.setattr(kubernetes, "in_cluster", partial(in_cluster, folder=tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "192.0.2.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    Path("Corefile").write_text(". {\nkubernetes cluster.local\n}\n")
    assert run(monkeypatch, capsys, "check", "Corefile") == (0, "")
    Path("token").unlink()
    code, told = run(monkeypatch, capsys, "check", "Corefile")
    assert code == 2
    assert told.startswith(f"Corefile:2:1: cannot read {tmp_path}/token: No such file")
