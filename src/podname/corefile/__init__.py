"""Floor 2: the Corefile, the file that says what the server does. Its grammar, and no directive's meaning.

::

    example.org:53 {              # a server block, and its key: which names it answers for, on which port
        log . {                   # a directive with an argument
            class denial error    # a property in the directive's block
        }
        whoami                    # a directive alone
    }

The modules, in the order of the work:

====================================  ==================================================================
`lexer`                               text to words; every word keeps the place where it stands
`environment`, `imports`, `stream`    variables and imported files are put in their places
`parser`                              words to the `tree`: server blocks, directives, lines
`findings`                            errors that do not hide what follows them, and warnings
`addresses`, `zones`                  what a key means: a domain, or a network, and a port
`properties`, `values`, `suggest`     what a directive declares that it takes, and how it is read
====================================  ==================================================================
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
