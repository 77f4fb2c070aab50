"""Judgements about the way to the node once its address is known: epmd, port, handshake, TLS, cookie.

Sources: OTP erl_epmd.erl, dist_util.erl, public_key:pkix_verify_hostname/3 (RFC 6125 §6.4).
"""

from __future__ import annotations

from podname.dns import addresses
from podname.doctor.facts import Facts, Reach
from podname.doctor.findings import Check, Finding
from podname.erlang.handshake import Handshake

_NO_ADDRESS = "there is no address to go to"
_NO_NODE = "no node was reached"


def port(facts: Facts) -> Finding:
    """Judge whether there is a port to connect to, and whether it takes connections."""
    check = Check("port")
    reach = facts.reach
    if reach is None:
        return check.unknown(_NO_ADDRESS if facts.machine else "not tried from outside the cluster")
    mapper, shaken = reach.epmd, reach.handshake
    if mapper and mapper.error:
        return check.fails(
            f"epmd at {reach.address}:{mapper.port}: {mapper.error}",
            "without epmd nobody tells at which port the node listens",
            "start the node with -name or -sname (which starts epmd), let a NetworkPolicy pass port"
            f" {mapper.port}, or, if nodes run without epmd (-erl_epmd_port), tell the port: --port",
        )
    if mapper and not mapper.node_port:
        return check.fails(
            f"epmd at {reach.address}:{mapper.port} knows"
            f" {', '.join(mapper.names) if mapper.names else 'no node'}, not {facts.node.name}",
            "the node is not running there, or under another name",
            f"call it {mapper.names[0]}@{facts.node.host}"
            if mapper.names
            else "see the node's log: it has not started, or without -name and -sname",
        )
    at = f"{reach.address}:{shaken.port if shaken else 0}"
    if shaken and shaken.error:
        return check.fails(
            f"{at}: {shaken.error}",
            "the node has ended, listens at another address (inet_dist_use_interface), or something keeps us out",
            "let the NetworkPolicy pass the distribution port, and fix it: inet_dist_listen_min and _max",
        )
    return check.holds(f"{at}, {'which epmd told' if mapper else 'as given'}")


def handshake(facts: Facts) -> Finding:
    """Judge whether the node there is the one that was asked for."""
    check = Check("handshake")
    shaken = _shaken(facts)
    if shaken is None:
        return check.unknown(_NO_NODE)
    if shaken.status == "not_allowed":
        return check.warns(
            "the node answers: not_allowed",
            "it lets only certain nodes in, by net_kernel:allow/1, and the doctor comes under a name of its own",
            f"see whether {facts.own or 'this node'} or its host is among them",
        )
    if not shaken.node:
        return check.unknown(
            "it wants a certificate before it says its name"
            if shaken.is_tls
            else f"the node answers {shaken.status!r}"
        )
    if shaken.node != str(facts.node):
        return _other_name(check, facts, shaken.node)
    return check.holds(f"{shaken.node} answers")


def _other_name(check: Check, facts: Facts, said: str) -> Finding:
    return check.fails(
        f"the node there calls itself {said}, not {facts.node}",
        "a node drops a connection to one that has another name than was asked for",
        f"connect to '{said}', or start it as {facts.node}"
        + (" (-name)" if facts.node.is_long else " (-sname)"),
    )


def tls(facts: Facts) -> Finding:
    """Judge whether the certificate is made out to the node's host."""
    check = Check("tls")
    shaken, reach = _shaken(facts), facts.reach
    if shaken is None or reach is None:
        return check.unknown(_NO_NODE)
    if not shaken.is_tls:
        return _plain(check, facts)
    certificate, host = reach.certificate, facts.node.host
    if certificate is None or certificate.error:
        return check.unknown(f"the certificate was not read: {certificate and certificate.error}")
    named = f"the certificate is for {', '.join(certificate.names) or 'nobody'}"
    if any(_same(name, host) for name in certificate.names):
        return check.holds(named)
    if any(_covers(name, host) for name in certificate.names):
        return check.warns(
            f"{named}, which covers {host}",
            "Erlang takes a wildcard only if its clients are told how to compare",
            "in the client options of every ssl_dist_optfile: {customize_hostname_check,"
            " [{match_fun, public_key:pkix_verify_hostname_match_fun(https)}]}",
        )
    return check.fails(
        f"{named}, not for {host}",
        "a client that verifies hangs up: hostname_check_failed",
        f"issue one with the DNS name {host}, or a wildcard *.{host.partition('.')[2] or '<domain>'}",
    )


def _plain(check: Check, facts: Facts) -> Finding:
    if facts.machine and facts.machine.erlang.is_tls:
        return check.fails(
            "nodes here use -proto_dist inet_tls, the other one speaks plainly",
            "the two never understand each other",
            "start both with the same -proto_dist",
        )
    return check.holds("not used")


def cookie(facts: Facts) -> Finding:
    """Judge whether the other node takes the cookie that nodes here have; hashes only are shown."""
    check = Check("cookie")
    ours = facts.machine.cookie if facts.machine else None
    theirs = facts.there.pod.cookie if facts.there.pod else None
    shaken = _shaken(facts)
    if ours is None:
        return check.unknown("none is readable here: no RELEASE_COOKIE, no ~/.erlang.cookie")
    seen = f"ours has the hash {ours.digest} ({ours.source})"
    if theirs:
        seen += f", the other pod's {theirs.digest} ({theirs.source})"
    if shaken and shaken.cookie_accepted:
        return check.holds(f"{seen}, accepted")
    differs = theirs is not None and theirs.digest != ours.digest
    if (shaken and shaken.cookie_accepted is False) or differs:
        return check.fails(
            f"{seen}, {'refused' if shaken else 'another one'}",
            'the other node logs "Connection attempt from node ... rejected. Invalid challenge reply."',
            "give both the same: one Secret as RELEASE_COOKIE, or the same ~/.erlang.cookie; compare with"
            " printf %s COOKIE | sha256sum | cut -c-6",
        )
    return check.unknown(f"{seen}; {_NO_NODE}")


def _shaken(facts: Facts) -> Handshake | None:
    reach: Reach | None = facts.reach
    shaken = reach.handshake if reach else None
    return shaken if shaken and not shaken.error else None


def _same(name: str, host: str) -> bool:
    address = addresses.parse(host)
    return addresses.parse(name) == address if address else name.lower() == host.lower()


def _covers(name: str, host: str) -> bool:
    """Whether a wildcard stands for the first label of a host."""
    wildcard, _, rest = name.lower().partition(".")
    label, _, domain = host.lower().partition(".")
    return wildcard == "*" and bool(label) and rest == domain and addresses.parse(host) is None
