//! What a listener's threads hand on: questions to Python and to relays, answers to whoever wants to see them.
//!
//! Queues are bounded, in all and for each client. Python is woken through an eventfd; when it does not keep up, a
//! question is answered SERVFAIL and an observation is counted as lost.
//!
//! Sources: eventfd(2); the design of podname (the path of a query).

use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::constants as c;
use crate::counters::{Answered, SHARED};
use crate::query;
use crate::raw::{Origin, duplicate, wake};
use crate::responder::refuse;
use crate::routes::Routes;

/// Misses that wait for Python.
const MISSES_MAX: usize = 1024;
/// Of one client; clients whose addresses share a bucket share these.
const MISSES_OF_A_CLIENT_MAX: u32 = MISSES_MAX as u32 / 4;
/// Buckets of clients' addresses.
const BUCKETS: usize = 1024;
/// Observations that wait for Python.
const OBSERVATIONS_MAX: usize = 4096;

/// A client's question.
pub struct Request {
    /// The listener that it came to.
    pub listener: Arc<Shared>,
    /// What was served when it came.
    pub routes: Arc<Routes>,
    /// The number of the plan among these.
    pub plan: usize,
    /// The number that `forward` is counted under there.
    pub plugin: usize,
    /// The packet.
    pub packet: Box<[u8]>,
    /// Where it came from.
    pub origin: Origin,
    /// When.
    pub started_ns: u64,
}

/// A question for the plugin chain.
pub struct Miss {
    /// What was served when it came.
    pub routes: Arc<Routes>,
    /// The number of the plan among these.
    pub plan: usize,
    /// The query.
    pub packet: Box<[u8]>,
    /// Where it came from.
    pub origin: Origin,
}

/// An answer that somebody wants to see.
pub struct Observation {
    /// What was served then.
    pub routes: Arc<Routes>,
    /// The number of the plan among these.
    pub plan: usize,
    /// The query.
    pub packet: Box<[u8]>,
    /// The response.
    pub response: Box<[u8]>,
    /// Where it came from.
    pub origin: Origin,
    /// What is known of the answer.
    pub answered: Answered,
    /// How long it took.
    pub nanoseconds: u64,
}

/// What threads count for everybody.
#[derive(Default)]
pub struct Totals {
    /// Answers from tables, refusals included.
    pub answered: AtomicU64,
    /// Questions for the plugin chain.
    pub misses: AtomicU64,
    /// Misses that found the queue full.
    pub refused: AtomicU64,
    /// Observations that found the queue full.
    pub observations_dropped: AtomicU64,
    /// Answers that the system did not take.
    pub unsent: AtomicU64,
    /// Faults of ours that cost a packet its answer.
    pub faults: AtomicU64,
}

/// What the threads of one address family share with Python and with relays.
pub struct Shared {
    /// What is served.
    pub(crate) routes: Mutex<Arc<Routes>>,
    /// Its number.
    pub(crate) generation: AtomicU64,
    /// Whether to end.
    pub(crate) stop: AtomicBool,
    /// Questions for Python.
    misses: SyncSender<Miss>,
    /// Observations for Python.
    observations: SyncSender<Observation>,
    /// Wakes Python.
    event: i32,
    /// Whether Python was woken and did not look yet.
    pub(crate) is_woken: AtomicBool,
    /// The counts.
    pub(crate) totals: Totals,
    /// The first socket, for answers that take their time; it outlives the others.
    answering: OwnedFd,
    /// Questions that relays ask upstreams.
    pub(crate) relaying: AtomicUsize,
    /// Misses that wait for Python, by their clients' buckets.
    waiting: Box<[AtomicU32]>,
    /// Chooses the buckets, so that nobody outside knows whose is whose.
    state: RandomState,
}

impl Shared {
    /// Begin to serve routes; `fd` is a socket that answers may leave by. Gives Python's ends of the queues.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(
        routes: Routes,
        fd: i32,
        event: i32,
    ) -> std::io::Result<(Self, Receiver<Miss>, Receiver<Observation>)> {
        let (misses, misses_out) = sync_channel(MISSES_MAX);
        let (observations, observations_out) = sync_channel(OBSERVATIONS_MAX);
        let shared = Self {
            routes: Mutex::new(Arc::new(routes)),
            generation: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            misses,
            observations,
            event,
            is_woken: AtomicBool::new(false),
            totals: Totals::default(),
            answering: duplicate(fd)?,
            relaying: AtomicUsize::new(0),
            waiting: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect(),
            state: RandomState::new(),
        };
        Ok((shared, misses_out, observations_out))
    }

    /// Note that Python has taken a question.
    pub(crate) fn unqueue(&self, miss: &Miss) {
        self.waiting[self.bucket_of(miss.origin)].fetch_sub(1, Ordering::Relaxed);
    }

    /// Return the socket that late answers leave by.
    pub fn answering_fd(&self) -> i32 {
        self.answering.as_raw_fd()
    }

    /// Note that a relay has sent answers, of which some were not taken by the system.
    pub fn count_relayed(&self, count: usize, unsent: usize) {
        self.relaying.fetch_sub(count, Ordering::Relaxed);
        if unsent > 0 {
            self.totals.unsent.fetch_add(unsent as u64, Ordering::Relaxed);
            self.wake();
        }
    }

    /// Queue a question for Python, unless there are too many, in all or of its client. Gives whether it is queued.
    pub(crate) fn queue(&self, miss: Miss) -> bool {
        let waiting = &self.waiting[self.bucket_of(miss.origin)];
        self.totals.misses.fetch_add(1, Ordering::Relaxed);
        let is_queued = waiting.fetch_add(1, Ordering::Relaxed) < MISSES_OF_A_CLIENT_MAX
            && self.misses.try_send(miss).is_ok();
        if !is_queued {
            waiting.fetch_sub(1, Ordering::Relaxed);
            self.totals.refused.fetch_add(1, Ordering::Relaxed);
        }
        self.wake();
        is_queued
    }

    /// Return the number of the bucket of a client's address.
    fn bucket_of(&self, origin: Origin) -> usize {
        (self.state.hash_one(origin.client().ip()) % BUCKETS as u64) as usize
    }

    /// Let Python answer what a relay could not. Gives the refusal to send when Python has too much to do.
    pub fn hand_over(&self, request: &Request) -> Option<Vec<u8>> {
        let miss = Miss {
            routes: request.routes.clone(),
            plan: request.plan,
            packet: request.packet.clone(),
            origin: request.origin,
        };
        if self.queue(miss) {
            self.relaying.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let (mut out, query) = (Vec::new(), query::parse(&request.packet).ok()?);
        refuse(&request.routes, &request.packet, &query, c::SERVFAIL, &mut out, SHARED);
        Some(out)
    }

    /// Queue an answer to be seen.
    pub fn observe(&self, observed: Observation) {
        if self.observations.try_send(observed).is_err() {
            self.totals.observations_dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.wake();
    }

    /// Return what is served.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wake Python, once until it looks.
    pub(crate) fn wake(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            wake(self.event);
        }
    }
}
