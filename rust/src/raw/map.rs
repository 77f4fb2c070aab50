//! A map that readers never wait for: an open-addressing hash table of atomic pointers to immutable nodes.
//!
//! One writer (behind a mutex) replaces whole nodes and whole slot arrays; readers only load pointers. What the writer
//! takes out is freed when no reader can hold it any more (`epoch`).

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::epoch::{Guard, end_epoch, oldest_pinned};
use super::growth::Growth;
use super::node::{Node, NodeRef};
use crate::endings::{Endings, Numbers};

/// Pointers to nodes carry the name's hash in the bits that an address leaves free.
const ADDRESS_BITS: u32 = 48;
/// A slot whose node was taken out: a search goes on behind it.
pub(super) const GONE: usize = 1;
/// The smallest number of slots.
const SLOTS_MIN: usize = 8;

/// What readers look at, replaced as a whole.
pub(super) struct Slots {
    /// An array of slots, a power of two of them.
    pub(super) slots: Box<[AtomicPtr<u8>]>,
    /// How the names of their nodes end.
    pub(super) endings: Arc<Endings>,
}

impl Slots {
    /// Make empty slots.
    pub(super) fn new(count: usize, endings: Arc<Endings>) -> Self {
        let slots = (0..count).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { slots, endings }
    }
}

/// Return the hash bits that a pointer carries.
fn tag_of(hash: u64) -> usize {
    (hash >> ADDRESS_BITS) as usize
}

/// Put a tag onto a pointer.
fn tagged(at: *mut u8, hash: u64) -> *mut u8 {
    assert!(at.addr() >> ADDRESS_BITS == 0, "addresses have 48 bits here");
    at.map_addr(|address| address | tag_of(hash) << ADDRESS_BITS)
}

/// Take the tag off a pointer.
pub(super) fn untagged(at: *mut u8) -> *mut u8 {
    at.map_addr(|address| address & ((1 << ADDRESS_BITS) - 1))
}

/// Find a name's slot: its number and what is there, or the number of the slot where it would go.
pub(super) fn search(slots: &Slots, hash: u64, name: &[u8]) -> Result<(usize, NonNull<u8>), usize> {
    let Slots { slots, endings } = slots;
    let mask = slots.len() - 1;
    let mut number = hash as usize & mask;
    let mut room = None;
    loop {
        let there = slots[number].load(Ordering::Acquire);
        if there.is_null() {
            return Err(room.unwrap_or(number));
        }
        if there.addr() == GONE {
            room = room.or(Some(number));
        } else if there.addr() >> ADDRESS_BITS == tag_of(hash) {
            let at = NonNull::new(untagged(there)).expect("a slot holds a node or nothing");
            let node = NodeRef { at, held: PhantomData };
            if node.is_called(name, endings) {
                return Ok((number, at));
            }
        }
        number = (number + 1) & mask;
    }
}

/// Nodes by their names. Readers need a guard and never wait; the writer needs the lock.
pub struct Map {
    /// The slots in use.
    slots: AtomicPtr<Slots>,
    /// What only the writer knows.
    writer: Mutex<Writer>,
    /// The hash of a name.
    hash: fn(&[u8]) -> u64,
}

/// What only the writer knows.
#[derive(Default)]
struct Writer {
    /// The numbers of the endings.
    numbers: Numbers,
    /// Slots that hold a node.
    live: usize,
    /// Slots that are not empty.
    filled: usize,
    /// The larger array, while there is one in the making.
    growth: Option<Growth>,
    /// What was taken out, with the epoch that it was taken out in.
    retired: Vec<(u64, Retired)>,
    /// What was taken out since the last epoch ended.
    unlinked: Vec<Retired>,
}

/// Memory that waits for its readers.
enum Retired {
    /// One node.
    Node(*mut u8),
    /// An array of slots, without the nodes.
    Slots(*mut Slots),
}

impl Retired {
    /// Free it.
    fn free(self) {
        // SAFETY: it was unlinked, no reader can hold it any more, and it is freed once, for `self` is consumed.
        unsafe {
            match self {
                Self::Node(at) => drop(Node { at: NonNull::new_unchecked(at) }),
                Self::Slots(at) => drop(Box::from_raw(at)),
            }
        }
    }
}

// SAFETY: the raw pointers are owned; readers reach them only as the module's story says.
unsafe impl Send for Map {}
// SAFETY: as above; the writer's part is behind a mutex.
unsafe impl Sync for Map {}
// SAFETY: what waits to be freed belongs to nobody.
unsafe impl Send for Retired {}

impl Map {
    /// Make an empty map. `hash` must give the same hash that is asked with.
    pub fn new(hash: fn(&[u8]) -> u64) -> Self {
        let slots = Slots::new(SLOTS_MIN, Arc::default());
        Self {
            slots: AtomicPtr::new(Box::into_raw(Box::new(slots))),
            writer: Mutex::default(),
            hash,
        }
    }

    /// Find a name. One probe or two, no lock.
    pub fn find<'g>(&'g self, _: &'g Guard<'_>, hash: u64, name: &[u8]) -> Option<NodeRef<'g>> {
        // SAFETY: the guard keeps the slots that it finds, and their nodes, from being freed.
        let slots = unsafe { &*self.slots.load(Ordering::Acquire) };
        search(slots, hash, name).ok().map(|(_, at)| NodeRef { at, held: PhantomData })
    }

    /// Begin to write. None while somebody else does.
    pub fn write(&self) -> Option<Writing<'_>> {
        let writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Writing { map: self, writer })
    }

    /// Begin to write, after whoever does now: for a map that several threads write.
    pub fn wait_and_write(&self) -> Writing<'_> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        Writing { map: self, writer }
    }

    /// Return the slots to the writer.
    fn current(&self) -> &Slots {
        // SAFETY: only the writer replaces the slots, and the writer calls this.
        unsafe { &*self.slots.load(Ordering::Relaxed) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        let waiting = std::mem::take(&mut writer.retired);
        // Whatever a guard was given is bound to a borrow of us as well: nobody looks any more.
        for (_, retired) in waiting {
            retired.free();
        }
        std::mem::take(&mut writer.unlinked).into_iter().for_each(Retired::free);
        let at = *self.slots.get_mut();
        for slot in &self.current().slots {
            let there = slot.load(Ordering::Relaxed);
            if !there.is_null() && there.addr() != GONE {
                Retired::Node(untagged(there)).free();
            }
        }
        Retired::Slots(at).free();
    }
}

