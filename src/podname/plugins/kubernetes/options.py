"""What the `kubernetes` directive says: its properties, how each is read, and its default.

Source: CoreDNS plugin/kubernetes `ParseStanza`; README.md beside this file for what is podname's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from podname.corefile import Line, Token, normalize_zones
from podname.corefile.properties import (
    Properties,
    ReadContext,
    Value,
    choice,
    flag,
    prop,
    union,
    value,
)
from podname.errors import KubeError, NotHere
from podname.kube.config import from_endpoint, from_kubeconfig
from podname.kube.selectors import BadSelector, parse_selector

_TTL_SECONDS_MOST = 3600
_POD_TTL_SECONDS = 5

Kubeconfig = tuple[Path, str]  # and the context, '' for the current one
Paths = tuple[Path, ...]


def _endpoint(line: Line, _: str, context: ReadContext) -> str:
    url, *others = line.words()
    if others:
        context.warn(
            f"{line.name.place}: multiple endpoints have been deprecated, only the first, '{url}', is used"
        )
    try:
        from_endpoint(url)
    except KubeError as error:
        raise line.error(str(error), line.arguments[0]) from None
    return url


def _kubeconfig(line: Line, _: Kubeconfig | None, context: ReadContext) -> Kubeconfig:
    path, name = context.folder / line.words()[0], "".join(line.words()[1:])
    try:
        from_kubeconfig(path, name)
    except KubeError as error:
        if path.exists():
            raise line.error(str(error), line.arguments[0]) from None
        if not context.elsewhere:
            raise NotHere(str(error), line.arguments[0].place) from None
    return path, name


def _files(line: Line, before: Paths, context: ReadContext) -> Paths:
    return *before, *(_file(token, line, context) for token in line.arguments)


def _file(token: Token, line: Line, context: ReadContext) -> Path:
    """Return the path of a file. It may come, but is more likely misspelt: so a warning when it is not there."""
    path = context.folder / token.text
    if not path.exists():
        context.warn(f"{line.name.place}: there is no {path} yet")
    return path


def _selector(what: str) -> Value[str]:
    def read(line: Line) -> str:
        text = " ".join(line.words())
        try:
            parse_selector(text)
        except BadSelector as error:
            message = f"unable to parse {what} value: '{text}': {error}"
            raise line.error(message, line.arguments[0]) from error
        return text

    return value("EXPRESSION", read, most=None)


def _ttl(line: Line) -> int:
    return line.integer(least=0, most=_TTL_SECONDS_MOST)


def _pod_names(line: Line, before: int | None, _: ReadContext) -> int:
    if not line.arguments:
        return _POD_TTL_SECONDS if before is None else before
    if line.arguments[0].text != "ttl" or len(line.arguments) != 2:
        message = "write `pod_names` or `pod_names ttl SECONDS`"
        raise line.error(message, line.arguments[0])
    return _ttl(Line(*line.arguments[:1], line.arguments[1:]))


def _fallthrough(line: Line) -> tuple[str, ...]:
    return tuple(normalize_zones(line.arguments)) or (".",)


def _ignore(line: Line, before: bool, _: ReadContext) -> bool:
    for word in line.words()[:1]:
        if word != "empty_service":
            raise line.error(f"unable to parse ignore value: '{word}'", line.arguments[0])
    return before or bool(line.arguments)


def _limit(syntax: str, number: Callable[[str], float]) -> Value[float]:
    """Make a limit on API requests, which is checked and not used: there is one stream for each kind of object."""

    def read(line: Line) -> float:
        (text,), word = line.words(), line.name.text
        try:
            limit = number(text)
        except ValueError:
            raise line.error(f'invalid {word} "{text}": no number', line.arguments[0]) from None
        if not limit >= 0:
            raise line.error(f"{word} must be >= 0", line.arguments[0])
        return limit

    return value(syntax, read)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `kubernetes` directive. Zones are lower case and fully qualified, at least one is no reverse zone.

    Of `endpoint`, `kubeconfig` and `manifests` at most one is used; none means the cluster that the server runs in.
    """

    SYNTAX = "[ZONES...]"
    LATER = frozenset({"multicluster", "zonal"})
    #: CoreDNS's own migration tool takes them out of a Corefile.
    OBSOLETE = frozenset({"upstream", "resyncperiod", "transfer", "federation", "proxy"})

    zones: tuple[str, ...] = ()
    endpoint: str = prop("", Value("URL", _endpoint, 1, None))
    tls: Paths = prop((), Value("CERT KEY CACERT", lambda line, _, c: _files(line, (), c), 3, 3))
    kubeconfig: Kubeconfig | None = prop(None, Value("KUBECONFIG [CONTEXT]", _kubeconfig, 1, 2))
    manifests: Paths = prop((), Value("PATH...", _files, 1, None))
    namespaces: frozenset[str] = prop(
        frozenset(), union("NAMESPACE...", lambda line: frozenset(line.words()))
    )
    labels: str = prop("", _selector("label selector"))
    namespace_labels: str = prop("", _selector("namespace_label selector"))
    pods: str = prop("disabled", choice("disabled", "insecure", "verified"))
    #: None: pods have no names of their own.
    pod_names_ttl_seconds: int | None = prop(
        None, Value("[ttl SECONDS]", _pod_names, 0, 2), "pod_names"
    )
    coredns_ptr: bool = prop(False, flag())
    endpoint_pod_names: bool = prop(False, flag())
    ttl_seconds: int = prop(5, value("SECONDS", _ttl, most=None), "ttl")
    endpoints: bool = prop(True, flag(said=False), "noendpoints")
    fallthrough: tuple[str, ...] = prop((), value("[ZONES...]", _fallthrough, least=0, most=None))
    ignore_empty_service: bool = prop(False, Value("empty_service", _ignore, 0, None), "ignore")
    startup_timeout_seconds: float = prop(
        5.0, value("DURATION", Line.duration, most=None), "startup_timeout"
    )
    apiserver_qps: float = prop(0.0, _limit("QPS", float))
    apiserver_burst: float = prop(0.0, _limit("BURST", int))
    apiserver_max_inflight: float = prop(0.0, _limit("MAX", int))

    @property
    def pod_names(self) -> bool:
        """Whether pods have names of their own."""
        return self.pod_names_ttl_seconds is not None

    @property
    def pod_ttl_seconds(self) -> int:
        """The TTL of those names and of the lists of them."""
        said = self.pod_names_ttl_seconds
        return _POD_TTL_SECONDS if said is None else said

    @property
    def in_cluster(self) -> bool:
        """Whether the objects come from the cluster that the server runs in."""
        return not (self.endpoint or self.kubeconfig or self.manifests)
