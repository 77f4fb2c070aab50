//! The question that an upstream is asked for a client.
//!
//! The client's own, spelled as it spelled it; its OPT record goes along without what is meant for the next server only
//! (RFC 7873 §5.2 cookies, RFC 7828 keepalive, RFC 7830 padding).

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::constants as c;
use crate::names::NAME_OCTETS_MAX;
use crate::query::Query;
use crate::records::{record_at, u16_at};

/// The option of a client's subnet: its answer is not for everybody.
const CLIENT_SUBNET: u16 = 8;
/// Options that are for the next server only.
const HOP_BY_HOP: [u16; 3] = [10, 11, 12];
/// A question to be sent; its id is still zero.
pub struct Question {
    /// The message.
    pub octets: Vec<u8>,
    /// The offset behind the name.
    name_end: usize,
    /// Whether everybody who asks the same may be told the same.
    pub is_for_all: bool,
}

impl Question {
    /// Make the question of a client's packet. None of one that only the plugin chain can forward: with records
    /// beside OPT, such as a signature.
    pub fn of(packet: &[u8], query: &Query, wants_authenticated: bool) -> Option<Self> {
        let (before, additionals) = (u16_at(packet, 6) | u16_at(packet, 8), u16_at(packet, 10));
        if before != 0 || additionals != u16::from(query.edns.is_some()) {
            return None;
        }
        let mut octets = Vec::with_capacity(query.end + c::OPT_OCTETS);
        octets.extend_from_slice(&packet[..query.end]);
        octets[..2].fill(0);
        if wants_authenticated {
            octets[3] |= c::AD as u8;
        }
        let is_for_all = match query.edns {
            None => true,
            Some(edns) => append_opt(packet, query.end, edns.udp_octets, &mut octets)?,
        };
        Some(Self { octets, name_end: query.end - 4, is_for_all })
    }

    /// Return whether both ask the same, of the same server, in the same way: all but the id and the case of the name.
    pub fn is_like(&self, other: &Self) -> bool {
        self.octets.len() == other.octets.len()
            && self.octets[2..c::HEADER_OCTETS] == other.octets[2..c::HEADER_OCTETS]
            && self.octets[c::HEADER_OCTETS..self.name_end]
                .eq_ignore_ascii_case(&other.octets[c::HEADER_OCTETS..self.name_end])
            && self.octets[self.name_end..] == other.octets[self.name_end..]
    }

    /// Return a number that is the same for all who ask the same.
    pub fn hash(&self, state: &RandomState) -> u64 {
        let mut hasher = state.build_hasher();
        hasher.write(&self.octets[2..c::HEADER_OCTETS]);
        let (mut folded, name) =
            ([0; NAME_OCTETS_MAX], &self.octets[c::HEADER_OCTETS..self.name_end]);
        let folded = &mut folded[..name.len()];
        folded.copy_from_slice(name);
        folded.make_ascii_lowercase();
        hasher.write(folded);
        hasher.write(&self.octets[self.name_end..]);
        hasher.finish()
    }
}

/// Append the OPT record at `at`, as far as it is passed on. Gives whether it asks for everybody.
fn append_opt(packet: &[u8], at: usize, udp_octets: u16, out: &mut Vec<u8>) -> Option<bool> {
    let record = record_at(packet, at).filter(|record| record.rtype == c::OPT)?;
    let begin = out.len();
    out.extend_from_slice(&packet[record.start..record.rdata]);
    out[begin + 3..begin + 5].copy_from_slice(&udp_octets.to_be_bytes());
    let (mut options, mut is_for_all) = (&packet[record.rdata..record.end], true);
    while options.len() >= 4 {
        let (code, octets) = (u16_at(options, 0), 4 + usize::from(u16_at(options, 2)));
        let (option, rest) = options.split_at_checked(octets)?;
        is_for_all &= code != CLIENT_SUBNET;
        if !HOP_BY_HOP.contains(&code) {
            out.extend_from_slice(option);
        }
        options = rest;
    }
    let octets = (out.len() - begin - c::OPT_OCTETS) as u16;
    out[begin + c::OPT_OCTETS - 2..begin + c::OPT_OCTETS].copy_from_slice(&octets.to_be_bytes());
    Some(is_for_all)
}
