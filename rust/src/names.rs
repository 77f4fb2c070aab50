//! Domain names as octets: labels with their lengths, ended by the root's zero octet, uncompressed.
//!
//! A [`Name`] is a name taken apart once: folded to lower case, with the offset of each label and a hash of
//! each name that it is at or below. All lookups of a question are made from it without looking at the
//! octets again. It is large, and made to be used again for the next question.
//!
//! Sources: RFC 1035 §2.3.4, §3.1; RFC 4343 (case).

use std::sync::atomic::{AtomicU64, Ordering};

/// Octets of the longest name.
pub const NAME_OCTETS_MAX: usize = 255;
/// Octets of the longest label, without its length.
pub const LABEL_OCTETS_MAX: usize = 63;
/// Labels of the longest name, and the root.
const LABELS_MAX: usize = 128;

/// What hashes begin with. Set once, at random, so that nobody outside knows which names collide.
static SEED: AtomicU64 = AtomicU64::new(0x243f_6a88_85a3_08d3);

/// Choose what hashes begin with, before the first table is made.
pub fn seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
}

/// Mix a word into a hash: both halves of a product.
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
    (product >> 64) as u64 ^ product as u64
}

/// Mix a label, with its length, into the hash of the name that it stands before.
fn mix_label(hash: u64, label: &[u8]) -> u64 {
    let (words, rest) = label.as_chunks::<8>();
    let hash = words.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let last = rest.iter().fold(0xff, |word, &octet| word << 8 | u64::from(octet));
    mix(hash, last)
}

/// A well-formed name, taken apart.
pub struct Name {
    /// The folded octets.
    octets: [u8; NAME_OCTETS_MAX + 1],
    /// How many of them there are.
    length: usize,
    /// The offset of each label and of the root.
    starts: [u8; LABELS_MAX],
    /// The hash of the name that begins at each of these.
    hashes: [u64; LABELS_MAX],
    /// How many labels there are, the root not counted.
    labels: usize,
}

impl Default for Name {
    fn default() -> Self {
        Self {
            octets: [0; NAME_OCTETS_MAX + 1],
            length: 1,
            starts: [0; LABELS_MAX],
            hashes: [0; LABELS_MAX],
            labels: 0,
        }
    }
}

impl Name {
    /// Take a name apart. False when the octets are no name.
    pub fn set(&mut self, octets: &[u8]) -> bool {
        let (mut at, mut labels) = (0, 0);
        loop {
            let Some(&length) = octets.get(at) else {
                return false;
            };
            if length as usize > LABEL_OCTETS_MAX || at >= NAME_OCTETS_MAX {
                return false;
            }
            self.starts[labels] = at as u8;
            if length == 0 {
                break;
            }
            labels += 1;
            at += 1 + length as usize;
        }
        if at + 1 != octets.len() {
            return false;
        }
        (self.length, self.labels) = (octets.len(), labels);
        let folded = &mut self.octets[..octets.len()];
        folded.copy_from_slice(octets);
        folded.make_ascii_lowercase();
        let mut hash = SEED.load(Ordering::Relaxed);
        self.hashes[labels] = hash;
        let mut end = at;
        for label in (0..labels).rev() {
            let start = self.starts[label] as usize;
            hash = mix_label(hash, &self.octets[start..end]);
            self.hashes[label] = hash;
            end = start;
        }
        true
    }

    /// How many labels there are, the root not counted.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// Return the folded octets.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// Return the offset of a label, or of the root.
    pub fn start(&self, label: usize) -> usize {
        self.starts[label] as usize
    }

    /// Return the name without its first `labels` labels.
    pub fn from(&self, labels: usize) -> &[u8] {
        &self.octets[self.start(labels)..self.length]
    }

    /// Return the hash of the name without its first `labels` labels.
    pub fn hash(&self, labels: usize) -> u64 {
        self.hashes[labels]
    }

    /// Return a label, without its length.
    pub fn label(&self, label: usize) -> &[u8] {
        &self.octets[self.start(label) + 1..self.start(label + 1)]
    }

    /// Count the octets of a label, without its length; the root's are none.
    pub fn label_octets(&self, label: usize) -> usize {
        self.octets[self.start(label)] as usize
    }

    /// Return whether the name is at or below a folded `zone`.
    pub fn is_below(&self, zone: &[u8]) -> bool {
        if !self.octets().ends_with(zone) {
            return false;
        }
        let at = (self.length - zone.len()) as u8;
        self.starts[..=self.labels].contains(&at)
    }
}

/// Return the hash of a well-formed, folded name, as [`Name::hash`] does.
pub fn hash_of(octets: &[u8]) -> u64 {
    with_endings(octets, |_, _| {})
}

/// Return the hash of a name, and before it, shortest first, where each name that it is below begins, with its hash.
pub fn with_endings(octets: &[u8], mut see: impl FnMut(usize, u64)) -> u64 {
    let mut starts = [0_u8; LABELS_MAX];
    let (mut at, mut labels) = (0, 0);
    while octets[at] != 0 {
        starts[labels] = at as u8;
        labels += 1;
        at += 1 + octets[at] as usize;
    }
    let mut end = at;
    let mut hash = SEED.load(Ordering::Relaxed);
    for &start in starts[..labels].iter().rev() {
        see(end, hash);
        hash = mix_label(hash, &octets[start as usize..end]);
        end = start as usize;
    }
    hash
}

/// Return whether the octets are one well-formed name.
pub fn is_name(octets: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&length) = octets.get(at) {
        if length == 0 {
            return at + 1 == octets.len() && octets.len() <= NAME_OCTETS_MAX;
        }
        if length as usize > LABEL_OCTETS_MAX {
            return false;
        }
        at += 1 + length as usize;
    }
    false
}

/// Return the name right above; the root has none.
pub fn parent_of(octets: &[u8]) -> Option<&[u8]> {
    match octets.first() {
        None | Some(0) => None,
        Some(&length) => octets.get(1 + length as usize..),
    }
}

/// Return whether a folded name is at or below a folded `zone`.
pub fn is_subdomain(octets: &[u8], zone: &[u8]) -> bool {
    if !octets.ends_with(zone) {
        return false;
    }
    let (mut at, start) = (0, octets.len() - zone.len());
    while at < start {
        at += 1 + octets[at] as usize;
    }
    at == start
}

/// Names, the longest first, to ask which of them another is at or below.
#[derive(Default)]
pub struct Suffixes {
    /// Each name with what it stands for.
    names: Vec<(Box<[u8]>, usize)>,
}

impl Suffixes {
    /// Make the set; names are numbered as they come.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut names: Vec<(Box<[u8]>, usize)> =
            names.into_iter().enumerate().map(|(number, name)| (name.into(), number)).collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self { names }
    }

    /// Return the number of the longest that `name` is at or below.
    pub fn longest(&self, name: &Name) -> Option<usize> {
        let found = self.names.iter().find(|(zone, _)| name.is_below(zone));
        found.map(|&(_, number)| number)
    }

    /// Return the number of the shortest other than the root that `name` is at or below.
    pub fn shortest_below_root(&self, name: &Name) -> Option<usize> {
        let mut shortest_first = self.names.iter().rev();
        let found = shortest_first.find(|(zone, _)| zone.len() > 1 && name.is_below(zone));
        found.map(|&(_, number)| number)
    }
}
