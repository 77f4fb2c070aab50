//! How names end, kept once: a cluster has a few hundred parents and a hundred thousand names below them.
//!
//! A node keeps what its name begins with and the number of its ending. Endings are only ever added, up to as many as
//! fit a number of one octet, so that a reader may look at them without asking anybody; a name that ends in none of
//! them is kept whole.
//!
//! Source: the design of podname (100,000 pods in 10,000 Services are some 450,000 names).

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::names;

/// How many endings there may be.
pub const ENDINGS_MAX: usize = 255;

/// The endings of a map's names, as readers look at them.
pub struct Endings(Box<[OnceLock<Box<[u8]>>]>);

impl Default for Endings {
    fn default() -> Self {
        Self((0..ENDINGS_MAX).map(|_| OnceLock::new()).collect())
    }
}

impl Endings {
    /// Return an ending; of number 0, which stands for none, no octets.
    pub fn get(&self, number: u8) -> &[u8] {
        let place = usize::from(number).checked_sub(1).and_then(|at| self.0[at].get());
        place.map_or(&[], |ending| ending)
    }
}

/// The numbers of the endings by their hashes, which only the writer asks for.
#[derive(Default)]
pub struct Numbers(HashMap<u64, u8>);

impl Numbers {
    /// Let names from now on share this ending, if there is a number left for it.
    pub fn share(&mut self, ending: &[u8], endings: &Endings) {
        let (at, hash) = (self.0.len(), names::hash_of(ending));
        if at < ENDINGS_MAX && !self.0.contains_key(&hash) {
            endings.0[at].get_or_init(|| ending.into());
            self.0.insert(hash, at as u8 + 1);
        }
    }

    /// Take a name apart: the octets that it begins with, and the number of the longest ending that it is below.
    pub fn split<'n>(&self, name: &'n [u8], endings: &Endings) -> (&'n [u8], u8) {
        let mut found = (name.len(), 0);
        if !self.0.is_empty() {
            names::with_endings(name, |at, hash| {
                if let Some(&number) = self.0.get(&hash) {
                    found = (at, number);
                }
            });
        }
        let (at, number) = found;
        if name[at..] == *endings.get(number) { (&name[..at], number) } else { (name, 0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_ending_is_taken() {
        let (endings, mut numbers) = (Endings::default(), Numbers::default());
        assert_eq!(numbers.split(b"\x01a\x01b\x00", &endings), (&b"\x01a\x01b\x00"[..], 0));
        for ending in [&b"\x00"[..], b"\x01b\x00", b"\x01b\x00"] {
            numbers.share(ending, &endings);
        }
        let (own, number) = numbers.split(b"\x01a\x01b\x00", &endings);
        assert_eq!((own, endings.get(number)), (&b"\x01a"[..], &b"\x01b\x00"[..]));
        let (own, number) = numbers.split(b"\x01b\x00", &endings);
        assert_eq!((own, endings.get(number)), (&b"\x01b"[..], &b"\x00"[..]));
        let (own, number) = numbers.split(b"\x02ab\x00", &endings);
        assert_eq!((own, endings.get(number)), (&b"\x02ab"[..], &b"\x00"[..]));
    }

    #[test]
    fn names_beyond_the_last_number_are_kept_whole() {
        let (endings, mut numbers) = (Endings::default(), Numbers::default());
        for number in 0..=ENDINGS_MAX {
            numbers.share(&[1, number as u8, 2, b'a', (number >> 8) as u8 + b'a', 0], &endings);
        }
        assert_eq!(endings.get(255), [1, 254, 2, b'a', b'a', 0]);
        let last = [1, 255, 2, b'a', b'a', 0];
        assert_eq!(numbers.split(&last, &endings), (&last[..], 0));
    }
}
