//! Everything that the compiler cannot check for us: shared memory and system calls.
//!
//! All `unsafe` of the crate is in this file; what it offers is safe to use. Two things live here.
//!
//! **Memory that readers never wait for.** A [`Map`] is an open-addressing hash table whose slots are
//! atomic pointers to immutable [`Node`]s. One writer (behind a mutex) replaces whole nodes and whole slot
//! arrays; readers only load pointers. What the writer takes out is freed when no reader can hold it any
//! more: a reader *pins* the current epoch in a slot of its own before it looks at anything, and unpins
//! when it has done with it; memory that was unlinked in epoch *e* is freed once every pinned reader has
//! pinned an epoch after *e*. The argument, in the order of the code:
//!
//! 1. The reader stores its epoch, fences (`SeqCst`), then loads pointers. The writer unlinks, fences,
//!    advances the epoch, then looks at the readers' slots. Of two `SeqCst` fences one comes first. If the
//!    writer's does, the reader's loads see the unlinking, so it never gets the pointer. If the reader's
//!    does, the writer sees its pin.
//! 2. A pin later than *e* read an epoch that was published after the unlinking (release, acquire), so that
//!    reader cannot have the pointer either. Only pins up to *e* keep memory of *e* alive.
//!
//! **Datagrams in batches.** A [`Batch`] owns the buffers that `recvmmsg` fills and `sendmmsg` reads.
//!
//! Sources: Fraser, "Practical lock-freedom" §5.2 (epoch-based reclamation); recvmmsg(2), sendmmsg(2),
//! ip(7) `IP_PKTINFO`, RFC 3542 §6.1.

#![allow(unsafe_code)]
// Nodes are allocated with a header's alignment.
#![allow(clippy::cast_ptr_alignment)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::endings::{Endings, Numbers};
use crate::names::NAME_OCTETS_MAX;

// ------------------------------------------------------------------ readers

/// How many readers there may be at once, in the whole process.
const READERS_MAX: usize = if cfg!(miri) { 16 } else { 1024 };
/// The slot belongs to nobody.
const FREE: u64 = 0;
/// The slot belongs to a reader that holds nothing.
const IDLE: u64 = 1;
/// The first epoch: larger than what the slots use for themselves.
const FIRST_EPOCH: u64 = 2;

/// A reader's place, alone on its cache line.
#[repr(align(64))]
struct Place(AtomicU64);

/// The readers' places.
static PLACES: [Place; READERS_MAX] = [const { Place(AtomicU64::new(FREE)) }; READERS_MAX];
/// The epoch that a reader pins now.
static EPOCH: AtomicU64 = AtomicU64::new(FIRST_EPOCH);
/// No place behind this one was ever taken.
static PLACES_USED: AtomicU64 = AtomicU64::new(0);

/// Somebody who reads maps: a thread of the packet loop, or a call from Python.
pub struct Reader {
    /// Our place.
    place: &'static Place,
}

impl Reader {
    /// Take a place. None when all are taken.
    pub fn claim() -> Option<Self> {
        for (number, place) in PLACES.iter().enumerate() {
            let taken = place.0.compare_exchange(FREE, IDLE, Ordering::AcqRel, Ordering::Relaxed);
            if taken.is_ok() {
                PLACES_USED.fetch_max(number as u64 + 1, Ordering::SeqCst);
                return Some(Self { place });
            }
        }
        None
    }

    /// Keep what maps hold from now on until the guard is dropped. Costs a fence: once per batch.
    pub fn pin(&mut self) -> Guard<'_> {
        // Release: who sees this pin also knows that we have done with what the one before it kept.
        self.place.0.store(EPOCH.load(Ordering::Acquire), Ordering::Release);
        fence(Ordering::SeqCst);
        Guard { reader: self }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.place.0.store(FREE, Ordering::Release);
    }
}

/// The right to look at maps.
pub struct Guard<'r> {
    /// Who looks.
    reader: &'r mut Reader,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.reader.place.0.store(IDLE, Ordering::Release);
    }
}

/// Begin a new epoch and give the one that ended.
fn end_epoch() -> u64 {
    fence(Ordering::SeqCst);
    EPOCH.fetch_add(1, Ordering::SeqCst)
}

