"""Answer with what templates make of the question.

The templates of a block are tried in the order of the Corefile; the first whose class, type, zone and pattern match
answers. One whose pattern does not match says SERVFAIL, unless it falls through.

Source: CoreDNS 1.15.0 plugin/template template.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podname.corefile.regexp import Regexp
from podname.dns import constants as c
from podname.dns.names import longest_match, to_text
from podname.dns.query import Query
from podname.dns.reply import build
from podname.dns.unpacked import ResourceRecord, opt_record
from podname.engine.base import Code
from podname.errors import ServeError
from podname.expression import ExpressionError
from podname.plugins.base import Draft, Next, Plugin, Reply, Request
from podname.plugins.lookup import look_up, records_of
from podname.plugins.template.data import Conditions, data_of
from podname.plugins.template.functions import Fields, TemplateError
from podname.plugins.template.records import BadRecord, record_of

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_EDE, _EDE_OPT_OCTETS = 15, 4096
_TYPE_COUNTS = {
    "matches": "Counter of template regex matches.",
    "template_failures": "Counter of go template failures.",
    "rr_failures": "Counter of mis-templated RRs.",
}

Run = Callable[[Fields], str]
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """One template: its text, and what runs it."""

    source: str
    run: Run


@dataclass(frozen=True, slots=True)
class Template:
    """One `template` directive."""

    qclass: int
    qtype: int
    zones: frozenset[bytes]
    patterns: tuple[Regexp, ...]
    answer: tuple[Text, ...]
    authority: tuple[Text, ...]
    additional: tuple[Text, ...]
    rcode: int
    extended_error: tuple[int, str] | None
    fallthrough: frozenset[bytes]
    conditions: Conditions

    def passes(self, folded: bytes) -> bool:
        """Return whether a name that the patterns do not match is left to the next template."""
        return longest_match(folded, self.fallthrough) is not None

    def data(self, request: Request, zone: bytes) -> Fields | None:
        """Return what its texts see; None when no pattern matches, or a condition is false. Raises ServeError."""
        name = to_text(request.query.folded)
        for pattern in self.patterns:
            found = pattern.find(name)
            if found is None:
                continue
            data = data_of(request, zone, pattern, found, (self.qclass, self.qtype))
            try:
                return data if self.conditions.hold(request, data) else None
            except ExpressionError as error:
                raise ServeError(c.SERVFAIL, f"plugin/template: {error}") from None
        return None

    def is_about(self, query: Query) -> bool:
        """Return whether class and type are this template's."""
        return (c.ANY in {self.qclass, query.qclass} or query.qclass == self.qclass) and (
            c.ANY in {self.qtype, query.qtype} or query.qtype == self.qtype
        )


class Templates(Plugin):
    """All `template` directives of a block."""

    name = "template"
    is_planned = True  # what comes from behind passes as it is

    def __init__(self, templates: Sequence[Template]) -> None:
        self.templates = templates
        self._counts: dict[str, Counter[Labels]] = {name: Counter() for name in _TYPE_COUNTS}

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the names in the templates' zones."""
        zones = {zone for template in self.templates for zone in template.zones}
        draft.layers.append(Code(tuple(sorted(zones))))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer by the first template that matches, or hand on."""
        query = request.query
        for template in self.templates:
            zone = longest_match(query.folded, template.zones)
            if zone is None or not template.is_about(query):
                continue
            request.plugin = self.name
            data = template.data(request, zone)
            if data is not None:
                return await self._answer(template, request, data)
            if not template.passes(query.folded):
                raise ServeError(c.SERVFAIL, "plugin/template: the name does not match")
        return await next_(request)

    def collect(self) -> Iterable[Metric]:
        """Return its counts."""
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - start time counts

        for name, text in _TYPE_COUNTS.items():
            more = () if name == "matches" else ("section", "template")
            labels = ("server", "zone", "view", "class", "type", *more)
            family = CounterMetricFamily(f"coredns_template_{name}_total", text, labels=labels)
            for values, count in self._counts[name].items():
                family.add_metric(values, count)
            yield family

    async def _answer(self, template: Template, request: Request, data: Fields) -> bytes:
        labels = (request.client.server, data["Zone"], request.view, data["Class"], data["Type"])
        self._counts["matches"][labels] += 1
        if template.rcode == c.SERVFAIL:
            raise ServeError(c.SERVFAIL, "plugin/template: rcode SERVFAIL")
        flags, answer, qtype = c.AA, list[bytes](), request.query.qtype
        for text in template.answer:
            made = self._record("answer", text, data, labels)
            answer.append(made.pack())
            if made.rtype == c.CNAME and made.target and qtype in {c.A, c.AAAA}:
                found = await look_up(request, made.target, qtype)
                if found is not None:
                    flags |= found.flags & c.TC
                    answer += records_of(found)
        authority = [self._record("authority", text, data, labels) for text in template.authority]
        additional = [
            self._record("additional", text, data, labels) for text in template.additional
        ]
        if template.extended_error is not None:
            code, reason = template.extended_error
            option = (_EDE, code.to_bytes(2, "big") + reason.encode())
            additional.append(opt_record(_EDE_OPT_OCTETS, [option]))
        return build(
            request.query,
            answer=answer,
            authority=[record.pack() for record in authority],
            additional=[record.pack() for record in additional],
            flags=flags,
            rcode=template.rcode,
        )

    def _record(self, section: str, text: Text, data: Fields, labels: Labels) -> ResourceRecord:
        """Make one record. Raises ServeError."""
        counted = (*labels, section, text.source)
        try:
            made = text.run(data)
        except TemplateError as error:
            self._counts["template_failures"][counted] += 1
            raise ServeError(c.SERVFAIL, f"plugin/template: {error}") from None
        try:
            return record_of(made)
        except BadRecord as error:
            self._counts["rr_failures"][counted] += 1
            raise ServeError(c.SERVFAIL, f"plugin/template: {made!r}: {error}") from None
