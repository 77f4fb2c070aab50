//! Answers that the plugin chain left, to be repeated until they expire.
//!
//! A name's node holds all answers for it, one after the other, each told apart by type, class, DO and CD:
//!
//! ```text
//! type class bits 0   flags counts   ttl stored   octets of the records, TTL offsets, words of groups
//! octets without compression
//! TTL offsets         groups of addresses: their size, how many, their offsets        records
//! ```
//!
//! All numbers have two octets, but the TTL and the octets without compression (4), the time (8, nanoseconds of the
//! monotonic clock), and the bits and the zero (one each). Offsets are from the beginning of the records. The meaning of
//! each field is written in `podname.engine.caching`.
//!
//! Sources: RFC 2181 §8 (TTL); RFC 6840 §5.7 (AD); the design of podname.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::constants as c;
use crate::names::{self, Name};
use crate::query::Query;
use crate::raw::{Guard, Map};
use crate::records::{Counts, u16_at};

/// Octets of the records of an answer that may be left.
pub const OCTETS_MAX: usize = 4096;
/// Answers for one name: of more, the one that was left first makes room.
pub const PER_NAME_MAX: usize = 16;
/// Nanoseconds of a second.
const NS: u64 = 1_000_000_000;

/// Bits: what is asked with DO, with CD; what is a denial; what keeps its TTL.
const DNSSEC_OK: u8 = 1;
/// See above.
const CHECKING_DISABLED: u8 = 2;
/// See above.
const IS_DENIAL: u8 = 4;
/// See above.
const KEEPS_TTL: u8 = 8;
/// What a relay fetched; all else was left by the plugin chain, which bounds it by itself.
const IS_FETCHED: u8 = 16;
/// Octets of an answer before its offsets.
const HEAD_OCTETS: usize = 36;

/// What tells the answers for one name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The type.
    pub qtype: u16,
    /// The class.
    pub qclass: u16,
    /// The DO bit.
    pub dnssec_ok: bool,
    /// The CD flag.
    pub checking_disabled: bool,
}

impl Kind {
    /// Return what tells the answer to a query apart.
    pub fn of(query: &Query) -> Self {
        Self {
            qtype: query.qtype,
            qclass: query.qclass,
            dnssec_ok: query.dnssec_ok(),
            checking_disabled: query.flags & c::CD != 0,
        }
    }

    /// Return the first octets of an answer of this kind; of the last, only the lower two bits.
    fn octets(self) -> [u8; 5] {
        let ([t0, t1], [c0, c1]) = (self.qtype.to_be_bytes(), self.qclass.to_be_bytes());
        let dnssec_ok = if self.dnssec_ok { DNSSEC_OK } else { 0 };
        let checking_disabled = if self.checking_disabled { CHECKING_DISABLED } else { 0 };
        [t0, t1, c0, c1, dnssec_ok | checking_disabled]
    }
}

/// An answer, as it is left.
pub struct Left<'a> {
    /// AA, RA, AD and RCODE.
    pub flags: u16,
    /// The counts of the three sections.
    pub counts: Counts,
    /// All that stands behind the question.
    pub records: &'a [u8],
    /// Where the TTLs stand.
    pub ttl_offsets: &'a [u16],
    /// The TTL of them all.
    pub ttl_seconds: u32,
    /// Since when.
    pub stored_ns: u64,
    /// Whether the TTL is not counted down.
    pub keeps_ttl: bool,
    /// Whether it is a denial, for the counts.
    pub is_denial: bool,
    /// Whether a relay fetched it.
    pub is_fetched: bool,
    /// Groups of addresses: the size of each, and where they stand.
    pub groups: &'a [(u16, Vec<u16>)],
    /// What the records would have without compression.
    pub uncompressed_octets: u32,
}

