//! What a packet is answered with: the one place where the engine decides that.
//!
//! [`Responder::respond`] takes a packet and says what to do; a response stands in the buffer that was given
//! along. It does no I/O, never fails on what a client sends, and is all there is to UDP, TCP and the tests.
//!
//! The response is built in one pass: header and question are copied, the table appends the records behind
//! them, what shapes an answer works on these in place, and the header is written last.
//!
//! Sources: RFC 1035 §4.1; RFC 6891; CoreDNS core/dnsserver `ServeDNS`, miekg/dns `SetReply`.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::apex::Zone;
use crate::cache::Kind;
use crate::constants as c;
use crate::counters::{Answered, Counts};
use crate::fitting::fit;
use crate::names::Name;
use crate::query::{self, Malformed, OPCODE, Query};
use crate::raw::Guard;
use crate::records;
use crate::routes::{Layer, Plan, Routes};
use crate::table::{Found, Table};

/// What a malformed query's flags are answered with.
const KEPT_OF_A_MALFORMED_QUERY: u16 = c::TC | c::RD | c::RA | c::AD | c::CD;

/// What to do about a packet.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Say nothing.
    Silence,
    /// Send what is in the buffer; it counts for nobody.
    Send,
    /// Send a refusal; it is counted as dropped.
    Refused,
    /// Send an answer of the plan with this number.
    Answered(usize, Answered),
    /// Ask the chain of the plan with this number.
    Miss(usize),
    /// Ask the upstreams of a layer: the numbers of the plan and of the layer.
    Relay(usize, usize),
}

/// What the layers of a plan say.
enum Asked {
    /// There is an answer in the buffer, or one that cannot be taken apart.
    Answered(Result<Answered, Unfit>),
    /// Ask the chain.
    Chain,
    /// Ask the upstreams of the layer with this number.
    Upstreams(usize),
}

/// Answers the packets of one protocol on one thread.
pub struct Responder {
    /// Whether the client's size limit holds.
    over_udp: bool,
    /// The number of the thread, for the counters.
    thread: usize,
    /// Which answer's turn it is.
    turn: Turn,
    /// The time: nanoseconds of the monotonic clock.
    now_ns: u64,
    /// The name in question, taken apart.
    name: Name,
}

