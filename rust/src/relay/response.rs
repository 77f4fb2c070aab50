//! What a client is told: the upstream's records, under its own id, question and size.

use crate::cache::take_turns;
use crate::constants as c;
use crate::counters::Answered;
use crate::fitting::fit;
use crate::handover::Request;
use crate::query;
use crate::reply::Reply;
use crate::responder::append_opt;

/// What clients are told.
pub(super) struct Said<'a> {
    /// The reply; none when it was too large.
    pub reply: Option<&'a Reply<'a>>,
    /// Its flags.
    pub flags: u16,
    /// Its records, with the TTL that they leave with.
    pub records: &'a [u8],
    /// Addresses that may take turns.
    pub groups: &'a [(u16, Vec<u16>)],
}

/// Make the response to a client. None when the records cannot be made fit.
pub(super) fn respond(
    request: &Request,
    said: &Said<'_>,
    turn: usize,
) -> Option<(Vec<u8>, Answered)> {
    let packet = &request.packet;
    let mut query = query::parse(packet).ok()?;
    let plan = &request.routes.plans[request.plan];
    plan.clamp(&mut query);
    let counts = said.reply.map_or([0; 6], |reply| reply.counts);
    let uncompressed = said.reply.map_or(0, Reply::uncompressed_octets);
    let mut out = Vec::with_capacity(query.end + said.records.len() + c::OPT_OCTETS);
    out.extend_from_slice(&packet[..query.end]);
    out.extend_from_slice(said.records);
    if plan.rotate {
        for (size, offsets) in said.groups {
            let (offsets, count) = (offsets.iter().map(|&at| usize::from(at)), offsets.len());
            let records = &mut out[query.end..];
            take_turns(records, said.records, usize::from(*size), offsets, turn % count.max(1));
        }
    }
    let wants_authenticated = query.flags & c::AD != 0 || query.dnssec_ok();
    let hides = plan.keeper().is_some() && !wants_authenticated;
    let flags = if hides { said.flags & !c::AD } else { said.flags };
    out[2..4].copy_from_slice(&flags.to_be_bytes());
    out[4..6].copy_from_slice(&[0, 1]);
    out[6..12].copy_from_slice(&counts);
    let opt_octets = if query.edns.is_some() { c::OPT_OCTETS } else { 0 };
    let limit = query.octets_max(true);
    if out.len() + opt_octets > limit {
        fit(&mut out, query.end, limit - opt_octets)?;
    }
    append_opt(&mut out, &query);
    let answered = Answered {
        qtype: query.qtype,
        dnssec_ok: query.dnssec_ok(),
        plugin: request.plugin,
        rcode: (flags & 0xf) as u8,
        request_octets: packet.len(),
        response_octets: query.end + uncompressed,
    };
    Some((out, answered))
}
