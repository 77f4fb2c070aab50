//! Any octets for a packet: a response within its limit, silence or a miss, and never a panic.
#![no_main]

use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use podname_core::apex::Zone;
use podname_core::cache::{AnswerCache, Kind, Left};
use podname_core::counters::{Counts, Hits};
use podname_core::names::Suffixes;
use podname_core::raw::Reader;
use podname_core::responder::{Outcome, Responder};
use podname_core::routes::{self, ForCode, Layer, Plan, Routes};
use podname_core::table::{Change, Options, Table};

const ZONE: &[u8] = b"\x01c\x00";
const NOW_NS: u64 = 1_000_000_000_000;

fn address(last: u8) -> Vec<u8> {
    [&b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00"[..], &[last]].concat()
}

/// A zone with one of everything: an address, very many, SRV with additional records, an alias, a wildcard.
fn table(denies: bool) -> Table {
    let zone = Zone {
        origin: ZONE.into(),
        soa_ttl_seconds: 5,
        negative_ttl_seconds: 5,
        mname: b"\x02ns\x01c\x00".as_slice().into(),
        rname: b"\x01h\x00".as_slice().into(),
        serial: 7.into(),
    };
    let table = Table::new(Options {
        zones: vec![zone],
        denies,
        optional_underscores: true,
        fallthrough: Suffixes::new([b"\x01f\x01c\x00".as_slice()]),
        ..Options::default()
    });
    let many: Vec<u8> = (0..200).flat_map(address).collect();
    let srv =
        b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x05\x00\x0b\x00\x00\x00\x01\x00\x50\x01a\x01c\x00";
    let extra = b"\xc0\x32\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x01";
    let several = [&b"\x00\x02\x00\x00\x00\x02"[..], srv, srv, extra, extra].concat();
    let alias = b"\x00\x01\x00\x00\x00\x00\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x01\x00";
    let change = |owner: &[u8], qtype, ready: &[u8]| Change {
        owner: [owner, ZONE].concat().into(),
        qtype,
        ready: Some(ready.into()),
    };
    let changes = vec![
        change(b"\x01a", 1, &[&b"\x00\x01\x00\x00\x00\x00"[..], &address(1)].concat()),
        change(b"\x01m", 1, &[&b"\x00\xc8\x00\x00\x00\x00"[..], &many].concat()),
        change(b"\x02_p\x04_tcp\x01a", 33, &several),
        change(b"\x01x", 5, alias),
        change(b"\x01*", 1, &[&b"\x00\x01\x00\x00\x00\x00"[..], &address(9)].concat()),
    ];
    table.update(changes).unwrap();
    table.set_dashed(b"\x01p\x01c\x00", Some(true)).unwrap();
    table.synced.store(true, Ordering::Release);
    table
}

/// Answers for names outside of the zone: addresses that take turns behind an alias, one that is large, a denial,
/// one that has expired, one that keeps its TTL.
fn cache() -> routes::Cache {
    let answers = AnswerCache::default();
    let alias = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x04\x01z\xc0\x0c";
    let turned = [&alias[..], &address(1), &address(2), &address(3)].concat();
    let large: Vec<u8> = (0..120).flat_map(address).collect();
    let put = |owner: &[u8], qtype, ttl_seconds, records: &[u8], first: u16| {
        let count = (records.len() / 16) as u16;
        let offsets: Vec<u16> = (0..count).map(|number| number * 16 + 6).collect();
        let turns = offsets.iter().map(|at| at + 6).skip(first.into()).collect();
        let left = Left {
            flags: if count == 0 { 0x8023 } else { 0x80a0 },
            counts: [0, count as u8, 0, 0, 0, 0],
            records,
            ttl_offsets: &offsets,
            ttl_seconds,
            stored_ns: NOW_NS - 5_000_000_000,
            keeps_ttl: qtype == 28,
            is_denial: count == 0,
            is_fetched: qtype == 15,
            groups: &[(4, turns)],
            uncompressed_octets: 0,
        };
        let kind = Kind { qtype, qclass: 1, dnssec_ok: false, checking_disabled: false };
        answers.put(owner, kind, Some(&left));
    };
    put(b"\x01w\x00", 1, 30, &turned, 1);
    put(b"\x01w\x00", 28, 30, &turned, 1);
    put(b"\x01w\x00", 16, 30, &large, 0);
    put(b"\x01w\x00", 15, 5, &large, 0);
    put(b"\x00", 2, 30, b"", 0);
    routes::Cache {
        answers: Arc::new(answers),
        plugin: 0,
        hits: Arc::new(Hits::new(1)),
        keeper: None,
    }
}

static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let plan = |zone: &[u8], denies| Plan {
        zone: zone.into(),
        layers: vec![Layer::Table(Arc::new(table(denies)), 0)],
        rotate: true,
        counts: Some(Arc::new(Counts::new(1, 1))),
        is_observed: false,
        cache: None,
        edns_octets_max: 1232,
    };
    let mut rest = plan(b"\x00", true);
    rest.layers.push(Layer::Code(ForCode {
        names: Suffixes::new([b"\x00".as_slice()]),
        types: vec![],
        first_label: [].into(),
    }));
    rest.cache = Some(cache());
    let plans = vec![plan(b"\x01c\x00", true), plan(b"\x01a\x01c\x00", false), rest];
    Routes::new(1, plans, vec![1, 255], Arc::new(Counts::new(1, 1)))
});

fuzz_target!(|packet: &[u8]| {
    let mut reader = Reader::claim().unwrap();
    let mut out = Vec::new();
    for over_udp in [true, false] {
        let mut responder = Responder::new(over_udp, 0);
        responder.set_now(NOW_NS);
        match responder.respond(&reader.pin(), &ROUTES, packet, &mut out) {
            Outcome::Silence | Outcome::Miss(_) => {}
            _ => {
                assert_eq!(out[..2], packet[..2]);
                assert!(out[2] & 0x80 != 0);
                assert!(out.len() <= 65535);
            }
        }
    }
});
