//! The SOA record of a zone, spelled as the question spells the zone.
//!
//! Its owner, and MNAME and RNAME where they lie in the zone, end in a pointer to the zone within the question.
//!
//! Sources: RFC 2308 §3 (the TTL of a SOA in a denial); CoreDNS plugin/backend_lookup.go `SOA` (the timers).

use std::sync::atomic::{AtomicU32, Ordering};

use crate::constants as c;
use crate::names::is_subdomain;
use crate::records::Counts;

/// Refresh, retry and expire.
const TIMERS_SECONDS: [u32; 3] = [7200, 1800, 86400];

/// A zone that a table is authoritative for.
pub struct Zone {
    /// The zone's name, folded, as are the two others.
    pub origin: Box<[u8]>,
    /// The TTL of the SOA record.
    pub soa_ttl_seconds: u32,
    /// The SOA's MINIMUM.
    pub negative_ttl_seconds: u32,
    /// The primary name server.
    pub mname: Box<[u8]>,
    /// Who is responsible.
    pub rname: Box<[u8]>,
    /// The serial, which changes.
    pub serial: AtomicU32,
}

impl Zone {
    /// Append the SOA record for a question about a name of so many octets in the zone.
    pub fn append_soa(&self, owner_octets: usize, out: &mut Vec<u8>) {
        let origin_at = c::HEADER_OCTETS + owner_octets - self.origin.len();
        let pointer = (0xc000 | origin_at as u16).to_be_bytes();
        out.extend_from_slice(&pointer);
        out.extend_from_slice(&c::SOA.to_be_bytes());
        out.extend_from_slice(&c::IN.to_be_bytes());
        out.extend_from_slice(&self.soa_ttl_seconds.to_be_bytes());
        let length_at = out.len();
        out.extend_from_slice(&[0, 0]);
        for name in [&self.mname, &self.rname] {
            if is_subdomain(name, &self.origin) {
                out.extend_from_slice(&name[..name.len() - self.origin.len()]);
                out.extend_from_slice(&pointer);
            } else {
                out.extend_from_slice(name);
            }
        }
        out.extend_from_slice(&self.serial.load(Ordering::Relaxed).to_be_bytes());
        for timer in TIMERS_SECONDS {
            out.extend_from_slice(&timer.to_be_bytes());
        }
        out.extend_from_slice(&self.negative_ttl_seconds.to_be_bytes());
        let length = (out.len() - length_at - 2) as u16;
        out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }

    /// Return how many octets the SOA record has without pointers.
    pub fn soa_octets(&self) -> usize {
        let timers = 4 * (TIMERS_SECONDS.len() + 2);
        self.origin.len() + 10 + self.mname.len() + self.rname.len() + timers
    }

    /// Append the zone's own SOA as an answer, and give its counts.
    pub fn append_soa_answer(&self, out: &mut Vec<u8>) -> Counts {
        self.append_soa(self.origin.len(), out);
        [0, 1, 0, 0, 0, 0]
    }
}
