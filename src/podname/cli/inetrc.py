"""`podname inetrc`: print an inetrc that holds, or tell which lines of one do not."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from podname.cli.options import zone_option
from podname.cli.printing import tell, write
from podname.errors import PodnameError


@click.command(context_settings={"help_option_names": ["-h", "-help", "--help"]})
@click.option("--nameserver", metavar="IP[:PORT]", help="Where podname answers.")
@click.option("--full", is_flag=True, help="Ask podname alone, for short names, too.")
@click.option("--namespace", metavar="NS", help="Complete names to <pod>.NS.pod.<zone>.")
@click.option(
    "--service",
    metavar="NAME",
    default="",
    help="Complete them to <pod>.NAME.NS.svc.<zone> instead.",
)
@zone_option
@click.option(
    "--check", "checked", metavar="FILE", help="Print nothing; tell what is wrong with FILE."
)
def command(
    *,
    nameserver: str | None,
    namespace: str | None,
    service: str,
    zone: str,
    checked: str | None,
    full: bool,
) -> None:
    """Print an inetrc with which the Erlang VM asks podname.

    Its path goes into ERL_INETRC. Without --full the VM asks cluster DNS first, and podname only for names that it
    does not know. Exit code with --check: 0 when every line holds (warnings may stand on standard error), 2 otherwise.
    """
    from podname.cli.files import exit_with, octets_of  # noqa: PLC0415
    from podname.dns.nameserver import Nameserver  # noqa: PLC0415
    from podname.erlang import domains, inetrc, inetrc_check  # noqa: PLC0415

    if checked is not None:
        exit_with(
            inetrc_check.check(octets_of(Path(checked)), checked), f"{checked}: every line holds"
        )
    if nameserver is None:
        raise click.UsageError(
            "--nameserver says where podname answers, or --check which file to read"
        )
    if service and not namespace:
        raise click.UsageError("--service needs --namespace")
    try:
        server = Nameserver.parse(nameserver)
    except PodnameError as error:
        tell(f"podname: {error}")
        sys.exit(2)
    domain, searches = "", tuple[str, ...]()
    if namespace:
        domain = domains.pods_domain(namespace, zone, service)
        searches = (
            domains.pods_domain(namespace, zone),
            *domains.cluster_searches(namespace, zone),
        )
    write(inetrc.inetrc(server, "full" if full else "additive", domain, searches))
