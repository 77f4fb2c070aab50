"""`podname check`: tell every mistake in a Corefile as `file:line:column: message`.

Everything is set up as for serving, and nothing is started: what `podname serve` would refuse before it listens is
refused in the same words. What another machine has can only be known there: `-elsewhere` asks for the rest.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from podname.cli.flags import GoCommand
from podname.cli.options import (
    EXIT_CONFIGURATION,
    chosen_engine,
    conf_option,
    dns_port_option,
    file_argument,
    one_corefile,
    refuse,
)
from podname.cli.printing import say, tell
from podname.errors import CorefileError, NotHere

_ELSEWHERE = "podname: for another machine or a pod, check the Corefile with -elsewhere"


@click.command(cls=GoCommand, context_settings={"help_option_names": ["-h", "-help", "--help"]})
@file_argument
@conf_option
@dns_port_option
@click.option(
    "-elsewhere",
    "--elsewhere",
    is_flag=True,
    help="It is for another machine or a pod: a cluster, a kubeconfig, network interfaces and hosts may be there only.",
)
def command(file: str | None, conf: str | None, port: int, *, elsewhere: bool) -> None:
    """Tell what is wrong with a Corefile; start nothing.

    Exit code 0: it can be served; warnings may stand on standard error. 2: it cannot; standard
    error says why.
    """
    from podname.plugins.base import Resources  # noqa: PLC0415 - start time counts
    from podname.server.configuration import House, configure  # noqa: PLC0415
    from podname.server.source import find  # noqa: PLC0415

    named = one_corefile(file, conf)
    engine, source = chosen_engine(), find(named)
    if source.embedded and not named:
        tell(f"podname: there is no Corefile in {Path.cwd()}: name one, as in podname check FILE")
        sys.exit(EXIT_CONFIGURATION)
    house = House(engine, port, source.folder, _warn, elsewhere=elsewhere)
    try:
        configuration = asyncio.run(configure(source.read(), house, Resources()))
    except CorefileError as error:
        only_here = any(isinstance(told, NotHere) for told in (error, *error.others))
        refuse(error, _ELSEWHERE if only_here else "")
    count = len(configuration.blocks)
    say(f"{source.path}: good, {count} server block{'s' * (count != 1)}")


def _warn(text: str) -> None:
    tell(f"warning: {text}")
