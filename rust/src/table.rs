//! A table: owner names with their ready answers, and the eight rules by which it answers.
//!
//! The rules are those of `podname.engine.base`, which numbers them. A name is in the map when it exists: it has
//! records, is held, or has names below it. So one lookup tells a name's records, that it is an empty
//! non-terminal, or that it does not exist.
//!
//! Whoever asks while a table changes finds each name as it was before or as it is after. Of one update, what
//! is put appears before what is removed goes, so that a name that stays is never missing in between.
//!
//! Sources: RFC 1034 §4.3.2; RFC 2308; RFC 8020; CoreDNS plugin/kubernetes (parse.go, `findPods`).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::addresses;
use crate::apex::Zone;
use crate::constants as c;
use crate::names::{self, LABEL_OCTETS_MAX, Name, Suffixes};
use crate::raw::{Guard, Map, NodeRef, Writing};
use crate::records::{self, Counts};
use crate::sets::{self, EMPTY_NON_TERMINAL};

/// Labels that may make a name below a dashed parent: the address, and two left of it that are ignored.
const DASHED_LABELS_MAX: usize = 3;
/// Which label, counted from the origin, says that only code knows a name.
const LAZY_LABEL: usize = 3;

/// From so many names on right below it, how they end is kept once: a name that is held is there for others.
const SHARED_FROM: u32 = 16;

/// How a table answers, fixed for its life.
#[derive(Default)]
pub struct Options {
    /// What the table is authoritative for.
    pub zones: Vec<Zone>,
    /// Names below these pass to the next layer.
    pub fallthrough: Suffixes,
    /// Rule 6.
    pub optional_underscores: bool,
    /// Rule 8: a miss instead of NODATA.
    pub lazy_types: Vec<u16>,
    /// Whether the table says that names do not exist.
    pub denies: bool,
    /// Rule 8 without `denies`: under `fallthrough` only questions for addresses are NODATA.
    pub passes_other_types: bool,
    /// Rule 8: types that make no name that keeps others from the next layer.
    pub lone_types: Vec<u16>,
    /// The TTL of answers below an open dashed parent.
    pub dashed_ttl_seconds: u32,
    /// Rule 7: which names only code knows, by the third label from the origin.
    pub lazy_labels: Vec<Vec<u8>>,
}

/// One change: owner, type, ready answer; None removes.
pub struct Change {
    /// The folded owner.
    pub owner: Box<[u8]>,
    /// The type, or [`EMPTY_NON_TERMINAL`].
    pub qtype: u16,
    /// The ready answer.
    pub ready: Option<Box<[u8]>>,
}

/// What a table says to a question. An answer's records stand in the buffer that was given along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An answer with these counts.
    Answer(Counts),
    /// The name exists, but not with this type.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// The table cannot tell yet.
    ServFail,
    /// Only code can answer.
    Miss,
    /// Another layer may know.
    Pass,
}

/// Somebody else is changing the table.
#[derive(Debug)]
pub struct Busy;

/// Owner names and their ready answers.
pub struct Table {
    /// How it answers.
    pub options: Options,
    /// Whether it knows everything yet.
    pub synced: AtomicBool,
    /// The zones' origins.
    origins: Suffixes,
    /// The names.
    content: Map,
    /// The dashed parents: the body is one octet, 1 when open.
    dashed: Map,
    /// How many of these there are.
    dashed_count: AtomicUsize,
    /// How many ready answers there are.
    answers: AtomicUsize,
}

impl Table {
    /// Make an empty table, not synced.
    pub fn new(options: Options) -> Self {
        Self {
            synced: AtomicBool::new(false),
            origins: Suffixes::new(options.zones.iter().map(|zone| &*zone.origin)),
            content: content_of(&options.zones),
            dashed: Map::new(names::hash_of),
            dashed_count: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            options,
        }
    }

    // ------------------------------------------------------------- contents

    /// Put and remove answers. O(changes x labels).
    ///
    /// # Errors
    /// [`Busy`] while another change is under way.
    pub fn update(&self, mut changes: Vec<Change>) -> Result<(), Busy> {
        let mut names = self.content.write().ok_or(Busy)?;
        let added = apply(&mut names, &mut changes);
        self.answers.store(self.len().wrapping_add_signed(added), Ordering::Relaxed);
        Ok(())
    }

