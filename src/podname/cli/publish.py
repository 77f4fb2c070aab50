"""`podname publish`: pod names in the cluster's own DNS, by EndpointSlices."""

from __future__ import annotations

from pathlib import Path

import click

from podname.cli.flags import GoCommand
from podname.cli.options import finish, kubeconfig_option, listen_option, log_format_option


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@kubeconfig_option
@click.option(
    "-namespace",
    "--namespace",
    metavar="NAME",
    help="Publish in one namespace alone; a Role in it is enough (default: in all).",
)
@listen_option
@log_format_option
def command(
    kubeconfig: Path | None, namespace: str | None, listen: tuple[str, int], log_format: str
) -> None:
    """Let the cluster's own DNS answer the names of pods.

    A headless Service without a selector that has the annotation podname.dev/publish with a label
    selector gets the EndpointSlices of the pods that match, with their names as hostnames: then
    <pod>.<service>.<namespace>.svc.<zone> answers. Replicas may run side by side; one writes.
    """
    from podname.publish import process  # noqa: PLC0415 - start time counts

    options = process.Options(kubeconfig, namespace, *listen, log_format)
    finish(lambda: process.run(options))
