"""Read a `kubernetes` directive: every property of CoreDNS's with its default and its error, and ours.

Source: CoreDNS plugin/kubernetes `ParseStanza`; README.md beside this file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from podname.corefile import Directive, Line, normalize_zones
from podname.corefile.properties import each_line, unknown_property
from podname.dns.names import from_text
from podname.errors import KubeError
from podname.kube.config import from_kubeconfig
from podname.kube.selectors import BadSelector, parse_selector
from podname.names.options import is_reverse
from podname.plugins.base import Context, Plugin, named_zones, once
from podname.plugins.kubernetes.handler import Kubernetes
from podname.plugins.kubernetes.settings import Settings

_PODS = ("disabled", "verified", "insecure")
_TTL_SECONDS_MAX = 3600
#: Words of CoreDNS's past that its own migration tool takes out of a Corefile.
_LEGACY = frozenset({"upstream", "resyncperiod", "transfer", "federation", "proxy"})
_LATER = frozenset({"multicluster", "zonal"})


def setup(directives: Sequence[Directive], context: Context) -> Plugin:
    """Make the plugin. Raises CorefileError; reads a kubeconfig, touches neither the network nor the manifests."""
    directive = once(directives)
    settings = Settings(zones=tuple(normalize_zones(directive.arguments)) or context.zones)
    if all(is_reverse(from_text(zone)) for zone in settings.zones):
        raise directive.error("non-reverse zone name must be used")
    each_line(directive, lambda line: _property(line, settings, context))
    if settings.namespaces and settings.namespace_labels:
        raise directive.error("namespaces and namespace_labels cannot both be set")
    if settings.manifests and (settings.endpoint or settings.kubeconfig):
        raise directive.error("manifests cannot be combined with endpoint or kubeconfig")
    plugin = Kubernetes(settings, context)
    plugin.named_zones = tuple(named_zones(word) for word in directive.arguments)
    return plugin


def _property(line: Line, settings: Settings, context: Context) -> None:
    word = line.name.text
    if word in _LEGACY:
        context.warn(f"{line.name.place}: '{word}' in kubernetes is obsolete and has no effect")
    elif word in _LATER:
        raise line.error(f"'{word}' is CoreDNS's, but podname does not support it yet")
    elif word in _PROPERTIES:
        _PROPERTIES[word](line, settings, context)
    else:
        raise unknown_property(line, "kubernetes", _PROPERTIES)


def _flag(name: str, value: bool = True) -> Callable[[Line, Settings, Context], None]:
    def read(line: Line, settings: Settings, _: Context) -> None:
        line.expect(0, 0)
        setattr(settings, name, value)

    return read


def _pods(line: Line, settings: Settings, _: Context) -> None:
    (mode,) = line.expect(1, 1)
    if mode not in _PODS:
        raise line.error(
            f"wrong value for pods: {mode},  must be one of: disabled, verified, insecure",
            line.arguments[0],
        )
    settings.pods = mode


def _namespaces(line: Line, settings: Settings, _: Context) -> None:
    settings.namespaces |= frozenset(line.expect(1))


def _labels(line: Line, settings: Settings, _: Context) -> None:
    settings.labels = _selector(line, "label selector")


def _namespace_labels(line: Line, settings: Settings, _: Context) -> None:
    settings.namespace_labels = _selector(line, "namespace_label selector")


def _selector(line: Line, what: str) -> str:
    text = " ".join(line.expect(1))
    try:
        parse_selector(text)
    except BadSelector as error:
        raise line.error(
            f"unable to parse {what} value: '{text}': {error}", line.arguments[0]
        ) from error
    return text


def _endpoint(line: Line, settings: Settings, context: Context) -> None:
    urls = line.expect(1)
    if len(urls) > 1:
        context.warn(
            f"{line.name.place}: multiple endpoints have been deprecated, only the first, '{urls[0]}', is used"
        )
    settings.endpoint = urls[0]


def _tls(line: Line, settings: Settings, context: Context) -> None:
    files = [str(_there(line, context, name)) for name in line.expect(3, 3)]
    settings.tls = (files[0], files[1], files[2])


def _kubeconfig(line: Line, settings: Settings, context: Context) -> None:
    words = line.expect(1, 2)
    path = _there(line, context, words[0])
    settings.kubeconfig = str(path)
    settings.context = words[1] if len(words) > 1 else ""
    if path.exists():
        try:
            from_kubeconfig(path, settings.context)
        except KubeError as error:
            raise line.error(str(error), line.arguments[0]) from error


def _manifests(line: Line, settings: Settings, context: Context) -> None:
    settings.manifests += tuple(_there(line, context, word) for word in line.expect(1))


def _there(line: Line, context: Context, name: str) -> Path:
    """Return the path of a file, with a warning when nothing is there: it may come, but is more likely misspelt."""
    path = context.folder / name
    if not path.exists():
        context.warn(f"{line.name.place}: there is no {path} yet")
    return path


def _fallthrough(line: Line, settings: Settings, _: Context) -> None:
    settings.fallthrough = tuple(normalize_zones(line.arguments)) or (".",)


def _ttl(line: Line, settings: Settings, _: Context) -> None:
    line.expect(1)
    settings.ttl_seconds = _ttl_seconds(line, 0)


def _pod_names(line: Line, settings: Settings, _: Context) -> None:
    words = line.expect(0, 2)
    settings.pod_names = True
    if words:
        if words[0] != "ttl" or len(words) != 2:
            raise line.error("write `pod_names` or `pod_names ttl SECONDS`", line.arguments[0])
        settings.pod_ttl_seconds = _ttl_seconds(line, 1)


def _ttl_seconds(line: Line, index: int) -> int:
    word = line.arguments[index]
    if not re.fullmatch(r"[+-]?[0-9]+", word.text):
        raise line.error(f"'{word.text}' is no number of seconds", word)
    if not 0 <= int(word.text) <= _TTL_SECONDS_MAX:
        raise line.error(f"ttl must be in range [0, {_TTL_SECONDS_MAX}]: {word.text}", word)
    return int(word.text)


def _ignore(line: Line, settings: Settings, _: Context) -> None:
    if line.arguments and line.arguments[0].text != "empty_service":
        word = line.arguments[0].text
        raise line.error(f"unable to parse ignore value: '{word}'", line.arguments[0])
    settings.ignore_empty_service |= bool(line.arguments)


def _startup_timeout(line: Line, settings: Settings, _: Context) -> None:
    settings.startup_timeout_seconds = line.duration()


def _limit(kind: Callable[[str], float]) -> Callable[[Line, Settings, Context], None]:
    """Check a limit on API requests; podname makes one stream per kind of object, so it limits nothing."""

    def read(line: Line, _: Settings, __: Context) -> None:
        (text,) = line.expect(1, 1)
        word = line.name.text
        try:
            value = kind(text)
        except ValueError as error:
            raise line.error(f'invalid {word} "{text}": no number', line.arguments[0]) from error
        if not value >= 0:
            raise line.error(f"{word} must be >= 0", line.arguments[0])

    return read


_PROPERTIES: dict[str, Callable[[Line, Settings, Context], None]] = {
    "endpoint_pod_names": _flag("endpoint_pod_names"),
    "pod_names": _pod_names,
    "coredns_ptr": _flag("coredns_ptr"),
    "pods": _pods,
    "namespaces": _namespaces,
    "namespace_labels": _namespace_labels,
    "labels": _labels,
    "endpoint": _endpoint,
    "tls": _tls,
    "kubeconfig": _kubeconfig,
    "manifests": _manifests,
    "fallthrough": _fallthrough,
    "ttl": _ttl,
    "noendpoints": _flag("endpoints", value=False),
    "ignore": _ignore,
    "startup_timeout": _startup_timeout,
    "apiserver_qps": _limit(float),
    "apiserver_burst": _limit(int),
    "apiserver_max_inflight": _limit(int),
}
