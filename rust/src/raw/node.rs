//! A node: a name and what is kept of it, in one allocation that never changes.
//!
//! Layout: a header of nine octets (how many names stand right below; how many octets follow, with the number of the
//! name's ending above them; how many of them are the name's), what is kept of the name, then the body.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;

use crate::endings::Endings;

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

/// Return the layout of a node with so many octets.
fn layout_of(octets: usize) -> Layout {
    Layout::from_size_align(OCTETS_AT + octets, align_of::<Header>())
        .expect("no node is that large")
}

/// A node that no map holds yet.
pub(super) struct Node {
    /// The header, with the octets behind it.
    pub(super) at: NonNull<u8>,
}

impl Node {
    /// Make a node: at most 255 octets that its name begins with, how that ends, and its body.
    pub(super) fn new((name, ending): (&[u8], u8), body: &[u8], children: u32) -> Self {
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
    pub(super) fn into_raw(self) -> *mut u8 {
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
    pub(super) at: NonNull<u8>,
    /// The guard, or the writer's lock.
    pub(super) held: PhantomData<&'g ()>,
}

impl<'g> NodeRef<'g> {
    /// Take the node apart: what is kept of its name, the number of the ending, and the body.
    pub(super) fn parts(self) -> (&'g [u8], u8, &'g [u8]) {
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

    /// Return whether this is the node of a name.
    pub(super) fn is_called(self, name: &[u8], endings: &Endings) -> bool {
        let (own, ending, _) = self.parts();
        name.strip_prefix(own).is_some_and(|rest| rest == endings.get(ending))
    }

    /// Return what the node keeps of its name: what it begins with.
    pub fn own_name(self) -> &'g [u8] {
        self.parts().0
    }

    /// Return what stands behind the name.
    pub fn body(self) -> &'g [u8] {
        self.parts().2
    }

    /// Return the writer's count of names right below.
    pub fn children(self) -> &'g AtomicU32 {
        // SAFETY: as in `octets`; the count is atomic.
        unsafe { &(*self.at.as_ptr().cast::<Header>()).children }
    }
}
