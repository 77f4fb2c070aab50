"""What the Corefile says of `on`.

Source: coredns/caddy onevent/on.go, commands.go (`SplitCommandAndArgs`).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive
from podname.corefile.findings import Findings
from podname.corefile.properties import Properties
from podname.plugins.base import Context
from podname.plugins.on.handler import Command, Event, On

_IN_BACKGROUND = "&"


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `on` takes."""

    SYNTAX = "EVENT COMMAND [ARGUMENTS...] [&]"


def setup(directives: Sequence[Directive], context: Context) -> On:
    """Make the plugin of all `on` directives in a block. Raises CorefileError."""
    found, commands = Findings(), list[Command]()
    for directive in directives:
        with found.gathered():
            Options.read(directive, context)
            commands.append(_command(directive, context))
    found.raise_all()
    return On(commands)


def _command(directive: Directive, context: Context) -> Command:
    word, *rest = directive.expect(1)
    event = _event(directive, word)
    if event is Event.CERTRENEW:
        context.warn(f"{directive.name.place}: '{word}' never happens: the command will not run")
    try:
        words = shlex.split(" ".join(rest))
    except ValueError as error:
        message = f"error parsing command: {error}"
        raise directive.error(message, directive.arguments[1]) from None
    is_waited_for = words[1:][-1:] != [_IN_BACKGROUND]
    words = words if is_waited_for else words[:-1]
    if not words:
        raise directive.error(f"no command behind '{word}'", directive.arguments[0])
    return Command(event, tuple(words), is_waited_for)


def _event(directive: Directive, word: str) -> Event:
    try:
        return Event(word.lower())
    except ValueError:
        known = ", ".join(event.value for event in Event)
        message = f"wrong event name or event not supported: '{word}' ({known})"
        raise directive.error(message, directive.arguments[0]) from None