/// Give the oldest epoch that a reader still pins.
fn oldest_pinned() -> u64 {
    fence(Ordering::SeqCst);
    let used = PLACES_USED.load(Ordering::SeqCst) as usize;
    PLACES[..used]
        .iter()
        .map(|place| place.0.load(Ordering::SeqCst))
        .filter(|&epoch| epoch >= FIRST_EPOCH)
        .min()
        .unwrap_or(u64::MAX)
}

// -------------------------------------------------------------------- nodes

/// What stands before a node's octets.
#[repr(C)]
struct Header {
    /// How many names stand right below; the writer's own affair.
    children: AtomicU32,
    /// Octets of what is kept of the name, and of the body; the upper bits hold the number of the name's ending.
    octets: u32,
    /// Octets of what is kept of the name.
    name: u8,
}

/// Where a node's octets begin: no padding behind the name's length.
const OCTETS_AT: usize = 9;
/// Where the number of the ending begins.
const ENDING_SHIFT: u32 = 24;
/// The bits that count octets.
const OCTETS_MASK: u32 = (1 << ENDING_SHIFT) - 1;

/// Give the layout of a node with so many octets.
fn layout_of(octets: usize) -> Layout {
    Layout::from_size_align(OCTETS_AT + octets, align_of::<Header>())
        .expect("no node is that large")
}

/// A node that no map holds yet.
struct Node {
    /// The header, with the octets behind it.
    at: NonNull<u8>,
}

impl Node {
    /// Make a node: at most 255 octets that its name begins with, how that ends, and its body.
    fn new((name, ending): (&[u8], u8), body: &[u8], children: u32) -> Self {
        let octets = name.len() + body.len();
        assert!(octets <= OCTETS_MASK as usize, "no node is that large");
        let header = Header {
            children: AtomicU32::new(children),
            octets: octets as u32 | u32::from(ending) << ENDING_SHIFT,
            name: u8::try_from(name.len()).expect("a name has at most 255 octets"),
        };
        let layout = layout_of(octets);
        // SAFETY: the layout has a size above zero.
        let Some(at) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the allocation is aligned for a header and holds `OCTETS_AT + octets`; the fields are written
        // one by one because the octets begin within the header's padding.
        unsafe {
            let to = at.as_ptr();
            (&raw mut (*to.cast::<Header>()).children).write(header.children);
            (&raw mut (*to.cast::<Header>()).octets).write(header.octets);
            (&raw mut (*to.cast::<Header>()).name).write(header.name);
            ptr::copy_nonoverlapping(name.as_ptr(), to.add(OCTETS_AT), name.len());
            ptr::copy_nonoverlapping(body.as_ptr(), to.add(OCTETS_AT + name.len()), body.len());
        }
        Self { at }
    }

    /// Hand the memory over to whoever keeps the pointer.
    fn into_raw(self) -> *mut u8 {
        let at = self.at.as_ptr();
        std::mem::forget(self);
        at
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // SAFETY: we own the node, and its layout is the one that it was made with.
        unsafe {
            let octets = (*self.at.as_ptr().cast::<Header>()).octets & OCTETS_MASK;
            dealloc(self.at.as_ptr(), layout_of(octets as usize));
        }
    }
}

/// A node in a map, for as long as somebody may look at it.
#[derive(Clone, Copy)]
pub struct NodeRef<'g> {
    /// The header, with the octets behind it.
    at: NonNull<u8>,
    /// The guard, or the writer's lock.
    held: PhantomData<&'g ()>,
}

impl<'g> NodeRef<'g> {
    /// Take the node apart: what is kept of its name, the number of the ending, and the body.
    fn parts(self) -> (&'g [u8], u8, &'g [u8]) {
        // SAFETY: the node is whole and is freed only after 'g; name, length and octets never change.
        let (name, packed, octets) = unsafe {
            let header = self.at.as_ptr().cast::<Header>();
            let (name, packed) = ((*header).name as usize, (*header).octets);
            let octets = (packed & OCTETS_MASK) as usize;
            (name, packed, std::slice::from_raw_parts(self.at.as_ptr().add(OCTETS_AT), octets))
        };
        let (own, body) = octets.split_at(name);
        (own, (packed >> ENDING_SHIFT) as u8, body)
    }

    /// Say whether this is the node of a name.
    fn is_called(self, name: &[u8], endings: &Endings) -> bool {
        let (own, ending, _) = self.parts();
        name.strip_prefix(own).is_some_and(|rest| rest == endings.get(ending))
    }

