//! A question as it came in, taken apart just far enough to be answered.
//!
//! [`parse`] accepts what CoreDNS accepts: one question, at most one answer and one authority record and two
//! additional ones; records that the header counts but the packet does not hold are forgiven. Stricter than
//! CoreDNS, as RFC 6891 §6.1.1 demands: two OPT records, or one whose owner is not the root, are FORMERR.
//!
//! Sources: RFC 1035 §4.1; RFC 6891 §6.1; RFC 7871 §6; miekg/dns `defaultMsgAcceptFunc`, `Msg.unpack`.

use crate::constants as c;
use crate::names;
use crate::records::{self, u16_at};

/// The opcode's bits in the flags.
pub const OPCODE: u16 = 0x7800;
/// The opcode NOTIFY, in its place.
const NOTIFY: u16 = 4 << 11;

/// What the OPT record of a query says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The size that the client can take.
    pub udp_octets: u16,
    /// The version that it speaks.
    pub version: u8,
    /// The DO bit.
    pub dnssec_ok: bool,
}

/// One well-formed query; offsets into its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The header's second 16 bits.
    pub flags: u16,
    /// The type that is asked for.
    pub qtype: u16,
    /// The class that is asked for.
    pub qclass: u16,
    /// The offset behind the question.
    pub end: usize,
    /// EDNS, if the client speaks it.
    pub edns: Option<Edns>,
}

impl Query {
    /// Return the name as the client spelled it.
    pub fn name<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        &packet[c::HEADER_OCTETS..self.end - 4]
    }

    /// Return the whole question.
    pub fn question<'p>(&self, packet: &'p [u8]) -> &'p [u8] {
        &packet[c::HEADER_OCTETS..self.end]
    }

    /// Return the size of the largest response that can reach the client (RFC 6891 §6.2.3).
    pub fn octets_max(&self, over_udp: bool) -> usize {
        if !over_udp {
            return c::MESSAGE_OCTETS_MAX;
        }
        let said = self.edns.map_or(0, |edns| edns.udp_octets as usize);
        said.clamp(c::UDP_OCTETS_WITHOUT_EDNS, c::UDP_OCTETS_MAX)
    }

    /// Return whether the client wants DNSSEC records.
    pub fn dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }
}

/// A packet that is no query to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Say nothing.
    Silence,
    /// Say this RCODE; the question, if it could be read, ends at this offset.
    Answer(u8, usize),
}

/// Take a packet apart. O(length of the question and of what follows it).
///
/// # Errors
/// What to say to a packet that is no query.
pub fn parse(packet: &[u8]) -> Result<Query, Malformed> {
    if packet.len() < c::HEADER_OCTETS {
        return Err(Malformed::Silence);
    }
    let flags = u16_at(packet, 2);
    let count = |at| u16_at(packet, at);
    if flags & c::QR != 0 {
        return Err(Malformed::Silence);
    }
    if !matches!(flags & OPCODE, 0 | NOTIFY) {
        return Err(Malformed::Answer(c::NOTIMP, c::HEADER_OCTETS));
    }
    if count(4) != 1 || count(6) > 1 || count(8) > 1 || count(10) > 2 {
        return Err(Malformed::Answer(c::FORMERR, c::HEADER_OCTETS));
    }
    if packet.len() == c::HEADER_OCTETS {
        // As CoreDNS answers a question that is announced and not there.
        return Err(Malformed::Answer(c::SERVFAIL, c::HEADER_OCTETS));
    }
    let end = question_end(packet).ok_or(Malformed::Answer(c::FORMERR, c::HEADER_OCTETS))?;
    let edns = edns(packet, end, count(6) + count(8), count(10))
        .ok_or(Malformed::Answer(c::FORMERR, end))?;
    Ok(Query { flags, qtype: u16_at(packet, end - 4), qclass: u16_at(packet, end - 2), end, edns })
}

/// Return the offset behind the question. None when it is malformed.
fn question_end(packet: &[u8]) -> Option<usize> {
    let behind = records::skip_name(packet, c::HEADER_OCTETS)?;
    // A pointer in a question points nowhere.
    let is_name = names::is_name(&packet[c::HEADER_OCTETS..behind]);
    (is_name && behind + 4 <= packet.len()).then_some(behind + 4)
}

/// Read the OPT record among the last `additionals` records, `before` others standing before them.
/// None when anything is malformed.
#[allow(clippy::option_option)] // malformed, absent, there
fn edns(packet: &[u8], mut at: usize, before: u16, additionals: u16) -> Option<Option<Edns>> {
    let mut edns = None;
    for number in 0..before + additionals {
        if at == packet.len() {
            break;
        }
        let record = records::record_at(packet, at)?;
        if record.rtype == c::OPT && number >= before {
            if edns.is_some() || packet[record.start] != 0 {
                return None;
            }
            check_options(&packet[record.rdata..record.end])?;
            edns = Some(Edns {
                udp_octets: u16_at(packet, record.fixed + 2),
                version: packet[record.fixed + 5],
                dnssec_ok: packet[record.fixed + 6] & 0x80 != 0,
            });
        }
        at = record.end;
    }
    Some(edns)
}

/// Return None when the options of an OPT record are malformed.
fn check_options(mut octets: &[u8]) -> Option<()> {
    while !octets.is_empty() {
        let (head, rest) = octets.split_at_checked(4)?;
        let (data, behind) = rest.split_at_checked(u16_at(head, 2) as usize)?;
        let length = data.len();
        let is_fine = match u16_at(head, 0) {
            1 => length >= 18,               // LLQ, RFC 8764
            2 => matches!(length, 4 | 8),    // UL
            8 => is_client_subnet(data),     // RFC 7871
            9 => length == 0 || length >= 4, // EXPIRE, RFC 7314
            11 => matches!(length, 0 | 2),   // TCP-KEEPALIVE, RFC 7828
            15 => length >= 2,               // EDE, RFC 8914
            _ => true,
        };
        if !is_fine {
            return None;
        }
        octets = behind;
    }
    Some(())
}

/// Return whether an option names a network.
fn is_client_subnet(data: &[u8]) -> bool {
    if data.len() < 4 {
        return false;
    }
    let (family, source, scope) = (u16_at(data, 0), data[2], data[3]);
    match family {
        0 => source == 0,
        1 => source <= 32 && scope <= 32,
        2 => source <= 128 && scope <= 128,
        _ => false,
    }
}
