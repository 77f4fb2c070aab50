//! What an upstream said: checked, walked over once, and what it means.
//!
//! The records stay the octets that came. Whatever is not plain (an RCODE of EDNS, OPT before other records, a name that
//! leads nowhere) is [`Read::Odd`]: the plugin chain asks again and decides. A reply that belongs to another question
//! is as if it had not come: whoever forges one has nothing from it.
//!
//! Sources: RFC 5452 §9.1 (which reply is ours); RFC 6891 §6.1.1 (OPT is hop by hop); RFC 2308 §2, RFC 4034 §3.1.5, and
//! CoreDNS plugin/pkg/response typify.go (what it means); podname.dns.relayed and podname.plugins.cache.response, which
//! say the same in Python.

use crate::constants as c;
use crate::query::Query;
use crate::records::{self, Counts, Record, expand, u16_at};

/// The type of a signature.
const RRSIG: u16 = 46;
/// Octets of a signature's RDATA up to its times.
const RRSIG_TIMES_AT: usize = 8;

/// What came in.
pub enum Read<'r> {
    /// No response to this question.
    Foreign,
    /// Too large for the client, who must ask again over TCP; its flags.
    Cut(u16),
    /// Not plain.
    Odd,
    /// To be handed on.
    Plain(Reply<'r>),
}

/// A reply that was walked over: every record is whole, every name in it leads somewhere.
pub struct Reply<'r> {
    /// The message up to its last record, OPT left out.
    octets: &'r [u8],
    /// Behind the question.
    end: usize,
    /// The flags as they came, and the RCODE.
    pub flags: u16,
    /// The counts of the sections, OPT not counted.
    pub counts: Counts,
    /// Where the records stand.
    records: Vec<Record>,
}

/// What a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// An answer.
    Success,
    /// There is no such name.
    NxDomain,
    /// The name has no such type.
    NoData,
    /// Others know.
    Delegation,
    /// SERVFAIL or NOTIMP.
    ServerError,
    /// Another error, or something that nobody should keep.
    OtherError,
}

impl Meaning {
    /// Return whether the name, or its type, does not exist.
    pub fn is_denial(self) -> bool {
        matches!(self, Self::NxDomain | Self::NoData)
    }
}

/// Read what came in as a reply to a query of so many octets, whose client takes `limit`.
pub fn read<'r>(octets: &'r [u8], packet: &[u8], query: &Query, limit: usize) -> Read<'r> {
    if !is_response(octets, packet, query) {
        return Read::Foreign;
    }
    if octets.len() > limit {
        return Read::Cut(u16_at(octets, 2) | c::TC);
    }
    walk(octets, query.end).map_or(Read::Odd, Read::Plain)
}

/// Return whether this is a response to that question. The case of its name does not matter.
fn is_response(octets: &[u8], packet: &[u8], query: &Query) -> bool {
    let (name, kind) = (c::HEADER_OCTETS..query.end - 4, query.end - 4..query.end);
    octets.len() >= query.end
        && u16_at(octets, 2) & c::QR != 0
        && u16_at(octets, 4) == 1
        && octets[kind.clone()] == packet[kind]
        && octets[name.clone()].eq_ignore_ascii_case(&packet[name])
}

/// Walk over the records. None when something is not plain.
fn walk(octets: &[u8], end: usize) -> Option<Reply<'_>> {
    let count = |section: usize| usize::from(u16_at(octets, 6 + 2 * section));
    let first_additional = count(0) + count(1);
    let total = first_additional + count(2);
    let (mut at, mut has_opt) = (end, false);
    let mut found = Vec::with_capacity(total.min(octets.len() / 11));
    for number in 0..total {
        let record = records::record_at(octets, at)?;
        records::name_octets(octets, record.start)?;
        check_rdata(octets, record)?;
        if has_opt {
            return None; // it must be the last, or pointers may reach over it
        }
        has_opt = record.rtype == c::OPT && number >= first_additional;
        if has_opt && octets[record.fixed + 4] != 0 {
            return None; // an RCODE of EDNS
        }
        if !has_opt {
            found.push(record);
        }
        at = record.end;
    }
    let mut counts: Counts = octets[6..12].try_into().ok()?;
    if has_opt {
        counts[4..].copy_from_slice(&((count(2) - 1) as u16).to_be_bytes());
    }
    let end_of_records = found.last().map_or(end, |record| record.end);
    let flags = u16_at(octets, 2);
    Some(Reply { octets: &octets[..end_of_records], end, flags, counts, records: found })
}