    /// Swap the whole content, atomically, for what these chunks of changes make. Dashed parents stay.
    ///
    /// # Errors
    /// [`Busy`] while another change is under way; what a chunk is an error with, nothing being changed then.
    pub fn replace<E: From<Busy>>(
        &self,
        chunks: impl Iterator<Item = Result<Vec<Change>, E>>,
    ) -> Result<(), E> {
        let content = content_of(&self.options.zones);
        let mut answers = 0;
        for chunk in chunks {
            let mut names = content.write().ok_or(Busy)?;
            answers += apply(&mut names, &mut chunk?);
        }
        self.content.write().ok_or(Busy)?.swap(content);
        self.answers.store(answers.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }

    /// Make `parent` a dashed parent: open, closed, or none at all.
    ///
    /// # Errors
    /// [`Busy`] while another change is under way.
    pub fn set_dashed(&self, parent: &[u8], open: Option<bool>) -> Result<(), Busy> {
        let mut names = self.dashed.write().ok_or(Busy)?;
        let was = names.find(parent).is_some();
        match open {
            Some(open) => names.put(parent, &[u8::from(open)], 0),
            None => names.remove(parent),
        }
        let count = self.dashed_count.load(Ordering::Relaxed) + usize::from(open.is_some());
        self.dashed_count.store(count - usize::from(was), Ordering::Release);
        Ok(())
    }

    /// Set the SOA serial of the table's zones.
    pub fn set_serial(&self, serial: u32) {
        for zone in &self.options.zones {
            zone.serial.store(serial, Ordering::Relaxed);
        }
    }

    /// Count the ready answers.
    pub fn len(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// Return whether there is no ready answer.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Append what rule 3 would find, and give its counts; with [`EMPTY_NON_TERMINAL`], what holds the name.
    pub fn get(&self, guard: &Guard, name: &Name, qtype: u16, out: &mut Vec<u8>) -> Option<Counts> {
        if qtype == c::SOA
            && self.options.denies
            && let Some(zone) = self.zone(name).filter(|zone| &*zone.origin == name.octets())
        {
            return Some(zone.append_soa_answer(out));
        }
        let node = self.content.find(guard, name.hash(0), name.octets())?;
        sets::find(node.body(), qtype).map(|set| set.append(out))
    }

    /// Return whether the owner has records, is held, is an empty non-terminal or a zone's origin.
    pub fn exists(&self, guard: &Guard, name: &Name) -> bool {
        self.content.find(guard, name.hash(0), name.octets()).is_some()
            || self.zone(name).is_some_and(|zone| &*zone.origin == name.octets())
    }

    // -------------------------------------------------------------- answers

    /// Return the zone that a name lies in.
    pub fn zone(&self, name: &Name) -> Option<&Zone> {
        self.origins.longest(name).map(|number| &self.options.zones[number])
    }

    /// Answer a question for a name in `zone`, by the rules. An answer's records are appended to `out`.
    pub fn find(
        &self,
        guard: &Guard,
        zone: &Zone,
        name: &Name,
        qtype: u16,
        out: &mut Vec<u8>,
    ) -> Found {
        if !self.synced.load(Ordering::Acquire) {
            return Found::ServFail; // rule 1
        }
        if matches!(qtype, c::AXFR | c::IXFR) {
            return Found::Miss; // rule 2
        }
        let node = self.content.find(guard, name.hash(0), name.octets());
        node.and_then(|node| at(node, qtype, 0, out)) // rules 3 and 4
            .or_else(|| self.at_dashed(guard, name, qtype, out)) // rule 5
            .or_else(|| self.at_underscored(guard, name, qtype, out)) // rule 6
            .or_else(|| self.lazily(zone, name, node)) // rule 7
            .unwrap_or_else(|| self.without_records(guard, zone, name, node, qtype, out)) // rules 8 and 9
    }

    /// Rule 5: the label before a dashed parent spells an address.
    fn at_dashed(
        &self,
        guard: &Guard,
        name: &Name,
        qtype: u16,
        out: &mut Vec<u8>,
    ) -> Option<Found> {
        if self.dashed_count.load(Ordering::Acquire) == 0 {
            return None;
        }
        for number in 1..=DASHED_LABELS_MAX.min(name.labels()) {
            let parent = self.dashed.find(guard, name.hash(number), name.from(number));
            let Some(parent) = parent else { continue };
            let address = addresses::from_dashed(name.label(number - 1))?;
            if parent.body() == [0] {
                let owner = name.from(number - 1);
                let shift = name.start(number - 1) as isize;
                let found = self.content.find(guard, name.hash(number - 1), owner);
                return found.map(|node| self.at_other(node, qtype, shift, out));
            }
            return Some(self.spelled(address, qtype, out));
        }
        None
    }

    /// Answer with the address that the name spells.
    fn spelled(&self, address: IpAddr, qtype: u16, out: &mut Vec<u8>) -> Found {
        let (rtype, octets): (u16, &[u8]) = match &address {
            IpAddr::V4(four) => (c::A, &four.octets()),
            IpAddr::V6(six) => (c::AAAA, &six.octets()),
        };
        if qtype != rtype {
            return self.no_data(qtype);
        }
        out.extend_from_slice(&[0xc0, 0x0c, 0, rtype as u8, 0, 1]);
        out.extend_from_slice(&self.options.dashed_ttl_seconds.to_be_bytes());
        out.extend_from_slice(&[0, octets.len() as u8]);
        out.extend_from_slice(octets);
        Found::Answer([0, 1, 0, 0, 0, 0])
    }

    /// Rule 6: the two leftmost labels without their underscores.
    fn at_underscored(
        &self,
        guard: &Guard,
        name: &Name,
        qtype: u16,
        out: &mut Vec<u8>,
    ) -> Option<Found> {
        if !self.options.optional_underscores || name.labels() < 2 {
            return None;
        }
        // Nearly always the name two labels up has nothing below it, and one lookup says so.
        self.content.find(guard, name.hash(2), name.from(2))?;
        let mut other = [0; names::NAME_OCTETS_MAX + 2];
        let mut octets = 0;
        for number in 0..2 {
            let label = name.label(number);
            let is_bare = label[0] != b'_';
            if is_bare && label.len() == LABEL_OCTETS_MAX {
                return None;
            }
            other[octets] = (label.len() + usize::from(is_bare)) as u8;
            other[octets + 1] = b'_';
            octets += 1 + usize::from(is_bare);
            other[octets..octets + label.len()].copy_from_slice(label);
            octets += label.len();
        }
        let rest = name.from(2);
        let shift = name.start(2) as isize - octets as isize;
        if shift == 0 || octets + rest.len() > names::NAME_OCTETS_MAX {
            return None; // both labels had theirs, or no name is that long
        }
        other[octets..octets + rest.len()].copy_from_slice(rest);
        let other = &other[..octets + rest.len()];
        let found = self.content.find(guard, names::hash_of(other), other);
        found.map(|node| self.at_other(node, qtype, shift, out))
    }

    /// Rule 7: a name without records that only code knows.
    fn lazily(&self, zone: &Zone, name: &Name, node: Option<NodeRef>) -> Option<Found> {
        let labels = &self.options.lazy_labels;
        if labels.is_empty() || node.is_some_and(|node| !node.body().is_empty()) {
            return None;
        }
        let origin_at = name.octets().len() - zone.origin.len();
        let below = (0..name.labels()).take_while(|&label| name.start(label) < origin_at).count();
        let says_so = |at: usize| labels.iter().any(|label| label == name.label(at));
        let is_lazy = below.checked_sub(LAZY_LABEL).is_some_and(says_so);
        (is_lazy || (below > 0 && name.label(0).starts_with(b"_"))).then_some(Found::Miss)
    }

    /// Answer for another spelling of the owner, which exists.
    fn at_other(&self, node: NodeRef, qtype: u16, shift: isize, out: &mut Vec<u8>) -> Found {
        at(node, qtype, shift, out).unwrap_or_else(|| self.no_data(qtype))
    }

    /// Rules 8 and 9.
    fn without_records(
        &self,
        guard: &Guard,
        zone: &Zone,
        name: &Name,
        node: Option<NodeRef>,
        qtype: u16,
        out: &mut Vec<u8>,
    ) -> Found {
        if !self.options.denies {
            return self.without_soa(guard, name, node, qtype, out);
        }
        if name.octets() == &*zone.origin {
            if qtype == c::SOA {
                return Found::Answer(zone.append_soa_answer(out));
            }
            return self.no_data(qtype);
        }
        if self.falls_through(name) {
            let is_known =
                node.is_some_and(|node| sets::has_others(node.body(), &self.options.lone_types));
            return if is_known { self.no_data(qtype) } else { Found::Pass };
        }
        if node.is_some() { self.no_data(qtype) } else { Found::NxDomain }
    }

    /// Rules 8 and 9 as `hosts` has them: wildcards of one label, and nothing to deny with.
    fn without_soa(
        &self,
        guard: &Guard,
        name: &Name,
        node: Option<NodeRef>,
        qtype: u16,
        out: &mut Vec<u8>,
    ) -> Found {
        let wild = self.wild(guard, name);
        let shift = name.label_octets(0) as isize - 1;
        if let Some(found) = wild.and_then(|wild| at(wild, qtype, shift, out)) {
            return found;
        }
        let falls_through = self.falls_through(name);
        let passes = falls_through && self.options.passes_other_types && !is_address(qtype);
        if qtype == c::PTR || passes {
            return Found::Pass;
        }
        let has_address = |node: NodeRef| sets::sets(node.body()).any(|set| is_address(set.qtype));
        if node.is_some_and(has_address) || wild.is_some_and(has_address) {
            self.no_data(qtype)
        } else if falls_through {
            Found::Pass
        } else {
            Found::ServFail
        }
    }

    /// Find the owner `*` beside a name.
    fn wild<'g>(&'g self, guard: &'g Guard<'_>, name: &Name) -> Option<NodeRef<'g>> {
        if name.labels() == 0 {
            return None;
        }
        let parent = name.from(1);
        let mut wild = [0; names::NAME_OCTETS_MAX + 2];
        wild[..2].copy_from_slice(b"\x01*");
        wild[2..2 + parent.len()].copy_from_slice(parent);
        let wild = &wild[..2 + parent.len()];
        self.content.find(guard, names::hash_of(wild), wild)
    }

