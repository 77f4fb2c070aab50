"""What several commands have in common on the command line: options, what a Corefile needs, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from podname.cli.printing import tell
from podname.errors import CorefileError, PodnameError

if TYPE_CHECKING:
    from podname.engine.base import Engine

EXIT_CONFIGURATION = 2


class Address(click.ParamType[tuple[str, int]]):
    """Where to listen, as `[HOST]:PORT`: a host, which may be empty, and a port."""

    name = "address"

    def convert(
        self,
        value: str | tuple[str, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Read it. Raises click.BadParameter."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535):
            self.fail(f"'{value}' is no [HOST]:PORT", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


ADDRESS = Address()

file_argument = click.argument("file", required=False)
conf_option = click.option(
    "-conf", "--conf", metavar="FILE", help="The same as FILE (default: ./Corefile)."
)
dns_port_option = click.option(
    "-dns.port",
    "--dns.port",
    "-p",
    "--p",
    "port",
    type=click.IntRange(0, 65535),
    default=53,
    show_default=True,
    metavar="PORT",
    help="The port of server blocks that name none.",
)
kubeconfig_option = click.option(
    "-kubeconfig",
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="How to reach the cluster (default: as a pod in it).",
)
listen_option = click.option(
    "-listen",
    "--listen",
    type=ADDRESS,
    metavar="[HOST]:PORT",
    default="localhost:9153",
    show_default=True,
    help="Where /metrics, /health and /ready are.",
)
log_format_option = click.option(
    "-log-format",
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How log lines look.",
)
zone_option = click.option(
    "--zone", metavar="ZONE", default="cluster.local", show_default=True, help="The cluster's."
)
dist_port_option = click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    help="One port for distribution, and no epmd.",
)


def one_corefile(file: str | None, conf: str | None) -> str | None:
    """Return the Corefile that the command line names, None for none. Raises click.UsageError."""
    if file and conf:
        raise click.UsageError(
            f"two Corefiles are named, {file!r} and -conf {conf!r}: leave one of them out"
        )
    return file or conf


def chosen_engine() -> Engine:
    """Make the engine that answers, or exit with 2 and the reason."""
    from podname.engine.choice import NoSuchEngine, choose  # noqa: PLC0415 - start time counts

    try:
        return choose()
    except NoSuchEngine as error:
        tell(f"podname: {error}")
        sys.exit(EXIT_CONFIGURATION)


def refuse(error: CorefileError, remedy: str = "") -> NoReturn:
    """Tell every mistake of a Corefile, then what to do where that is known, and exit with 2."""
    for told in (error, *error.others, *([remedy] if remedy else ())):
        tell(str(told))
    sys.exit(EXIT_CONFIGURATION)


def finish(run: Callable[[], int]) -> NoReturn:
    """Run until a signal ends it, and exit with its code, or with 1 and the reason."""
    try:
        sys.exit(run())
    except (PodnameError, OSError) as error:
        tell(f"podname: {error}")
        sys.exit(1)
