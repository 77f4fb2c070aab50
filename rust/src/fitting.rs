//! Making a message fit: names compressed, then as many whole records as there is room for, TC when some are
//! missing.
//!
//! CoreDNS sends a message as it is while it fits, and compresses one that does not before it drops anything;
//! what a client is told thus depends on the compressed size, and so it does here. Records are dropped from
//! the end; additional records beside an answer go first, all of them and without TC. Names that differ in case are
//! different to the compressor. This is the one path that allocates, and only for answers whose records hold names.
//!
//! Sources: RFC 1035 §4.1.4; RFC 2181 §9 (TC); RFC 9471 (referrals); RFC 3597 §4 (which names may be compressed); miekg/dns `Msg.Truncate`.

use std::collections::HashMap;

use crate::constants as c;
use crate::records::{Record, expand, names_in, record_at, u16_at};

/// The additional section's number.
const ADDITIONAL: usize = 2;

/// Cut a response, of which `question_end` octets are header and question, to at most `limit` octets.
/// None when it is malformed.
pub fn fit(message: &mut Vec<u8>, question_end: usize, limit: usize) -> Option<()> {
    if has_no_names(message, question_end) {
        cut(message, question_end, limit)
    } else {
        *message = compress(message, question_end, limit)?;
        Some(())
    }
}

/// Return whether compressing would change nothing: addresses of the question's own name.
fn has_no_names(message: &[u8], question_end: usize) -> bool {
    u16_at(message, 8) == 0
        && u16_at(message, 10) == 0
        && u16_at(message, 6) > 0
        && message[c::HEADER_OCTETS] != 0 // a pointer to the root is longer than the root
        && message.len() >= question_end + 4
        && u16_at(message, question_end) == 0xc00c
        && matches!(u16_at(message, question_end + 2), c::A | c::AAAA)
}

/// Keep as many answers as there is room for: they are one RRset of the question's name, without names in them.
fn cut(message: &mut Vec<u8>, question_end: usize, limit: usize) -> Option<()> {
    let (mut at, mut kept) = (question_end, 0_u16);
    for _ in 0..u16_at(message, 6) {
        let end = record_at(message, at)?.end;
        if end > limit {
            message[2] |= (c::TC >> 8) as u8;
            break;
        }
        (at, kept) = (end, kept + 1);
    }
    message.truncate(at);
    message[6..8].copy_from_slice(&kept.to_be_bytes());
    Some(())
}

/// Write the message again with its names compressed, as far as there is room.
fn compress(message: &[u8], question_end: usize, limit: usize) -> Option<Vec<u8>> {
    let mut writer = Writer::new(message, question_end)?;
    let (mut at, mut kept) = (question_end, [0_u16; 3]);
    let has_answer = u16_at(message, 6) > 0;
    'all: for (section, count) in kept.iter_mut().enumerate() {
        let begins = writer.out.len();
        for _ in 0..u16_at(message, 6 + 2 * section) {
            let record = record_at(message, at)?;
            let before = writer.out.len();
            writer.copy(record)?;
            if writer.out.len() > limit {
                if section == ADDITIONAL && has_answer {
                    writer.out.truncate(begins);
                    *count = 0;
                } else {
                    writer.out.truncate(before);
                    writer.out[2] |= (c::TC >> 8) as u8;
                }
                break 'all;
            }
            *count += 1;
            at = record.end;
        }
    }
    for (section, count) in kept.iter().enumerate() {
        let at = 6 + 2 * section;
        writer.out[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    Some(writer.out)
}

/// Writes records with their names compressed.
struct Writer<'m> {
    /// What is written again.
    message: &'m [u8],
    /// What is written.
    out: Vec<u8>,
    /// The offset of each name written, by its octets.
    seen: HashMap<Vec<u8>, u16>,
}

impl<'m> Writer<'m> {
    /// Begin with header and question.
    fn new(message: &'m [u8], question_end: usize) -> Option<Self> {
        let mut writer =
            Self { message, out: message.get(..question_end)?.to_vec(), seen: HashMap::new() };
        let (name, _) = expand(message, c::HEADER_OCTETS)?;
        writer.remember(&name, c::HEADER_OCTETS, name.len());
        Some(writer)
    }

    /// Write a record of the message again.
    fn copy(&mut self, record: Record) -> Option<()> {
        let (owner, _) = expand(self.message, record.start)?;
        self.name(&owner, true);
        self.out.extend_from_slice(&self.message[record.fixed..record.rdata]);
        let start = self.out.len();
        let (before, names, compress) = names_in(record.rtype);
        let mut at = record.rdata + before;
        self.out.extend_from_slice(self.message.get(record.rdata..at)?);
        for _ in 0..names {
            let (name, behind) = expand(self.message, at)?;
            self.name(&name, compress);
            at = behind;
        }
        if at < record.end {
            self.out.extend_from_slice(&self.message[at..record.end]);
        }
        let length = (self.out.len() - start) as u16;
        self.out[start - 2..start].copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// Write a name, with a pointer to what stands somewhere already.
    fn name(&mut self, name: &[u8], compress: bool) {
        let (offset, mut at) = (self.out.len(), 0);
        while name[at] != 0 {
            let found = if compress { self.seen.get(&name[at..]).copied() } else { None };
            if let Some(target) = found {
                self.remember(name, offset, at);
                self.out.extend_from_slice(&name[..at]);
                self.out.extend_from_slice(&(0xc000 | target).to_be_bytes());
                return;
            }
            at += 1 + name[at] as usize;
        }
        self.remember(name, offset, name.len());
        self.out.extend_from_slice(name);
    }

    /// Note where a name, written at `offset`, and each name within it stand; only its first `end` octets do.
    fn remember(&mut self, name: &[u8], offset: usize, end: usize) {
        let mut at = 0;
        while name[at] != 0 && at != end && offset + at < c::POINTER_REACH {
            self.seen.entry(name[at..].to_vec()).or_insert((offset + at) as u16);
            at += 1 + name[at] as usize;
        }
    }
}
