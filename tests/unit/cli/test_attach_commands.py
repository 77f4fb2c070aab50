"""The commands that attach workloads: what they print, write and refuse."""

# ruff: noqa: E501 - tables

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
import yaml

from podname.attach.ways import OVER_TCP
from podname.cli import main

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: default}\nspec:\n  containers:\n  - name: app\n"
INJECTED = POD + (
    "    env:\n    - name: RELEASE_DISTRIBUTION\n      value: sname\n"
    "  dnsConfig:\n    searches:\n    - default.pod.cluster.local\n"
)
SEARCH = ("inject", "--via", "search")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Ran:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> object:
    def run(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["podname", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfdbinary.readouterr()
        return Ran(int(caught.value.code or 0), out.decode(), err.decode())

    return run


def test_inject_reads_standard_input_and_prints(run) -> None:  # type: ignore[no-untyped-def]
    for arguments in ((*SEARCH,), (*SEARCH, "-")):
        ran = run(*arguments, stdin=POD.encode())
        assert (ran.code, ran.out) == (0, INJECTED)
        assert ran.err.startswith("podname: Erlang/OTP 27.3.4.1 (Debian 13) and 28.4.2 lose all")
        assert ran.err.count("\n") == 1
    for arguments in ((*SEARCH, "--no-dns-over-tcp"), (*SEARCH,)):
        ran = run(*arguments, stdin=INJECTED.encode())
        assert (ran.code, ran.out, ran.err) == (0, INJECTED, "")


def test_inject_reads_folders_and_joins_what_it_prints(run) -> None:  # type: ignore[no-untyped-def]
    Path("a/b").mkdir(parents=True)
    Path("a/b/one.yaml").write_text(POD)
    Path("a/two.yml").write_text(POD.removesuffix("\n"))
    Path("a/notes.txt").write_text("kind: Pod [")
    ran = run(*SEARCH, "a")
    assert ran.out == f"{INJECTED}---\n{INJECTED}"


def test_inject_writes_in_place_only_what_changes(run) -> None:  # type: ignore[no-untyped-def]
    Path("pod.yaml").write_text(POD)
    Path("other.yaml").write_bytes(b"kind: Other\r\n")
    assert run(*SEARCH, "-i", "pod.yaml", "other.yaml").out == "pod.yaml\n"
    assert Path("pod.yaml").read_text() == INJECTED
    assert Path("other.yaml").read_bytes() == b"kind: Other\r\n"
    assert run(*SEARCH, "-i", "pod.yaml").out == ""


def test_inject_asks_dns_over_tcp_by_an_annotation_that_is_a_file(run) -> None:  # type: ignore[no-untyped-def]
    ran = run(*SEARCH, "--dns-over-tcp", stdin=POD.encode())
    assert (ran.code, ran.err) == (0, "")
    item = yaml.safe_load(ran.out)
    (volume,), (container,) = item["spec"]["volumes"], item["spec"]["containers"]
    (file,) = volume["downwardAPI"]["items"]
    assert file["fieldRef"]["fieldPath"] == "metadata.annotations['podname.dev/inetrc']"
    assert item["metadata"]["annotations"] == {"podname.dev/inetrc": OVER_TCP}
    (mount,) = container["volumeMounts"]
    assert {"name": "ERL_INETRC", "value": f"{mount['mountPath']}/{file['path']}"} in container[
        "env"
    ]
    assert run(*SEARCH, "--dns-over-tcp", stdin=ran.out.encode()).out == ran.out
    ran = run(
        "inject",
        "--via",
        "inetrc",
        "--nameserver",
        "10.0.0.1",
        "--node",
        "app",
        "--dns-over-tcp",
        stdin=POD.encode(),
    )
    assert "{usevc, true}." in ran.out
    assert "downwardAPI" not in ran.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            POD + "    env: [{name: ERL_INETRC, value: /own}]\n",
            "ERL_INETRC is '/own', which is a file of your own: write {usevc, true}. {timeout, 300}. into it, and give --no-dns-over-tcp",
        ),
        (
            POD.replace("{name: web,", "{name: web, annotations: {podname.dev/inetrc: x},"),
            "the annotation podname.dev/inetrc must be '{usevc, true}. {timeout, 300}.': remove it",
        ),
        (
            POD.replace("{name: web,", "{name: web, annotations: x,"),
            "metadata and its annotations must be mappings",
        ),
    ],
)
def test_an_inetrc_of_your_own_stays(run, text: str, message: str) -> None:  # type: ignore[no-untyped-def]
    ran = run(*SEARCH, "--dns-over-tcp", stdin=text.encode())
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_inject_takes_what_is_asked_for(run) -> None:  # type: ignore[no-untyped-def]
    two = POD + "---\n" + POD.replace("name: web,", "name: other, labels: {app: x},")
    for asked in (("--only", "pod/other"), ("--selector", "app in (x)"), ("-l", "app=x")):
        ran = run(*SEARCH, *asked, stdin=two.encode())
        assert ran.out.startswith(POD + "---\n")
        assert ran.out.count("dnsConfig") == 1
    rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r, namespace: d}\nspec: {template: {spec: {containers: [{name: a}]}}}\n"
    ran = run(*SEARCH, stdin=rollout.encode())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "-:1: Rollout d/r: not injected: podname does not know this kind of argoproj.io/v1alpha1; --kind Rollout injects what is in its spec.template",
        "podname: there is no workload to inject in standard input",
    ]
    assert "dnsConfig" in run(*SEARCH, "--kind", "Rollout", stdin=rollout.encode()).out


