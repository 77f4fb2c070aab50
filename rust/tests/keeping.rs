//! What relays fetched is bounded in answers and in octets, whoever takes it out, and the oldest makes room.

use std::sync::Arc;

use podname_core::cache::{AnswerCache, Kind, Left, Room};
use podname_core::keeping::{Fetched, Half, Keeper, Policy};
use podname_core::names::{Name, Suffixes};
use podname_core::query;
use podname_core::raw::Reader;
use podname_core::reply::{Read, read};

const SECOND: u64 = 1_000_000_000;
const OWNER_OCTETS: usize = 4;
const RECORD_OCTETS: usize = 16;
const ANSWER_OCTETS: usize = OWNER_OCTETS + RECORD_OCTETS;

struct Kept {
    answers: Arc<AnswerCache>,
    keeper: Keeper,
    now_ns: u64,
}

impl Kept {
    fn new(capacity: usize, octets_most: usize) -> Self {
        Self::with(capacity, octets_most, 0, true)
    }

    fn with(capacity: usize, octets_most: usize, stale_seconds: u32, repeats: bool) -> Self {
        let half = || Half {
            capacity,
            octets_most,
            ttl_seconds_most: 60,
            ttl_seconds_least: 1,
            disabled: Suffixes::new([]),
        };
        let answers: Arc<AnswerCache> = Arc::default();
        let policy = Policy {
            success: half(),
            denial: half(),
            servfail_seconds: 5,
            keeps_ttl: false,
            stale_seconds,
            repeats,
        };
        Self { keeper: Keeper::new(policy, answers.clone()), answers, now_ns: SECOND }
    }

    /// Keep so many addresses of the name, or SERVFAIL if there is none.
    fn keep(&mut self, name: u8, addresses: u8) {
        let question = [&owner(name)[..], &[0, 1, 0, 1]].concat();
        let packet = [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &question].concat();
        let rcode = if addresses == 0 { 2 } else { 0 };
        let mut octets = vec![0, 1, 0x81, rcode, 0, 1, 0, addresses, 0, 0, 0, 0];
        octets.extend_from_slice(&question);
        for last in 0..addresses {
            octets.extend_from_slice(&[0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, last]);
        }
        let query = query::parse(&packet).unwrap();
        let Read::Plain(reply) = read(&octets, &packet, &query, 4096) else { panic!("not plain") };
        let mut asked = Name::default();
        assert!(asked.set(&owner(name)));
        let mut records = reply.records().to_vec();
        let fetched = Fetched {
            packet: &packet,
            query: &query,
            name: &asked,
            reply: &reply,
            groups: &[],
            is_for_all: true,
        };
        self.now_ns += 1;
        assert!(self.keeper.keep(&fetched, &mut records, self.now_ns, 0));
    }

    fn has(&self, name: u8) -> bool {
        let mut asked = Name::default();
        assert!(asked.set(&owner(name)));
        let mut reader = Reader::claim().unwrap();
        self.answers.find(&reader.pin(), &asked, KIND, self.now_ns).is_some()
    }
}

const KIND: Kind = Kind { qtype: 1, qclass: 1, dnssec_ok: false, checking_disabled: false };

fn owner(name: u8) -> [u8; OWNER_OCTETS] {
    [2, b'a' + name / 16, b'a' + name % 16, 0]
}

#[test]
fn the_oldest_answer_makes_room() {
    let mut kept = Kept::new(2, usize::MAX);
    (0..3).for_each(|name| kept.keep(name, 1));
    assert_eq!([0, 1, 2].map(|name| kept.has(name)), [false, true, true]);
    assert_eq!(kept.keeper.counts(), ([2, 0], [1, 0]));
}

#[test]
fn octets_are_bounded_too() {
    let mut kept = Kept::new(100, 10 * ANSWER_OCTETS);
    (0..10).for_each(|name| kept.keep(name, 1));
    assert_eq!(kept.keeper.counts(), ([10, 0], [0, 0]));
    kept.keep(10, 3); // 52 octets, in place of three answers
    assert_eq!(kept.keeper.counts(), ([8, 0], [3, 0]));
    let octets = 7 * ANSWER_OCTETS + OWNER_OCTETS + 3 * RECORD_OCTETS;
    assert_eq!(kept.answers.fetched(false), Room { answers: 8, octets });
}

#[test]
fn a_name_that_is_fetched_again_takes_no_more_room() {
    let mut kept = Kept::new(2, usize::MAX);
    kept.keep(0, 1);
    (0..500).for_each(|_| kept.keep(1, 1));
    assert!(kept.has(0) && kept.has(1));
    assert_eq!(kept.keeper.counts(), ([2, 0], [0, 0]));
    kept.keep(1, 0); // it fails: a denial stands in its place
    assert_eq!(kept.keeper.counts(), ([1, 1], [0, 0]));
}

#[test]
fn what_others_take_out_or_leave_is_not_counted() {
    let mut kept = Kept::new(2, usize::MAX);
    (0..2).for_each(|name| kept.keep(name, 1));
    kept.answers.put(&owner(0), KIND, None);
    let records = [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, 1];
    let left = Left {
        flags: 0,
        counts: [0, 1, 0, 0, 0, 0],
        records: &records,
        ttl_offsets: &[6],
        ttl_seconds: 30,
        stored_ns: kept.now_ns,
        keeps_ttl: false,
        is_denial: false,
        is_fetched: false,
        groups: &[],
        uncompressed_octets: 17,
    };
    kept.answers.put(&owner(1), KIND, Some(&left));
    assert_eq!(kept.keeper.counts(), ([0, 0], [0, 0]));
    (2..4).for_each(|name| kept.keep(name, 1));
    assert!((1..4).all(|name| kept.has(name)));
    kept.answers.clear();
    assert_eq!(kept.answers.fetched(false), Room::default());
}

#[test]
fn what_the_chain_decides_about() {
    let ask = |kept: &Kept, name: u8, after: u64| {
        let packet =
            [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &owner(name), &[0, 1, 0, 1]].concat();
        let (query, mut asked) = (query::parse(&packet).unwrap(), Name::default());
        assert!(asked.set(&owner(name)));
        let mut reader = Reader::claim().unwrap();
        kept.keeper.is_for_chain(&reader.pin(), &asked, &query, kept.now_ns + after * SECOND)
    };
    for (stale_seconds, repeats, expected) in [
        (0, true, [false, false, false]),
        (0, false, [true, false, false]),
        (10, true, [false, true, false]),
        (10, false, [true, true, false]),
    ] {
        let mut kept = Kept::with(9, usize::MAX, stale_seconds, repeats);
        kept.keep(0, 1);
        assert_eq!([29, 39, 40].map(|after| ask(&kept, 0, after)), expected);
        assert!(!ask(&kept, 1, 0), "a name that is not there");
    }
}
