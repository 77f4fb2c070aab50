"""Floor 2: the Corefile, from text to directives. The grammar, no directive's meaning.

`parse` reads a file and what it imports into server blocks; every word keeps the place where it
stands. `addresses` reads the keys of server blocks, `normalize_zones` the zones of a directive.
"""

from podname.corefile.addresses import ServerKey, block_keys, refuse_overlaps, server_keys
from podname.corefile.parser import parse, parse_text
from podname.corefile.suggest import suggest
from podname.corefile.tree import Corefile, Directive, Line, ServerBlock, Token
from podname.corefile.zones import normalize_zones
from podname.errors import Place

__all__ = [
    "Corefile",
    "Directive",
    "Line",
    "Place",
    "ServerBlock",
    "ServerKey",
    "Token",
    "block_keys",
    "normalize_zones",
    "parse",
    "parse_text",
    "refuse_overlaps",
    "server_keys",
    "suggest",
]
