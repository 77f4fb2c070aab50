//! Any octets for what an upstream says behind a question: it is read or not, kept or not, repeated or not, and never a panic.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use podname_core::cache::AnswerCache;
use podname_core::counters::{Counts, Hits};
use podname_core::keeping::{Fetched, Half, Keeper, Policy};
use podname_core::names::{Name, Suffixes};
use podname_core::query;
use podname_core::raw::Reader;
use podname_core::reply::{Read, read};
use podname_core::responder::{Outcome, Responder};
use podname_core::routes::{self, Plan, Routes};

const NOW_NS: u64 = 1_000_000_000_000;
/// `www.x.` A, CNAME and ANY, without EDNS and with DO.
const KINDS: [u8; 3] = [1, 5, 255];
const NAME: &[u8] = b"\x03www\x01x\x00";
const OPT: &[u8] = b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

fn half() -> Half {
    let disabled = Suffixes::new([b"\x01y\x00".as_slice()]);
    Half {
        capacity: 1,
        octets_most: usize::MAX,
        ttl_seconds_most: 60,
        ttl_seconds_least: 1,
        disabled,
    }
}

fuzz_target!(|input: (u8, bool, u16, [u16; 3], &[u8])| {
    let (kind, with_edns, flags, counts, records) = input;
    let head = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(with_edns)];
    let question = [NAME, &[0, KINDS[usize::from(kind) % 3], 0, 1]].concat();
    let edns = if with_edns { OPT } else { &[] };
    let packet = [&head[..], &question, edns].concat();
    let query = query::parse(&packet).unwrap();
    let mut octets = vec![0, 1];
    octets.extend_from_slice(&(flags | 0x8000).to_be_bytes());
    octets.extend_from_slice(&[0, 1]);
    counts.iter().for_each(|count| octets.extend_from_slice(&(count % 8).to_be_bytes()));
    octets.extend_from_slice(&question);
    octets.extend_from_slice(records);
    let Read::Plain(reply) = read(&octets, &packet, &query, 4096) else {
        return;
    };
    let kept = reply.records().to_vec();
    let fits = |at: u16, size: u16| usize::from(at) + usize::from(size) <= kept.len();
    assert!(reply.ttl_offsets().iter().all(|&at| fits(at, 4)));
    let groups = reply.groups();
    assert!(groups.iter().all(|(size, all)| all.iter().all(|&at| fits(at, *size))));
    assert!(reply.uncompressed_octets() >= 11 * reply.ttl_offsets().len());

    let answers: Arc<AnswerCache> = Arc::default();
    let policy = Policy {
        success: half(),
        denial: half(),
        servfail_seconds: 5,
        keeps_ttl: false,
        stale_seconds: 0,
        repeats: true,
    };
    let keeper = Keeper::new(policy, answers.clone());
    let mut name = Name::default();
    assert!(name.set(NAME));
    let (mut records, is_for_all) = (kept, true);
    let fetched = Fetched {
        packet: &packet,
        query: &query,
        name: &name,
        reply: &reply,
        groups: &groups,
        is_for_all,
    };
    let is_kept = keeper.keep(&fetched, &mut records, NOW_NS, 0);
    let cache = routes::Cache { answers, plugin: 0, hits: Arc::new(Hits::new(1)), keeper: None };
    let plan = Plan {
        zone: b"\x00".as_slice().into(),
        layers: vec![],
        rotate: true,
        counts: Some(Arc::new(Counts::new(1, 1))),
        is_observed: false,
        cache: Some(cache),
        edns_octets_max: u16::MAX,
    };
    let routes = Routes::new(1, vec![plan], vec![], Arc::new(Counts::new(1, 1)));
    let (mut reader, mut out) = (Reader::claim().unwrap(), Vec::new());
    let mut responder = Responder::new(false, 0);
    responder.set_now(NOW_NS);
    match responder.respond(&reader.pin(), &routes, &packet, &mut out) {
        Outcome::Answered(..) => assert!(is_kept && out.len() >= query.end + records.len()),
        Outcome::Miss(_) => assert!(!is_kept || records.len() > 4096),
        other => panic!("{other:?}"),
    }
});
