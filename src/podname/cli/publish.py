"""`podname publish`: pod names in the cluster's own DNS, by EndpointSlices."""

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
    "-namespace",
    "--namespace",
    metavar="NAME",
    help="Publish in one namespace alone; a Role in it is enough (default: in all).",
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
def command(kubeconfig: Path | None, namespace: str | None, listen: str, log_format: str) -> None:
    """Let the cluster's own DNS answer the names of pods.

    A headless Service without a selector that has the annotation podname.dev/publish with a label
    selector gets the EndpointSlices of the pods that match, with their names as hostnames: then
    <pod>.<service>.<namespace>.svc.<zone> answers. Replicas may run side by side; one writes.
    """
    from podname.publish import process  # noqa: PLC0415 - start time counts

    host, port = _address(listen)
    try:
        sys.exit(process.run(process.Options(kubeconfig, namespace, host, port, log_format)))
    except (PodnameError, OSError) as error:
        click.echo(f"podname: {error}", err=True)
        sys.exit(1)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise click.BadParameter(f"'{text}' is no [HOST]:PORT", param_hint="--listen")
    return host.removeprefix("[").removesuffix("]"), int(port)