    /// Return whether another layer is asked for what is not here.
    fn falls_through(&self, name: &Name) -> bool {
        self.options.fallthrough.longest(name).is_some()
    }

    /// Say that the name has no such type, unless only code knows.
    fn no_data(&self, qtype: u16) -> Found {
        if self.options.lazy_types.contains(&qtype) { Found::Miss } else { Found::NoData }
    }
}

/// Make room for the names of some zones.
fn content_of(zones: &[Zone]) -> Map {
    let content = Map::new(names::hash_of);
    if let Some(mut names) = content.write() {
        for zone in zones {
            names.share(&zone.origin);
        }
    }
    content
}

/// Rules 3 and 4: answer from a name's records, `shift` octets longer than the name they were made for.
fn at(node: NodeRef, qtype: u16, shift: isize, out: &mut Vec<u8>) -> Option<Found> {
    let body = node.body();
    let set = if qtype == EMPTY_NON_TERMINAL { None } else { sets::find(body, qtype) };
    if let Some(set) = set {
        let base = out.len();
        let mut counts = set.append(out);
        if shift != 0 && counts[4..] != [0, 0] {
            records::shift(out, base, &mut counts, shift);
        }
        return Some(Found::Answer(counts));
    }
    (is_address(qtype) && sets::find(body, c::CNAME).is_some()).then_some(Found::Miss)
}

