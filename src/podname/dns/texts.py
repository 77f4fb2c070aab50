"""The names of types, classes and RCODEs, as people write them, and what they stand for.

Sources: IANA "Domain Name System (DNS) Parameters"; RFC 3597 §5 (TYPE65280, CLASS32).
"""

from __future__ import annotations

from functools import lru_cache

import dns.exception
import dns.rcode
import dns.rdataclass
import dns.rdatatype


@lru_cache(maxsize=1024)
def type_text(qtype: int) -> str:
    """Show a type: `AAAA`, `TYPE65280`."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(qtype))


@lru_cache(maxsize=64)
def class_text(qclass: int) -> str:
    """Show a class: `IN`, `CLASS32`."""
    return dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(qclass))


@lru_cache(maxsize=64)
def rcode_text(rcode: int) -> str:
    """Show an RCODE: `NXDOMAIN`, `RCODE28`."""
    text = dns.rcode.to_text(dns.rcode.Rcode.make(rcode))
    return text if not text.isdigit() else f"RCODE{rcode}"


def type_of(text: str) -> int:
    """Return the type that a text names. Raises ValueError."""
    try:
        return int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text} is not a type") from error


def class_of(text: str) -> int:
    """Return the class that a text names. Raises ValueError."""
    try:
        return int(dns.rdataclass.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text} is not a class") from error


def rcode_of(text: str) -> int:
    """Return the RCODE that a name stands for; CoreDNS takes no number. Raises ValueError."""
    folded = text.upper()
    if folded.isdigit() or folded.startswith("RCODE"):
        raise ValueError(f"{text} is a number, not the name of an RCODE")
    try:
        return int(dns.rcode.from_text(folded))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text} is not an RCODE") from error
