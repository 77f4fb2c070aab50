"""The env.sh of a release: the node's name, its resolver, its port.

`mix release` sources it before each command (rel/env.sh.eex); for a release of rebar3 the entrypoint does, and
vm.args says `-name ${RELEASE_NODE}`. It is plain POSIX sh. What is in the environment already wins, so that
`RELEASE_NODE=app@other-pod bin/app rpc` reaches another pod.

Sources: mix help release, "Environment variables" and "Epmd-less deployment"; POSIX.1-2017, Shell Command Language;
https://www.erlang.org/doc/apps/erts/erl_cmd.html (-erl_epmd_port, -start_epmd, -dist_listen; OTP 23.1).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """What a release's nodes need to know.

    `domain` completes the pod's name to a long one; "" leaves it short. `domain` None asks `hostname -f`,
    which knows a pod's `subdomain`. `port` None leaves epmd as it is. `optfile` switches TLS on.
    """

    domain: str | None = ""
    node: str = ""
    inetrc: str = ""
    port: int | None = None
    optfile: str = ""

    @property
    def is_long(self) -> bool:
        """Tell whether nodes have long names."""
        return self.domain != ""


def distribution_flags(port: int | None, optfile: str = "") -> str:
    """Return the flags of the VM: a fixed port without epmd, and TLS."""
    flags = [f"-start_epmd false -erl_epmd_port {port}"] if port else []
    if optfile:
        flags.append(f"-proto_dist inet_tls -ssl_dist_optfile {optfile}")
    return " ".join(flags)


def env_sh(release: Release) -> str:
    """Write an env.sh."""
    parts = ["#!/bin/sh\n# Made by podname: the node is called after its pod.\n", _name(release)]
    if release.inetrc:
        comment = "# Where the Erlang VM looks names up; the path must be absolute.\n"
        parts.append(f"{comment}export ERL_INETRC={_word(release.inetrc)}\n")
    if flags := distribution_flags(release.port, release.optfile):
        parts.append(_flags(flags, listens=release.port is None))
    return "\n".join(parts)


def _name(release: Release) -> str:
    node = _word(release.node) if release.node else '"${RELEASE_NAME:?}"'
    if not release.is_long:
        return _SHORT.format(node)
    host = "podname_host=$(hostname -f)" if release.domain is None else _host(release.domain)
    return _LONG.format(node, host)


_SHORT = """\
# A short name: the VM adds the pod's name to it.
export RELEASE_DISTRIBUTION="${{RELEASE_DISTRIBUTION:-sname}}"
if [ -z "${{RELEASE_NODE:-}}" ]; then
  RELEASE_NODE={0}
fi
export RELEASE_NODE
"""
_LONG = """\
# A long name, which resolves wherever the pod's does.
export RELEASE_DISTRIBUTION="${{RELEASE_DISTRIBUTION:-name}}"
if [ -z "${{RELEASE_NODE:-}}" ]; then
  {1}
  RELEASE_NODE={0}"@$podname_host"
fi
export RELEASE_NODE
"""


def _host(domain: str) -> str:
    return f"podname_host=$(hostname)\n  podname_host=${{podname_host%%.*}}.{domain}"


def _flags(flags: str, *, listens: bool) -> str:
    if listens:
        return f'export ERL_AFLAGS="{flags}${{ERL_AFLAGS:+ $ERL_AFLAGS}}"\n'
    return (
        "# One port for distribution, and no epmd. A shell into a running node must not listen on it again.\n"
        'case "${RELEASE_COMMAND:-start}" in\n'
        "start | start_iex | daemon | daemon_iex | foreground | console) podname_listen= ;;\n"
        '*) podname_listen=" -dist_listen false" ;;\n'
        "esac\n"
        f'export ERL_AFLAGS="{flags}$podname_listen${{ERL_AFLAGS:+ $ERL_AFLAGS}}"\n'
    )


def _word(text: str) -> str:
    """Quote for sh; nothing in it is expanded."""
    return "'" + text.replace("'", "'\\''") + "'"
