//! Which replies of upstreams are kept, for how long, and which of them make room.
//!
//! Python says how (`podname.engine.caching.Keeping`, from the properties of `cache`); here it is done, so that a reply
//! that the relay fetched is kept without Python. Of each half, successes and denials, so many answers and octets are
//! kept, and the answer that was put there longest ago makes room.
//!
//! Sources: CoreDNS plugin/cache; podname.plugins.cache.response, which decides the same in Python.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cache::{AnswerCache, Kind, Left};
use crate::constants as c;
use crate::names::{Name, Suffixes};
use crate::query::Query;
use crate::raw::Guard;
use crate::reply::{Meaning, Reply};

/// The TTL of what has none of its own to go by.
const TTL_SECONDS_DEFAULT: u32 = 5;

/// How one half is kept: successes, or denials and errors.
pub struct Half {
    /// Answers at most.
    pub capacity: usize,
    /// Octets of them at most, names and records.
    pub octets_most: usize,
    /// The longest TTL.
    pub ttl_seconds_most: u32,
    /// The shortest TTL; the longest wins.
    pub ttl_seconds_least: u32,
    /// Zones of which nothing is kept.
    pub disabled: Suffixes,
}

/// How replies are kept.
pub struct Policy {
    /// Successes.
    pub success: Half,
    /// Denials and errors.
    pub denial: Half,
    /// The TTL of a SERVFAIL.
    pub servfail_seconds: u32,
    /// Whether TTLs are not counted down.
    pub keeps_ttl: bool,
    /// How long an expired answer is the plugin chain's to decide about, and not asked for by a relay.
    pub stale_seconds: u32,
    /// Whether the engine answers with what is kept; else the plugin chain does.
    pub repeats: bool,
}

/// A question as it was asked, and its reply.
pub struct Fetched<'a> {
    /// The client's packet.
    pub packet: &'a [u8],
    /// The question in it.
    pub query: &'a Query,
    /// Its name.
    pub name: &'a Name,
    /// What an upstream said.
    pub reply: &'a Reply<'a>,
    /// Addresses in it that may take turns.
    pub groups: &'a [(u16, Vec<u16>)],
    /// Whether it is for everybody who asks the same.
    pub is_for_all: bool,
}

/// One answer that was kept.
struct Stored {
    /// Its name.
    owner: Box<[u8]>,
    /// What else tells it apart.
    kind: Kind,
    /// When.
    at_ns: u64,
}

/// So many that are gone may always stand in an order.
const GONE_MOST: usize = 64;

/// What one half has kept.
#[derive(Default)]
struct Order {
    /// The oldest first; some of them are gone from the cache already, or another one stands in their place.
    stored: VecDeque<Stored>,
    /// How many had to make room.
    evictions: u64,
}

/// Keeps replies in a cache.
pub struct Keeper {
    /// How.
    policy: Policy,
    /// Where.
    answers: Arc<AnswerCache>,
    /// Successes, then denials.
    halves: [Mutex<Order>; 2],
}

impl Keeper {
    /// Begin with nothing kept.
    pub fn new(policy: Policy, answers: Arc<AnswerCache>) -> Self {
        Self { policy, answers, halves: Default::default() }
    }