/// Return whether records of a type hold addresses.
fn is_address(qtype: u16) -> bool {
    matches!(qtype, c::A | c::AAAA)
}

/// Make changes, each owner's at once, removals last. Gives how many answers there are more.
fn apply(names: &mut Writing, changes: &mut [Change]) -> isize {
    changes.sort_by(|one, other| one.owner.cmp(&other.owner));
    let (mut added, mut going, mut body) = (0, Vec::new(), Vec::new());
    for group in changes.chunk_by(|one, other| one.owner == other.owner) {
        let owner = &*group[0].owner;
        body.clear();
        let node = names.find(owner);
        let children = node.map(|node| node.children().load(Ordering::Relaxed));
        body.extend_from_slice(node.map_or(&[], NodeRef::body));
        for change in group {
            added += sets::change(&mut body, change.qtype, change.ready.as_deref());
        }
        if body.is_empty() {
            going.push(owner);
        } else if node.is_none_or(|node| node.body() != body) {
            names.put(owner, &body, children.unwrap_or(0));
            if children.is_none() {
                appear(names, owner);
            }
        }
    }
    for owner in going {
        remove(names, owner);
    }
    added
}

/// Count a new name at its parent, and the parent at its own if that makes it exist.
fn appear(names: &mut Writing, mut owner: &[u8]) {
    while let Some(parent) = names::parent_of(owner) {
        if let Some(node) = names.find(parent) {
            let children = node.children().fetch_add(1, Ordering::Relaxed) + 1;
            if children == SHARED_FROM && sets::find(node.body(), EMPTY_NON_TERMINAL).is_some() {
                names.share(parent);
            }
            return;
        }
        names.put(parent, &[], 1);
        owner = parent;
    }
}

/// Take a name's records away, and then each name that nothing is left of.
fn remove(names: &mut Writing, owner: &[u8]) {
    match names
        .find(owner)
        .map(|node| (node.body().is_empty(), node.children().load(Ordering::Relaxed)))
    {
        None | Some((true, _)) => {} // it was not there, or is an empty non-terminal
        Some((false, 0)) => {
            names.remove(owner);
            vanish(names, owner);
        }
        Some((false, children)) => names.put(owner, &[], children),
    }
}

/// Undo [`appear`] for a name that is gone.
fn vanish(names: &mut Writing, mut owner: &[u8]) {
    while let Some(parent) = names::parent_of(owner) {
        let Some(node) = names.find(parent) else {
            return;
        };
        let before = node.children().fetch_sub(1, Ordering::Relaxed);
        if before > 1 || !node.body().is_empty() {
            return;
        }
        names.remove(parent);
        owner = parent;
    }
}
