"""An env.sh: what sh makes of it, and what is told of one that does not work."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from podname.erlang.release_env import Release, env_sh
from podname.erlang.release_env_check import check

SHELLS = [["sh"], ["dash"], ["busybox", "sh"], ["bash", "--posix"]]
LONG = "default.pod.cluster.local"
WITHOUT_EPMD = "-start_epmd false -erl_epmd_port 4370"
CASES = [
    (Release(), {}, {"RELEASE_DISTRIBUTION": "sname", "RELEASE_NODE": "demo"}),
    (Release(), {"RELEASE_NODE": "demo@other"}, {"RELEASE_NODE": "demo@other"}),
    (Release(node="it"), {}, {"RELEASE_NODE": "it"}),
    (Release(LONG), {}, {"RELEASE_DISTRIBUTION": "name", "RELEASE_NODE": f"demo@web-7bd-k4v9z.{LONG}"}),
    (Release(LONG), {"RELEASE_DISTRIBUTION": "none"}, {"RELEASE_DISTRIBUTION": "none"}),
    (Release(None), {}, {"RELEASE_NODE": "demo@web-7bd-k4v9z.web.default.svc.cluster.local"}),
    (Release(inetrc="/etc/it's"), {}, {"ERL_INETRC": "/etc/it's"}),
    (Release(port=4370), {"RELEASE_COMMAND": "start"}, {"ERL_AFLAGS": WITHOUT_EPMD}),
    (Release(port=4370), {"RELEASE_COMMAND": "remote"}, {"ERL_AFLAGS": f"{WITHOUT_EPMD} -dist_listen false"}),
    (Release(port=4370), {"ERL_AFLAGS": "+S 1"}, {"ERL_AFLAGS": f"{WITHOUT_EPMD} +S 1"}),
    (Release(optfile="/o"), {}, {"ERL_AFLAGS": "-proto_dist inet_tls -ssl_dist_optfile /o"}),
]  # fmt: skip
HOSTNAME = """\
#!/bin/sh
case ${1-} in -f) echo web-7bd-k4v9z.web.default.svc.cluster.local ;; *) echo web-7bd-k4v9z ;; esac
"""


@pytest.fixture
def hostname(tmp_path: Path) -> Path:
    """Put a `hostname` of a pod first on the path."""
    program = tmp_path / "hostname"
    program.write_text(HOSTNAME)
    program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_what_sh_makes_of_it(shell: list[str], hostname: Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"{shell[0]} is not installed")
    for release, given, expected in CASES:
        script = f"set -eu\n{env_sh(release)}\nenv -0\n"
        environment = {"PATH": f"{hostname}:/usr/bin:/bin", "RELEASE_NAME": "demo", **given}
        ran = subprocess.run(
            [*shell, "-c", script], env=environment, capture_output=True, check=True
        )
        made = dict(line.split("=", 1) for line in ran.stdout.decode().split("\0") if "=" in line)
        assert {name: made.get(name) for name in expected} == expected
        assert ran.stderr == b""


@pytest.mark.parametrize("release", [case[0] for case in CASES])
def test_what_is_printed_is_good(release: Release) -> None:
    assert check(env_sh(release).encode(), "env.sh") == []


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.sh" for number in range(len(CASES))]
    for file, (release, _, _) in zip(files, CASES, strict=True):
        file.write_text(env_sh(release))
    ran = subprocess.run(
        ["shellcheck", "-s", "sh", *files], capture_output=True, text=True, check=False
    )
    assert ran.stdout == ""


FOUND = [
    (
        "RELEASE_DISTRIBUTION=sname\nRELEASE_NODE=app@$(hostname).a.b",
        "2:1: app@$(hostname).a.b has a dot",
    ),
    ("export RELEASE_NODE=app@$(hostname -f)", "1:8: app@$(hostname -f) has a dot"),
    ("export RELEASE_DISTRIBUTION=name\nexport RELEASE_NODE=app@web", "2:8: app@web has no dot"),
    (
        "export RELEASE_DISTRIBUTION=names",
        "1:8: RELEASE_DISTRIBUTION=names is none of name, sname, none",
    ),
    ("export ERL_INETRC=etc/inetrc", "1:8: ERL_INETRC=etc/inetrc is not absolute"),
    ("ERL_INETRC=/etc/inetrc", "1:1: ERL_INETRC is not exported"),
    (
        'export ERL_AFLAGS="-ssl_dist_optfile /o $ERL_AFLAGS"',
        "1:8: -ssl_dist_optfile without -proto_dist",
    ),
    ("export RELEASE_NODE=app\r\n", "1:1: lines end with CR LF"),
    (
        'export ERL_AFLAGS="-erl_epmd_port 1 -start_epmd false $ERL_AFLAGS"',
        "each `remote` and `rpc` listens",
    ),
    (
        'export ERL_AFLAGS="-erl_epmd_port 1 -dist_listen true $ERL_AFLAGS"',
        "without -start_epmd false",
    ),
    ('export ERL_AFLAGS="+S 1"', "ERL_AFLAGS of the pod is lost here"),
    ('export ELIXIR_ERL_OPTIONS="+S 1"', "ELIXIR_ERL_OPTIONS of the pod is lost here"),
    (
        "export ERL_FLAGS=\"-kernel inetrc '/etc/erl_inetrc' $ERL_FLAGS\"",
        "1:8: ERL_FLAGS: the VM gets -kernel inetrc /etc/erl_inetrc, which is not an Erlang term",
    ),
    (
        'export ERL_ZFLAGS=\'-kernel inetrc "/etc/rc"\'" $ERL_ZFLAGS"',
        "the VM gets -kernel inetrc /etc/rc, which",
    ),
    (
        'export ELIXIR_ERL_OPTIONS="-kernel inetrc /etc/rc $ELIXIR_ERL_OPTIONS"',
        "-kernel inetrc /etc/rc, which is not an Erlang term",
    ),
    (
        'export ELIXIR_ERL_OPTIONS="-kernel inetrc \'\\"/etc/rc\\"\' $ELIXIR_ERL_OPTIONS"',
        "is not the absolute path of a file",
    ),
    (
        "export ERL_FLAGS='-kernel inet_dist_listen_min 9100, inet_dist_listen_max 9155'\" $ERL_FLAGS\"",
        "9100,, which is not",
    ),
    (
        "export ERL_FLAGS='-kernel inet_dist_listen_min 9100 inet_dist_listen_max +S 1'\" $ERL_FLAGS\"",
        "inet_dist_listen_max has no value",
    ),
    (
        "export ERL_FLAGS=-kernel inetrc '\"/etc/rc\"' $ERL_FLAGS",
        "the value of ERL_FLAGS is not quoted: it ends before inetrc",
    ),
    ("ELIXIR_ERL_OPTIONS=$ELIXIR_ERL_OPTIONS", "ELIXIR_ERL_OPTIONS is not exported"),
    ('export ERL_FLAGS="$ERL_FLAGS -sname"', "1:8: ERL_FLAGS ends with -sname, which needs a name"),
    ('export ERL_ZFLAGS="$ERL_ZFLAGS -name"', "ERL_ZFLAGS ends with -name, which needs a name"),
    (
        'export ERL_AFLAGS="-sname -connect_all false $ERL_AFLAGS"',
        "-sname takes one name, not 0: the VM starts without any",
    ),
    ('export ERL_FLAGS="$ERL_FLAGS -args_file"', "-args_file has no file: the VM does not start"),
    ('export ERL_FLAGS="-config -hidden $ERL_FLAGS"', "-config has no file: the VM does not start"),
    ('export ERL_FLAGS="$ERL_FLAGS -start_epmd"', "-start_epmd needs true or false"),
    (
        'export ERL_FLAGS="-config /no/sys $ERL_FLAGS"',
        "warning: f:1:8: ERL_FLAGS: -config /no/sys.config is not on this machine",
    ),
    (
        'export ERL_FLAGS="-args_file /no/vm.args $ERL_FLAGS"',
        "warning: f:1:8: ERL_FLAGS: -args_file /no/vm.args is not on this machine",
    ),
    (
        "RELEASE_DISTRIBUTION=sname\nexport RELEASE_NODE=app@${POD_IP}",
        "2:8: app@${POD_IP} is called after an address, whose dots RELEASE_DISTRIBUTION=sname",
    ),
    ("export RELEASE_NODE=app@${RELEASE_HOST:-$(hostname -i)}", "is called after an address"),
    (
        "IP=$(hostname -i | awk '{print $1}')\nRELEASE_NODE=app@$IP",
        "2:1: app@$IP is called after an address",
    ),
    ("RELEASE_NODE=app@10.0.0.1", "is called after an address, whose dots"),
    (
        "RELEASE_DISTRIBUTION=name\nRELEASE_NODE=<%= @release.name %>@$(hostname -i)",
        "warning: f:2:1: <%= @release.name %>@$(hostname -i) is called after an address: no name of a pod",
    ),
    ("RELEASE_DISTRIBUTION=name\nRELEASE_NODE=app@$POD_IP", "no name of a pod is used"),
    (
        "RELEASE_DISTRIBUTION=name\nRELEASE_NODE=app@$(hostname)",
        "every other VM refuses to connect",
    ),
    (
        "RELEASE_DISTRIBUTION=name\nRELEASE_NODE=app@${HOSTNAME}",
        "every other VM refuses to connect",
    ),
    ('RELEASE_DISTRIBUTION=name\nh=$(hostname -s)\nRELEASE_NODE=app@"$h"-x', "has no dot"),
    ("RELEASE_DISTRIBUTION=name\nRELEASE_NODE=my.app@a.b", "'my.app' cannot stand before the @"),
    (
        "export ERL_FLAGS=\"-kernel inetrc '/etc/rc'${ERL_FLAGS:+ $ERL_FLAGS}\"",
        "the VM gets -kernel inetrc /etc/rc, which",
    ),
    ("\nexport RELEASE_NODE = app", "2:8: write RELEASE_NODE=value: sh assigns nothing"),
    ("X=1\nexport Y='-kernel x 1\n", "2:10: this quote is not closed"),
    ('X="a b\n', "1:3: this quote is not closed"),
]


@pytest.mark.parametrize(("text", "message"), FOUND)
def test_check(text: str, message: str) -> None:
    (finding,) = check(text.encode(), "f")
    assert message in str(finding)


GOOD = [
    "",
    "export RELEASE_NODE=app@$(hostname -f)\nRELEASE_DISTRIBUTION=name\n",
    "ERL_INETRC=/etc/inetrc\nexport ERL_INETRC\n",
    "export RELEASE_NODE=${RELEASE_NAME}@${POD_HOST}\n# RELEASE_DISTRIBUTION=x\n",
    "RELEASE_DISTRIBUTION=name\nRELEASE_NODE=<%= @release.name %>@$(hostname).web.shop.svc.cluster.local\n",
    "RELEASE_DISTRIBUTION=name\nRELEASE_NODE=app@${POD_NAME}.default.pod.cluster.local # the pod\n",
    "RELEASE_DISTRIBUTION=name\nRELEASE_NODE=app@$(hostname -i | tr . -).$NS.pod.cluster.local\n",
    "RELEASE_NODE=app@$(hostname -i | sed 's/[.]/-/g')\n",
    "case $A in\nx)\n RELEASE_DISTRIBUTION=name\n RELEASE_NODE=a@b.c ;;\n*) RELEASE_DISTRIBUTION=sname ;;\nesac\n",
    'set -a\nELIXIR_ERL_OPTIONS="$ELIXIR_ERL_OPTIONS -kernel inetrc \\"/etc/rc\\" inet_dist_listen_min 9100"\n',
    'export ERL_FLAGS="-kernel inetrc \'\\"/etc/rc\\"\' ${ERL_FLAGS:+ $ERL_FLAGS}"\n',
    'export ERL_FLAGS="-kernel inet_dist_listen_min $PORT inet_dist_listen_max $PORT $ERL_FLAGS"\n',
    (
        'export ERL_AFLAGS="-start_epmd false${ERL_AFLAGS:+ $ERL_AFLAGS}"\n'
        'export ERL_FLAGS="-erl_epmd_port 1 -dist_listen true $ERL_FLAGS"\n'
    ),
    'export ERL_FLAGS="-args_file $RELEASE_ROOT/vm.args -config sys -sname $ERL_FLAGS"\n',
    'export ERL_FLAGS="-config /etc/$NAME -args_file etc/vm.args -start_epmd $E -name $ERL_FLAGS"\n',
    'export ERL_AFLAGS="$ERL_AFLAGS -sname -connect_all false"\n',
    "cat <<'END' >&2; X=1\ndon't\nexport RELEASE_NODE = a\nEND\n# don't\nRELEASE_NODE=\"${X:-don't}\"\n",
    "<%# RELEASE_NODE=a@b.c %>\nexport HEART=true DATABASE='a b' OTHER=\"x y\"\necho RELEASE_NODE=a@b.c\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_good(text: str) -> None:
    assert check(text.encode(), "f") == []