/// Return None when a name in RDATA leads nowhere, or a signature is too short.
fn check_rdata(octets: &[u8], record: Record) -> Option<()> {
    if record.rtype == RRSIG && record.end - record.rdata < RRSIG_TIMES_AT + 8 {
        return None;
    }
    let (before, names, _) = records::names_in(record.rtype);
    let mut at = record.rdata + before;
    for _ in 0..names {
        records::name_octets(octets, at)?;
        at = records::skip_name(octets, at)?;
    }
    (names == 0 || at <= record.end).then_some(())
}

impl Reply<'_> {
    /// Return the RCODE.
    pub fn rcode(&self) -> u8 {
        (self.flags & 0xf) as u8
    }

    /// Return all that stands behind the question.
    pub fn records(&self) -> &[u8] {
        &self.octets[self.end..]
    }

    /// Return the number of answers.
    pub fn answers(&self) -> usize {
        usize::from(u16_at(&self.counts, 0))
    }

    /// Return the least TTL, if there is a record.
    pub fn least_ttl_seconds(&self) -> Option<u32> {
        self.records.iter().map(|record| self.ttl_seconds(*record)).min()
    }

    /// Return where the TTLs stand, from the beginning of the records.
    pub fn ttl_offsets(&self) -> Vec<u16> {
        self.records.iter().map(|record| (record.fixed + 4 - self.end) as u16).collect()
    }

    /// Return what the records would have without compression.
    pub fn uncompressed_octets(&self) -> usize {
        let octets = |record: &Record| {
            let owner = records::name_octets(self.octets, record.start).unwrap_or(1);
            owner + 10 + self.uncompressed_rdata_octets(*record)
        };
        self.records.iter().map(octets).sum()
    }

    /// Return what the RDATA of a record would have without compression.
    fn uncompressed_rdata_octets(&self, record: Record) -> usize {
        let (before, names, _) = records::names_in(record.rtype);
        let (mut octets, mut at) = (before, record.rdata + before);
        for _ in 0..names {
            octets += records::name_octets(self.octets, at).unwrap_or(1);
            at = records::skip_name(self.octets, at).unwrap_or(record.end);
        }
        octets + record.end.saturating_sub(at)
    }

    /// Return the groups of addresses that may take turns: their size and where they stand, from the beginning of the records.
    pub fn groups(&self) -> Vec<(u16, Vec<u16>)> {
        let mut groups: Vec<(&[u8], u16, Vec<u16>)> = Vec::new();
        if self.answers() < 2 || self.rcode() != c::NOERROR {
            return Vec::new();
        }
        for record in self.answer() {
            let size = match record.rtype {
                c::A => 4,
                c::AAAA => 16,
                _ => continue,
            };
            if record.end - record.rdata != usize::from(size) {
                continue;
            }
            let owner = &self.octets[record.start..record.fixed];
            let at = (record.rdata - self.end) as u16;
            match groups.iter_mut().find(|group| group.0 == owner && group.1 == size) {
                Some(group) => group.2.push(at),
                None => groups.push((owner, size, vec![at])),
            }
        }
        let several = groups.into_iter().filter(|(_, _, offsets)| offsets.len() > 1);
        several.map(|(_, size, offsets)| (size, offsets)).collect()
    }

    /// Return whether `loadbalance` would write the message anew, which only code can.
    pub fn has_mail_exchanges(&self) -> bool {
        self.answers() > 1 && self.answer().iter().any(|record| record.rtype == c::MX)
    }

    /// Return what the reply means to a query, and whether it may be kept. `now_seconds` is the time of day.
    pub fn meaning(&self, packet: &[u8], query: &Query, now_seconds: u32) -> (Meaning, bool) {
        let has = |rtype| self.authority().iter().any(|record| record.rtype == rtype);
        let (rcode, has_soa) = (self.rcode(), has(c::SOA));
        let found = match rcode {
            c::SERVFAIL | c::NOTIMP => Meaning::ServerError,
            c::NXDOMAIN if self.answers() == 0 => Meaning::NxDomain,
            1.. => Meaning::OtherError,
            _ if self.answers() > 0 => Meaning::Success,
            _ if has_soa => Meaning::NoData,
            _ if has(c::NS) => Meaning::Delegation,
            _ => Meaning::Success,
        };
        let may_keep = found != Meaning::OtherError && self.flags & c::TC == 0;
        if query.dnssec_ok() && self.has_expired(now_seconds) {
            return (Meaning::OtherError, false);
        }
        if found == Meaning::Success && !self.answers_to(packet, query) {
            return if has_soa { (Meaning::NoData, may_keep) } else { (found, false) };
        }
        (found, may_keep && (rcode != c::NXDOMAIN || has_soa))
    }

    /// Return the records of the answer section.
    fn answer(&self) -> &[Record] {
        &self.records[..self.answers()]
    }

    /// Return the records of the authority section.
    fn authority(&self) -> &[Record] {
        let begin = self.answers();
        &self.records[begin..begin + usize::from(u16_at(&self.counts, 2))]
    }

    /// Return the TTL of a record.
    fn ttl_seconds(&self, record: Record) -> u32 {
        let at = record.fixed + 4;
        u32::from_be_bytes([0, 1, 2, 3].map(|more| self.octets[at + more]))
    }

    /// Return whether a signature is past its time, or before it (RFC 1982).
    fn has_expired(&self, now_seconds: u32) -> bool {
        let is_before = |first: u32, second: u32| second.wrapping_sub(first) < 0x8000_0000;
        self.records.iter().filter(|record| record.rtype == RRSIG).any(|record| {
            let at = record.rdata + RRSIG_TIMES_AT;
            let time =
                |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|more| self.octets[at + more]));
            let (expiration, inception) = (time(at), time(at + 4));
            !(is_before(inception, now_seconds) && is_before(now_seconds, expiration))
        })
    }

    /// Return whether the answer section answers the question, aliases followed; an empty one denies nothing.
    fn answers_to(&self, packet: &[u8], query: &Query) -> bool {
        let answer = self.answer();
        if answer.is_empty() || self.answers_plainly(packet, query) {
            return true;
        }
        let asked = query.name(packet).to_ascii_lowercase();
        let class = |record: &&Record| {
            query.qclass == c::ANY || u16_at(self.octets, record.fixed + 2) == query.qclass
        };
        let owned: Vec<&Record> = answer.iter().filter(class).collect();
        let owner_is = |record: &Record, name: &[u8]| self.name(record.start) == name;
        let is_asked = |record: &Record| query.qtype == c::ANY || record.rtype == query.qtype;
        let aliases: Vec<&Record> =
            owned.iter().copied().filter(|record| record.rtype == c::CNAME).collect();
        if aliases.is_empty() || query.qtype == c::ANY {
            return owned.iter().any(|record| is_asked(record) && owner_is(record, &asked));
        }
        let Some(targets) = self.targets(&aliases) else {
            return false;
        };
        if query.qtype == c::CNAME {
            return targets.iter().any(|(owner, _)| *owner == asked);
        }
        let end = end_of(&asked, &targets);
        end.is_some_and(|end| owned.iter().any(|record| is_asked(record) && owner_is(record, end)))
    }

    /// Return whether all records are what was asked for, under the question's own name, as nearly always.
    fn answers_plainly(&self, packet: &[u8], query: &Query) -> bool {
        let kind = &packet[query.end - 4..query.end];
        query.qtype != c::CNAME
            && self.answer().iter().all(|record| {
                self.octets[record.start..].starts_with(&[0xc0, c::HEADER_OCTETS as u8])
                    && self.octets[record.start + 2..].starts_with(kind)
            })
    }

    /// Return where each alias leads; None when one leads to two names (RFC 2181 §10.1).
    fn targets(&self, aliases: &[&Record]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut targets: Vec<(Vec<u8>, Vec<u8>)> = Vec::with_capacity(aliases.len());
        for alias in aliases {
            let (owner, target) = (self.name(alias.start), self.name(alias.rdata));
            match targets.iter().find(|(known, _)| *known == owner) {
                Some((_, other)) if *other != target => return None,
                Some(_) => {}
                None => targets.push((owner, target)),
            }
        }
        Some(targets)
    }

    /// Return the name at an offset, folded.
    fn name(&self, at: usize) -> Vec<u8> {
        expand(self.octets, at).map_or(Vec::new(), |(name, _)| name.to_ascii_lowercase())
    }
}

/// Follow aliases to the last name; None when they go round.
fn end_of<'t>(asked: &'t [u8], targets: &'t [(Vec<u8>, Vec<u8>)]) -> Option<&'t [u8]> {
    let mut name = asked;
    for _ in 0..=targets.len() {
        match targets.iter().find(|(owner, _)| owner == name) {
            None => return Some(name),
            Some((_, target)) => name = target,
        }
    }
    None
}
