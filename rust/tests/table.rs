//! A table from Rust: what the bindings and the fuzz targets rest on. The rules are tested from Python, over both
//! engines.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use podname_core::apex::Zone;
use podname_core::counters::Counts;
use podname_core::names::Name;
use podname_core::raw::Reader;
use podname_core::responder::{Outcome, Responder};
use podname_core::routes::{Layer, Plan, Routes};
use podname_core::table::{Change, Options, Table};

const ZONE: &[u8] = b"\x07cluster\x05local\x00";
const WEB: &[u8] = b"\x03web\x07cluster\x05local\x00";
const ONE: &[u8] =
    b"\x00\x01\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x01";

fn table() -> Table {
    let zone = Zone {
        origin: ZONE.into(),
        soa_ttl_seconds: 5,
        negative_ttl_seconds: 5,
        mname: ZONE.into(),
        rname: ZONE.into(),
        serial: 0.into(),
    };
    Table::new(Options { zones: vec![zone], denies: true, ..Options::default() })
}

fn change(owner: &[u8], ready: Option<&[u8]>) -> Change {
    Change { owner: owner.into(), qtype: 1, ready: ready.map(Into::into) }
}

#[test]
fn an_answer_comes_back_as_it_was_put() {
    let table = table();
    table.update(vec![change(WEB, Some(ONE))]).unwrap();
    let (mut name, mut reader, mut out) = (Name::default(), Reader::claim().unwrap(), Vec::new());
    assert!(name.set(WEB));
    let counts = table.get(&reader.pin(), &name, 1, &mut out).unwrap();
    assert_eq!([&counts[..], &out].concat(), ONE);
    table.update(vec![change(WEB, None)]).unwrap();
    assert!(!table.exists(&reader.pin(), &name));
    assert!(table.is_empty());
}

#[test]
fn a_packet_is_answered() {
    let table = table();
    table.update(vec![change(WEB, Some(ONE))]).unwrap();
    table.synced.store(true, Ordering::Release);
    let counts = Arc::new(Counts::new(1, 1));
    let plan = Plan {
        edns_octets_max: u16::MAX,
        zone: [0].into(),
        layers: vec![Layer::Table(Arc::new(table), 0)],
        rotate: true,
        counts: Some(counts.clone()),
        is_observed: false,
        cache: None,
    };
    let routes = Routes::new(1, vec![plan], vec![1], Arc::new(Counts::new(1, 1)));
    let mut responder = Responder::new(true, 0);
    let (mut reader, mut out) = (Reader::claim().unwrap(), Vec::new());
    let query =
        [b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", WEB, b"\x00\x01\x00\x01"].concat();
    let outcome = responder.respond(&reader.pin(), &routes, &query, &mut out);
    assert!(matches!(outcome, Outcome::Answered(0, _)));
    assert_eq!(out[..4], [0x12, 0x34, 0x85, 0]);
    assert!(out.ends_with(&ONE[6..]));
    assert_eq!(counts.read()[0], 1);
}

/// Make the change of the name `number.ns.svc.<zone>`.
fn numbered(number: u32, ready: Option<&[u8]>) -> Change {
    let label = format!("pod-{number}");
    change(&[&[label.len() as u8], label.as_bytes(), NAMESPACE].concat(), ready)
}

const NAMESPACE: &[u8] = b"\x02ns\x03svc\x07cluster\x05local\x00";

#[test]
fn many_names_below_a_held_one_share_how_they_end() {
    let (table, mut reader, mut name) = (table(), Reader::claim().unwrap(), Name::default());
    let held = |ready| Change { owner: NAMESPACE.into(), qtype: 0, ready };
    table.update(vec![held(Some([0; 6].into()))]).unwrap();
    for number in 0..40 {
        table.update(vec![numbered(number, Some(ONE))]).unwrap();
    }
    let mut expect = |range: std::ops::Range<u32>| {
        for number in 0..40 {
            assert!(name.set(&numbered(number, None).owner));
            assert_eq!(table.exists(&reader.pin(), &name), range.contains(&number));
        }
        assert!(name.set(b"\x06pod-10\x07cluster\x05local\x00"));
        assert!(!table.exists(&reader.pin(), &name));
    };
    expect(0..40);
    table.update(vec![numbered(3, Some(ONE)), held(None)]).unwrap();
    table.update((30..40).map(|number| numbered(number, None)).collect()).unwrap();
    expect(0..30);
    let chunks = [Ok::<_, podname_core::table::Busy>(
        (20..40).map(|number| numbered(number, Some(ONE))).collect(),
    )];
    table.replace(chunks.into_iter()).unwrap();
    expect(20..40);
    assert_eq!(table.len(), 20);
    table.update((20..40).map(|number| numbered(number, None)).collect()).unwrap();
    expect(0..0);
    assert!(name.set(NAMESPACE) && !table.exists(&reader.pin(), &name));
}
