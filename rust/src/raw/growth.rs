//! A larger array of slots in the making: a few slots are carried over with each change, so that no change waits for
//! all of them, of which there may be a million.
//!
//! Until all are carried over readers look at the old array alone, and the writer makes each change in both. So a name
//! is in the new array from the change on that puts it in, or from when its old slot is reached; never is it in neither.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::map::{GONE, Slots, search, untagged};
use super::node::NodeRef;
use crate::endings::Endings;
use crate::names::NAME_OCTETS_MAX;

/// So many slots are carried over with each change. A map grows when five eighths of its slots are filled: by the end
/// a sixteenth more are, at most.
const SLOTS_PER_CHANGE: usize = 16;

/// The new array, and how far it has come.
pub(super) struct Growth {
    /// The new array.
    pub(super) slots: Slots,
    /// Slots in it that are not empty.
    pub(super) filled: usize,
    /// The first old slot that was not carried over.
    next: usize,
}

impl Growth {
    /// Begin with an empty array of so many slots, a power of two.
    pub(super) fn new(count: usize, endings: Arc<Endings>) -> Self {
        Self { slots: Slots::new(count, endings), filled: 0, next: 0 }
    }

    /// Put a tagged node in, in place of the one with its name.
    pub(super) fn put(&mut self, hash: u64, name: &[u8], node: *mut u8) {
        let (Ok((number, _)) | Err(number)) = search(&self.slots, hash, name);
        let slot = &self.slots.slots[number];
        self.filled += usize::from(slot.load(Ordering::Relaxed).is_null());
        slot.store(node, Ordering::Relaxed);
    }

    /// Take a name out, if it is in already.
    pub(super) fn remove(&mut self, hash: u64, name: &[u8]) {
        if let Ok((number, _)) = search(&self.slots, hash, name) {
            self.slots.slots[number]
                .store(std::ptr::without_provenance_mut(GONE), Ordering::Relaxed);
        }
    }

    /// Carry some slots over. Return whether all are.
    pub(super) fn advance(&mut self, old: &Slots, hash_of: fn(&[u8]) -> u64) -> bool {
        let end = old.slots.len().min(self.next + SLOTS_PER_CHANGE);
        let mut name = Vec::with_capacity(NAME_OCTETS_MAX);
        for slot in &old.slots[self.next..end] {
            let there = slot.load(Ordering::Relaxed);
            if there.is_null() || there.addr() == GONE {
                continue;
            }
            let at = NonNull::new(untagged(there)).expect("a slot holds a node or nothing");
            let (own, ending, _) = NodeRef { at, held: PhantomData }.parts();
            name.clear();
            name.extend_from_slice(own);
            name.extend_from_slice(old.endings.get(ending));
            self.put(hash_of(&name), &name, there);
        }
        self.next = end;
        end == old.slots.len()
    }
}
