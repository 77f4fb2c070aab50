//! The packet loop: threads that receive, answer and send, in batches, and never wait for Python.
//!
//! Each thread has a socket of its own; the kernel spreads clients over them (`SO_REUSEPORT`). For an answer from
//! a table nothing is locked and nothing is allocated. What only the plugin chain can answer, and what somebody
//! wants to see, is put into bounded queues; Python is woken through an eventfd, and when it does not keep up, a
//! miss is answered SERVFAIL and an observation is counted as lost.
//!
//! What is served is swapped by its number: a thread looks at the number once per batch, and takes the lock
//! only when it has changed.
//!
//! Sources: recvmmsg(2); socket(7) `SO_REUSEPORT`; eventfd(2); the design of podname (the path of a query).

use std::io::{Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::constants as c;
use crate::counters::Answered;
use crate::handover::{Miss, Observation, Request, Shared, Totals};
use crate::query;
use crate::raw::{Batch, PACKETS_MAX, Reader, monotonic_ns};
use crate::responder::{Outcome, Responder};
use crate::routes::{Layer, Routes};

/// Batches that are still answered when the loop is to end.
const LAST_BATCHES: usize = 4;
/// A thread's stack: the largest thing on it is a few hundred octets of header.
const STACK_OCTETS: usize = 256 << 10;
/// After an error of the system, the time until it is asked again.
const ERROR_PAUSE: Duration = Duration::from_millis(1);
/// At the end, the time until relays are asked again whether they are done.
const RELAYED_PAUSE: Duration = Duration::from_millis(5);
/// At the end, how long relays are waited for: as long as a question may take (`TOTAL_SECONDS_MOST` of `forward`).
const RELAYED_MOST: Duration = Duration::from_secs(5);
/// Memory that a response may keep for the next one.
const RESPONSE_OCTETS: usize = 4096;

/// One socket for a thread to read.
#[derive(Clone, Copy)]
pub struct Socket {
    /// The descriptor; it must stay open until [`Udp::join`] has come back.
    pub fd: i32,
    /// Its family.
    pub is_ipv6: bool,
    /// Whether packet information comes along.
    pub is_wildcard: bool,
}

/// The threads of one address family, and Python's end of their queues.
pub struct Udp {
    /// What they share.
    shared: Arc<Shared>,
    /// The threads.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Questions for Python.
    misses: Mutex<Receiver<Miss>>,
    /// Observations for Python.
    observations: Mutex<Receiver<Observation>>,
    /// The routes that were served, by their numbers.
    served: Mutex<Vec<(u64, Weak<Routes>)>>,
}

impl Udp {
    /// Start a thread for each socket. `event` is an eventfd that is written when a queue is no longer empty.
    ///
    /// # Errors
    /// What the system says when it has no more threads.
    pub fn start(sockets: &[Socket], event: i32, routes: Routes) -> std::io::Result<Self> {
        let first = sockets.first().map_or(-1, |socket| socket.fd);
        let (shared, misses_out, observations_out) = Shared::new(routes, first, event)?;
        let shared = Arc::new(shared);
        let udp = Self {
            shared,
            threads: Mutex::new(Vec::new()),
            misses: Mutex::new(misses_out),
            observations: Mutex::new(observations_out),
            served: Mutex::new(Vec::new()),
        };
        udp.note(&udp.shared.routes());
        for (number, &socket) in sockets.iter().enumerate() {
            let shared = udp.shared.clone();
            let reader = Reader::claim().ok_or(ErrorKind::OutOfMemory)?;
            let thread = std::thread::Builder::new()
                .name(format!("udp-{number}"))
                .stack_size(STACK_OCTETS)
                .spawn(move || Loop::new(number, socket, shared, reader).run())?;
            udp.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(udp)
    }

    /// Swap what is served, atomically for each batch.
    pub fn serve(&self, routes: Routes) {
        let routes = Arc::new(routes);
        self.note(&routes);
        *self.shared.routes.lock().unwrap_or_else(PoisonError::into_inner) = routes;
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    /// Remember routes for as long as somebody refers to them.
    fn note(&self, routes: &Arc<Routes>) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.push((routes.number, Arc::downgrade(routes)));
    }

    /// Return the numbers of the routes that a thread or a queue may still refer to.
    pub fn served(&self) -> Vec<u64> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.retain(|(_, routes)| routes.strong_count() > 0);
        served.iter().map(|&(number, _)| number).collect()
    }

    /// Note that Python looks: from now on it is woken again. Read the eventfd before.
    pub fn look(&self) {
        self.shared.is_woken.swap(false, Ordering::AcqRel);
    }

    /// Return the next miss.
    pub fn miss(&self) -> Option<Miss> {
        let miss = self.misses.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()?;
        self.shared.unqueue(&miss);
        Some(miss)
    }

    /// Return the next observation.
    pub fn next_observation(&self) -> Option<Observation> {
        self.observations.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
    }

    /// Return the counts.
    pub fn totals(&self) -> &Totals {
        &self.shared.totals
    }

    /// Tell the threads to end with what has arrived. Whoever waits for a packet must be woken by `shutdown(2)`.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Wait until the threads have ended, and no relay asks for us any more. Each question has a deadline; one that a fault
    /// of ours has lost is not waited for any longer than that.
    pub fn join(&self) {
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has ended as well.
            let _ = thread.join();
        }
        let give_up = Instant::now() + RELAYED_MOST;
        while self.shared.relaying.load(Ordering::Relaxed) > 0 && Instant::now() < give_up {
            std::thread::sleep(RELAYED_PAUSE);
        }
    }
}

