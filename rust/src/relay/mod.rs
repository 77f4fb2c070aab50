//! Questions that go to an upstream and back without Python.
//!
//! A packet thread hands a question for a forwarded name to the [`Relay`] of its `forward` directive: one thread, which asks
//! an upstream over UDP, checks the reply, answers the client from the listener's own socket, keeps the answer as
//! `cache` says, and counts. Who asks the same at the same time is told by one reply. Whatever is not plain goes
//! back to where misses go: no reply in time, an odd one, an RCODE that another upstream may mend. Python then asks
//! again, and says what it has learned about upstreams by [`Relay::set_alive`].
//!
//! Sources: RFC 5452; RFC 9520 §3.3 (a question under way is not asked twice); CoreDNS plugin/forward; the design of podname.

mod question;
mod response;
mod sockets;
mod tickets;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use mio::{Poll, Token, Waker};

use crate::counters::Durations;
use crate::handover::Request;

pub use sockets::Ages;
use sockets::Sockets;
use worker::Worker;

/// Questions that wait for the thread.
const REQUESTS_MAX: usize = 4096;
/// Questions under way; of more, Python says what becomes of them.
const UNDER_WAY_MAX: usize = 1 << 15;
/// The thread's stack.
const STACK_OCTETS: usize = 256 << 10;

/// In which order upstreams are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any of them.
    Random,
    /// One after the other.
    RoundRobin,
    /// The first that is alive.
    Sequential,
}

/// How a `forward` directive asks.
pub struct Options {
    /// Who is asked.
    pub upstreams: Vec<SocketAddr>,
    /// In which order.
    pub order: Order,
    /// The local address.
    pub source: Option<IpAddr>,
    /// How long a reply is waited for.
    pub timeout_ns: u64,
    /// How long sockets live.
    pub ages: Ages,
    /// Questions under way; 0 is no limit.
    pub concurrent_max: usize,
    /// RCODEs, one bit each, that Python decides about.
    pub odd_rcodes: u16,
    /// Whether it decides about replies without an answer, too.
    pub odd_nodata: bool,
    /// Whether it decides about truncated replies, too.
    pub odd_truncated: bool,
}

/// One upstream, as others see it.
pub struct Upstream {
    /// Where it is.
    address: SocketAddr,
    /// Whether Python thinks that it answers.
    is_alive: AtomicBool,
    /// Questions that it did not answer.
    pub failures: AtomicU64,
    /// Questions that went out by a socket that was there.
    pub reused: AtomicU64,
    /// Questions that needed a new socket.
    pub opened: AtomicU64,
    /// How long it took, by RCODE.
    pub durations: Vec<Durations>,
}

/// What the thread shares with everybody.
struct Core {
    /// How to ask.
    options: Options,
    /// Who is asked.
    upstreams: Vec<Upstream>,
    /// Questions under way.
    under_way: AtomicUsize,
    /// Whether the thread was woken and did not look yet.
    is_woken: AtomicBool,
    /// Whether to end once nothing is under way.
    is_ended: AtomicBool,
    /// Replies that answered nobody's question.
    foreign: AtomicU64,
}

/// Asks upstreams. The thread ends when nobody has the relay any more and nothing is under way.
pub struct Relay {
    /// What the thread shares.
    core: Arc<Core>,
    /// Questions for it.
    requests: SyncSender<Request>,
    /// Wakes it.
    waker: Waker,
}

impl Relay {
    /// Start the thread.
    ///
    /// # Errors
    /// What the system says when it has no more threads or descriptors.
    pub fn start(options: Options) -> std::io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), Token(0))?;
        let upstream = |&address: &SocketAddr| Upstream {
            address,
            is_alive: AtomicBool::new(true),
            failures: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            durations: (0..16).map(|_| Durations::default()).collect(),
        };
        let upstreams: Vec<Upstream> = options.upstreams.iter().map(upstream).collect();
        let registry = poll.registry().try_clone()?;
        let sockets = Sockets::new(upstreams.len(), options.source, options.ages, registry);
        let core = Arc::new(Core {
            options,
            upstreams,
            under_way: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
            foreign: AtomicU64::new(0),
        });
        let (requests, requests_out) = sync_channel(REQUESTS_MAX);
        let worker = Worker::new(core.clone(), requests_out, poll, sockets);
        std::thread::Builder::new()
            .name("relay".into())
            .stack_size(STACK_OCTETS)
            .spawn(move || worker.run())?;
        Ok(Self { core, requests, waker })
    }

    /// Take a question. False when it is one for Python: no upstream is alive, or too much is under way.
    pub fn take(&self, request: Request) -> bool {
        let core = &self.core;
        let concurrent_max = match core.options.concurrent_max {
            0 => UNDER_WAY_MAX,
            most => most.min(UNDER_WAY_MAX),
        };
        if !core.upstreams.iter().any(|each| each.is_alive.load(Ordering::Relaxed)) {
            return false;
        }
        let is_taken = core.under_way.fetch_add(1, Ordering::Relaxed) < concurrent_max
            && self.requests.try_send(request).is_ok();
        if is_taken {
            self.wake();
        } else {
            core.under_way.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Wake the thread, once until it looks.
    fn wake(&self) {
        if !self.core.is_woken.swap(true, Ordering::AcqRel) {
            // A waker that fails leaves the question to the thread's next turn.
            let _ = self.waker.wake();
        }
    }

    /// Say which upstreams answer.
    pub fn set_alive(&self, alive: &[bool]) {
        for (upstream, &is_alive) in self.core.upstreams.iter().zip(alive) {
            upstream.is_alive.store(is_alive, Ordering::Relaxed);
        }
    }

    /// Count the questions under way.
    pub fn under_way(&self) -> usize {
        self.core.under_way.load(Ordering::Relaxed)
    }

    /// Count the replies that answered nobody's question.
    pub fn foreign(&self) -> u64 {
        self.core.foreign.load(Ordering::Relaxed)
    }

    /// Return the upstreams and what they counted.
    pub fn upstreams(&self) -> &[Upstream] {
        &self.core.upstreams
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.core.is_ended.store(true, Ordering::Release);
        let _ = self.waker.wake();
    }
}