impl Left<'_> {
    /// Return whether all offsets lie within the records, and there are no more than can be written down.
    fn is_sound(&self) -> bool {
        let fits = |at: u16, size: u16| usize::from(at) + usize::from(size) <= self.records.len();
        let words: usize = self.groups.iter().map(|(_, offsets)| 2 + offsets.len()).sum();
        let is_short = |count: usize| u16::try_from(count).is_ok();
        self.ttl_offsets.iter().all(|&at| fits(at, 4))
            && self.groups.iter().all(|(size, all)| all.iter().all(|&at| fits(at, *size)))
            && is_short(self.ttl_offsets.len())
            && is_short(words)
    }

    /// Append the answer to a name's others.
    fn append(&self, kind: Kind, body: &mut Vec<u8>) {
        let mut head = kind.octets();
        head[4] |= if self.is_denial { IS_DENIAL } else { 0 };
        head[4] |= if self.keeps_ttl { KEEPS_TTL } else { 0 };
        head[4] |= if self.is_fetched { IS_FETCHED } else { 0 };
        body.extend_from_slice(&head);
        body.push(0);
        body.extend_from_slice(&self.flags.to_be_bytes());
        body.extend_from_slice(&self.counts);
        body.extend_from_slice(&self.ttl_seconds.to_be_bytes());
        body.extend_from_slice(&self.stored_ns.to_be_bytes());
        let words: usize = self.groups.iter().map(|(_, offsets)| 2 + offsets.len()).sum();
        for size in [self.records.len(), self.ttl_offsets.len(), words] {
            body.extend_from_slice(&(size as u16).to_be_bytes());
        }
        body.extend_from_slice(&self.uncompressed_octets.to_be_bytes());
        let mut push = |word: u16| body.extend_from_slice(&word.to_be_bytes());
        for &at in self.ttl_offsets {
            push(at);
        }
        for (size, offsets) in self.groups {
            push(*size);
            push(offsets.len() as u16);
            for &at in offsets {
                push(at);
            }
        }
        body.extend_from_slice(self.records);
    }
}

/// An answer that was found and has not expired.
#[derive(Clone, Copy)]
pub struct Cached<'g> {
    /// AA, RA, AD and RCODE.
    pub flags: u16,
    /// The counts of the three sections.
    pub counts: Counts,
    /// Whether it is a denial.
    pub is_denial: bool,
    /// What the records would have without compression.
    pub uncompressed_octets: u32,
    /// The TTL to answer with; none when the records have it already.
    ttl_seconds: Option<u32>,
    /// Where the TTLs stand.
    ttl_offsets: &'g [u8],
    /// Groups of addresses.
    groups: &'g [u8],
    /// All that stands behind the question.
    records: &'g [u8],
}

impl Cached<'_> {
    /// Append the records, aged, the addresses turned.
    pub fn append(&self, turn: Option<u32>, out: &mut Vec<u8>) {
        let base = out.len();
        out.extend_from_slice(self.records);
        let records = &mut out[base..];
        if let Some(ttl_seconds) = self.ttl_seconds {
            for at in words(self.ttl_offsets) {
                records[at..at + 4].copy_from_slice(&ttl_seconds.to_be_bytes());
            }
        }
        if let Some(turn) = turn {
            self.rotate(turn as usize, records);
        }
    }

    /// Let the addresses of each group change places.
    fn rotate(&self, turn: usize, records: &mut [u8]) {
        let mut groups = self.groups;
        while !groups.is_empty() {
            let (size, count) = (usize::from(u16_at(groups, 0)), usize::from(u16_at(groups, 2)));
            let (offsets, behind) = groups[4..].split_at(2 * count);
            groups = behind;
            take_turns(records, self.records, size, words(offsets), turn % count.max(1));
        }
    }
}

/// Write the octets that stand at some offsets of `from` in turn to these offsets.
pub fn take_turns(
    records: &mut [u8],
    from: &[u8],
    size: usize,
    offsets: impl Iterator<Item = usize> + Clone,
    turn: usize,
) {
    let turned = offsets.clone().cycle().skip(turn);
    for (at, other) in offsets.zip(turned) {
        records[at..at + size].copy_from_slice(&from[other..other + size]);
    }
}

/// Return the numbers that stand in two octets each.
fn words(octets: &[u8]) -> impl Iterator<Item = usize> + Clone + '_ {
    let (pairs, _) = octets.as_chunks::<2>();
    pairs.iter().map(|pair| usize::from(u16::from_be_bytes(*pair)))
}

/// One answer in a name's node.
#[derive(Clone, Copy)]
struct Entry<'g> {
    /// All octets of it.
    octets: &'g [u8],
    /// How many of them are TTL offsets.
    ttl_octets: usize,
    /// How many of them are groups.
    group_octets: usize,
}

impl<'g> Entry<'g> {
    /// Return whether it is of this kind.
    fn is(&self, kind: [u8; 5]) -> bool {
        let bits = self.octets[4] & (DNSSEC_OK | CHECKING_DISABLED);
        self.octets[..4] == kind[..4] && bits == kind[4]
    }

    /// Return since when it is there.
    fn stored_ns(&self) -> u64 {
        self.octets[18..26].try_into().map_or(0, u64::from_be_bytes)
    }

    /// Return how many octets its records have.
    fn record_octets(&self) -> usize {
        usize::from(u16_at(self.octets, 26))
    }

    /// Return the TTL that it was left with.
    fn ttl_seconds(&self) -> u32 {
        self.octets[14..18].try_into().map_or(0, u32::from_be_bytes)
    }

