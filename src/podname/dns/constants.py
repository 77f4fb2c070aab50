"""The numbers of DNS that more than one module needs.

Sources: IANA "Domain Name System (DNS) Parameters"; RFC 1035 §4.1.1 (header), RFC 6891 §6.1 (OPT).
"""

from __future__ import annotations

# Types
A, NS, CNAME, SOA, PTR, HINFO, MX, TXT, AAAA, SRV = 1, 2, 5, 6, 12, 13, 15, 16, 28, 33
NAPTR, DNAME, OPT, DS = 35, 39, 41, 43
RRSIG, NSEC, SVCB, HTTPS = 46, 47, 64, 65
TSIG, IXFR, AXFR, ANY = 250, 251, 252, 255

# Classes
IN, CH = 1, 3

# RCODEs
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 0, 1, 2, 3, 4, 5
BADVERS = 16

# Flags of the header's second 16 bits
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010

# A flag of the OPT record's TTL field
DNSSEC_OK = 0x8000

HEADER_OCTETS = 12
UDP_OCTETS_WITHOUT_EDNS = 512
MESSAGE_OCTETS_MAX = 65535
UDP_OCTETS_MAX = 65507  # what an IPv4 packet holds beside both headers; IPv6 would take 20 more
POINTER_TO_QNAME = b"\xc0\x0c"
