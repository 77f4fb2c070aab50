"""What the Corefile says of `loadbalance`.

The policy decides which properties there may be: `reload` with `weighted`, `prefer` without. Of several directives the
last one's policy counts, and the networks of all.

Source: CoreDNS 1.15.0 plugin/loadbalance/setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from podname.corefile import Directive, Line, Token
from podname.corefile.properties import Properties, ReadContext, Value, duration, prop
from podname.plugins.base import Context, one_counts
from podname.plugins.loadbalance.handler import LoadBalance
from podname.plugins.loadbalance.order import Network
from podname.plugins.loadbalance.weights import WeightFile, WeightFileError


def _networks(line: Line, before: tuple[Network, ...], _: ReadContext) -> tuple[Network, ...]:
    return (*before, *(_network(line, token) for token in line.arguments))


def _network(line: Line, token: Token) -> Network:
    if "/" not in token.text:
        raise line.error(f"invalid CIDR '{token.text}': write its length, as in 10.0.0.0/8", token)
    try:
        return ip_network(token.text, strict=False)
    except ValueError as error:
        raise line.error(f"invalid CIDR '{token.text}': {error}", token) from None


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `loadbalance` takes with `round_robin`, or no word."""

    SYNTAX = "[round_robin]"

    prefer: tuple[Network, ...] = prop((), Value("CIDR...", _networks, 0, None))


@dataclass(frozen=True, slots=True)
class WeightedOptions(Properties):
    """What `loadbalance weighted` takes."""

    SYNTAX = "weighted WEIGHTFILE"

    reload_seconds: float = prop(30.0, duration(), "reload")


def setup(directives: Sequence[Directive], context: Context) -> LoadBalance:
    """Make the plugin. Raises CorefileError."""
    made = LoadBalance()
    for directive in directives:
        made = _one(directive, context, made.preferred)
    if made.is_planned:  # one is as good as all
        one_counts(directives, context)
    return made


def _one(directive: Directive, context: Context, preferred: Sequence[Network]) -> LoadBalance:
    policy = directive.arguments[0] if directive.arguments else None
    if policy is not None and policy.text == "weighted":
        directive.expect(2, 2)
        weighted = WeightedOptions.read(directive, context)
        file = _weight_file(directive, context, weighted.reload_seconds)
        return LoadBalance(file, weighted.reload_seconds)
    if policy is not None and policy.text != "round_robin":
        raise directive.error(f"unknown policy: {policy.text} (round_robin, weighted)", policy)
    directive.expect(0, 1)
    options = Options.read(directive, context)
    return LoadBalance(preferred=(*preferred, *options.prefer))


def _weight_file(directive: Directive, context: Context, reload_seconds: float) -> WeightFile:
    """Read the file. One that is not there may come later, if it is looked for."""
    word = directive.arguments[1]
    path = Path(context.folder / word.text)
    file = WeightFile(path)
    if context.elsewhere:
        return file
    try:
        file.read()
    except WeightFileError as error:
        raise directive.error(str(error), word) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        message = f"unable to read weight file '{path}': {error}"
        if not reload_seconds:
            raise directive.error(message, word) from None
        context.warn(f"{word.place}: {message}: it is looked for again later")
    return file
