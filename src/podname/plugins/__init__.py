"""Floor 4: the directives of the Corefile, one folder each, in CoreDNS's order.

What has a folder is supported. A word that CoreDNS knows and podname does not is refused by that
name; a word that nobody knows gets the nearest one.

Source: CoreDNS 1.15.0 `plugin.cfg`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from podname.corefile import Directive
from podname.corefile.suggest import did_you_mean
from podname.errors import CorefileError
from podname.plugins.base import Setup

_ORDER = """
    root metadata geoip cancel proxyproto quic grpc_server https https3 timeouts multisocket
    reload nsid bufsize bind debug trace ready health pprof shed prometheus errors log dnstap
    local dns64 siit any chaos loadbalance tsig rewrite autopath acl cache header dnssec tls
    minimal template transfer dynupdate hosts route53 azure clouddns k8s_external kubernetes
    file auto secondary etcd loop forward grpc erratic whoami on sign view nomad
"""

#: What CoreDNS had once: since when it has not, and what to write instead.
_REMOVED = {"proxy": ("1.5.0", "write 'forward'"), "federation": ("1.7.0", "nothing stands for it")}

#: What podname leaves to others, and why. Of all else that it lacks it says: not yet.
_LEFT_OUT = {
    "azure": "it speaks the API of one cloud",
    "clouddns": "it speaks the API of one cloud",
    "nomad": "it speaks Nomad's API",
    "route53": "it speaks the API of one cloud",
    "dnstap": "it is for tracing",
    "geoip": "it needs a database of places",
    "trace": "it is for tracing",
}

#: CoreDNS's order, which is the order of the chain.
ORDER = tuple(_ORDER.split())
SUPPORTED = frozenset(found.name for found in iter_modules(__path__) if found.ispkg)


def setup_of(directive: Directive) -> Setup:
    """Find what sets a directive up. Raises CorefileError for one that is not supported."""
    word = directive.name.text
    if word in SUPPORTED:
        setup: Setup = import_module(f"podname.plugins.{word}.setup").setup
        return setup
    raise refusal(directive)


def why_not(word: str) -> str:
    """Return why a directive of CoreDNS's is not supported, as the end of a sentence."""
    return f": {_LEFT_OUT[word]}" if word in _LEFT_OUT else " yet"


def refusal(directive: Directive) -> CorefileError:
    """Return why a directive is refused: CoreDNS has it and podname does not, or nobody has."""
    word = directive.name.text
    if word in ORDER:
        return directive.error(
            f"the directive '{word}' is CoreDNS's, but podname does not support it{why_not(word)}"
        )
    if word in _REMOVED:
        version, instead = _REMOVED[word]
        return directive.error(
            f"unknown directive '{word}': CoreDNS removed it in {version}, {instead}"
        )
    return directive.error(f"unknown directive '{word}'{did_you_mean(word, SUPPORTED)}")
