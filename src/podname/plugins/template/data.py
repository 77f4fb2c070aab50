"""What a template sees of a question: its fields, the groups of its match, its variables.

Source: CoreDNS 1.15.0 plugin/template template.go (`templateData`, `match`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podname.corefile.regexp import Regexp
from podname.dns import constants as c
from podname.dns.names import to_text
from podname.dns.query import Query
from podname.dns.texts import class_text, type_text
from podname.expression import ANY, STRING, Expression, Signature, Type
from podname.plugins.base import Request
from podname.plugins.expressions import KNOWN, values
from podname.plugins.template.functions import Fields, Texts

_ZERO = 0x0040
_FLAGS = {
    "Authoritative": c.AA,
    "Truncated": c.TC,
    "RecursionDesired": c.RD,
    "RecursionAvailable": c.RA,
    "Zero": _ZERO,
    "AuthenticatedData": c.AD,
    "CheckingDisabled": c.CD,
}
#: What expressions of a template may name, beside its variables.
KNOWN_OF_TEMPLATES: dict[str, Signature | Type] = {**KNOWN, "group": Signature((ANY,), STRING)}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Variables, in their order, and conditions that must all be true."""

    variables: tuple[tuple[str, Expression], ...] = ()
    conditions: tuple[Expression, ...] = ()

    def hold(self, request: Request, data: Fields) -> bool:
        """Put the variables into the data; return whether the conditions are true. Raises ExpressionError."""
        if not self.variables and not self.conditions:
            return True
        known: dict[str, Any] = {**values(request), "group": _group(data["Group"])}
        for name, expression in self.variables:
            known[name] = data["Var"][name] = expression.evaluate(known)
        return all(condition.evaluate(known) is True for condition in self.conditions)


def data_of(
    request: Request, zone: bytes, pattern: Regexp, found: Sequence[str], kinds: tuple[int, int]
) -> Fields:
    """Return what a template sees; `kinds` are the template's class and type, which stand for ANY."""
    query = request.query
    qclass = kinds[0] if query.qclass == c.ANY else query.qclass
    qtype = kinds[1] if query.qtype == c.ANY else query.qtype
    group = Texts({str(number): text for number, text in enumerate(found)})
    group |= {label: found[number] for label, number in pattern.group_names.items()}
    message = _message(query)
    return Fields(
        Zone=to_text(zone),
        Name=to_text(query.folded),
        Regex=pattern.pattern,
        Match=list(found),
        Group=group,
        Class=class_text(qclass),
        Type=type_text(qtype),
        Message=message,
        Question=message["Question"][0],
        Remote=request.client.address,
        Var={},
        Meta=request.metadatum,
    )


def _message(query: Query) -> Fields:
    """Return the query as miekg/dns has it, without its records."""
    question = Fields(Name=to_text(query.name), Qtype=query.qtype, Qclass=query.qclass)
    flags = {name: bool(query.flags & flag) for name, flag in _FLAGS.items()}
    opcode = query.flags >> 11 & 0xF
    return Fields(
        **flags,
        Id=query.message_id,
        Response=False,
        Opcode=opcode,
        Rcode=query.flags & 0xF,
        Question=[question],
    )


def _group(groups: Mapping[str, str]) -> Callable[[Any], str]:
    def group(key: Any) -> str:
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            return ""
        return groups.get(str(key), "")

    return group
