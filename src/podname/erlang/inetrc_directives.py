"""The directives of an inetrc: which there are, and which arguments `inet_db` takes.

A directive that it does not take ends the reading of the list: what stands before holds, and everything after
is ignored; a line `inet_config: syntax error in FILE` in the log is all that is said.

Source: Erlang/OTP lib/kernel/src/inet_db.erl (rc_opt_req, res_check_option), inet_config.erl;
ERTS User's Guide, "Inet Configuration".
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

from podname.dns.nameserver import DNS_PORT, Nameserver
from podname.erlang.terms import Term, as_text

LOOKUP_METHODS = frozenset({"dns", "file", "yp", "nis", "nisplus", "native"})
LOOKUP_WORDS = {"bind": "dns", "hosts": "file", "files": "file"} | {m: m for m in LOOKUP_METHODS}
"""What may stand in `lookup`, as atoms or as strings. Any other word is dropped without a word."""

FILE_TYPES = frozenset(
    {
        "resolv",
        "host_conf_freebsd",
        "host_conf_bsdos",
        "host_conf_linux",
        "nsswitch_conf",
        "hosts",
        "win32",
    }
)
BARE = frozenset({"clear_ns", "clear_search", "clear_hosts", "clear_cache", "reset"})
"""Directives that are single atoms."""

Check = Callable[[Term], bool]


def is_address(term: Term) -> bool:
    """Tell `{10,0,0,1}` and `{0,0,0,0,0,0,0,1}`."""
    highest = {4: 255, 8: 65535}.get(len(term.items), -1)
    return term.kind == "tuple" and all(_between(item, 0, highest) for item in term.items)


def _between(term: Term, least: int, most: int | None = None) -> bool:
    value = term.value
    whole = term.kind == "integer" and isinstance(value, int)
    return whole and value >= least and (most is None or value <= most)  # type: ignore[operator]


def _at_least(least: int) -> Check:
    return lambda term: _between(term, least)


def _is_port(term: Term) -> bool:
    return _between(term, 0, 65535)


def _is_boolean(term: Term) -> bool:
    return term.kind == "atom" and term.value in {"true", "false"}


def is_visible(term: Term) -> bool:
    """Tell a string of at least one character, all of them visible ASCII."""
    text = as_text(term)
    return bool(text) and all("!" <= character <= "~" for character in text or "")


def _is_search(term: Term) -> bool:
    return as_text(term) == "" or is_visible(term)


def _is_searches(term: Term) -> bool:
    return term.kind == "list" and not term.tail and all(map(_is_search, term.items))


def _is_file(term: Term) -> bool:
    text = as_text(term)
    return text is not None and (not text or text.startswith("/"))


def _is_lookup(term: Term) -> bool:
    return term.kind == "list" and not term.tail and all(
        item.kind != "list" or item.tail is None for item in term.items
    )  # fmt: skip


def _is_aliases(term: Term) -> bool:
    return term.kind == "list" and not term.tail and bool(term.items) and all(
        as_text(item) is not None for item in term.items
    )  # fmt: skip


def _is_edns(term: Term) -> bool:
    return (term.kind == "atom" and term.value == "false") or (_between(term, 0, 0))


def _is_module(term: Term) -> bool:
    return term.kind == "atom"


def _is_ipv4(term: Term) -> bool:
    return is_address(term) and len(term.items) == 4


ARGUMENTS: dict[str, tuple[tuple[tuple[Check, ...], ...], str]] = {
    "nameserver": (((is_address,), (is_address, _is_port)), "{nameserver, {A,B,C,D}, Port}"),
    "alt_nameserver": (
        ((is_address,), (is_address, _is_port)),
        "{alt_nameserver, {A,B,C,D}, Port}",
    ),
    "search": (((_is_searches,),), '{search, ["domain", ...]}'),
    "domain": (((_is_search,),), '{domain, "domain"}'),
    "lookup": (((_is_lookup,),), "{lookup, [file, dns]}"),
    "resolv_conf": (((_is_file,),), '{resolv_conf, ""} or {resolv_conf, "/absolute/path"}'),
    "hosts_file": (((_is_file,),), '{hosts_file, ""} or {hosts_file, "/absolute/path"}'),
    "host": (((is_address, _is_aliases),), '{host, {A,B,C,D}, ["name", ...]}'),
    "timeout": (((_at_least(1),),), "{timeout, Milliseconds}, more than 0"),
    "servfail_retry_timeout": (((_at_least(0),),), "{servfail_retry_timeout, Milliseconds}"),
    "retry": (((_at_least(1),),), "{retry, N}, more than 0"),
    "inet6": (((_is_boolean,),), "{inet6, true} or {inet6, false}"),
    "usevc": (((_is_boolean,),), "{usevc, true} or {usevc, false}"),
    "edns": (((_is_edns,),), "{edns, 0} or {edns, false}"),
    "udp_payload_size": (((_at_least(512),),), "{udp_payload_size, N}, at least 512"),
    "cache_size": (((_at_least(0),),), "{cache_size, N}"),
    "cache_refresh": (((_at_least(1),),), "{cache_refresh, Milliseconds}"),
    "udp": (((_is_module,),), "{udp, Module}"),
    "tcp": (((_is_module,),), "{tcp, Module}"),
    "sctp": (((_is_module,),), "{sctp, Module}"),
    "socks5_server": (((_is_ipv4,),), "{socks5_server, {A,B,C,D}}"),
    "socks5_port": (((_at_least(-(2**63)),),), "{socks5_port, Port}"),
    "socks5_noproxy": (((_is_ipv4, _is_ipv4),), "{socks5_noproxy, {A,B,C,D}, {A,B,C,D}}"),
}
"""Each directive's argument lists, and how it is written."""


def name_of(directive: Term) -> str | None:
    """Return a directive's word; None when it has none."""
    if directive.kind == "tuple" and directive.items and directive.items[0].kind == "atom":
        return str(directive.items[0].value)
    return str(directive.value) if directive.kind == "atom" else None


def nameserver_of(directive: Term) -> Nameserver:
    """Return the nameserver of a `nameserver` or `alt_nameserver` that is taken."""
    numbers = [int(item.value) for item in directive.items[1].items]
    octets = b"".join(number.to_bytes(1 if len(numbers) == 4 else 2, "big") for number in numbers)
    port = int(directive.items[2].value) if len(directive.items) > 2 else DNS_PORT
    return Nameserver(ip_address(octets), port)


def is_taken(directive: Term) -> bool:
    """Tell whether `inet_db` takes a directive."""
    name = name_of(directive)
    if directive.kind == "atom":
        return name in BARE
    checks, _ = ARGUMENTS.get(name or "", ((), ""))
    arguments = directive.items[1:]
    return any(
        len(arguments) == len(row)
        and all(check(a) for check, a in zip(row, arguments, strict=True))
        for row in checks
    )