impl Responder {
    /// Make a responder.
    pub fn new(over_udp: bool, thread: usize) -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self {
            over_udp,
            thread,
            turn: Turn::Chance(seed as u32 & TURN_MASK),
            now_ns: 0,
            name: Name::default(),
        }
    }

    /// Take the same turn for ever, to compare answers.
    pub fn fix_turn(&mut self, turn: u32) {
        self.turn = Turn::Fixed(turn);
    }

    /// Learn what time it is, before the packets that are there by now.
    pub fn set_now(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
    }

    /// Answer a packet: what to do, and the response in `out`.
    pub fn respond(
        &mut self,
        guard: &Guard,
        routes: &Routes,
        packet: &[u8],
        out: &mut Vec<u8>,
    ) -> Outcome {
        out.clear();
        let mut query = match query::parse(packet) {
            Ok(query) => query,
            Err(malformed) => return refuse_malformed(packet, malformed, out),
        };
        if routes.refuses(query.qclass) {
            return self.refuse(routes, packet, &query, c::REFUSED, out);
        }
        if query.edns.is_some_and(|edns| edns.version != 0) {
            return bad_version(packet, &query, out);
        }
        if !self.name.set(query.name(packet)) {
            return Outcome::Silence; // the parser let no such name pass
        }
        let Some(number) = routes.find(&self.name, query.qtype) else {
            return self.refuse(routes, packet, &query, c::REFUSED, out);
        };
        let plan = &routes.plans[number];
        plan.clamp(&mut query);
        let mut asked = self.ask_layers(guard, plan, packet, &query, out);
        if !matches!(asked, Asked::Answered(_))
            && let Some(answered) = self.recall(guard, plan, packet, &query, out)
        {
            asked = Asked::Answered(Ok(answered));
        }
        if matches!(asked, Asked::Upstreams(_))
            && let Some(keeper) = plan.keeper()
            && keeper.is_for_chain(guard, &self.name, &query, self.now_ns)
        {
            asked = Asked::Chain;
        }
        match asked {
            Asked::Answered(Ok(answered)) => {
                if let Some(counts) = &routes.plans[number].counts {
                    counts.count(self.thread, answered);
                }
                Outcome::Answered(number, answered)
            }
            // A ready answer that cannot be taken apart: a fault of ours.
            Asked::Answered(Err(Unfit)) => self.refuse(routes, packet, &query, c::SERVFAIL, out),
            Asked::Chain => Outcome::Miss(number),
            Asked::Upstreams(layer) => Outcome::Relay(number, layer),
        }
    }

    /// Answer an RCODE and count it as dropped.
    pub fn refuse(
        &self,
        routes: &Routes,
        packet: &[u8],
        query: &Query,
        rcode: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        refuse(routes, packet, query, rcode, out, self.thread);
        Outcome::Refused
    }

    /// Count the durations of answers that came one after the other.
    pub fn count_duration(&self, counts: &Counts, nanoseconds: u64) {
        counts.count_duration(self.thread, nanoseconds);
    }

    /// Return how many octets the response to a query may have.
    fn limit(&self, query: &Query) -> usize {
        query.octets_max(self.over_udp)
    }

    /// Ask the layers of a plan in turn.
    fn ask_layers(
        &mut self,
        guard: &Guard,
        plan: &Plan,
        packet: &[u8],
        query: &Query,
        out: &mut Vec<u8>,
    ) -> Asked {
        for (number, layer) in plan.layers.iter().enumerate() {
            let (table, plugin) = match layer {
                Layer::Code(code) if code.covers(&self.name, query.qtype) => return Asked::Chain,
                Layer::Relay(forwarded) if self.name.is_below(&forwarded.zone) => {
                    // A transfer, or another opcode than QUERY, is not forwarded.
                    let is_plain = query.flags & OPCODE == 0
                        && !matches!(query.qtype, c::AXFR | c::IXFR)
                        && forwarded.covers(&self.name);
                    return if is_plain { Asked::Upstreams(number) } else { Asked::Chain };
                }
                Layer::Code(_) | Layer::Relay(_) => continue,
                Layer::Table(table, plugin) => (table, *plugin),
            };
            let Some(zone) = table.zone(&self.name) else {
                continue;
            };
            begin(packet, query, out);
            let (rcode, octets) = match table.find(guard, zone, &self.name, query.qtype, out) {
                Found::Pass => continue,
                Found::Miss => return Asked::Chain,
                Found::Answer(counts) => {
                    let octets = match query.qtype {
                        c::SOA => query.end + zone.soa_octets(),
                        _ => records::uncompressed_octets(out, query.end, counts)
                            .unwrap_or(out.len()),
                    };
                    if self.repeat(zone, plan.rotate, packet, query, counts, out).is_none() {
                        return Asked::Answered(Err(Unfit));
                    }
                    (c::NOERROR, octets)
                }
                Found::NoData => deny(table, zone, query, c::NOERROR, out),
                Found::NxDomain => deny(table, zone, query, c::NXDOMAIN, out),
                Found::ServFail => deny(table, zone, query, c::SERVFAIL, out),
            };
            return Asked::Answered(Ok(answered(query, packet, plugin, rcode, octets)));
        }
        Asked::Chain
    }

    /// Repeat what the plugin chain left. None when the chain must be asked.
    fn recall(
        &mut self,
        guard: &Guard,
        plan: &Plan,
        packet: &[u8],
        query: &Query,
        out: &mut Vec<u8>,
    ) -> Option<Answered> {
        let cache = plan.cache.as_ref().filter(|_| query.flags & OPCODE == 0)?;
        if plan.keeper().is_some_and(|keeper| !keeper.repeats()) {
            return None;
        }
        let kind = Kind::of(query);
        let cached = cache.answers.find(guard, &self.name, kind, self.now_ns)?;
        let wants_authenticated = query.flags & c::AD != 0 || query.dnssec_ok();
        let flags = cached.flags & if wants_authenticated { u16::MAX } else { !c::AD };
        begin(packet, query, out);
        cached.append(plan.rotate.then(|| self.turn.next()), out);
        let rcode = (cached.flags & 0xf) as u8;
        let octets = query.end + cached.uncompressed_octets as usize;
        let answered = answered(query, packet, cache.plugin, rcode, octets);
        let opt_octets = if query.edns.is_some() { c::OPT_OCTETS } else { 0 };
        let limit = self.limit(query);
        write_head(out, query, flags, cached.counts);
        if out.len() + opt_octets > limit {
            fit(out, query.end, limit - opt_octets)?;
        }
        append_opt(out, query);
        cache.hits.count(self.thread, cached.is_denial);
        Some(answered)
    }

    /// Shape the records that were found. None when they cannot be made fit.
    fn repeat(
        &mut self,
        zone: &Zone,
        rotate: bool,
        packet: &[u8],
        query: &Query,
        counts: records::Counts,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        if rotate && records::has_several(counts) {
            records::rotate(&mut out[query.end..], counts, u64::from(self.turn.next()));
        }
        if matches!(query.qtype, c::SRV | c::NS) {
            let name = query.name(packet);
            let spelled = &name[name.len() - zone.origin.len()..];
            records::recase(&mut out[query.end..], counts, &zone.origin, spelled);
        }
        let opt_octets = if query.edns.is_some() { c::OPT_OCTETS } else { 0 };
        let limit = self.limit(query);
        if out.len() + opt_octets <= limit {
            finish(out, query, c::AA, counts);
            return Some(());
        }
        write_head(out, query, c::AA, counts);
        fit(out, query.end, limit - opt_octets)?;
        append_opt(out, query);
        Some(())
    }
}

