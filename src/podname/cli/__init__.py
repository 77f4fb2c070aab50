"""Floor 6: the command line, one module per command.

`podname -conf Corefile` serves, as `coredns -conf Corefile` does: when the first word is an option,
the command is `serve`. Flags are Go's: `-conf FILE`, `-conf=FILE` and `--conf FILE` are the same.

Exit codes: 0 done; 1 something failed while running; 2 the command line or the Corefile is wrong.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from podname.cli.printing import escape_the_unforeseen, usage_errors_escaped

_COMMANDS = {
    "serve": "Answer DNS as a Corefile says.",
    "check": "Tell what is wrong with a Corefile; start nothing.",
    "publish": "Let the cluster's own DNS answer the names of pods, by EndpointSlices.",
    "doctor": "Say why an Erlang node is not reached by its name.",
    "inject": "Give workloads what they need to use pod names.",
    "webhook": "Give pods what they need to use pod names when they are created.",
    "inetrc": "Print an inetrc for the Erlang VM, or check one.",
    "release-env": "Print the env.sh of a release, or check one.",
}


class Commands(click.Group):
    """Imports a command's module only when it is asked for: start time counts."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options that stand before a command."""
        with usage_errors_escaped():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. One that there is not, or an option that it has not, gets its neighbour."""
        with usage_errors_escaped():
            try:
                return super().invoke(ctx)
            except click.NoSuchCommand as error:
                raise click.UsageError(_no_such_command(error), error.ctx) from None
            except click.NoSuchOption as error:
                raise click.UsageError(_no_such_option(error), error.ctx) from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"podname.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _no_such_command(error: click.NoSuchCommand) -> str:
    from podname.corefile.suggest import did_you_mean  # noqa: PLC0415 - start time counts

    name = error.command_name
    return f"there is no command {name!r}{did_you_mean(name, _COMMANDS)}"


def _no_such_option(error: click.NoSuchOption) -> str:
    """Word the error; dashes do not make two options alike."""
    from podname.corefile.suggest import suggest  # noqa: PLC0415 - start time counts

    name = error.option_name
    dashes = name[: len(name) - len(name.lstrip("-"))]
    command = error.ctx.command if error.ctx else commands
    options = (option for each in command.params for option in (*each.opts, *each.secondary_opts))
    hint = suggest(name.lstrip("-"), {o.lstrip("-") for o in options if o.startswith("-")})
    return f"there is no option {name!r}" + (f", did you mean '{dashes}{hint}'?" if hint else "")


_EXIT_CODES = "Exit codes: 0 done; 1 something failed; 2 the command line or the Corefile is wrong."


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "-help", "--help"]},
    epilog=_EXIT_CODES,
)
def commands() -> None:
    """Make every Kubernetes pod reachable by its own name.

    Without a command, options are those of `serve`.
    """


def main() -> None:
    """Run the command line and exit."""
    escape_the_unforeseen()
    arguments = sys.argv[1:]
    if arguments and arguments[0].startswith("-") and arguments[0].lstrip("-") not in {"h", "help"}:
        arguments = ["serve", *arguments]
    commands.main(args=arguments, prog_name="podname")
