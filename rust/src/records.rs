//! Resource records, and what is done to a ready answer on its way out.
//!
//! A *ready answer* is what a table keeps for one owner name and type: three counts of two octets, the answer
//! records (owned by the pointer 0xC00C, one RRset), the additional records (owned by pointers into the answer).
//! The functions here work in place, on the records where they stand in the response.
//!
//! Sources: RFC 1035 §3.2.1, §4.1.4; RFC 2782 (SRV); CoreDNS plugin/loadbalance (addresses take turns, nothing
//! else moves); CoreDNS plugin/kubernetes, which takes the zone of SRV and NS targets from the question.

use crate::constants as c;
use crate::names::{self, LABEL_OCTETS_MAX, NAME_OCTETS_MAX};

/// The counts of a ready answer: answers, authorities, additionals.
pub type Counts = [u8; 6];
/// Octets of the counts.
pub const COUNTS_OCTETS: usize = 6;

/// Read 16 bits. The caller knows that they are there.
pub fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// Return the offset behind the name at `at`. None when it is cut or malformed; a pointer ends it.
pub fn skip_name(octets: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *octets.get(at)? as usize;
        if length == 0 {
            return Some(at + 1);
        }
        if length >= 0xc0 {
            return (at + 2 <= octets.len()).then_some(at + 2);
        }
        if length > LABEL_OCTETS_MAX {
            return None;
        }
        at += 1 + length;
    }
}

/// Return which names the RDATA of a type hold: octets before them, how many, whether they may be compressed.
pub fn names_in(rtype: u16) -> (usize, usize, bool) {
    match rtype {
        c::NS | c::CNAME | c::PTR => (0, 1, true),
        c::SOA => (0, 2, true),
        c::MX => (2, 1, true),
        c::SRV => (6, 1, false),
        c::DNAME => (0, 1, false),
        _ => (0, 0, false),
    }
}

/// Read a name with its pointers followed, and the offset behind where it began. None when it is malformed.
pub fn expand(message: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let behind = skip_name(message, at)?;
    let mut name = Vec::with_capacity(64);
    loop {
        let length = *message.get(at)? as usize;
        if length >= 0xc0 {
            let target = (length & 0x3f) << 8 | *message.get(at + 1)? as usize;
            if target >= at {
                return None; // a pointer points back
            }
            at = target;
            continue;
        }
        if length > LABEL_OCTETS_MAX || name.len() + length + 1 > NAME_OCTETS_MAX {
            return None;
        }
        name.extend_from_slice(message.get(at..=at + length)?);
        if length == 0 {
            return Some((name, behind));
        }
        at += 1 + length;
    }
}

/// Return how many octets the name at `at` has when its pointers are followed. None when it is malformed.
pub fn name_octets(message: &[u8], mut at: usize) -> Option<usize> {
    let mut octets = 1;
    loop {
        let length = *message.get(at)? as usize;
        if length >= 0xc0 {
            let target = (length & 0x3f) << 8 | *message.get(at + 1)? as usize;
            at = Some(target).filter(|&target| target < at)?;
            continue;
        }
        if length == 0 {
            return Some(octets);
        }
        octets += 1 + length;
        if length > LABEL_OCTETS_MAX || octets > NAME_OCTETS_MAX {
            return None;
        }
        at += 1 + length;
    }
}

/// Return how many octets the answer of a table has without compression, before it has OPT and is cut to fit.
///
/// Answers have the question's own name, by a pointer, and no name in RDATA is compressed. (For a SOA that is not so.)
/// None when it is malformed.
pub fn uncompressed_octets(message: &[u8], question_end: usize, counts: Counts) -> Option<usize> {
    let (answers, additionals) = sections(counts);
    let mut octets = message.len() + answers * (question_end - 4 - c::HEADER_OCTETS) - 2 * answers;
    if additionals > 0 {
        for record in walk(message, question_end, answers + additionals).skip(answers) {
            octets = octets + name_octets(message, record.start)? - (record.fixed - record.start);
        }
    }
    Some(octets)
}

/// Where one record stands: offsets.
#[derive(Clone, Copy)]
pub struct Record {
    /// Of the owner.
    pub start: usize,
    /// Of the type.
    pub fixed: usize,
    /// Of the RDATA.
    pub rdata: usize,
    /// Behind it.
    pub end: usize,
    /// The type.
    pub rtype: u16,
}

