"""The rules `rewrite edns0`: options that the next plugins, and with them an upstream, find in the query.

Sources: CoreDNS 1.15.0 plugin/rewrite edns0.go, wire.go; RFC 5001 (NSID); RFC 7871 §6 (client subnet).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

from podname.dns import addresses
from podname.dns.names import to_text
from podname.dns.unpacked import ResourceRecord, opt_record, options_of, pack_options
from podname.plugins.rewrite.matching import EVERYWHERE
from podname.plugins.rewrite.rules import Options, Outcome, State

NSID, CLIENT_SUBNET = 3, 8
ACTIONS = ("append", "replace", "set", "unset")
_UDP_OCTETS = 4096  # of a query that had no OPT record

#: Makes the data of an option; None when they cannot be had.
Data = Callable[[State], bytes | None]


@dataclass(frozen=True, slots=True)
class OptionRule:
    """Set, append, replace or remove one option."""

    action: str
    code: int
    data: Data
    #: Whether `append` adds an option beside one of the same code.
    repeats: bool = True
    reverts: bool = False
    is_local: bool = False
    zones = EVERYWHERE

    def apply(self, state: State) -> Outcome:
        """Change the options of the query."""
        data = self.data(state)
        if data is None:
            return None
        opt = _opt(state)
        options = options_of(opt.rdata)
        found = next((at for at, (code, _) in enumerate(options) if code == self.code), None)
        if self.action == "unset":
            options = [option for option in options if option[0] != self.code]
        elif found is not None and self.action in {"replace", "set"}:
            options[found] = (self.code, data)
        elif self.action == "replace" or (found is not None and not self.repeats):
            return None
        else:
            options.append((self.code, data))
        if self.reverts:
            state.reverts.append(self._reverting(opt, found))
        opt.rdata = pack_options(options)
        return ()

    def _reverting(self, opt: ResourceRecord, found: int | None) -> Callable[[Options], Options]:
        """Return what gives the option the data that it had, or takes it away."""
        is_new = found is None or self.action == "append"
        before = [] if is_new else [options_of(opt.rdata)[found or 0]]

        def revert(options: Options) -> Options:
            codes = [code for code, _ in options]
            if self.code not in codes:
                return options
            at = codes.index(self.code)
            return [*options[:at], *before, *options[at + 1 :]]

        return revert


def constant(data: bytes) -> Data:
    """Return data that are always the same."""
    return lambda _: data


def metadatum(label: str) -> Data:
    """Return what is known of the query under a label."""
    return lambda state: state.request.metadatum(label).encode("utf-8", "surrogateescape") or None


def client_subnet(v4_bits: int, v6_bits: int) -> Data:
    """Return the network that the client is in."""

    def data(state: State) -> bytes | None:
        octets = _address(state.request.client.address)
        if octets is None:
            return None
        family, bits = (1, v4_bits) if len(octets) == 4 else (2, v6_bits)
        network = ip_network((octets, bits), strict=False).network_address.packed
        return bytes((0, family, bits, 0)) + network[: (bits + 7) // 8]

    return data


def _address(text: str) -> bytes | None:
    return addresses.parse(text)


def _server_address(state: State) -> bytes | None:
    client, server = (
        _address(state.request.client.address),
        _address(state.request.client.server_address or "::"),
    )
    if client is None or server is None or len(client) == len(server):
        return server
    return None


#: The words that stand for data of the query.
VARIABLES: dict[str, Data] = {
    "{qname}": lambda state: to_text(state.query.name).encode(),
    "{qtype}": lambda state: state.query.qtype.to_bytes(2, "big"),
    "{client_ip}": lambda state: _address(state.request.client.address),
    "{client_port}": lambda state: state.request.client.port.to_bytes(2, "big"),
    "{protocol}": lambda state: state.request.client.protocol.encode(),
    "{server_ip}": _server_address,
    "{server_port}": lambda state: int(state.request.client.server_port).to_bytes(2, "big"),
}


def _opt(state: State) -> ResourceRecord:
    """Return the OPT record of the query; one is added when there is none."""
    opt = state.query.opt
    if opt is None:
        opt = opt_record(_UDP_OCTETS)
        state.query.additional.append(opt)
    return opt
