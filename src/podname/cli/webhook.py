"""`podname webhook`: what `podname inject` does, to pods as they are created."""

from __future__ import annotations

from pathlib import Path

import click

from podname.cli.flags import GoCommand
from podname.cli.options import (
    ADDRESS,
    finish,
    kubeconfig_option,
    listen_option,
    log_format_option,
)
from podname.errors import PodnameError


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@kubeconfig_option
@click.option(
    "-nameserver", "--nameserver", metavar="IP[:PORT]", help="Where podname answers, as of inject."
)
@click.option(
    "-zone",
    "--zone",
    metavar="ZONE",
    default="cluster.local",
    show_default=True,
    help="The cluster's.",
)
@click.option(
    "-serve",
    "--serve",
    type=ADDRESS,
    metavar="[HOST]:PORT",
    default=":8443",
    show_default=True,
    help="Where the API server asks, over HTTPS.",
)
@listen_option
@log_format_option
def command(
    *,
    kubeconfig: Path | None,
    nameserver: str | None,
    zone: str,
    serve: tuple[str, int],
    listen: tuple[str, int],
    log_format: str,
) -> None:
    """Give pods what they need to use pod names when they are created.

    Asked by the API server for pods with the annotation or label podname.dev/inject: search, inetrc,
    epmd or subdomain, or in a namespace with one of them. Makes and renews its certificate itself. Needs
    the objects of deploy/webhook. A pod is never refused.
    """
    from podname.dns.nameserver import Nameserver  # noqa: PLC0415
    from podname.webhook import process  # noqa: PLC0415
    from podname.webhook.review import Settings  # noqa: PLC0415

    try:
        server = Nameserver.parse(nameserver) if nameserver else None
    except PodnameError as error:
        raise click.BadParameter(str(error), param_hint="--nameserver") from None
    options = process.Options(kubeconfig, serve, listen, Settings(server, zone), log_format)
    finish(lambda: process.run(options))