    /// Give what the node keeps of its name: what it begins with.
    pub fn own_name(self) -> &'g [u8] {
        self.parts().0
    }

    /// Give what stands behind the name.
    pub fn body(self) -> &'g [u8] {
        self.parts().2
    }

    /// Give the writer's count of names right below.
    pub fn children(self) -> &'g AtomicU32 {
        // SAFETY: as in `octets`; the count is atomic.
        unsafe { &(*self.at.as_ptr().cast::<Header>()).children }
    }
}

// ---------------------------------------------------------------------- map

/// Pointers to nodes carry the name's hash in the bits that an address leaves free.
const ADDRESS_BITS: u32 = 48;
/// A slot whose node was taken out: a search goes on behind it.
const GONE: usize = 1;
/// The smallest number of slots.
const SLOTS_MIN: usize = 8;

/// What readers look at, replaced as a whole.
struct Slots {
    /// An array of slots, a power of two of them.
    slots: Box<[AtomicPtr<u8>]>,
    /// How the names of their nodes end.
    endings: Arc<Endings>,
}

/// Make empty slots.
fn slots(count: usize, endings: Arc<Endings>) -> *mut Slots {
    let slots = (0..count).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
    Box::into_raw(Box::new(Slots { slots, endings }))
}

/// Give the hash bits that a pointer carries.
fn tag_of(hash: u64) -> usize {
    (hash >> ADDRESS_BITS) as usize
}

/// Put a tag onto a pointer.
fn tagged(at: *mut u8, hash: u64) -> *mut u8 {
    assert!(at.addr() >> ADDRESS_BITS == 0, "addresses have 48 bits here");
    at.map_addr(|address| address | tag_of(hash) << ADDRESS_BITS)
}

/// Take the tag off a pointer.
fn untagged(at: *mut u8) -> *mut u8 {
    at.map_addr(|address| address & ((1 << ADDRESS_BITS) - 1))
}

