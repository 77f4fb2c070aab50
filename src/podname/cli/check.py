"""`podname check`: tell every mistake in a Corefile as `file:line:column: message`.

Everything is set up as for serving, and nothing is started: no socket, no API server.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from podname.cli.flags import GoCommand
from podname.cli.options import conf_option, dns_port_option, file_argument, one_corefile
from podname.cli.printing import say, tell
from podname.errors import CorefileError


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@file_argument
@conf_option
@dns_port_option
def command(file: str | None, conf: str | None, port: int) -> None:
    """Tell what is wrong with a Corefile; start nothing.

    Exit code 0: it can be served; warnings may stand on standard error. 2: it cannot; standard
    error says why.
    """
    from podname.engine.reference import PythonEngine  # noqa: PLC0415 - start time counts
    from podname.plugins.base import Resources  # noqa: PLC0415
    from podname.server.configuration import House, configure  # noqa: PLC0415
    from podname.server.source import find  # noqa: PLC0415

    named = one_corefile(file, conf)
    source = find(named)
    if source.embedded and not named:
        tell(f"podname: there is no Corefile in {Path.cwd()}: name one, as in podname check FILE")
        sys.exit(2)
    house = House(PythonEngine(), port, source.folder, lambda text: tell(f"warning: {text}"))
    try:
        configuration = configure(source.read(), house, Resources())
    except CorefileError as error:
        for told in (error, *error.others):
            tell(str(told))
        sys.exit(2)
    count = len(configuration.blocks)
    say(f"{source.path}: good, {count} server block{'s' * (count != 1)}")