/// Read the record at `at`. None when it is malformed.
pub fn record_at(octets: &[u8], at: usize) -> Option<Record> {
    let fixed = skip_name(octets, at)?;
    let rdata = fixed + 10;
    if rdata > octets.len() {
        return None;
    }
    let end = rdata + u16_at(octets, fixed + 8) as usize;
    let rtype = u16_at(octets, fixed);
    (end <= octets.len()).then_some(Record { start: at, fixed, rdata, end, rtype })
}

/// Read `count` records from `at` on; ends early when they are malformed.
pub fn walk(octets: &[u8], mut at: usize, count: usize) -> impl Iterator<Item = Record> + '_ {
    (0..count).map_while(move |_| {
        let record = record_at(octets, at)?;
        at = record.end;
        Some(record)
    })
}

/// Return the numbers of answers and additionals.
pub fn sections(counts: Counts) -> (usize, usize) {
    (u16_at(&counts, 0) as usize, u16_at(&counts, 4) as usize)
}

/// Return whether there is anything to rotate.
pub fn has_several(counts: Counts) -> bool {
    let (answers, additionals) = sections(counts);
    answers > 1 || additionals > 1
}

/// Begin the addresses of the answer and of the additional section elsewhere.
pub fn rotate(records: &mut [u8], counts: Counts, turn: u64) {
    let (answers, additionals) = sections(counts);
    let octets = match (answers, records.get(2..4)) {
        (1.., Some([0, 1])) => 16,
        (1.., Some([0, 28])) => 28,
        _ => 0,
    };
    if octets > 0 {
        let shift = (turn % answers as u64) as usize * octets;
        if let Some(addresses) = records.get_mut(..answers * octets) {
            addresses.rotate_left(shift);
        }
    } else if additionals > 1 {
        let first = start_of(records, answers);
        let turned = start_of(records, answers + (turn % additionals as u64) as usize);
        records[first..].rotate_left(turned - first);
    }
}

/// Return the offset of a record by its number.
fn start_of(records: &[u8], number: usize) -> usize {
    walk(records, 0, number).last().map_or(0, |record| record.end)
}

/// Repeat records from `base` on under an owner that is `shift` octets longer than the one they were made for.
///
/// An additional record whose pointer would no longer reach is left out, as additional records may be.
pub fn shift(out: &mut Vec<u8>, base: usize, counts: &mut Counts, shift: isize) {
    let (answers, additionals) = sections(*counts);
    let mut at = base + start_of(&out[base..], answers);
    let mut kept = additionals;
    for _ in 0..additionals {
        let Some(record) = record_at(out, at) else {
            break;
        };
        if let Some(pointer) = pointer_in(out, at) {
            let target = (u16_at(out, pointer) & 0x3fff) as isize + shift;
            if !(0..c::POINTER_REACH as isize).contains(&target) {
                out.drain(at..record.end);
                kept -= 1;
                continue;
            }
            out[pointer..pointer + 2].copy_from_slice(&(0xc000 | target as u16).to_be_bytes());
        }
        at = record.end;
    }
    counts[4..].copy_from_slice(&(kept as u16).to_be_bytes());
}

/// Return where the pointer stands that ends the name at `at`, if one does: labels may stand before it.
fn pointer_in(octets: &[u8], mut at: usize) -> Option<usize> {
    while (1..0xc0).contains(&octets[at]) {
        at += 1 + octets[at] as usize;
    }
    (octets[at] != 0).then_some(at)
}

/// Spell the zone of SRV and NS targets as the question does; `zone` is folded, `spelled` as long.
pub fn recase(records: &mut [u8], counts: Counts, zone: &[u8], spelled: &[u8]) {
    let (answers, _) = sections(counts);
    let mut at = 0;
    for _ in 0..answers {
        let Some(record) = record_at(records, at) else {
            return;
        };
        let target = match record.rtype {
            c::SRV => record.rdata + 6,
            c::NS => record.rdata,
            _ => record.end,
        };
        if target < record.end && names::is_subdomain(&records[target..record.end], zone) {
            records[record.end - zone.len()..record.end].copy_from_slice(spelled);
        }
        at = record.end;
    }
}