/// The writer at work. What it unlinked is freed, as far as possible, when it is done.
pub struct Writing<'m> {
    /// Where it writes.
    map: &'m Map,
    /// What it knows.
    writer: MutexGuard<'m, Writer>,
}

impl Writing<'_> {
    /// Find a name. What is given may be looked at until the next change.
    pub fn find(&self, name: &[u8]) -> Option<NodeRef<'_>> {
        let found = search(self.map.current(), (self.map.hash)(name), name);
        found.ok().map(|(_, at)| NodeRef { at, held: PhantomData })
    }

    /// Keep how names from now on end, if they end like this, once for all of them.
    pub fn share(&mut self, ending: &[u8]) {
        self.writer.numbers.share(ending, &self.map.current().endings);
    }

    /// Put a node in, in place of the one with its name, if there is one: a name of at most 255 octets, and its body.
    pub fn put(&mut self, name: &[u8], body: &[u8], children: u32) {
        let hash = (self.map.hash)(name);
        let found = search(self.map.current(), hash, name);
        let node =
            Node::new(self.writer.numbers.split(name, &self.map.current().endings), body, children);
        let new = tagged(node.into_raw(), hash);
        match found {
            Ok((number, old)) => {
                self.map.current().slots[number].store(new, Ordering::Release);
                self.writer.unlinked.push(Retired::Node(old.as_ptr()));
                self.mirror(|growth| growth.put(hash, name, new));
            }
            Err(number) => {
                let slot = &self.map.current().slots[number];
                let was_empty = slot.load(Ordering::Relaxed).is_null();
                slot.store(new, Ordering::Release);
                self.writer.live += 1;
                self.writer.filled += usize::from(was_empty);
                self.mirror(|growth| growth.put(hash, name, new));
                self.make_room();
            }
        }
    }

    /// Take a name out.
    pub fn remove(&mut self, name: &[u8]) {
        let hash = (self.map.hash)(name);
        if let Ok((number, old)) = search(self.map.current(), hash, name) {
            let slot = &self.map.current().slots[number];
            slot.store(ptr::without_provenance_mut(GONE), Ordering::Release);
            self.writer.live -= 1;
            self.writer.unlinked.push(Retired::Node(old.as_ptr()));
            self.mirror(|growth| growth.remove(hash, name));
        }
    }

    /// Swap the whole content for another map's, which is left empty.
    pub fn swap(&mut self, mut other: Map) {
        let none = Box::into_raw(Box::new(Slots::new(SLOTS_MIN, Arc::default())));
        let theirs = std::mem::replace(other.slots.get_mut(), none);
        let old = self.map.slots.swap(theirs, Ordering::AcqRel);
        let writer = other.writer.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        (self.writer.live, self.writer.filled) = (writer.live, writer.filled);
        self.writer.numbers = std::mem::take(&mut writer.numbers);
        self.writer.growth = writer.growth.take();
        // SAFETY: the old slots are ours until they are retired below.
        for slot in unsafe { &(*old).slots } {
            let there = slot.load(Ordering::Relaxed);
            if !there.is_null() && there.addr() != GONE {
                self.writer.unlinked.push(Retired::Node(untagged(there)));
            }
        }
        self.writer.unlinked.push(Retired::Slots(old));
    }

    /// Make a change in the array that is in the making, too.
    fn mirror(&mut self, change: impl FnOnce(&mut Growth)) {
        if let Some(growth) = &mut self.writer.growth {
            change(growth);
        }
    }

    /// Keep at least a quarter of the slots empty, so that each search ends soon.
    fn make_room(&mut self) {
        let current = self.map.current();
        let writer = &mut *self.writer;
        if writer.growth.is_none() && writer.filled * 8 >= current.slots.len() * 5 {
            let count = (writer.live * 2).next_power_of_two().max(SLOTS_MIN);
            writer.growth = Some(Growth::new(count, current.endings.clone()));
        }
        let is_whole = writer.growth.as_mut().is_some_and(|it| it.advance(current, self.map.hash));
        if is_whole && let Some(Growth { slots, filled, .. }) = writer.growth.take() {
            let old = self.map.slots.swap(Box::into_raw(Box::new(slots)), Ordering::AcqRel);
            writer.filled = filled;
            writer.unlinked.push(Retired::Slots(old));
        }
    }
}
impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let writer = &mut *self.writer;
        if !writer.unlinked.is_empty() {
            let epoch = end_epoch();
            let unlinked = writer.unlinked.drain(..).map(|retired| (epoch, retired));
            writer.retired.extend(unlinked);
        }
        if !writer.retired.is_empty() {
            let oldest = oldest_pinned();
            // Epochs only grow, so what may be freed stands in front.
            let free = writer.retired.partition_point(|&(epoch, _)| epoch < oldest);
            writer.retired.drain(..free).for_each(|(_, retired)| retired.free());
            if writer.retired.is_empty() {
                writer.retired.shrink_to(64);
            }
        }
        if writer.unlinked.capacity() > 64 {
            writer.unlinked.shrink_to(64);
        }
    }
}
