//! The numbers of DNS that more than one module needs.
//!
//! Sources: IANA "Domain Name System (DNS) Parameters"; RFC 1035 §4.1.1 (header), RFC 6891 §6.1 (OPT).
#![allow(missing_docs, clippy::missing_docs_in_private_items)] // the names are the registry's

// Types
pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const PTR: u16 = 12;
pub const MX: u16 = 15;
pub const AAAA: u16 = 28;
pub const SRV: u16 = 33;
pub const DNAME: u16 = 39;
pub const OPT: u16 = 41;
pub const DS: u16 = 43;
pub const IXFR: u16 = 251;
pub const AXFR: u16 = 252;
pub const ANY: u16 = 255;

// Classes
pub const IN: u16 = 1;

// RCODEs
pub const NOERROR: u8 = 0;
pub const FORMERR: u8 = 1;
pub const SERVFAIL: u8 = 2;
pub const NXDOMAIN: u8 = 3;
pub const NOTIMP: u8 = 4;
pub const REFUSED: u8 = 5;
pub const BADVERS: u8 = 16;

// Flags of the header's second 16 bits
pub const QR: u16 = 0x8000;
pub const AA: u16 = 0x0400;
pub const TC: u16 = 0x0200;
pub const RD: u16 = 0x0100;
pub const RA: u16 = 0x0080;
pub const AD: u16 = 0x0020;
pub const CD: u16 = 0x0010;

/// A flag of the OPT record's TTL field.
pub const DNSSEC_OK: u16 = 0x8000;

pub const HEADER_OCTETS: usize = 12;
/// An OPT record without options.
pub const OPT_OCTETS: usize = 11;
pub const UDP_OCTETS_WITHOUT_EDNS: usize = 512;
pub const MESSAGE_OCTETS_MAX: usize = 65_535;
/// What an IPv4 packet holds beside both headers; IPv6 would take 20 octets more.
pub const UDP_OCTETS_MAX: usize = 65_507;
/// Where a compression pointer can no longer point.
pub const POINTER_REACH: usize = 0x4000;
