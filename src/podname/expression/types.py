"""The types that are known before an expression runs, and which of them an operator takes.

Source: expr-lang v1.17.8 checker/nature.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A type. `any` is known only at run time; `element` is what an array holds."""

    kind: str
    element: Type | None = None

    def __str__(self) -> str:
        return f"[]{self.element}" if self.element else self.kind

    @property
    def is_any(self) -> bool:
        """Whether nothing is known."""
        return self.kind == "any"

    @property
    def is_number(self) -> bool:
        """Whether it is a whole number or one with a fraction."""
        return self.kind in {"int", "float"}

    def may_be(self, *kinds: str) -> bool:
        """Return whether it is of one of the kinds, or may be."""
        return self.is_any or self.kind in kinds


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and gives."""

    parameters: tuple[Type, ...]
    result: Type


ANY, NIL, BOOL, STRING = Type("any"), Type("nil"), Type("bool"), Type("string")
INT, FLOAT, MAP, FUNCTION = Type("int"), Type("float"), Type("map"), Type("func")


def array_of(element: Type) -> Type:
    """Return the type of an array."""
    return Type("array", element)


def element_of(array: Type) -> Type:
    """Return the type of what an array holds."""
    return array.element or ANY


def are_comparable(left: Type, right: Type) -> bool:
    """Return whether two values may be equal."""
    return (
        "any" in {left.kind, right.kind}
        or "nil" in {left.kind, right.kind}
        or (left.is_number and right.is_number)
        or left.kind == right.kind != "func"
    )


def are_both(left: Type, right: Type, *groups: tuple[str, ...]) -> bool:
    """Return whether both are of one group of kinds, or may be."""
    known = {kind for group in groups for kind in group}
    if left.is_any or right.is_any:
        return left.may_be(*known) and right.may_be(*known)
    return any(left.kind in group and right.kind in group for group in groups)


def fits(argument: Type, parameter: Type) -> bool:
    """Return whether a value may be given where `parameter` is asked for."""
    if argument.is_any or parameter.is_any or argument.kind == parameter.kind:
        return True
    return parameter.kind == "float" and argument.kind == "int"


def common(types: list[Type]) -> Type:
    """Return the one type that all have, or `any`."""
    kinds = {each.kind for each in types}
    return types[-1] if len(kinds) == 1 else ANY
