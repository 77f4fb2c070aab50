//! Any sequence of changes: the table holds and finds what a plain dictionary says.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use podname_core::apex::Zone;
use podname_core::names::{self, Name};
use podname_core::raw::Reader;
use podname_core::table::{Change, Options, Table};

const LABELS: [&[u8]; 6] = [b"\x01a", b"\x01b", b"\x02_t", b"\x01*", b"\x03svc", b"\x09some-name"];
const TYPES: [u16; 4] = [0, 1, 28, 33];

const ZONES: [&[u8]; 2] = [b"\x01a\x00", b"\x03svc\x01a\x00"]; // names in them share how they end

fn zone_of(origin: &[u8]) -> Zone {
    Zone {
        origin: origin.into(),
        soa_ttl_seconds: 5,
        negative_ttl_seconds: 5,
        mname: origin.into(),
        rname: origin.into(),
        serial: 0.into(),
    }
}

/// Make a name of two octets: up to five labels of six.
fn name_of(one: u8, two: u8) -> Vec<u8> {
    let mut number = usize::from(one) << 8 | usize::from(two);
    let mut name = Vec::new();
    for _ in 0..number % 6 {
        number /= 6;
        name.extend_from_slice(LABELS[number % 6]);
    }
    name.push(0);
    name
}

/// Make a ready answer: compact, or of as many octets as it takes.
fn ready_of(qtype: u16, octet: u8) -> Vec<u8> {
    let mut ready = vec![0, 1, 0, 0, 0, 0, 0xc0, 0x0c, 0, qtype as u8, 0, 1, 0, 0, 0, octet];
    let length = usize::from(octet) * if octet > 250 { 300 } else { 1 };
    ready.extend_from_slice(&(length as u16).to_be_bytes());
    ready.resize(ready.len() + length, octet);
    if octet % 3 == 0 {
        ready[1] = 2;
    }
    ready
}

fuzz_target!(|octets: &[u8]| {
    let zones = ZONES.map(zone_of).into();
    let table = Table::new(Options { zones, ..Options::default() });
    let mut model = BTreeMap::<(Vec<u8>, u16), Vec<u8>>::new();
    let mut reader = Reader::claim().unwrap();
    for group in octets.chunks(20) {
        let mut changes = Vec::new();
        for step in group.chunks_exact(4) {
            let (owner, qtype) = (name_of(step[0], step[1]), TYPES[usize::from(step[2] % 4)]);
            let ready = (step[2] < 160).then(|| ready_of(qtype, step[3]));
            match &ready {
                Some(ready) => drop(model.insert((owner.clone(), qtype), ready.clone())),
                None => drop(model.remove(&(owner.clone(), qtype))),
            }
            changes.push(Change { owner: owner.into(), qtype, ready: ready.map(Into::into) });
        }
        if octets.len() % 7 == 0 && group.len() < 20 {
            let there = model.iter().map(|((owner, qtype), ready)| Change {
                owner: owner.as_slice().into(),
                qtype: *qtype,
                ready: Some(ready.as_slice().into()),
            });
            let chunks = [Ok::<_, podname_core::table::Busy>(there.collect())];
            table.replace(chunks.into_iter()).unwrap();
        } else {
            table.update(changes).unwrap();
        }
        assert_eq!(table.len(), model.len());
    }
    let guard = reader.pin();
    let mut name = Name::default();
    let owners: Vec<&Vec<u8>> = model.keys().map(|(owner, _)| owner).collect();
    for one in octets.chunks_exact(2).take(30) {
        let asked = name_of(one[0], one[1]);
        assert!(name.set(&asked));
        let exists = owners.iter().any(|owner| names::is_subdomain(owner, &asked))
            || ZONES.contains(&asked.as_slice());
        assert_eq!(table.exists(&guard, &name), exists);
        for qtype in TYPES {
            let mut out = vec![0; 6];
            let counts = table.get(&guard, &name, qtype, &mut out);
            let found = counts.map(|counts| [&counts[..], &out[6..]].concat());
            assert_eq!(found.as_ref(), model.get(&(asked.clone(), qtype)));
        }
    }
});
