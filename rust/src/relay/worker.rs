//! The thread of a relay: asks, waits, answers, in batches.
//!
//! Replies are waited for by the order in which they were asked for, so that the next deadline is always the first one
//! and no question needs a timer of its own.

use std::collections::{HashMap, VecDeque};
use std::hash::RandomState;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mio::{Events, Poll};

use super::question::Question;
use super::response::{Said, respond};
use super::sockets::{Chance, Sockets, place_of};
use super::tickets::{Plain, Ticket, place_of_ticket, ticket_of};
use super::{Core, Order};
use crate::constants as c;
use crate::counters::SHARED;
use crate::handover::{Observation, Request, Shared};
use crate::keeping::Fetched;
use crate::names::Name;
use crate::query::{self, Query};
use crate::raw::{Batch, Origin, PACKETS_MAX, answer_all, monotonic_ns};
use crate::records::u16_at;
use crate::reply::{self, Read, Reply};

/// Events of one turn.
const EVENTS_MAX: usize = 128;
/// Questions that are taken before replies are looked at again.
const REQUESTS_AT_ONCE: usize = 256;
/// The shortest wait for a deadline: many pass together.
const DEADLINE_STEP: Duration = Duration::from_millis(20);
/// How often idle sockets are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Answers that are sent by one system call.
const ANSWERS_AT_ONCE: usize = 64;

/// A question that an upstream was asked, and who wants to know.
struct Asked {
    /// When it went out.
    sent_ns: u64,
    /// Who is asked.
    upstream: usize,
    /// What was sent.
    question: Question,
    /// Its hash.
    hash: u64,
    /// The first one's packet is what the reply is compared with.
    first: Request,
    /// Who asked the same meanwhile.
    others: Vec<Request>,
}

/// The thread's state.
pub(super) struct Worker {
    /// What it shares.
    core: Arc<Core>,
    /// Questions to ask.
    requests: Receiver<Request>,
    /// Waits.
    poll: Poll,
    /// To the upstreams.
    sockets: Sockets,
    /// Numbers that nobody can guess.
    chance: Chance,
    /// What is under way.
    asked: HashMap<Ticket, Asked, Plain>,
    /// The same by the hash of what is asked.
    tickets: HashMap<u64, Ticket, Plain>,
    /// Hashes what is asked.
    state: RandomState,
    /// When each was asked, in this order.
    waiting: VecDeque<(u64, Ticket)>,
    /// Answers to be sent.
    answers: Vec<(Arc<Shared>, Origin, Vec<u8>)>,
    /// Which upstream's turn it is.
    turn: usize,
    /// Whether every question that was handed over is asked.
    is_idle: bool,
    /// Whether there are sockets to be closed some time.
    has_sockets: bool,
    /// When that was looked for.
    swept_ns: u64,
}

impl Worker {
    /// Make the thread's state.
    pub fn new(core: Arc<Core>, requests: Receiver<Request>, poll: Poll, sockets: Sockets) -> Self {
        Self {
            core,
            requests,
            poll,
            sockets,
            chance: Chance::new(),
            asked: HashMap::default(),
            tickets: HashMap::default(),
            state: RandomState::new(),
            waiting: VecDeque::new(),
            answers: Vec::new(),
            turn: 0,
            is_idle: true,
            has_sockets: false,
            swept_ns: monotonic_ns(),
        }
    }