/// One thread.
struct Loop {
    /// What it shares.
    shared: Arc<Shared>,
    /// What is served, as far as it knows.
    routes: Arc<Routes>,
    /// The number of that.
    generation: u64,
    /// Answers packets.
    responder: Responder,
    /// Its place among the readers.
    reader: Reader,
    /// The socket's buffers.
    batch: Batch,
    /// A response for each packet.
    responses: Vec<Vec<u8>>,
    /// What became of each packet.
    outcomes: Vec<Outcome>,
}

impl Loop {
    /// Make a thread's state, on the thread.
    fn new(number: usize, socket: Socket, shared: Arc<Shared>, reader: Reader) -> Self {
        let generation = shared.generation.load(Ordering::Acquire);
        Self {
            routes: shared.routes(),
            shared,
            generation,
            responder: Responder::new(true, number),
            reader,
            batch: Batch::new(socket.fd, socket.is_ipv6, socket.is_wildcard),
            responses: (0..PACKETS_MAX).map(|_| Vec::with_capacity(512)).collect(),
            outcomes: Vec::with_capacity(PACKETS_MAX),
        }
    }

    /// Answer until told to stop, and then what has arrived.
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            match self.batch.receive(true) {
                Ok(count) => self.answer(count),
                Err(error) => self.rest(&error),
            }
        }
        for _ in 0..LAST_BATCHES {
            match self.batch.receive(false) {
                Ok(count @ 1..) => self.answer(count),
                _ => return,
            }
        }
    }

    /// Nothing came in: let go of what is no longer served; after an error do not ask again at once.
    fn rest(&mut self, error: &Error) {
        self.look();
        if !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) {
            std::thread::sleep(ERROR_PAUSE);
        }
    }

    /// See whether something else is served now.
    fn look(&mut self) {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if generation != self.generation {
            (self.routes, self.generation) = (self.shared.routes(), generation);
        }
    }

    /// Answer a batch.
    fn answer(&mut self, count: usize) {
        let started = monotonic_ns();
        self.responder.set_now(started);
        self.look();
        let guard = self.reader.pin();
        self.outcomes.clear();
        for (number, out) in self.responses.iter_mut().enumerate().take(count) {
            let (responder, routes, packet) =
                (&mut self.responder, &self.routes, self.batch.packet(number));
            let outcome =
                catch_unwind(AssertUnwindSafe(|| responder.respond(&guard, routes, packet, out)));
            self.outcomes.push(outcome.unwrap_or_else(|_| {
                self.shared.totals.faults.fetch_add(1, Ordering::Relaxed);
                Outcome::Silence
            }));
        }
        drop(guard);
        let nanoseconds = (monotonic_ns() - started) / count.max(1) as u64;
        self.ask(started);
        self.send();
        self.account(nanoseconds);
    }

    /// Hand over what somebody else must answer.
    fn ask(&mut self, started: u64) {
        for number in 0..self.outcomes.len() {
            let plan = match self.outcomes[number] {
                Outcome::Relay(plan, layer) if self.relay(number, plan, layer, started) => continue,
                Outcome::Miss(plan) | Outcome::Relay(plan, _) => plan,
                _ => continue,
            };
            self.outcomes[number] = Outcome::Miss(plan);
            let miss = Miss {
                routes: self.routes.clone(),
                plan,
                packet: self.batch.packet(number).into(),
                origin: self.batch.origin(number),
            };
            if !self.shared.queue(miss) {
                let packet = self.batch.packet(number);
                if let Ok(query) = query::parse(packet) {
                    let out = &mut self.responses[number];
                    self.outcomes[number] =
                        self.responder.refuse(&self.routes, packet, &query, c::SERVFAIL, out);
                }
            }
        }
    }

    /// Hand a question to a relay. Gives whether that took it.
    fn relay(&self, number: usize, plan: usize, layer: usize, started_ns: u64) -> bool {
        let Layer::Relay(forwarded) = &self.routes.plans[plan].layers[layer] else {
            return false;
        };
        self.shared.relaying.fetch_add(1, Ordering::Relaxed);
        let request = Request {
            listener: self.shared.clone(),
            routes: self.routes.clone(),
            plan,
            plugin: forwarded.plugin,
            packet: self.batch.packet(number).into(),
            origin: self.batch.origin(number),
            started_ns,
        };
        let is_taken = forwarded.relay.take(request);
        if !is_taken {
            self.shared.relaying.fetch_sub(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// Send what is answered.
    fn send(&mut self) {
        let answered = self.outcomes.iter().zip(&self.responses).enumerate();
        let answered = answered.filter_map(|(number, (outcome, response))| match outcome {
            Outcome::Silence | Outcome::Miss(_) | Outcome::Relay(..) => None,
            _ => Some((number, response)),
        });
        let unsent = self.batch.send(answered);
        if unsent > 0 {
            self.shared.totals.unsent.fetch_add(unsent as u64, Ordering::Relaxed);
            self.shared.wake();
        }
    }

    /// Count durations, and show answers to whoever wants to see them.
    fn account(&mut self, nanoseconds: u64) {
        let mut answers = 0;
        for number in 0..self.outcomes.len() {
            match self.outcomes[number] {
                Outcome::Answered(plan, answered) => {
                    answers += 1;
                    if let Some(counts) = &self.routes.plans[plan].counts {
                        self.responder.count_duration(counts, nanoseconds);
                    }
                    if self.routes.plans[plan].is_observed {
                        self.show(number, plan, answered, nanoseconds);
                    }
                }
                Outcome::Refused => {
                    answers += 1;
                    self.responder.count_duration(&self.routes.dropped, nanoseconds);
                }
                Outcome::Send | Outcome::Silence | Outcome::Miss(_) | Outcome::Relay(..) => {}
            }
            if self.responses[number].capacity() > RESPONSE_OCTETS {
                self.responses[number] = Vec::with_capacity(512);
            }
        }
        self.shared.totals.answered.fetch_add(answers, Ordering::Relaxed);
    }

    /// Queue an answer to be seen.
    fn show(&self, number: usize, plan: usize, answered: Answered, nanoseconds: u64) {
        let observed = Observation {
            routes: self.routes.clone(),
            plan,
            packet: self.batch.packet(number).into(),
            response: self.responses[number].as_slice().into(),
            origin: self.batch.origin(number),
            answered,
            nanoseconds,
        };
        self.shared.observe(observed);
    }
}
