"""`podname serve`: answer DNS as a Corefile says. Options and output are CoreDNS's.

Source: CoreDNS coremain/run.go.
"""

from __future__ import annotations

import sys

import click

from podname.cli.flags import GoCommand
from podname.cli.options import log_format_option
from podname.cli.printing import say, tell
from podname.errors import CorefileError, PodnameError


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@click.option("-conf", "--conf", metavar="FILE", help="The Corefile (default: ./Corefile).")
@click.option(
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
@click.option("-pidfile", "--pidfile", metavar="FILE", help="Keep the process id in this file.")
@click.option("-quiet", "--quiet", is_flag=True, help="Print nothing while starting.")
@log_format_option
@click.option("-version", "--version", is_flag=True, help="Show the version and exit.")
@click.option("-plugins", "--plugins", is_flag=True, help="List the plugins and exit.")
def command(
    conf: str | None,
    port: int,
    pidfile: str | None,
    log_format: str,
    *,
    quiet: bool,
    version: bool,
    plugins: bool,
) -> None:
    """Answer DNS as a Corefile says.

    Without -conf that is ./Corefile or, failing that, an example cluster that comes with podname.
    """
    if plugins:
        from podname.plugins import SUPPORTED  # noqa: PLC0415 - start time counts

        say("\n".join(sorted(SUPPORTED)))
        return
    from podname.engine.choice import NoSuchEngine, choose  # noqa: PLC0415

    try:
        engine = choose()
    except NoSuchEngine as error:
        tell(f"podname: {error}")
        sys.exit(2)
    if version:
        from podname.server.version import version as version_text  # noqa: PLC0415

        say(version_text(engine.name))
        return
    from podname.server import process  # noqa: PLC0415

    options = process.Options(conf, port, pidfile, quiet, log_format)
    try:
        sys.exit(process.run(options, engine))
    except CorefileError as error:
        for told in (error, *error.others):
            tell(str(told))
        sys.exit(process.EXIT_CONFIGURATION)
    except (PodnameError, OSError) as error:
        tell(f"podname: {error}")
        sys.exit(process.EXIT_RUNTIME)
