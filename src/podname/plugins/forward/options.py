"""What one `forward` directive says: its properties, how each is read, and its default.

Source: CoreDNS 1.15.0 plugin/forward README and setup.go.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from podname.corefile import Line, Token
from podname.corefile.properties import (
    Properties,
    Value,
    choice,
    duration,
    flag,
    integer,
    not_negative,
    prop,
    union,
    value,
)
from podname.corefile.zones import normalize_zones
from podname.dns import names
from podname.dns.texts import rcode_of
from podname.engine.relaying import RelayOptions
from podname.plugins.forward.address import Address
from podname.plugins.forward.policy import POLICIES
from podname.plugins.forward.pool import PoolLimits
from podname.plugins.forward.tls import TlsFiles, tls_files

#: What a question may take in all, however long one upstream may.
TOTAL_SECONDS_MOST = 5.0

_A_LABEL = b"\x01\x00"  # that no Corefile names


@dataclass(frozen=True, slots=True)
class HealthOptions:
    """How an upstream that failed is asked whether it is back."""

    interval_seconds: float = 0.5
    recursion: bool = True
    domain: bytes = names.ROOT


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """What all upstreams of a directive have in common."""

    limits: PoolLimits = field(default_factory=PoolLimits)
    read_timeout_seconds: float = 2.0
    force_tcp: bool = False
    tls: TlsFiles = field(default_factory=TlsFiles)
    doh_method: str = "POST"
    health: HealthOptions = field(default_factory=HealthOptions)


def _zones(line: Line) -> frozenset[bytes]:
    return frozenset(names.from_text(zone) for zone in normalize_zones(line.arguments))


def _rcodes(line: Line) -> frozenset[int]:
    return frozenset(_rcode(line, token) for token in line.arguments)


def _failover_rcodes(line: Line) -> frozenset[int]:
    rcodes = _rcodes(line)
    if 0 in rcodes:
        raise line.error("NOERROR cannot be used in failover")
    return rcodes


def _rcode(line: Line, token: Token) -> int:
    try:
        return rcode_of(token.text)
    except ValueError:
        raise line.error(f"{token.text} is not a valid rcode", token) from None


def _read_timeout(line: Line) -> float:
    seconds = line.duration()
    if seconds <= 0:
        raise line.error(f"read_timeout must be positive: {seconds:g}s", line.arguments[0])
    return seconds


def _health_check(line: Line) -> HealthOptions:
    interval_seconds, recursion, domain = not_negative(line), True, names.ROOT
    rest = iter(line.arguments[1:])
    for token in rest:
        if token.text == "no_rec":
            recursion = False
        elif token.text == "domain":
            domain = _domain(line, next(rest, None))
        else:
            raise line.error(f"health_check: unknown option {token.text}", token)
    return HealthOptions(interval_seconds, recursion, domain)


def _domain(line: Line, token: Token | None) -> bytes:
    if token is None:
        raise line.error("health_check: 'domain' needs a name")
    try:
        return names.from_text(token.text)
    except names.BadName as error:
        message = f"health_check: invalid domain name {token.text}: {error}"
        raise line.error(message, token) from None


def _source_address(line: Line) -> str:
    (word,) = line.words()
    try:
        return str(ipaddress.ip_address(word))
    except ValueError:
        raise line.error(f"invalid IP address: {word}", line.arguments[0]) from None


_HEALTH = value("DURATION [no_rec] [domain NAME]", _health_check, most=None)
_COUNT = integer(least=0)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """One `forward` directive."""

    SYNTAX = "FROM TO..."
    LATER = frozenset({"resolver"})

    zone: bytes = names.ROOT  # FROM, folded
    addresses: tuple[Address, ...] = ()
    excepted: frozenset[bytes] = prop(frozenset(), union("NAMES...", _zones), "except")
    force_tcp: bool = prop(False, flag())
    prefer_udp: bool = prop(False, flag())
    expire_seconds: float = prop(10.0, duration(), "expire")
    max_age_seconds: float = prop(0.0, duration(), "max_age")
    idle_most: int = prop(0, _COUNT, "max_idle_conns")
    read_timeout_seconds: float = prop(2.0, value("DURATION", _read_timeout), "read_timeout")
    max_fails: int = prop(2, _COUNT)
    # None: twice the number of upstreams; 0: no limit.
    max_connect_attempts: int | None = prop(None, _COUNT)
    max_concurrent: int = prop(0, _COUNT)
    policy: str = prop("random", choice(*POLICIES))
    health: HealthOptions = prop(HealthOptions(), _HEALTH, "health_check")
    next_rcodes: frozenset[int] = prop(frozenset(), union("RCODE...", _rcodes), "next")
    next_on_nodata: bool = prop(False, flag())
    failover_rcodes: frozenset[int] = prop(
        frozenset(), union("RCODE...", _failover_rcodes), "failover"
    )
    failfast: bool = prop(False, flag(), "failfast_all_unhealthy_upstreams")
    tls: TlsFiles = prop(TlsFiles(), Value("[CERT KEY] [CA]", tls_files, 0, 3))
    tls_servername: str | None = prop(None, value("NAME", lambda line: line.words()[0]))
    doh_method: str = prop("POST", choice("GET", "POST"))
    source_address: str | None = prop(None, value("IP", _source_address))

    @property
    def upstream(self) -> UpstreamOptions:
        """What all upstreams have in common."""
        limits = PoolLimits(self.expire_seconds, self.max_age_seconds, self.idle_most)
        return UpstreamOptions(
            limits,
            self.read_timeout_seconds,
            self.force_tcp,
            self.tls,
            self.doh_method,
            self.health,
        )

    def relayed(self, *, is_last: bool) -> RelayOptions | None:
        """Return how the engine may ask by itself; None when only code can.

        That is over connections, and over a link that has a name. What `next` and `failover` look for is for code, too:
        of the last directive `next` means nothing.
        """
        if self.force_tcp or any(
            address.transport != "dns" or "%" in address.host for address in self.addresses
        ):
            return None
        odd_rcodes = frozenset() if is_last else self.next_rcodes
        if len(self.addresses) > 1:
            odd_rcodes |= self.failover_rcodes
        return RelayOptions(
            upstreams=tuple((address.host, address.port) for address in self.addresses),
            order=self.policy,
            source=self.source_address,
            timeout_seconds=min(self.read_timeout_seconds, TOTAL_SECONDS_MOST),
            idle_seconds_most=self.expire_seconds,
            age_seconds_most=self.max_age_seconds,
            concurrent_most=self.max_concurrent,
            odd_rcodes=odd_rcodes,
            odd_nodata=self.next_on_nodata and not is_last,
            odd_truncated=self.prefer_udp,
        )

    @property
    def attempts_most(self) -> int:
        """How often upstreams may fail one question; 0 is no limit."""
        most = self.max_connect_attempts
        return 2 * len(self.addresses) if most is None else most

    def leaves_nothing_to(self, later: Options) -> bool:
        """Return whether a `forward` after this one is never asked, as this one takes and keeps all of its names."""
        if self.next_rcodes or self.next_on_nodata:
            return False
        tops = (later.zone, *self.excepted)  # where what is left begins: there, or just below
        names_tried = (*tops, *(_A_LABEL + zone for zone in tops))
        return all(self.covers(name) for name in names_tried if later.covers(name))

    def covers(self, folded: bytes) -> bool:
        """Return whether a name is to be forwarded."""
        zone = self.zone
        if zone != names.ROOT and not names.is_subdomain(folded, zone):
            return False
        if not self.excepted or folded == zone:
            return True
        return names.longest_match(folded, self.excepted) is None