/// Find a name's slot: its number and what is there, or the number of the slot where it would go.
fn search(slots: &Slots, hash: u64, name: &[u8]) -> Result<(usize, NonNull<u8>), usize> {
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
        let slots = slots(SLOTS_MIN, Arc::default());
        Self { slots: AtomicPtr::new(slots), writer: Mutex::default(), hash }
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

    /// Give the slots to the writer.
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
            }
            Err(number) => {
                let slot = &self.map.current().slots[number];
                let was_empty = slot.load(Ordering::Relaxed).is_null();
                slot.store(new, Ordering::Release);
                self.writer.live += 1;
                self.writer.filled += usize::from(was_empty);
                self.make_room();
            }
        }
    }

    /// Take a name out.
    pub fn remove(&mut self, name: &[u8]) {
        let found = search(self.map.current(), (self.map.hash)(name), name);
        if let Ok((number, old)) = found {
            let slot = &self.map.current().slots[number];
            slot.store(ptr::without_provenance_mut(GONE), Ordering::Release);
            self.writer.live -= 1;
            self.writer.unlinked.push(Retired::Node(old.as_ptr()));
        }
    }

    /// Swap the whole content for another map's, which is left empty.
    pub fn swap(&mut self, mut other: Map) {
        let theirs = std::mem::replace(other.slots.get_mut(), slots(SLOTS_MIN, Arc::default()));
        let old = self.map.slots.swap(theirs, Ordering::AcqRel);
        let writer = other.writer.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        (self.writer.live, self.writer.filled) = (writer.live, writer.filled);
        self.writer.numbers = std::mem::take(&mut writer.numbers);
        // SAFETY: the old slots are ours until they are retired below.
        for slot in unsafe { &(*old).slots } {
            let there = slot.load(Ordering::Relaxed);
            if !there.is_null() && there.addr() != GONE {
                self.writer.unlinked.push(Retired::Node(untagged(there)));
            }
        }
        self.writer.unlinked.push(Retired::Slots(old));
    }

    /// Keep at least a quarter of the slots empty, so that each search ends soon.
    fn make_room(&mut self) {
        let Slots { slots: slots_before, endings } = self.map.current();
        if self.writer.filled * 4 < slots_before.len() * 3 {
            return;
        }
        let count = (self.writer.live * 2).next_power_of_two().max(SLOTS_MIN);
        let new = slots(count, endings.clone());
        // SAFETY: nobody else knows the new slots yet.
        let slots_after = unsafe { &(*new).slots };
        let mut name = Vec::with_capacity(NAME_OCTETS_MAX);
        for slot in slots_before {
            let there = slot.load(Ordering::Relaxed);
            if there.is_null() || there.addr() == GONE {
                continue;
            }
            let node = NodeRef {
                at: NonNull::new(untagged(there)).expect("a slot holds a node or nothing"),
                held: PhantomData,
            };
            let (own, ending, _) = node.parts();
            name.clear();
            name.extend_from_slice(own);
            name.extend_from_slice(endings.get(ending));
            let mut number = (self.map.hash)(&name) as usize & (count - 1);
            while !slots_after[number].load(Ordering::Relaxed).is_null() {
                number = (number + 1) & (count - 1);
            }
            slots_after[number].store(there, Ordering::Relaxed);
        }
        let old = self.map.slots.swap(new, Ordering::AcqRel);
        self.writer.filled = self.writer.live;
        self.writer.unlinked.push(Retired::Slots(old));
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

// ---------------------------------------------------------------- datagrams

/// Packets per system call.
pub const PACKETS_MAX: usize = 32;
/// A longer query is cut, and malformed by that.
pub const PACKET_OCTETS_MAX: usize = 4096;
/// From one packet to the next: not a power of two, or all packets would fight for the same cache lines.
const PACKET_STRIDE: usize = PACKET_OCTETS_MAX + 64;
/// Words for the control message of one datagram, its header included.
const CONTROL_WORDS: usize = 8;

/// Where a datagram came from, and which of our addresses it was sent to.
#[derive(Clone, Copy)]
pub struct Origin {
    /// A `sockaddr_in` or a `sockaddr_in6`.
    address: libc::sockaddr_in6,
    /// Octets of it.
    address_octets: libc::socklen_t,
    /// The packet information, the interface taken out: the way back may be another one.
    control: [u64; CONTROL_WORDS],
    /// Octets of it.
    control_octets: usize,
}

impl Origin {
    /// Give the client's address.
    pub fn client(&self) -> std::net::SocketAddr {
        let port = u16::from_be(self.address.sin6_port); // at the same place in both families
        if libc::c_int::from(self.address.sin6_family) == libc::AF_INET {
            let octets = self.address.sin6_flowinfo.to_ne_bytes(); // where IPv4 has its address
            return (octets, port).into();
        }
        (self.address.sin6_addr.s6_addr, port).into()
    }
}

/// Send answers, each to its origin, with one system call for many. Gives how many could not be sent.
///
/// Blocks at most as long as the socket may.
pub fn answer_all(fd: i32, answers: &mut [(Origin, &[u8])]) -> usize {
    let mut vectors: Vec<libc::iovec> = answers
        .iter()
        .map(|(_, response)| libc::iovec {
            iov_base: response.as_ptr().cast_mut().cast(),
            iov_len: response.len(),
        })
        .collect();
    let pairs = answers.iter_mut().zip(&mut vectors);
    let mut headers: Vec<libc::mmsghdr> = pairs
        .map(|((origin, _), vector)| {
            // SAFETY: all zeroes is a valid mmsghdr.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = (&raw mut origin.address).cast();
            header.msg_hdr.msg_namelen = origin.address_octets;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            if origin.control_octets > 0 {
                header.msg_hdr.msg_control = origin.control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = origin.control_octets as _;
            }
            header
        })
        .collect();
    // SAFETY: the headers point to origins, vectors and responses, all of which outlive the call.
    unsafe { send_all(fd, headers.as_mut_ptr(), headers.len()) }
}

/// Send what headers say. Gives how many could not be sent.
///
/// # Safety
/// `headers` are `count` of them, and what they point to may be read.
unsafe fn send_all(fd: i32, headers: *mut libc::mmsghdr, count: usize) -> usize {
    let (mut first, mut lost) = (0, 0);
    while first < count {
        let left = (count - first) as libc::c_uint;
        // SAFETY: `first` is below `count`; the rest the caller promises.
        let sent = unsafe { libc::sendmmsg(fd, headers.add(first), left, libc::MSG_NOSIGNAL as _) };
        if let Ok(sent) = usize::try_from(sent) {
            first += sent;
            continue;
        }
        match std::io::Error::last_os_error().kind() {
            std::io::ErrorKind::Interrupted => {}
            // No room, for as long as the socket would wait.
            std::io::ErrorKind::WouldBlock => return lost + count - first,
            // That one has no way back; the others may.
            _ => (first, lost) = (first + 1, lost + 1),
        }
    }
    lost
}

/// The memory of a batch, laid out once.
#[repr(C)]
struct Buffers {
    /// What came in.
    packets: [[u8; PACKET_STRIDE]; PACKETS_MAX],
    /// Where from: large enough for both families.
    addresses: [libc::sockaddr_in6; PACKETS_MAX],
    /// Packet information.
    controls: [[u64; CONTROL_WORDS]; PACKETS_MAX],
    /// Vectors of what comes in.
    in_vectors: [libc::iovec; PACKETS_MAX],
    /// Headers of what comes in.
    incoming: [libc::mmsghdr; PACKETS_MAX],
    /// Vectors of what goes out.
    out_vectors: [libc::iovec; PACKETS_MAX],
    /// Headers of what goes out.
    outgoing: [libc::mmsghdr; PACKETS_MAX],
}

/// The buffers of one socket, and the two system calls on them.
pub struct Batch {
    /// The socket, which somebody else closes, later than the thread that we belong to ends.
    fd: i32,
    /// The family's kind of address.
    address_octets: libc::socklen_t,
    /// Octets of a control message; 0 when none is asked for.
    control_octets: usize,
    /// The memory, ours alone; it is never moved, for the headers point into it.
    buffers: NonNull<Buffers>,
    /// How many packets there are.
    received: usize,
    /// How many headers were used, and must be made fresh.
    used: usize,
    /// How many answers wait to be sent.
    queued: usize,
}

// SAFETY: the buffers belong to the batch alone.
unsafe impl Send for Batch {}

impl Batch {
    /// Make the buffers of a socket. On a wildcard address the kernel was asked for packet information.
    pub fn new(fd: i32, is_ipv6: bool, is_wildcard: bool) -> Self {
        let layout = Layout::new::<Buffers>();
        // SAFETY: the layout has a size above zero; all zeroes are valid buffers.
        let Some(buffers) = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }) else {
            handle_alloc_error(layout)
        };
        let info =
            if is_ipv6 { size_of::<libc::in6_pktinfo>() } else { size_of::<libc::in_pktinfo>() };
        let address =
            if is_ipv6 { size_of::<libc::sockaddr_in6>() } else { size_of::<libc::sockaddr_in>() };
        let control_octets =
            if is_wildcard { CONTROL_HEAD_OCTETS + info.next_multiple_of(8) } else { 0 };
        Self {
            fd,
            address_octets: address as libc::socklen_t,
            control_octets,
            buffers: buffers.cast(),
            received: 0,
            used: PACKETS_MAX,
            queued: 0,
        }
    }

    /// Make the headers fresh that the kernel wrote into.
    fn refresh(&mut self) {
        let at = self.buffers.as_ptr();
        for number in 0..self.used {
            // SAFETY: `number` is below PACKETS_MAX, and the buffers are ours; only raw pointers are made.
            unsafe {
                (*at).in_vectors[number].iov_base = (&raw mut (*at).packets[number]).cast();
                (*at).in_vectors[number].iov_len = PACKET_OCTETS_MAX;
                let header = &raw mut (*at).incoming[number].msg_hdr;
                (*header).msg_name = (&raw mut (*at).addresses[number]).cast();
                (*header).msg_namelen = self.address_octets;
                (*header).msg_iov = &raw mut (*at).in_vectors[number];
                (*header).msg_iovlen = 1;
                if self.control_octets > 0 {
                    (*at).controls[number] = [0; CONTROL_WORDS];
                    (*header).msg_control = (&raw mut (*at).controls[number]).cast();
                    (*header).msg_controllen = self.control_octets as _;
                }
            }
        }
        self.used = 0;
    }

    /// Wait for a packet if none is there, and take all that are, up to a batch. Gives how many.
    ///
    /// # Errors
    /// What the system says; an interrupted call is one.
    pub fn receive(&mut self, wait: bool) -> std::io::Result<usize> {
        self.refresh();
        (self.received, self.queued) = (0, 0);
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        let count = PACKETS_MAX as libc::c_uint;
        // SAFETY: the headers point into our buffers, with their true sizes; nobody looks at these meanwhile.
        let count = unsafe {
            let headers = (&raw mut (*self.buffers.as_ptr()).incoming).cast();
            libc::recvmmsg(self.fd, headers, count, flags as _, ptr::null_mut())
        };
        self.used = PACKETS_MAX.min(usize::try_from(count).unwrap_or(PACKETS_MAX) + 1);
        self.received = usize::try_from(count).map_err(|_| std::io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// Give a packet that came in.
    pub fn packet(&self, number: usize) -> &[u8] {
        assert!(number < self.received, "only what came in can be looked at");
        let at = self.buffers.as_ptr();
        // SAFETY: the kernel wrote so many octets, at most PACKET_OCTETS_MAX; nothing changes them until `receive`.
        unsafe {
            let octets = (*at).incoming[number].msg_len as usize;
            let packet: *const u8 = (&raw const (*at).packets[number]).cast();
            std::slice::from_raw_parts(packet, octets.min(PACKET_OCTETS_MAX))
        }
    }

    /// Give where a packet came from, for an answer that takes its time.
    pub fn origin(&self, number: usize) -> Origin {
        assert!(number < self.received, "only what came in can be looked at");
        let at = self.buffers.as_ptr();
        // SAFETY: `number` is below PACKETS_MAX, and both are plain data that the kernel wrote or that are zero.
        let (address, control) = unsafe { ((*at).addresses[number], (*at).controls[number]) };
        Origin {
            address,
            address_octets: self.address_octets,
            control: self.without_interface(control),
            control_octets: self.control_octets,
        }
    }

    /// Take the interface out of packet information.
    fn without_interface(&self, mut control: [u64; CONTROL_WORDS]) -> [u64; CONTROL_WORDS] {
        if self.control_octets > 0 {
            // Of IPv4 the first four octets behind the header, of IPv6 those behind the address.
            let is_ipv6 = self.address_octets as usize == size_of::<libc::sockaddr_in6>();
            let at = CONTROL_HEAD_OCTETS / 8 + if is_ipv6 { 2 } else { 0 };
            let mut octets = control[at].to_ne_bytes();
            octets[..4].fill(0);
            control[at] = u64::from_ne_bytes(octets);
        }
        control
    }

    /// Queue an answer to a packet; `response` must stay where it is until `send`, which is why that is given it.
    fn queue(&mut self, number: usize, response: &[u8]) {
        assert!(number < self.received && self.queued < PACKETS_MAX, "one answer to each packet");
        let (at, queued) = (self.buffers.as_ptr(), self.queued);
        // SAFETY: both numbers are below PACKETS_MAX; the pointers are used by `send` only, which holds the responses.
        unsafe {
            (*at).out_vectors[queued] = libc::iovec {
                iov_base: response.as_ptr().cast_mut().cast(),
                iov_len: response.len(),
            };
            let header = &raw mut (*at).outgoing[queued].msg_hdr;
            (*header).msg_name = (&raw mut (*at).addresses[number]).cast();
            (*header).msg_namelen = self.address_octets;
            (*header).msg_iov = &raw mut (*at).out_vectors[queued];
            (*header).msg_iovlen = 1;
            if self.control_octets > 0 {
                (*at).controls[number] = self.without_interface((*at).controls[number]);
                (*header).msg_control = (&raw mut (*at).controls[number]).cast();
                (*header).msg_controllen = self.control_octets as _;
            }
        }
        self.queued += 1;
    }

    /// Send responses, each to where the packet of its number came from. Gives how many could not be sent.
    pub fn send<'a>(&mut self, responses: impl Iterator<Item = (usize, &'a Vec<u8>)>) -> usize {
        self.queued = 0;
        responses.for_each(|(number, response)| self.queue(number, response));
        // SAFETY: so many headers are filled, and what they point to is borrowed for 'a or ours.
        unsafe {
            let headers: *mut libc::mmsghdr = (&raw mut (*self.buffers.as_ptr()).outgoing).cast();
            send_all(self.fd, headers, self.queued)
        }
    }
}

/// Octets of a control message's header, padded.
const CONTROL_HEAD_OCTETS: usize = size_of::<libc::cmsghdr>().next_multiple_of(8);

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: made with this layout, freed once; the socket is no longer read.
        unsafe { dealloc(self.buffers.as_ptr().cast(), Layout::new::<Buffers>()) };
    }
}

/// Add one to an eventfd, so that whoever polls it wakes up.
pub fn wake(fd: i32) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight octets are read. A full counter is a wake-up that is already there.
    let _ = unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
}

/// Tell the time: nanoseconds of the monotonic clock, Python's `time.monotonic_ns`.
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to `time` and nowhere else. Every system that we run on has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
