"""`podname serve`: answer DNS as a Corefile says. Options and output are CoreDNS's.

Source: CoreDNS coremain/run.go.
"""

from __future__ import annotations

import sys

import click

from podname.cli.flags import GoCommand
from podname.cli.options import (
    chosen_engine,
    conf_option,
    dns_port_option,
    file_argument,
    log_format_option,
    one_corefile,
    refuse,
)
from podname.cli.printing import say, tell
from podname.errors import CorefileError, PodnameError


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@file_argument
@conf_option
@dns_port_option
@click.option("-pidfile", "--pidfile", metavar="FILE", help="Keep the process id in this file.")
@click.option("-quiet", "--quiet", is_flag=True, help="Print nothing while starting.")
@log_format_option
@click.option("-version", "--version", is_flag=True, help="Show the version and exit.")
@click.option("-plugins", "--plugins", is_flag=True, help="List the plugins and exit.")
def command(
    file: str | None,
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

    Without FILE that is ./Corefile or, failing that, an example cluster that comes with podname.
    """
    corefile = one_corefile(file, conf)
    if plugins:
        from podname.plugins import SUPPORTED  # noqa: PLC0415 - start time counts

        say("\n".join(sorted(SUPPORTED)))
        return
    engine = chosen_engine()
    if version:
        from podname.server.version import version as version_text  # noqa: PLC0415

        say(version_text(engine.name))
        return
    from podname.runtime.process import EXIT_RUNTIME  # noqa: PLC0415
    from podname.server import process  # noqa: PLC0415

    options = process.Options(corefile, port, pidfile, quiet, log_format)
    try:
        sys.exit(process.run(options, engine))
    except CorefileError as error:
        refuse(error)
    except (PodnameError, OSError) as error:
        tell(f"podname: {error}{_other_port(error, port)}")
        sys.exit(EXIT_RUNTIME)


def _other_port(error: Exception, port: int) -> str:
    """Return what else there is to do when the port that was refused is that of -dns.port, empty otherwise."""
    if isinstance(error.__cause__, PermissionError) and f":{port}: " in str(error):
        return "; or listen elsewhere: -dns.port 1053 sets the port of server blocks that name none"
    return ""