    /// Ask and answer until the relay has ended and nothing is under way.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut batch = Batch::new(-1, true, false);
        while !self.has_ended() {
            // What panics is a fault of ours; whoever waits for it asks again.
            let _ = catch_unwind(AssertUnwindSafe(|| self.turn(&mut events, &mut batch)));
        }
    }

    /// Return whether nobody has the relay any more and nothing is under way.
    fn has_ended(&self) -> bool {
        self.core.is_ended.load(Ordering::Acquire) && self.is_idle && self.asked.is_empty()
    }

    /// Wait for questions, replies, deadlines, and see to what there is.
    fn turn(&mut self, events: &mut Events, batch: &mut Batch) {
        let timeout = match (self.is_idle, self.until_deadline()) {
            (false, _) => Some(Duration::ZERO),
            (true, None) => self.has_sockets.then_some(SWEEP),
            (true, until) => until,
        };
        if self.poll.poll(events, timeout).is_err() {
            events.clear();
        }
        self.core.is_woken.store(false, Ordering::Release);
        for place in events.iter().filter_map(|event| place_of(event.token())) {
            self.receive(place, batch);
        }
        self.is_idle = self.ask_all();
        let now_ns = monotonic_ns();
        self.expire(now_ns);
        self.send();
        if now_ns - self.swept_ns > SWEEP.as_nanos() as u64 {
            (self.has_sockets, self.swept_ns) = (self.sockets.sweep(now_ns), now_ns);
        }
        self.has_sockets |= !self.asked.is_empty();
    }

    /// Return how long to wait for the first deadline.
    fn until_deadline(&self) -> Option<Duration> {
        let &(sent_ns, _) = self.waiting.front()?;
        let left = (sent_ns + self.core.options.timeout_ns).saturating_sub(monotonic_ns());
        Some(Duration::from_nanos(left).max(DEADLINE_STEP))
    }

    // ------------------------------------------------------------ asking

    /// Ask what was handed over, up to a bound. Gives whether that was all.
    fn ask_all(&mut self) -> bool {
        for _ in 0..REQUESTS_AT_ONCE {
            let Ok(request) = self.requests.try_recv() else {
                return true;
            };
            if let Some(request) = self.ask(request) {
                self.give_back(request);
            }
        }
        false
    }

    /// Ask an upstream, or wait with who asked the same. Gives back what cannot be asked.
    fn ask(&mut self, request: Request) -> Option<Request> {
        let Ok(mut query) = query::parse(&request.packet) else {
            return Some(request);
        };
        let plan = &request.routes.plans[request.plan];
        plan.clamp(&mut query);
        let keeps = plan.keeper().is_some();
        let Some(mut question) = Question::of(&request.packet, &query, keeps) else {
            return Some(request);
        };
        let hash = question.hash(&self.state);
        if let Some(asked) = self.tickets.get(&hash).and_then(|ticket| self.asked.get_mut(ticket))
            && asked.question.is_like(&question)
        {
            asked.others.push(request);
            return None;
        }
        let now_ns = monotonic_ns();
        let Some((upstream, ticket)) = self.send_question(&mut question, now_ns) else {
            return Some(request);
        };
        self.waiting.push_back((now_ns, ticket));
        self.tickets.insert(hash, ticket);
        let others = Vec::new();
        let asked = Asked { sent_ns: now_ns, upstream, question, hash, first: request, others };
        self.asked.insert(ticket, asked);
        None
    }

    /// Send a question to the upstream whose turn it is.
    fn send_question(&mut self, question: &mut Question, now_ns: u64) -> Option<(usize, Ticket)> {
        let number = self.choose_upstream()?;
        let upstream = &self.core.upstreams[number];
        let chance = self.chance.next().ok()?;
        let chosen = self.sockets.choose(number, upstream.address, chance, now_ns);
        let Ok((place, was_there)) = chosen else {
            upstream.failures.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let counted = if was_there { &upstream.reused } else { &upstream.opened };
        counted.fetch_add(1, Ordering::Relaxed);
        let mut id = self.chance.next().ok()?;
        while self.asked.contains_key(&ticket_of(place, id)) {
            id = id.wrapping_add(1);
        }
        question.octets[..2].copy_from_slice(&id.to_be_bytes());
        let sent = self.sockets.get(place)?.ask(&question.octets, now_ns);
        if sent.is_err() {
            // An error of an earlier question, as likely as not: whoever waits on this socket is told, too.
            self.fail_all(place);
            return None;
        }
        Some((number, ticket_of(place, id)))
    }

    /// Choose an upstream that is alive.
    fn choose_upstream(&mut self) -> Option<usize> {
        let upstreams = &self.core.upstreams;
        let alive = || {
            let numbered = upstreams.iter().enumerate();
            numbered.filter(|(_, each)| each.is_alive.load(Ordering::Relaxed)).map(|(at, _)| at)
        };
        let count = alive().count();
        let turn = match self.core.options.order {
            Order::Sequential => 0,
            _ if count < 2 => 0,
            Order::Random => usize::from(self.chance.next().ok()?),
            Order::RoundRobin => {
                self.turn = self.turn.wrapping_add(1);
                self.turn
            }
        };
        alive().nth(turn % count.max(1))
    }

    // ---------------------------------------------------------- replies

    /// Take all that came in by a socket.
    fn receive(&mut self, place: usize, batch: &mut Batch) {
        while let Some(socket) = self.sockets.get(place) {
            match batch.receive_from(socket.udp.as_raw_fd()) {
                Ok(count) => {
                    for number in 0..count {
                        self.accept(place, batch.packet(number));
                    }
                    if count < PACKETS_MAX {
                        return; // what comes later wakes us up
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nobody listens there.
                Err(_) => self.fail_all(place),
            }
        }
    }

    /// Answer everybody who waits for a reply; one that nobody waits for is as if it had not come.
    fn accept(&mut self, place: usize, octets: &[u8]) {
        let read = (octets.len() >= c::HEADER_OCTETS)
            .then(|| ticket_of(place, u16_at(octets, 0)))
            .and_then(|ticket| Some((ticket, self.read(ticket, octets)?)));
        let Some((ticket, (query, read))) = read else {
            self.core.foreign.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let now_ns = monotonic_ns();
        let Some(asked) = self.take_out(ticket) else {
            return;
        };
        let upstream = &self.core.upstreams[asked.upstream];
        let rcode = octets[3] & 0xf;
        upstream.durations[usize::from(rcode)].count(now_ns - asked.sent_ns);
        match read {
            Read::Plain(reply) if !self.is_odd(&reply) => self.tell(asked, &query, &reply, now_ns),
            Read::Cut(flags) if !self.core.options.odd_truncated => {
                let said = Said { reply: None, flags, records: &[], groups: &[] };
                self.answer_all(asked, &said, now_ns);
            }
            _ => self.give_all_back(asked),
        }
    }

    /// Read a reply to a ticket's question. None when it is not one.
    fn read<'r>(&self, ticket: Ticket, octets: &'r [u8]) -> Option<(Query, Read<'r>)> {
        let first = &self.asked.get(&ticket)?.first;
        let packet = &first.packet;
        let mut query = query::parse(packet).ok()?;
        first.routes.plans[first.plan].clamp(&mut query);
        let read = reply::read(octets, packet, &query, query.octets_max(true));
        (!matches!(read, Read::Foreign)).then_some((query, read))
    }

    /// Return whether Python decides about a reply.
    fn is_odd(&self, reply: &Reply<'_>) -> bool {
        let options = &self.core.options;
        options.odd_rcodes >> reply.rcode() & 1 == 1
            || (options.odd_nodata && reply.rcode() == c::NOERROR && reply.answers() == 0)
            || (options.odd_truncated && reply.flags & c::TC != 0)
    }

    /// Keep a reply, and answer everybody who waits for it.
    fn tell(&mut self, asked: Asked, query: &Query, reply: &Reply<'_>, now_ns: u64) {
        let (plan, packet) = (&asked.first.routes.plans[asked.first.plan], &asked.first.packet);
        if plan.rotate && reply.has_mail_exchanges() {
            self.give_all_back(asked);
            return;
        }
        let groups = reply.groups();
        let (mut kept, mut name) = (Vec::new(), Name::default());
        let keeper = plan.keeper().filter(|_| name.set(query.name(packet)));
        if let Some(keeper) = keeper {
            kept.extend_from_slice(reply.records());
            let is_for_all = asked.question.is_for_all;
            let fetched =
                Fetched { packet, query, name: &name, reply, groups: &groups, is_for_all };
            keeper.keep(&fetched, &mut kept, now_ns, day_seconds());
        }
        let records = if keeper.is_some() { &kept } else { reply.records() };
        let said = Said { reply: Some(reply), flags: reply.flags, records, groups: &groups };
        self.answer_all(asked, &said, now_ns);
    }

    /// Answer everybody who waits for a reply.
    fn answer_all(&mut self, asked: Asked, said: &Said<'_>, now_ns: u64) {
        self.answer(asked.first, said, now_ns);
        for request in asked.others {
            self.answer(request, said, now_ns);
        }
    }

    /// Answer one client.
    fn answer(&mut self, request: Request, said: &Said<'_>, now_ns: u64) {
        let turn = usize::from(self.chance.next().unwrap_or_default());
        let Some((response, answered)) = respond(&request, said, turn) else {
            self.give_back(request);
            return;
        };
        self.core.under_way.fetch_sub(1, Ordering::Relaxed);
        let plan = &request.routes.plans[request.plan];
        let nanoseconds = now_ns.saturating_sub(request.started_ns);
        if let Some(cache) = &plan.cache {
            cache.hits.count_miss();
        }
        if let Some(counts) = &plan.counts {
            counts.count(SHARED, answered);
            counts.count_duration(SHARED, nanoseconds);
        }
        if plan.is_observed {
            request.listener.observe(Observation {
                routes: request.routes.clone(),
                plan: request.plan,
                packet: request.packet.clone(),
                response: response.as_slice().into(),
                origin: request.origin,
                answered,
                nanoseconds,
            });
        }
        self.answers.push((request.listener, request.origin, response));
        if self.answers.len() >= ANSWERS_AT_ONCE {
            self.send();
        }
    }

    /// Send what is answered, each from the listener that was asked.
    fn send(&mut self) {
        let mut answers = std::mem::take(&mut self.answers);
        while let Some((listener, _, _)) = answers.last() {
            let listener = listener.clone();
            let others = answers.extract_if(.., |(other, _, _)| !Arc::ptr_eq(other, &listener));
            let others: Vec<(Arc<Shared>, Origin, Vec<u8>)> = others.collect();
            let mut batch: Vec<(Origin, &[u8])> = answers
                .iter()
                .map(|(_, origin, response)| (*origin, response.as_slice()))
                .collect();
            let unsent = answer_all(listener.answering_fd(), &mut batch);
            listener.count_relayed(answers.len(), unsent);
            answers = others;
        }
    }

    // ---------------------------------------------------------- failures

    /// Give up what has waited too long.
    fn expire(&mut self, now_ns: u64) {
        while let Some(&(sent_ns, ticket)) = self.waiting.front() {
            let is_due = sent_ns + self.core.options.timeout_ns <= now_ns;
            let is_there = self.asked.get(&ticket).is_some_and(|asked| asked.sent_ns == sent_ns);
            if is_there && !is_due {
                return;
            }
            self.waiting.pop_front();
            if is_there {
                self.fail(ticket);
            }
        }
    }

    /// Give up everything that waits on a socket.
    fn fail_all(&mut self, place: usize) {
        let tickets: Vec<Ticket> =
            self.asked.keys().copied().filter(|&ticket| place_of_ticket(ticket) == place).collect();
        for ticket in tickets {
            self.fail(ticket);
        }
        self.sockets.close(place);
    }

    /// Count a question that was not answered, and let Python ask again.
    fn fail(&mut self, ticket: Ticket) {
        if let Some(asked) = self.take_out(ticket) {
            self.core.upstreams[asked.upstream].failures.fetch_add(1, Ordering::Relaxed);
            self.give_all_back(asked);
        }
    }

    /// Take out what is no longer under way.
    fn take_out(&mut self, ticket: Ticket) -> Option<Asked> {
        let asked = self.asked.remove(&ticket)?;
        if self.tickets.get(&asked.hash) == Some(&ticket) {
            self.tickets.remove(&asked.hash);
        }
        if let Some(socket) = self.sockets.get(place_of_ticket(ticket)) {
            socket.under_way -= 1;
        }
        Some(asked)
    }

    /// Hand everybody's question to Python.
    fn give_all_back(&mut self, asked: Asked) {
        self.give_back(asked.first);
        for request in asked.others {
            self.give_back(request);
        }
    }

    /// Hand a question to Python.
    fn give_back(&mut self, request: Request) {
        self.core.under_way.fetch_sub(1, Ordering::Relaxed);
        if let Some(refusal) = request.listener.hand_over(&request) {
            self.answers.push((request.listener, request.origin, refusal));
        }
    }
}

/// Return the time of day, in seconds, as signatures count it.
fn day_seconds() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}
