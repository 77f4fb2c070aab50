"""`podname check`: tell every mistake in a Corefile as `file:line:column: message`.

Everything is set up as for serving, and nothing is started: no socket, no API server.
"""

from __future__ import annotations

import sys

import click

from podname.cli.flags import GoCommand
from podname.cli.printing import say, tell
from podname.errors import CorefileError


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@click.argument("file", required=False)
@click.option("-conf", "--conf", metavar="FILE", help="The same as FILE (default: ./Corefile).")
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
def command(file: str | None, conf: str | None, port: int) -> None:
    """Tell what is wrong with a Corefile; start nothing.

    Exit code 0: it can be served; warnings may stand on standard error. 2: it cannot; standard
    error says why.
    """
    from podname.engine.python import PythonEngine  # noqa: PLC0415 - start time counts
    from podname.plugins.base import Resources  # noqa: PLC0415
    from podname.server.configuration import House, configure  # noqa: PLC0415
    from podname.server.source import find  # noqa: PLC0415

    source = find(file or conf)
    house = House(PythonEngine(), port, source.folder, lambda text: tell(f"warning: {text}"))
    try:
        configuration = configure(source.read(), house, Resources())
    except CorefileError as error:
        for told in (error, *error.others):
            tell(str(told))
        sys.exit(2)
    count = len(configuration.blocks)
    say(f"{source.path}: good, {count} server block{'s' * (count != 1)}")
