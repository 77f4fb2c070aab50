"""Set up the `chaos` directive.

Source: CoreDNS 1.15.0 plugin/chaos setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname import __version__
from podname.corefile import Directive
from podname.corefile.properties import Properties
from podname.plugins.base import Context, one_counts
from podname.plugins.chaos.handler import Chaos

_VERSION, _AUTHORS = f"podname-{__version__}", ("the authors of podname",)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `chaos` takes."""

    SYNTAX = "[VERSION] [AUTHORS...]"


def setup(directives: Sequence[Directive], context: Context) -> Chaos:
    """Make the plugin; of several directives the first one counts, as in CoreDNS. Raises CorefileError."""
    for directive in directives:
        Options.read(directive, context)
    version, *authors = one_counts(directives, context).words() or (_VERSION,)
    return Chaos(version, sorted(set(authors)) or _AUTHORS)
