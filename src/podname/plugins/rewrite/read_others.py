"""Read the rules `type`, `class`, `ttl`, `rcode` and `cname` of `rewrite`.

Source: CoreDNS 1.15.0 plugin/rewrite type.go, class.go, ttl.go, rcode.go, cname_target.go.
"""

from __future__ import annotations

import re

from dns.rcode import Rcode as RcodeNumber
from dns.rdatatype import RdataType

from podname.corefile.regexp import regexp
from podname.plugins.rewrite.matching import LITERAL, Matcher, Regex, normalized
from podname.plugins.rewrite.responses import Rcode, Ttl
from podname.plugins.rewrite.rules import CnameRule, KindRule, ResponseOnly
from podname.plugins.rewrite.words import Words
from podname.text import shown

_CLASSES = {"IN": 1, "CS": 2, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
_RCODES = RcodeNumber.__members__ | {"DSOTYPENI": 11, "BADSIG": 16, "NOTIMPL": 4}
_RCODE_MAX = 23
_TTL = re.compile(r"(\d+)|(\d+)-(\d*)|-(\d+)", re.ASCII)
_TTL_MAX, _UNBOUNDED_TTL = 2**32 - 1, 2**31 - 1


def read_type(words: Words) -> KindRule:
    """Read `FROM TO`, two types. Raises CorefileError."""
    old, new = _type(words), _type(words)
    words.end()
    return KindRule("qtype", old, new)


def read_class(words: Words) -> KindRule:
    """Read `FROM TO`, two classes. Raises CorefileError."""
    old, new = _class(words), _class(words)
    words.end()
    return KindRule("qclass", old, new)


def read_ttl(words: Words) -> ResponseOnly:
    """Read `[KIND] NAME SECONDS`. Raises CorefileError."""
    matcher = words.matcher(words.kind("ttl", is_given=words.left > 2))
    ttl = _ttl(words)
    words.end()
    return ResponseOnly(matcher, ttl)


def read_rcode(words: Words) -> ResponseOnly:
    """Read `[KIND] NAME FROM TO`. Raises CorefileError."""
    matcher = words.matcher(words.kind("rcode", is_given=words.left > 3))
    rcode = Rcode(_rcode(words), _rcode(words))
    words.end()
    return ResponseOnly(matcher, rcode)


def read_cname(words: Words) -> CnameRule:
    """Read `[KIND] FROM TO`, of which only an exact name gets its last dot. Raises CorefileError."""
    kind = words.kind("cname", is_given=words.left > 2)
    token = words.take("what to match")
    to = words.take("where to lead instead").text.lower()
    words.end()
    matcher: Matcher
    if kind == "regex":
        lowered = type(token)(token.text.lower(), token.place)
        matcher = Regex(regexp(words.line, lowered))
    elif kind == "exact":
        matcher, to = LITERAL[kind](normalized(token.text)), normalized(to)
    else:
        matcher = LITERAL[kind](token.text.lower())
    return CnameRule(matcher, to)


def _type(words: Words) -> int:
    token = words.take("a type")
    found = RdataType.__members__.get(token.text.upper().replace("-", "_"))
    if not found:
        raise words.error(f"rewrite: invalid type '{shown(token.text)}'", token)
    return int(found)


def _class(words: Words) -> int:
    token = words.take("a class")
    if token.text.upper() not in _CLASSES:
        known = ", ".join(_CLASSES)
        raise words.error(f"rewrite: invalid class '{shown(token.text)}', there are {known}", token)
    return _CLASSES[token.text.upper()]


def _rcode(words: Words) -> int:
    token = words.take("an RCODE")
    text = token.text.upper()
    if text.isdecimal() and text.isascii() and int(text) <= _RCODE_MAX:
        return int(text)
    if text not in _RCODES:
        raise words.error(f"rewrite: invalid RCODE '{shown(token.text)}'", token)
    return int(_RCODES[text])


def _ttl(words: Words) -> Ttl:
    token = words.take("a TTL")
    found = _TTL.fullmatch(token.text)
    if found:
        one, least, most, only_most = found.groups()
        bottom = int(one or least or 0)
        top = int(one or most or only_most or _UNBOUNDED_TTL)
        if bottom <= top <= _TTL_MAX:
            return Ttl(bottom, top)
    message = (
        f"rewrite: invalid TTL '{shown(token.text)}': write seconds, or a range such as 30-300"
    )
    raise words.error(message, token)
