"""Read the `hosts` directive.

A line whose first word is no property is an entry, as long as `fallthrough` has not been said: that is CoreDNS's rule.

Source: CoreDNS 1.15.0 plugin/hosts setup.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podname.corefile import Directive, Line, normalize_zones
from podname.plugins.base import Context, each_line, once, unknown_property
from podname.plugins.hosts.entries import address_of
from podname.plugins.hosts.handler import Hosts, Options
from podname.wire import names

DEFAULT_PATH = Path("/etc/hosts")
_TTL_SECONDS_MOST = 65535


@dataclass(slots=True)
class _Said:
    """What the lines of the block have said so far."""

    warn: Callable[[str], None]
    options: dict[str, Any] = field(default_factory=dict)
    inline: list[str] = field(default_factory=list)


def setup(directives: Sequence[Directive], context: Context) -> Hosts:
    """Make the plugin. Raises CorefileError."""
    return Hosts(parse(once(directives), context), context.engine)


def parse(directive: Directive, context: Context) -> Options:
    """Read the directive. Raises CorefileError."""
    said = _Said(context.warn)
    each_line(directive, lambda line: _READERS.get(line.name.text, _entry)(line, said))
    if said.options.get("fallthrough_unsupported") and not said.options.get("fallthrough"):
        raise directive.error("fallthrough_unsupported requires fallthrough")
    zones = normalize_zones(directive.arguments[1:]) or context.zones
    return Options(
        path=_path(directive, context) if directive.arguments else DEFAULT_PATH,
        zones=_folded(zones),
        inline="\n".join(said.inline).encode("utf-8", "surrogateescape"),
        **said.options,
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


def _folded(zones: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(names.from_text(zone) for zone in zones))


def _entry(line: Line, said: _Said) -> None:
    """Take a line as an entry of the hosts file."""
    word = line.name.text
    if said.options.get("fallthrough"):
        raise unknown_property(line.error, word)
    if address_of(word.encode("utf-8", "surrogateescape")) is None:
        said.warn(
            f"{line.name.place}: '{word}' is neither a property of hosts nor an address, the line is left out"
        )
    said.inline.append(" ".join((word, *line.words())))


def _fallthrough(line: Line, said: _Said) -> None:
    said.options["fallthrough"] = _folded(normalize_zones(line.arguments)) or (names.ROOT,)


def _fallthrough_unsupported(line: Line, said: _Said) -> None:
    line.expect(0, 0)
    said.options["fallthrough_unsupported"] = True


def _no_reverse(line: Line, said: _Said) -> None:
    line.expect(0, 0)
    said.options["reverse"] = False


def _ttl(line: Line, said: _Said) -> None:
    line.expect(1, 1)
    said.options["ttl_seconds"] = line.integer(least=1, most=_TTL_SECONDS_MOST)


def _reload(line: Line, said: _Said) -> None:
    line.expect(1, 1)
    seconds = line.duration()
    if seconds < 0:
        message = f"invalid negative duration for reload '{line.arguments[0].text}'"
        raise line.error(message, line.arguments[0])
    said.options["reload_seconds"] = seconds


_READERS: dict[str, Callable[[Line, _Said], None]] = {
    "fallthrough": _fallthrough,
    "fallthrough_unsupported": _fallthrough_unsupported,
    "no_reverse": _no_reverse,
    "reload": _reload,
    "ttl": _ttl,
}
