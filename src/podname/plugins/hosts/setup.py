"""Set up the `hosts` directive.

A line whose first word is no property is an entry, as long as `fallthrough` has not been said: that is CoreDNS's rule.

Source: CoreDNS 1.15.0 plugin/hosts setup.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from podname.corefile import Directive, Line
from podname.plugins.base import Context, once
from podname.plugins.hosts.entries import address_of
from podname.plugins.hosts.handler import Hosts
from podname.plugins.hosts.options import DEFAULT_PATH, Options
from podname.plugins.zones import zone_names


def setup(directives: Sequence[Directive], context: Context) -> Hosts:
    """Make the plugin. Raises CorefileError."""
    return Hosts(parse(once(directives), context), context.engine)


def parse(directive: Directive, context: Context) -> Options:
    """Read the directive. Raises CorefileError."""
    inline: list[str] = []

    def entry(line: Line, said: Mapping[str, Any]) -> bool:
        word = line.name.text
        if said.get("fallthrough"):
            return False
        if address_of(word.encode("utf-8", "surrogateescape")) is None:
            context.warn(
                f"{line.name.place}: '{word}' is neither a property of hosts nor an address, the line is left out"
            )
        inline.append(" ".join((word, *line.words())))
        return True

    options = Options.read(directive, context, otherwise=entry)
    if options.fallthrough_unsupported and not options.fallthrough:
        raise directive.error("fallthrough_unsupported requires fallthrough")
    return replace(
        options,
        path=_path(directive, context) if directive.arguments else DEFAULT_PATH,
        zones=zone_names(directive.arguments[1:] or context.zones),
        inline="\n".join(inline).encode("utf-8", "surrogateescape"),
    )


def _path(directive: Directive, context: Context) -> Path:
    path = context.folder / directive.arguments[0].text
    try:
        if path.is_dir():
            context.warn(f"{directive.arguments[0].place}: the hosts file {path} is a directory")
        path.stat()
    except FileNotFoundError:
        context.warn(f"{directive.arguments[0].place}: the hosts file {path} does not exist")
    except (OSError, ValueError) as error:
        message = f"unable to access hosts file '{path}': {error}"
        raise directive.error(message, directive.arguments[0]) from None
    return path