/// Write a response that says nothing but an RCODE, and count it as dropped.
pub fn refuse(
    routes: &Routes,
    packet: &[u8],
    query: &Query,
    rcode: u8,
    out: &mut Vec<u8>,
    thread: usize,
) {
    begin(packet, query, out);
    finish(out, query, u16::from(rcode), [0; 6]);
    // With OPT, as CoreDNS counts what its server says by itself.
    routes.dropped.count(thread, answered(query, packet, 0, rcode, out.len()));
}

/// Return what there is to count.
fn answered(
    query: &Query,
    packet: &[u8],
    plugin: usize,
    rcode: u8,
    response_octets: usize,
) -> Answered {
    Answered {
        qtype: query.qtype,
        dnssec_ok: query.dnssec_ok(),
        plugin,
        rcode,
        request_octets: packet.len(),
        response_octets,
    }
}

/// A ready answer that cannot be taken apart.
struct Unfit;

/// The bits of a turn.
const TURN_MASK: u32 = 0x7fff_ffff;

/// Where addresses begin.
enum Turn {
    /// Anywhere: a plain count would beat with questions that alternate.
    Chance(u32),
    /// Always here.
    Fixed(u32),
}

impl Turn {
    /// Return the next one.
    fn next(&mut self) -> u32 {
        match self {
            Self::Fixed(turn) => *turn,
            Self::Chance(turn) => {
                *turn = turn.wrapping_mul(1_103_515_245).wrapping_add(12_345) & TURN_MASK;
                *turn >> 16
            }
        }
    }
}

/// Begin a response: room for the header's flags and counts, and the question.
fn begin(packet: &[u8], query: &Query, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&packet[..query.end]);
}