    /// Return the TTL that all records of a reply leave with, and keep it if it may be kept.
    pub fn keep(
        &self,
        fetched: &Fetched<'_>,
        records: &mut [u8],
        now_ns: u64,
        day_seconds: u32,
    ) -> bool {
        let (query, reply) = (fetched.query, fetched.reply);
        let (meaning, may_keep) = reply.meaning(fetched.packet, query, day_seconds);
        let ttl_seconds = self.ttl_seconds(meaning, reply);
        let ttl_offsets = reply.ttl_offsets();
        for &at in &ttl_offsets {
            let at = usize::from(at);
            records[at..at + 4].copy_from_slice(&ttl_seconds.to_be_bytes());
        }
        let is_denial = meaning.is_denial() || meaning == Meaning::ServerError;
        let half = if is_denial { &self.policy.denial } else { &self.policy.success };
        if !may_keep
            || !fetched.is_for_all
            || ttl_seconds == 0
            || half.capacity == 0
            || half.disabled.longest(fetched.name).is_some()
        {
            return false;
        }
        let kind = Kind::of(query);
        let left = Left {
            flags: reply.flags & (c::AA | c::RA | c::AD | 0xf),
            counts: reply.counts,
            records,
            ttl_offsets: &ttl_offsets,
            ttl_seconds,
            stored_ns: now_ns,
            keeps_ttl: self.policy.keeps_ttl,
            is_denial,
            is_fetched: true,
            groups: fetched.groups,
            uncompressed_octets: reply.uncompressed_octets() as u32,
        };
        self.answers.put(fetched.name.octets(), kind, Some(&left));
        self.make_room(
            is_denial,
            Stored { owner: fetched.name.octets().into(), kind, at_ns: now_ns },
        );
        true
    }

    /// Note what was kept, and let the oldest go if there is too much.
    fn make_room(&self, is_denial: bool, stored: Stored) {
        let limits = if is_denial { &self.policy.denial } else { &self.policy.success };
        let half = &self.halves[usize::from(is_denial)];
        let mut order = half.lock().unwrap_or_else(PoisonError::into_inner);
        order.stored.push_back(stored);
        loop {
            let room = self.answers.fetched(is_denial);
            if room.answers <= limits.capacity && room.octets <= limits.octets_most {
                break self.forget_gone(&mut order, room.answers);
            }
            let Some(oldest) = order.stored.front() else {
                return;
            };
            let removed = self.answers.remove_stored(&oldest.owner, oldest.kind, oldest.at_ns);
            order.stored.pop_front();
            order.evictions += u64::from(removed);
        }
    }

    /// Keep an order about as short as the half: a name that is fetched again and again stands in it each time.
    fn forget_gone(&self, order: &mut Order, answers: usize) {
        if order.stored.len() > 2 * answers + GONE_MOST {
            let is_there =
                |each: &Stored| self.answers.has_stored(&each.owner, each.kind, each.at_ns);
            order.stored.retain(is_there);
        }
    }

    /// Return whether the engine answers with what is kept.
    pub fn repeats(&self) -> bool {
        self.policy.repeats
    }

    /// Return whether the plugin chain has to answer with what is kept, or to decide about it.
    pub fn is_for_chain(&self, guard: &Guard<'_>, name: &Name, query: &Query, now_ns: u64) -> bool {
        match self.answers.left_seconds(guard, name, Kind::of(query), now_ns) {
            Some(left) if left > 0 => !self.policy.repeats,
            Some(left) => -left < i64::from(self.policy.stale_seconds),
            None => false,
        }
    }

    /// Return the TTL that a reply leaves with.
    fn ttl_seconds(&self, meaning: Meaning, reply: &Reply<'_>) -> u32 {
        if meaning == Meaning::ServerError {
            return self.policy.servfail_seconds;
        }
        let half = if meaning.is_denial() { &self.policy.denial } else { &self.policy.success };
        let is_told = meaning == Meaning::Success || meaning.is_denial();
        let told = reply.least_ttl_seconds().filter(|_| is_told).unwrap_or(TTL_SECONDS_DEFAULT);
        told.max(half.ttl_seconds_least).min(half.ttl_seconds_most)
    }

    /// Return how many successes and denials are kept, how many of each made room.
    pub fn counts(&self) -> ([usize; 2], [u64; 2]) {
        let read = |half: usize| {
            let order = self.halves[half].lock().unwrap_or_else(PoisonError::into_inner);
            order.evictions
        };
        let sizes = [false, true].map(|is_denial| self.answers.fetched(is_denial).answers);
        (sizes, [read(0), read(1)])
    }

    /// Forget what was kept; the cache is emptied by whoever owns it.
    pub fn clear(&self) {
        for half in &self.halves {
            half.lock().unwrap_or_else(PoisonError::into_inner).stored.clear();
        }
    }
}
