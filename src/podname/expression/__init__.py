"""Floor 3: expressions in the language of expr-lang, as `view` and `template` of a Corefile have them.

Source: https://expr-lang.org/docs/language-definition, v1.17.8, which CoreDNS 1.15.0 uses.
"""

from podname.expression.evaluation import ExpressionError
from podname.expression.lexer import BadExpression
from podname.expression.parser import RESERVED, Expression, compile_expression
from podname.expression.types import ANY, BOOL, INT, STRING, Signature, Type

__all__ = [
    "ANY",
    "BOOL",
    "INT",
    "RESERVED",
    "STRING",
    "BadExpression",
    "Expression",
    "ExpressionError",
    "Signature",
    "Type",
    "compile_expression",
]