    /// Look at it as it was left.
    fn look<T>(&self, look: impl FnOnce(&Left<'_>) -> T) -> T {
        let (octets, short) = (self.octets, |at: usize| at as u16);
        let (offsets, rest) = octets[HEAD_OCTETS..].split_at(self.ttl_octets);
        let (mut groups, records) = rest.split_at(self.group_octets);
        let ttl_offsets: Vec<u16> = words(offsets).map(short).collect();
        let mut found = Vec::new();
        while !groups.is_empty() {
            let (all, behind) = groups[4..].split_at(2 * usize::from(u16_at(groups, 2)));
            found.push((u16_at(groups, 0), words(all).map(short).collect()));
            groups = behind;
        }
        look(&Left {
            flags: u16_at(octets, 6),
            counts: octets[8..14].try_into().unwrap_or_default(),
            records,
            ttl_offsets: &ttl_offsets,
            ttl_seconds: self.ttl_seconds(),
            stored_ns: self.stored_ns(),
            keeps_ttl: octets[4] & KEEPS_TTL != 0,
            is_denial: octets[4] & IS_DENIAL != 0,
            is_fetched: octets[4] & IS_FETCHED != 0,
            groups: &found,
            uncompressed_octets: octets[32..36].try_into().map_or(0, u32::from_be_bytes),
        })
    }

    /// Take it apart, if it has not expired.
    fn read(&self, now_ns: u64) -> Option<Cached<'g>> {
        let octets = self.octets;
        let ttl_seconds = self.ttl_seconds();
        let age_seconds = now_ns.saturating_sub(self.stored_ns()) / NS;
        let left = u64::from(ttl_seconds).checked_sub(age_seconds).filter(|&left| left > 0)? as u32;
        let keeps_ttl = octets[4] & KEEPS_TTL != 0 || left == ttl_seconds;
        let (ttl_offsets, rest) = octets[HEAD_OCTETS..].split_at(self.ttl_octets);
        let (groups, records) = rest.split_at(self.group_octets);
        Some(Cached {
            flags: u16_at(octets, 6),
            counts: octets[8..14].try_into().ok()?,
            is_denial: octets[4] & IS_DENIAL != 0,
            uncompressed_octets: u32::from_be_bytes(octets[32..36].try_into().ok()?),
            ttl_seconds: if keeps_ttl { None } else { Some(left) },
            ttl_offsets,
            groups,
            records,
        })
    }
}

/// Walk over the answers of a name.
fn entries(mut body: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let (ttl_octets, group_octets) =
            (2 * usize::from(u16_at(body, 28)), 2 * usize::from(u16_at(body, 30)));
        let records = usize::from(u16_at(body, 26));
        let (octets, behind) = body.split_at(HEAD_OCTETS + ttl_octets + group_octets + records);
        body = behind;
        Some(Entry { octets, ttl_octets, group_octets })
    })
}

/// How much there is of what relays fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Answers.
    pub answers: usize,
    /// Octets of their names and their records.
    pub octets: usize,
}

/// [`Room`] as it changes: of successes and of denials. Only who may write changes it.
#[derive(Default)]
struct Rooms {
    /// Answers.
    answers: [AtomicUsize; 2],
    /// Octets.
    octets: [AtomicUsize; 2],
}

impl Rooms {
    /// Count answers of a name that go or come.
    fn count<'g>(&self, owner: &[u8], entries: impl Iterator<Item = Entry<'g>>, comes: bool) {
        for entry in entries.filter(|entry| entry.octets[4] & IS_FETCHED != 0) {
            let half = usize::from(entry.octets[4] & IS_DENIAL != 0);
            let octets = owner.len() + entry.record_octets();
            for (sum, by) in [(&self.answers[half], 1), (&self.octets[half], octets)] {
                let before = sum.load(Ordering::Relaxed);
                let after = if comes { before + by } else { before - by };
                sum.store(after, Ordering::Relaxed);
            }
        }
    }

    /// Forget all.
    fn clear(&self) {
        for sum in self.answers.iter().chain(&self.octets) {
            sum.store(0, Ordering::Relaxed);
        }
    }
}

/// Answers by name. Readers need a guard and never wait.
pub struct AnswerCache {
    /// The names.
    names: Map,
    /// How many answers there are.
    count: AtomicUsize,
    /// How much of them relays fetched.
    rooms: Rooms,
}

impl Default for AnswerCache {
    fn default() -> Self {
        Self {
            names: Map::new(names::hash_of),
            count: AtomicUsize::new(0),
            rooms: Rooms::default(),
        }
    }
}

