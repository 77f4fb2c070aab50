//! Answers that the plugin chain left: found as long as they live, by readers who never wait for whoever leaves them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use podname_core::cache::{AnswerCache, Cached, Kind, Left, OCTETS_MAX, PER_NAME_MAX};
use podname_core::names::Name;
use podname_core::raw::Reader;

const SECOND: u64 = 1_000_000_000;
const OWNER: &[u8] = b"\x01w\x00";

fn kind(qtype: u16) -> Kind {
    Kind { qtype, qclass: 1, dnssec_ok: false, checking_disabled: false }
}

fn left(records: &[u8]) -> Left<'_> {
    Left {
        flags: 0x80,
        counts: [0, 1, 0, 0, 0, 0],
        records,
        ttl_offsets: &[6],
        ttl_seconds: 30,
        stored_ns: 100 * SECOND,
        keeps_ttl: false,
        is_denial: false,
        is_fetched: false,
        groups: &[],
        uncompressed_octets: 17,
    }
}

/// Make a record of the question's name with an address that ends in this.
fn record(last: u8) -> Vec<u8> {
    vec![0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, last]
}

fn name() -> Name {
    let mut name = Name::default();
    assert!(name.set(OWNER));
    name
}

fn found<T>(
    cache: &AnswerCache,
    kind: Kind,
    now_ns: u64,
    look: impl Fn(Cached<'_>) -> T,
) -> Option<T> {
    let mut reader = Reader::claim().unwrap();
    cache.find(&reader.pin(), &name(), kind, now_ns).map(look)
}

fn records_of(cached: Cached<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    cached.append(None, &mut out);
    out
}

#[test]
fn an_answer_ages_and_expires() {
    let cache = AnswerCache::default();
    cache.put(OWNER, kind(1), Some(&left(&record(1))));
    for (age_ns, ttl) in [(0, 30), (SECOND - 1, 30), (SECOND, 29), (30 * SECOND - 1, 1)] {
        let octets = found(&cache, kind(1), 100 * SECOND + age_ns, records_of).unwrap();
        assert_eq!(octets[9], ttl);
    }
    assert!(found(&cache, kind(1), 130 * SECOND, records_of).is_none());
    assert!(found(&cache, kind(28), 100 * SECOND, records_of).is_none());
    assert_eq!(found(&cache, kind(1), 99 * SECOND, records_of).unwrap()[9], 30);
}

/// Put an answer, or take it out, and count what is there.
fn counted(cache: &AnswerCache, kind: Kind, left: Option<&Left<'_>>) -> usize {
    cache.put(OWNER, kind, left);
    cache.len()
}

#[test]
fn what_is_put_and_taken_out_is_counted() {
    let cache = AnswerCache::default();
    assert_eq!(counted(&cache, kind(1), Some(&left(&record(1)))), 1);
    assert_eq!(counted(&cache, kind(1), Some(&left(&record(2)))), 1);
    assert_eq!(counted(&cache, kind(28), None), 1);
    assert_eq!(counted(&cache, kind(1), None), 0);
    for qtype in 0..20 {
        counted(&cache, kind(qtype), Some(&left(&record(1))));
    }
    assert_eq!(cache.len(), PER_NAME_MAX);
    assert!(found(&cache, kind(3), 100 * SECOND, records_of).is_none());
    assert!(found(&cache, kind(4), 100 * SECOND, records_of).is_some());
    cache.clear();
    assert!(found(&cache, kind(4), 100 * SECOND, records_of).is_none());
    assert!(cache.is_empty());
}

#[test]
fn what_is_too_large_or_points_elsewhere_is_not_left() {
    let cache = AnswerCache::default();
    let large = vec![0; OCTETS_MAX + 1];
    assert_eq!(counted(&cache, kind(1), Some(&left(&large))), 0);
    assert_eq!(counted(&cache, kind(1), Some(&left(&large[1..]))), 1);
    let short = record(1);
    let outside = Left { ttl_offsets: &[13], ..left(&short) };
    assert_eq!(counted(&cache, kind(1), Some(&outside)), 0);
    let outside = Left { groups: &[(4, vec![12, 13])], ..left(&short) };
    assert_eq!(counted(&cache, kind(1), Some(&outside)), 0);
}

#[test]
fn only_what_was_stored_then_is_taken_out() {
    let cache = AnswerCache::default();
    counted(&cache, kind(1), Some(&Left { stored_ns: 7, ..left(&record(1)) }));
    assert!(!cache.remove_stored(OWNER, kind(1), 6));
    assert_eq!(cache.len(), 1);
    assert!(cache.remove_stored(OWNER, kind(1), 7));
    assert!(cache.is_empty());
}

#[test]
fn what_has_expired_can_be_looked_at() {
    let (cache, mut reader) = (AnswerCache::default(), Reader::claim().unwrap());
    let guard = reader.pin();
    let records: Vec<u8> = (1..=2).flat_map(record).collect();
    let groups = [(4, vec![12, 28])];
    let whole = Left { ttl_offsets: &[6, 22], groups: &groups, is_fetched: true, ..left(&records) };
    cache.put(OWNER, kind(1), Some(&whole));
    let left_seconds = |now_ns| cache.left_seconds(&guard, &name(), kind(1), now_ns);
    assert_eq!(left_seconds(130 * SECOND - 1), Some(1));
    assert_eq!(left_seconds(130 * SECOND), Some(0));
    assert_eq!(left_seconds(140 * SECOND), Some(-10));
    assert_eq!(cache.left_seconds(&guard, &name(), kind(28), 130 * SECOND), None);
    let looked = cache.get(&guard, &name(), kind(1), |found| {
        assert_eq!((found.flags, found.counts), (whole.flags, whole.counts));
        assert_eq!((found.records, found.ttl_offsets), (whole.records, whole.ttl_offsets));
        assert_eq!((found.ttl_seconds, found.stored_ns), (whole.ttl_seconds, whole.stored_ns));
        assert_eq!(found.uncompressed_octets, whole.uncompressed_octets);
        assert_eq!(found.groups, whole.groups);
        (found.keeps_ttl, found.is_denial, found.is_fetched)
    });
    assert_eq!(looked, Some((false, false, true)));
}

#[test]
fn addresses_take_turns() {
    let cache = AnswerCache::default();
    let records: Vec<u8> = (1..=3).flat_map(record).collect();
    let turned = Left { groups: &[(4, vec![12, 28, 44])], ..left(&records) };
    cache.put(OWNER, kind(1), Some(&turned));
    for (turn, expected) in [(0, [1, 2, 3]), (1, [2, 3, 1]), (5, [3, 1, 2])] {
        let octets = found(&cache, kind(1), 100 * SECOND, |cached| {
            let mut out = Vec::new();
            cached.append(Some(turn), &mut out);
            out
        });
        assert_eq!([15, 31, 47].map(|at| octets.as_ref().unwrap()[at]), expected);
    }
}

#[test]
fn readers_meet_whole_answers_while_others_take_their_place() {
    let (cache, stop) = (Arc::new(AnswerCache::default()), Arc::new(AtomicBool::new(false)));
    let (theirs, ends) = (cache.clone(), stop.clone());
    let reading = std::thread::spawn(move || {
        let mut reader = Reader::claim().unwrap();
        let (name, mut out, mut met) = (name(), Vec::new(), 0);
        while !ends.load(Ordering::Acquire) {
            let guard = reader.pin();
            out.clear();
            if let Some(cached) = theirs.find(&guard, &name, kind(1), 100 * SECOND) {
                cached.append(None, &mut out);
                assert_eq!(out.len() % 16, 0);
                assert!(out.chunks(16).all(|one| one[15] == out[15]));
                met += 1;
            }
        }
        met
    });
    for round in 0..if cfg!(miri) { 30 } else { 3000 } {
        let records: Vec<u8> = (0..=round % 5).flat_map(|_| record(round as u8)).collect();
        let wanted = (round % 7 != 0).then(|| left(&records));
        cache.put(OWNER, kind(1), wanted.as_ref());
        cache.put(OWNER, kind(28), Some(&left(&records)));
    }
    stop.store(true, Ordering::Release);
    let _: u32 = reading.join().unwrap();
}
