//! What is counted: plain integers that one thread writes and a scrape reads.
//!
//! A [`Block`] belongs to one thread and one server block (or to what belongs to none). Only its thread adds to
//! it, so adding is a load and a store, no locked instruction. What the integers mean is known in Python, where
//! they become CoreDNS's metric families.
//!
//! Sources: CoreDNS plugin/metrics/vars (types, bucket bounds), plugin.TimeBuckets.

use std::sync::atomic::{AtomicU64, Ordering};

/// The types that have a label of their own, in the order of their counts; all others are counted behind them.
pub const TYPES: [u16; 19] =
    [1, 28, 12, 33, 2, 5, 6, 15, 16, 43, 46, 47, 48, 50, 64, 65, 251, 252, 255];
/// The bounds of sizes, in octets.
pub const SIZE_BOUNDS: [u16; 14] =
    [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000];
/// The first bound of durations; each further one is twice the one before.
pub const FIRST_BOUND_NS: u64 = 250_000;
/// Buckets of durations, the last one without a bound.
const DURATIONS: usize = 17;
/// RCODEs that a header can hold.
pub const RCODES: usize = 16;

/// Offsets of the counts in a block.
mod at {
    use super::{DURATIONS, SIZE_BOUNDS, TYPES};
    /// Requests by type.
    pub const TYPE: usize = 0;
    /// Requests with the DO bit.
    pub const DNSSEC_OK: usize = TYPE + TYPES.len() + 1;
    /// The sum of the durations, in nanoseconds.
    pub const NANOSECONDS: usize = DNSSEC_OK + 1;
    /// Slow answers by duration.
    pub const DURATION: usize = NANOSECONDS + 1;
    /// The sums of the sizes of requests and responses.
    pub const OCTETS: usize = DURATION + DURATIONS;
    /// Requests by size.
    pub const REQUEST: usize = OCTETS + 2;
    /// Responses by size.
    pub const RESPONSE: usize = REQUEST + SIZE_BOUNDS.len() + 1;
    /// Responses by plugin and RCODE.
    pub const RCODE: usize = RESPONSE + SIZE_BOUNDS.len() + 1;
}

/// One thread's counts. Aligned, so that threads do not share cache lines.
#[repr(align(64))]
struct Block(Box<[AtomicU64]>);

/// The number of the block that several threads add to: those of relays.
pub const SHARED: usize = usize::MAX;

impl Block {
    /// Add to a count that nobody else writes, or that others write, too.
    fn add(&self, at: usize, count: u64, is_shared: bool) {
        let to = &self.0[at];
        if is_shared {
            to.fetch_add(count, Ordering::Relaxed);
        } else {
            to.store(to.load(Ordering::Relaxed) + count, Ordering::Relaxed);
        }
    }
}

/// The counts of one server block, on all threads.
pub struct Counts {
    /// One for each thread, and the one that is shared.
    blocks: Vec<Block>,
}

/// One answer, to be counted.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The type that was asked for.
    pub qtype: u16,
    /// The DO bit.
    pub dnssec_ok: bool,
    /// The number of the plugin that answered.
    pub plugin: usize,
    /// The RCODE.
    pub rcode: u8,
    /// The size of the request.
    pub request_octets: usize,
    /// The size of the response as the plugin made it: before compression and OPT, not cut to fit.
    pub response_octets: usize,
}

impl Counts {
    /// Make counts of zero.
    pub fn new(threads: usize, plugins: usize) -> Self {
        let size = at::RCODE + RCODES * plugins;
        let block = || Block((0..size).map(|_| AtomicU64::new(0)).collect());
        Self { blocks: (0..=threads).map(|_| block()).collect() }
    }

    /// Return the block of a thread, and whether others write to it.
    fn block(&self, thread: usize) -> (&Block, bool) {
        let last = self.blocks.len() - 1;
        (&self.blocks[thread.min(last)], thread >= last)
    }

    /// Count an answer on its thread, but not its duration.
    pub fn count(&self, thread: usize, one: Answered) {
        let (block, is_shared) = self.block(thread);
        let add = |at: usize, count: u64| block.add(at, count, is_shared);
        let kind = TYPES.iter().position(|&qtype| qtype == one.qtype);
        add(at::TYPE + kind.unwrap_or(TYPES.len()), 1);
        if one.dnssec_ok {
            add(at::DNSSEC_OK, 1);
        }
        add(at::OCTETS, one.request_octets as u64);
        add(at::OCTETS + 1, one.response_octets as u64);
        add(at::REQUEST + size_bucket(one.request_octets), 1);
        add(at::RESPONSE + size_bucket(one.response_octets), 1);
        add(at::RCODE + one.plugin * RCODES + one.rcode as usize, 1);
    }

    /// Count an answer's duration.
    pub fn count_duration(&self, thread: usize, nanoseconds: u64) {
        let (block, is_shared) = self.block(thread);
        block.add(at::NANOSECONDS, nanoseconds, is_shared);
        if nanoseconds > FIRST_BOUND_NS {
            block.add(at::DURATION + duration_bucket(nanoseconds), 1, is_shared);
        }
    }

    /// Add up the counts of all threads.
    pub fn read(&self) -> Vec<u64> {
        let mut sums = vec![0; self.blocks[0].0.len()];
        for block in &self.blocks {
            for (sum, count) in sums.iter_mut().zip(&block.0) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        sums
    }
}

/// How many questions a cache answered, on all threads of a listener.
pub struct Hits {
    /// One for each thread: successes and denials.
    blocks: Vec<Block>,
    /// Questions that it did not answer, and a relay did.
    misses: AtomicU64,
}

impl Hits {
    /// Make counts of zero.
    pub fn new(threads: usize) -> Self {
        let block = || Block((0..2).map(|_| AtomicU64::new(0)).collect());
        Self { blocks: (0..threads).map(|_| block()).collect(), misses: AtomicU64::new(0) }
    }

    /// Count one on its thread.
    pub fn count(&self, thread: usize, is_denial: bool) {
        let count = &self.blocks[thread].0[usize::from(is_denial)];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Count a question that a relay answered.
    pub fn count_miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Add up successes, denials, and what was not answered.
    pub fn read(&self) -> (u64, u64, u64) {
        let sum = |at: usize| self.blocks.iter().map(|b| b.0[at].load(Ordering::Relaxed)).sum();
        (sum(0), sum(1), self.misses.load(Ordering::Relaxed))
    }
}

/// Return the bucket of a size.
fn size_bucket(octets: usize) -> usize {
    SIZE_BOUNDS.iter().take_while(|&&bound| octets > bound as usize).count()
}

/// Return the bucket of a duration.
fn duration_bucket(nanoseconds: u64) -> usize {
    let bounds = (0..DURATIONS - 1).map(|power| FIRST_BOUND_NS << power);
    bounds.filter(|&bound| nanoseconds > bound).count()
}

/// Durations by bucket, and their sum.
#[derive(Default)]
pub struct Durations {
    /// How many there are in each bucket.
    buckets: [AtomicU64; DURATIONS],
    /// The sum, in nanoseconds.
    nanoseconds: AtomicU64,
}

impl Durations {
    /// Count one.
    pub fn count(&self, nanoseconds: u64) {
        self.buckets[duration_bucket(nanoseconds)].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Return the buckets and the sum in nanoseconds.
    pub fn read(&self) -> (Vec<u64>, u64) {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        (buckets, self.nanoseconds.load(Ordering::Relaxed))
    }
}
