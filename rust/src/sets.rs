//! The RRsets of one name, packed: what stands behind the name in a node.
//!
//! Each set is its type, its length with a flag (one octet, or five when it is long), and its octets. Nearly all sets
//! of a cluster are one record of the question's own name, class IN: of such a ready answer only the TTL and the RDATA
//! are kept (8 octets for an A record instead of 22). Type 0 holds a name that has no records.
//!
//! Source: the design of podname (100,000 pods in 10,000 Services are some 400,000 names).

use crate::constants as c;
use crate::records::{COUNTS_OCTETS, Counts, u16_at};

/// The pseudo-type that holds a name.
pub const EMPTY_NON_TERMINAL: u16 = 0;
/// Only TTL and RDATA are kept.
const SINGLE: u8 = 1 << 7;
/// The length stands in the four octets behind.
const LONG: u8 = SINGLE - 1;
/// Octets of a ready answer of one record before its TTL.
const TTL_AT: usize = COUNTS_OCTETS + 6;
/// Octets of a ready answer of one record before its RDATA.
const RDATA_AT: usize = TTL_AT + 6;

/// One set.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    /// The type.
    pub qtype: u16,
    /// Whether only TTL and RDATA are kept.
    is_single: bool,
    /// What is kept.
    octets: &'a [u8],
}

impl Set<'_> {
    /// Append the records to `out`, and give their counts.
    pub fn append(&self, out: &mut Vec<u8>) -> Counts {
        if !self.is_single {
            let (counts, records) = self.octets.split_at(COUNTS_OCTETS);
            out.extend_from_slice(records);
            return counts.try_into().expect("the counts are as long as they are");
        }
        let (ttl, rdata) = self.octets.split_at(4);
        let [t0, t1] = self.qtype.to_be_bytes();
        let [l0, l1] = (rdata.len() as u16).to_be_bytes();
        let fixed = [0xc0, 0x0c, t0, t1, 0, 1, ttl[0], ttl[1], ttl[2], ttl[3], l0, l1];
        out.extend_from_slice(&fixed);
        out.extend_from_slice(rdata);
        [0, 1, 0, 0, 0, 0]
    }
}

/// Return whether a ready answer is one record that can be told from its TTL and RDATA.
fn is_single(qtype: u16, ready: &[u8]) -> bool {
    ready.len() >= RDATA_AT
        && ready[..COUNTS_OCTETS] == [0, 1, 0, 0, 0, 0]
        && u16_at(ready, 6) == 0xc00c
        && u16_at(ready, 8) == qtype
        && u16_at(ready, 10) == c::IN
        && u16_at(ready, RDATA_AT - 2) as usize == ready.len() - RDATA_AT
}

/// Walk over the sets of a body.
pub fn sets(mut body: &[u8]) -> impl Iterator<Item = Set<'_>> {
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let (set, behind) = split(body);
        body = behind;
        Some(set)
    })
}

/// Take the first set off a body that has one.
fn split(body: &[u8]) -> (Set<'_>, &[u8]) {
    let (qtype, first) = (u16_at(body, 0), body[2]);
    let (size, rest) = if first & LONG == LONG {
        let size = u32::from_be_bytes([body[3], body[4], body[5], body[6]]);
        (size as usize, &body[7..])
    } else {
        ((first & LONG) as usize, &body[3..])
    };
    let (octets, behind) = rest.split_at(size);
    (Set { qtype, is_single: first & SINGLE != 0, octets }, behind)
}

/// Find the set of a type that can be asked for.
pub fn find(body: &[u8], qtype: u16) -> Option<Set<'_>> {
    sets(body).find(|set| set.qtype == qtype)
}

/// Put a set at the end of a body.
fn push(body: &mut Vec<u8>, qtype: u16, flag: u8, parts: [&[u8]; 2]) {
    let size = parts[0].len() + parts[1].len();
    body.extend_from_slice(&qtype.to_be_bytes());
    if size < LONG as usize {
        body.push(flag | size as u8);
    } else {
        body.push(flag | LONG);
        body.extend_from_slice(&(size as u32).to_be_bytes());
    }
    for part in parts {
        body.extend_from_slice(part);
    }
}

/// Make `body` hold this ready answer for a type, or none. Gives the change of the number of sets.
pub fn change(body: &mut Vec<u8>, qtype: u16, ready: Option<&[u8]>) -> isize {
    let before = body.len();
    let mut at = 0;
    while at < before {
        let (set, behind) = split(&body[at..]);
        let end = before - behind.len();
        if set.qtype == qtype {
            body.drain(at..end);
            break;
        }
        at = end;
    }
    let removed = isize::from(body.len() != before);
    let Some(ready) = ready else {
        return -removed;
    };
    if qtype != EMPTY_NON_TERMINAL && is_single(qtype, ready) {
        let parts = [&ready[TTL_AT..TTL_AT + 4], &ready[RDATA_AT..]];
        push(body, qtype, SINGLE, parts);
    } else {
        push(body, qtype, 0, [ready, &[]]);
    }
    1 - removed
}

/// Return whether there is a set of another type than these.
pub fn has_others(body: &[u8], types: &[u16]) -> bool {
    sets(body).any(|set| !types.contains(&set.qtype))
}