impl AnswerCache {
    /// Count the answers, expired ones too.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Return whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Return how much there is of the successes, or the denials, that relays fetched.
    pub fn fetched(&self, is_denial: bool) -> Room {
        let half = usize::from(is_denial);
        Room {
            answers: self.rooms.answers[half].load(Ordering::Relaxed),
            octets: self.rooms.octets[half].load(Ordering::Relaxed),
        }
    }

    /// Return whether the answer of a kind is still the one that was stored at that time.
    pub fn has_stored(&self, owner: &[u8], kind: Kind, stored_ns: u64) -> bool {
        let names = self.names.wait_and_write();
        let there = names.find(owner).map_or(&[][..], |node| node.body());
        let wanted = kind.octets();
        entries(there).any(|entry| entry.is(wanted) && entry.stored_ns() == stored_ns)
    }

    /// Leave an answer for a folded name, in place of the one of its kind; or take that out. Of one that is too
    /// large, or whose offsets point elsewhere, nothing is left.
    pub fn put(&self, owner: &[u8], kind: Kind, left: Option<&Left<'_>>) {
        self.change(owner, kind, left, |_| true);
    }

    /// Take out the answer that was stored at that time, if it is still the one of its kind. Gives whether it was.
    pub fn remove_stored(&self, owner: &[u8], kind: Kind, stored_ns: u64) -> bool {
        self.change(owner, kind, None, |entry| entry.stored_ns() == stored_ns)
    }

    /// Put an answer in place of the one of its kind, or of nothing, if `may_go` lets that one go. Gives whether
    /// anything changed.
    fn change(
        &self,
        owner: &[u8],
        kind: Kind,
        left: Option<&Left<'_>>,
        may_go: impl Fn(&Entry<'_>) -> bool,
    ) -> bool {
        let mut names = self.names.wait_and_write();
        let there = names.find(owner).map_or(&[][..], |node| node.body());
        let before = entries(there).count();
        let wanted = kind.octets();
        let mut kept: Vec<Entry<'_>> =
            entries(there).filter(|entry| !entry.is(wanted) || !may_go(entry)).collect();
        let left = left.filter(|left| left.records.len() <= OCTETS_MAX && left.is_sound());
        if left.is_none() && kept.len() == before {
            return false;
        }
        if left.is_some() && kept.len() == PER_NAME_MAX {
            kept.remove(0);
        }
        let after = kept.len() + usize::from(left.is_some());
        let mut body: Vec<u8> = kept.iter().flat_map(|entry| entry.octets).copied().collect();
        if let Some(left) = left {
            left.append(kind, &mut body);
        }
        self.rooms.count(owner, entries(there), false);
        self.rooms.count(owner, entries(&body), true);
        if body.is_empty() {
            names.remove(owner);
        } else {
            names.put(owner, &body, 0);
        }
        let added = after as isize - before as isize;
        self.count.store(self.len().wrapping_add_signed(added), Ordering::Relaxed);
        true
    }

    /// Take all out.
    pub fn clear(&self) {
        self.names.wait_and_write().swap(Map::new(names::hash_of));
        self.count.store(0, Ordering::Relaxed);
        self.rooms.clear();
    }

    /// Find an answer that has not expired.
    pub fn find<'g>(
        &'g self,
        guard: &'g Guard<'_>,
        name: &Name,
        kind: Kind,
        now_ns: u64,
    ) -> Option<Cached<'g>> {
        self.entry(guard, name, kind)?.read(now_ns)
    }

    /// Return the TTL that is left of an answer; zero and below it has expired, and since when.
    pub fn left_seconds(
        &self,
        guard: &Guard<'_>,
        name: &Name,
        kind: Kind,
        now_ns: u64,
    ) -> Option<i64> {
        let entry = self.entry(guard, name, kind)?;
        let lived = now_ns.saturating_sub(entry.stored_ns()) / NS;
        Some(i64::from(entry.ttl_seconds()) - lived as i64)
    }

    /// Look at an answer as it was left, whether it has expired or not.
    pub fn get<T>(
        &self,
        guard: &Guard<'_>,
        name: &Name,
        kind: Kind,
        look: impl FnOnce(&Left<'_>) -> T,
    ) -> Option<T> {
        self.entry(guard, name, kind).map(|entry| entry.look(look))
    }

    /// Find what is kept for a question.
    fn entry<'g>(&'g self, guard: &'g Guard<'_>, name: &Name, kind: Kind) -> Option<Entry<'g>> {
        let body = self.names.find(guard, name.hash(0), name.octets())?.body();
        let wanted = kind.octets();
        entries(body).find(|entry| entry.is(wanted))
    }
}
