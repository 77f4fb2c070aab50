"""Say which questions a server block gets: those for which every expression is true.

The server asks before the chain begins (`podname.server.misses`). An expression that cannot be run counts as false.

Source: CoreDNS 1.15.0 plugin/view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from podname.dns.query import Query
from podname.engine.base import Client
from podname.expression import Expression, ExpressionError
from podname.plugins.base import Metadata, Next, Plugin, Reply, Request
from podname.plugins.expressions import values

if TYPE_CHECKING:
    from prometheus_client.core import Metric


class View(Plugin):
    """The `view` of a server block."""

    name = "view"
    is_planned = True

    def __init__(self, view_name: str, expressions: Sequence[Expression]) -> None:
        self.view_name = view_name
        self.expressions = expressions
        self.failures = 0

    def takes(self, request: Request) -> bool:
        """Return whether the block of this view gets the question."""
        known = values(request)
        try:
            return all(each.evaluate(known) is True for each in self.expressions)
        except ExpressionError:
            self.failures += 1
            return False

    def provide(self, query: Query, client: Client) -> Metadata:
        """Return the name of the view."""
        return {"view/name": lambda: self.view_name}

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Hand the query on: the server has asked already."""
        return await next_(request)

    def collect(self) -> Iterable[Metric]:
        """Return its count."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - start time counts

        failures = CounterMetricFamily(
            "podname_view_expression_failures",
            "Questions for which an expression of the view could not be run, which counts as false.",
            labels=("view",),
        )
        failures.add_metric((self.view_name,), self.failures)
        yield failures


def view_name(siblings: Mapping[str, Plugin]) -> str:
    """Return the name of a block's view, for the label of metrics; '' where it has none."""
    found = siblings.get(View.name)
    return found.view_name if isinstance(found, View) else ""