/// Return the flags of a response before anything is known about it.
fn flags_of(flags: u16) -> u16 {
    let opcode = flags & OPCODE;
    c::QR | opcode | if opcode == 0 { flags & (c::RD | c::CD) } else { 0 }
}

/// Write the flags and the counts of a response.
fn write_head(out: &mut [u8], query: &Query, flags: u16, counts: records::Counts) {
    out[2..4].copy_from_slice(&(flags_of(query.flags) | flags).to_be_bytes());
    out[4..6].copy_from_slice(&[0, 1]);
    out[6..12].copy_from_slice(&counts);
}

/// Write the flags and the counts, and append OPT if the query had one.
fn finish(out: &mut Vec<u8>, query: &Query, flags: u16, counts: records::Counts) {
    write_head(out, query, flags, counts);
    append_opt(out, query);
}

/// Append OPT if the query had one: its own size back, DO copied.
pub(crate) fn append_opt(out: &mut Vec<u8>, query: &Query) {
    if let Some(edns) = query.edns {
        let dnssec_ok = if edns.dnssec_ok { c::DNSSEC_OK } else { 0 };
        push_opt(out, edns.udp_octets, u32::from(dnssec_ok));
    }
}

/// Append an OPT record and count it.
fn push_opt(out: &mut Vec<u8>, udp_octets: u16, ttl: u32) {
    let more = records::u16_at(out, 10) + 1;
    out[10..12].copy_from_slice(&more.to_be_bytes());
    out.extend_from_slice(&[0, 0, c::OPT as u8]);
    out.extend_from_slice(&udp_octets.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
}

/// Deny, with the zone's SOA if the table has one. Gives the RCODE, and the octets without compression and OPT.
///
/// None are counted of a SERVFAIL without SOA: in CoreDNS the plugin leaves it to the server to write that one.
fn deny(table: &Table, zone: &Zone, query: &Query, rcode: u8, out: &mut Vec<u8>) -> (u8, usize) {
    if table.options.denies {
        zone.append_soa(query.end - 4 - c::HEADER_OCTETS, out);
        finish(out, query, c::AA | u16::from(rcode), [0, 0, 0, 1, 0, 0]);
        (rcode, query.end + zone.soa_octets())
    } else {
        let flags = if rcode == c::NOERROR { c::AA } else { u16::from(rcode) };
        finish(out, query, flags, [0; 6]);
        (rcode, if rcode == c::SERVFAIL { 0 } else { query.end })
    }
}

/// Answer an EDNS version that we do not speak: BADVERS, in an OPT record that promises nothing.
fn bad_version(packet: &[u8], query: &Query, out: &mut Vec<u8>) -> Outcome {
    begin(packet, query, out);
    write_head(out, query, 0, [0; 6]);
    push_opt(out, 0, u32::from(c::BADVERS >> 4) << 24);
    Outcome::Send
}

/// Answer a packet that is no query: its header and, if that could be read, its question.
///
/// As CoreDNS's library does, the client's flags come back, and the opcode only to say that it is not
/// implemented.
fn refuse_malformed(packet: &[u8], malformed: Malformed, out: &mut Vec<u8>) -> Outcome {
    let Malformed::Answer(rcode, question_end) = malformed else {
        return Outcome::Silence;
    };
    let flags = records::u16_at(packet, 2);
    let kept = match rcode {
        c::NOTIMP => flags & (KEPT_OF_A_MALFORMED_QUERY | OPCODE),
        c::SERVFAIL => flags_of(flags),
        _ => flags & KEPT_OF_A_MALFORMED_QUERY,
    };
    out.extend_from_slice(&packet[..question_end]);
    out[2..4].copy_from_slice(&(c::QR | kept | u16::from(rcode)).to_be_bytes());
    let questions = u8::from(question_end > c::HEADER_OCTETS);
    out[4..12].copy_from_slice(&[0, questions, 0, 0, 0, 0, 0, 0]);
    Outcome::Send
}