def test_inject_shows_only_what_changes(run) -> None:  # type: ignore[no-untyped-def]
    Path("pod.yaml").write_text(POD)
    ran = run(*SEARCH, "--diff", "pod.yaml")
    assert ran.out.startswith("--- pod.yaml\n+++ pod.yaml\n@@ -4,3 +4,9 @@\n spec:\n")
    assert [
        line[1:] for line in ran.out.splitlines() if line.startswith("+ ")
    ] == INJECTED.splitlines()[6:]
    assert Path("pod.yaml").read_text() == POD
    Path("pod.yaml").write_text(INJECTED)
    assert run(*SEARCH, "--diff", "pod.yaml").out == ""


def test_inject_writes_nothing_when_something_is_in_the_way(run) -> None:  # type: ignore[no-untyped-def]
    Path("good.yaml").write_text(POD)
    Path("bad.yaml").write_text(POD + "  hostNetwork: true\n")
    ran = run(*SEARCH, "-i", "good.yaml", "bad.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "bad.yaml:7: Pod default/web: a pod on its node's network is called as the node: remove hostNetwork\n"
    )
    assert Path("good.yaml").read_text() == POD


def test_inject_takes_the_compiled_module(run) -> None:  # type: ignore[no-untyped-def]
    Path("ebin").mkdir()
    assert (
        "there is no podname_epmd.beam"
        in run("inject", "--via", "epmd", "--beams", "ebin", stdin=POD.encode()).err
    )
    Path("ebin/podname_epmd.beam").write_bytes(b"FOR1")
    ran = run("inject", "--via", "epmd", "--beams", "ebin", stdin=POD.encode())
    assert ran.out.endswith("binaryData:\n  podname_epmd.beam: Rk9SMQ==\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inject"], "Missing option '--via'"),
        (["inject", "--via", "inetrc"], "--via inetrc needs --nameserver"),
        ([*SEARCH, "--nameserver", "x"], "'x' is no nameserver"),
        ([*SEARCH, "--nameserver", "10.0.0.1:54"], "a pod asks port 53"),
        ([*SEARCH, "--service", "x"], "--service belongs to --via subdomain"),
        ([*SEARCH, "--node", "a@b"], "--node takes letters"),
        ([*SEARCH, "--issuer", "x"], "--issuer belongs to --tls"),
        ([*SEARCH, "--only", "web"], "--only takes KIND/NAME such as Deployment/web, not 'web'"),
        ([*SEARCH, "--selector", "a=b,"], "--selector 'a=b,': "),
        ([*SEARCH, "-i"], "--in-place changes files: name some"),
        ([*SEARCH, "nowhere.yaml"], "cannot read 'nowhere.yaml': No such file or directory"),
        ([*SEARCH], "there is no workload to inject in standard input"),
        (["inetrc"], "--nameserver says where podname answers"),
        (["inetrc", "--nameserver", "x"], "'x' is no nameserver"),
        (["inetrc", "--nameserver", "10.0.0.1", "--service", "x"], "--service needs --namespace"),
        (["inetrc", "--check", "nowhere"], "cannot read 'nowhere'"),
        (["release-env", "--namespace", "x"], "--namespace completes long names: add --long"),
        (["release-env", "--inetrc", "x"], "x is not absolute"),
        (["release-env", "--tls-optfile", "/a b"], "no spaces"),
        (["release-env", "--node", "a b"], "a b cannot stand before the @"),
    ],
)
def test_refused(run, arguments: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    ran = run(*arguments)
    assert ran.code == 2
    assert message in ran.err


def test_inetrc_and_release_env_are_content_with_what_they_print(run) -> None:  # type: ignore[no-untyped-def]
    server = ("--nameserver", "10.0.0.1:5353", "--namespace", "default")
    for number, arguments in enumerate(
        [server, (*server, "--full"), (*server, "--service", "web")]
    ):
        Path(f"rc{number}").write_text(run("inetrc", *arguments).out)
        assert run("inetrc", "--check", f"rc{number}").out == f"rc{number}: every line holds\n"
    for number, arguments in enumerate(
        [(), ("--long",), ("--long", "--namespace", "x", "--port", "4370")]
    ):
        Path(f"env{number}").write_text(run("release-env", *arguments).out)
        ran = run("release-env", "--check", f"env{number}")
        assert (ran.code, ran.out) == (0, f"env{number}: good\n")


def test_checks_tell_the_line(run) -> None:  # type: ignore[no-untyped-def]
    Path("rc").write_text("{retry,1}.\n{bogus}.\n")
    ran = run("inetrc", "--check", "rc")
    assert (ran.code, ran.err) == (2, "rc:2:1: {bogus} is no directive: the Erlang VM ignores it\n")
    Path("env").write_text("export ERL_INETRC=x\n")
    ran = run("release-env", "--check", "env")
    assert ran.code == 2
    assert ran.err.startswith("env:1:8: ERL_INETRC=x is not absolute")
