"""Set up the `etcd` directive.

Source: CoreDNS 1.15.0 plugin/etcd setup.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, Value, flag, prop, value
from podname.plugins.base import Context, named_zones, once
from podname.plugins.durations import duration_or_seconds
from podname.plugins.etcd.client import Client
from podname.plugins.etcd.handler import Etcd
from podname.plugins.etcd.lookup import Services
from podname.plugins.forward.tls import TlsFiles, tls_files
from podname.plugins.zones import fallthrough_zones, zone_names

_ENDPOINT = "http://localhost:2379"
_LEASE_SECONDS_LEAST, _LEASE_SECONDS_MOST = 30, 86_400
_TTL_SECONDS_MOST = 0xFFFFFFFF
_NO_TLS = TlsFiles()


def _seconds(line: Line) -> int:
    seconds = duration_or_seconds(line)
    if not 0 <= seconds <= _TTL_SECONDS_MOST:
        message = f"invalid {line.name.text} value: 0 to {_TTL_SECONDS_MOST} seconds are possible"
        raise line.error(message, line.arguments[0])
    return int(seconds)


def _credentials(line: Line) -> tuple[str, str]:
    name, password = line.words()
    return name, password


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `etcd` takes."""

    SYNTAX = "[ZONES...]"
    OBSOLETE = frozenset({"stubzones", "debug", "upstream"})

    fallthrough: tuple[bytes, ...] = prop(
        (), value("[ZONES...]", fallthrough_zones, least=0, most=None)
    )
    path: str = prop("skydns", value("PATH", lambda line: line.words()[0]))
    endpoints: tuple[str, ...] = prop(
        (_ENDPOINT,), value("ENDPOINT...", Line.words, most=None), "endpoint"
    )
    credentials: tuple[str, str] | None = prop(
        None, value("USERNAME PASSWORD", _credentials, least=2, most=2)
    )
    tls: TlsFiles = prop(_NO_TLS, Value("[CERT KEY] [CA]", tls_files, 0, 3))
    no_apex_fallback: bool = prop(False, flag())
    lease_seconds_least: int = prop(
        _LEASE_SECONDS_LEAST, value("DURATION", _seconds), "min-lease-ttl"
    )
    lease_seconds_most: int = prop(
        _LEASE_SECONDS_MOST, value("DURATION", _seconds), "max-lease-ttl"
    )


def setup(directives: Sequence[Directive], context: Context) -> Etcd:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    options = Options.read(directive, context)
    encrypts = any(each.startswith("https://") for each in options.endpoints)
    endpoints = [each if "://" in each else f"http://{each}" for each in options.endpoints]
    client = Client(endpoints, options.credentials, options.tls.context() if encrypts else None)
    services = Services(
        client,
        options.path,
        options.lease_seconds_least or _LEASE_SECONDS_LEAST,
        options.lease_seconds_most or _LEASE_SECONDS_MOST,
    )
    plugin = Etcd(
        zone_names(directive.arguments or context.zones),
        services,
        options.fallthrough,
        apex_falls_back=not options.no_apex_fallback,
    )
    plugin.named_zones = tuple(named_zones(word) for word in directive.arguments)
    return plugin
