//! Who reads maps, and when what they may hold can be freed: epochs.
//!
//! A reader *pins* the current epoch in a place of its own before it looks at anything, and unpins when it has done
//! with it; memory that was unlinked in epoch *e* is freed once every pinned reader has pinned an epoch after *e*.
//!
//! 1. The reader stores its epoch, fences (`SeqCst`), then loads pointers. The writer unlinks, fences, advances the
//!    epoch, then looks at the readers' places. Of two `SeqCst` fences one comes first. If the writer's does, the
//!    reader's loads see the unlinking, so it never gets the pointer. If the reader's does, the writer sees its pin.
//! 2. A pin later than *e* read an epoch that was published after the unlinking (release, acquire), so that reader
//!    cannot have the pointer either. Only pins up to *e* keep memory of *e* alive.
//!
//! Source: Fraser, "Practical lock-freedom" §5.2 (epoch-based reclamation).

use std::sync::atomic::{AtomicU64, Ordering, fence};

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
pub(super) fn end_epoch() -> u64 {
    fence(Ordering::SeqCst);
    EPOCH.fetch_add(1, Ordering::SeqCst)
}

/// Return the oldest epoch that a reader still pins.
pub(super) fn oldest_pinned() -> u64 {
    fence(Ordering::SeqCst);
    let used = PLACES_USED.load(Ordering::SeqCst) as usize;
    PLACES[..used]
        .iter()
        .map(|place| place.0.load(Ordering::SeqCst))
        .filter(|&epoch| epoch >= FIRST_EPOCH)
        .min()
        .unwrap_or(u64::MAX)
}
