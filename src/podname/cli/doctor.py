"""`podname doctor`: say in order what holds and what does not between two Erlang nodes, each with the fix."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from podname.cli.printing import say, write


@click.command(
    context_settings={"help_option_names": ["-h", "-help", "--help"]},
    epilog="Exit codes: 0 nothing fails; 1 something does; 2 the command line is wrong or the cluster not reached.",
)
@click.argument("node", required=False)
@click.option(
    "--from", "own", metavar="NODE", help="The node on this side (default: the one that runs here)."
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The way to the API server (default: KUBECONFIG, ~/.kube/config; in a pod, its account).",
)
@click.option("--context", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--namespace", "-n", metavar="NAME", help="Where pods are whose names do not tell.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where nodes listen that run without epmd (default: -erl_epmd_port of ERL_FLAGS).",
)
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How findings look.",
)
def command(  # noqa: PLR0917 - click passes them by name
    node: str | None,
    own: str | None,
    kubeconfig: Path | None,
    context: str | None,
    namespace: str | None,
    port: int | None,
    output: str,
) -> None:
    """Say why the Erlang node NODE (name@host) is not reached from here.

    In a pod it looks as the pod's own nodes would; with a kubeconfig it says what the API server
    knows. Without NODE it looks at the node that this pod runs.
    """
    from podname.doctor import show  # noqa: PLC0415 - start time counts
    from podname.doctor.gather import Request, gather  # noqa: PLC0415
    from podname.doctor.judge import exit_code, judge  # noqa: PLC0415
    from podname.erlang.nodename import BadNode  # noqa: PLC0415

    request = Request(node or "", own or "", kubeconfig, context or "", namespace or "", port or 0)
    try:
        facts = asyncio.run(gather(request))
    except BadNode as error:
        raise click.UsageError(str(error)) from None
    findings = judge(facts)
    if output == "json":
        write(show.as_json(facts, findings) + "\n")
    else:
        say(show.text(facts, findings))
    sys.exit(exit_code(facts, findings))
