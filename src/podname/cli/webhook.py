"""`podname webhook`: what `podname inject` does, to pods as they are created."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from podname.errors import PodnameError


@click.command(context_settings={"help_option_names": ["-h", "-help", "--help"]})
@click.option(
    "-kubeconfig",
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="How to reach the cluster (default: as a pod in it).",
)
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
    metavar="[HOST]:PORT",
    default=":8443",
    show_default=True,
    help="Where the API server asks, over HTTPS.",
)
@click.option(
    "-listen",
    "--listen",
    metavar="[HOST]:PORT",
    default="localhost:9153",
    show_default=True,
    help="Where /metrics, /health and /ready are.",
)
@click.option(
    "-log-format",
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How log lines look.",
)
def command(
    *,
    kubeconfig: Path | None,
    nameserver: str | None,
    zone: str,
    serve: str,
    listen: str,
    log_format: str,
) -> None:
    """Give pods what they need to use pod names when they are created.

    Asked by the API server for pods with the annotation or label podname.dev/inject: search, inetrc,
    epmd or subdomain, or in a namespace with that label. Makes and renews its certificate itself. Needs
    the objects of deploy/webhook. A pod is never refused.
    """
    from podname.attach.place import Nameserver  # noqa: PLC0415 - start time counts
    from podname.attach.webhook import process  # noqa: PLC0415
    from podname.attach.webhook.review import Settings  # noqa: PLC0415

    where = _address(serve, "--serve"), _address(listen, "--listen")
    try:
        server = Nameserver.parse(nameserver) if nameserver else None
    except PodnameError as error:
        raise click.BadParameter(str(error), param_hint="--nameserver") from None
    options = process.Options(kubeconfig, *where, Settings(server, zone), log_format)
    try:
        sys.exit(process.run(options))
    except (PodnameError, OSError) as error:
        click.echo(f"podname: {error}", err=True)
        sys.exit(1)


def _address(text: str, option: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise click.BadParameter(f"'{text}' is no [HOST]:PORT", param_hint=option)
    return host.removeprefix("[").removesuffix("]"), int(port)
