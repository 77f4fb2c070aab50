//! Readers and a writer at the same time: what a reader finds is whole, and what stays is always found.
//!
//! Also run by miri, which sees what is freed too early, read uninitialised or raced for.

use std::sync::atomic::{AtomicBool, Ordering};

use podname_core::names::{Name, hash_of};
use podname_core::raw::{Map, NodeRef, Reader};

const ROUNDS: u32 = if cfg!(miri) { 30 } else { 20_000 };
const NAMES: u32 = if cfg!(miri) { 12 } else { 200 };

fn name(number: u32) -> Vec<u8> {
    let label = format!("pod-{number}");
    [&[label.len() as u8], label.as_bytes(), b"\x02ns\x00"].concat()
}

fn folded(octets: &[u8]) -> Name {
    let mut name = Name::default();
    assert!(name.set(octets));
    name
}

#[test]
fn readers_find_what_stays_and_find_it_whole() {
    let map = Map::new(hash_of);
    for number in 0..NAMES {
        map.write().unwrap().put(&name(number), &[0; 40], 0);
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut reader = Reader::claim().unwrap();
                let names: Vec<Name> = (0..NAMES).map(|number| folded(&name(number))).collect();
                while !done.load(Ordering::Relaxed) {
                    let guard = reader.pin();
                    for (number, name) in names.iter().enumerate() {
                        let found = map.find(&guard, name.hash(0), name.octets());
                        if number.is_multiple_of(2) {
                            let body = found.expect("this name stays").body();
                            assert!(body.len() == 40 && body.iter().all(|&octet| octet == body[0]));
                        } else if let Some(node) = found {
                            assert!(name.octets().starts_with(node.own_name()));
                        }
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            let number = round * 7 % NAMES;
            let mut writing = map.write().unwrap();
            if round == ROUNDS / 2 {
                writing.share(b"\x02ns\x00"); // from here on; those before stay whole until they change
            }
            if number.is_multiple_of(2) {
                writing.put(&name(number), &[round as u8; 40], 0);
            } else if round.is_multiple_of(3) {
                writing.remove(&name(number));
            } else {
                writing.put(&name(number), b"", 1);
                writing.put(&name(NAMES + round), b"grows", 0);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_content_is_swapped_at_once() {
    let map = Map::new(hash_of);
    let fill = |body: u8| {
        let content = Map::new(hash_of);
        if body.is_multiple_of(2) {
            content.write().unwrap().share(b"\x02ns\x00");
        }
        for number in 0..NAMES {
            content.write().unwrap().put(&name(number), &[body], 0);
        }
        content
    };
    map.write().unwrap().swap(fill(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = Reader::claim().unwrap();
            let names: Vec<Name> = (0..NAMES).map(|number| folded(&name(number))).collect();
            while !done.load(Ordering::Relaxed) {
                let guard = reader.pin();
                for name in &names {
                    assert!(map.find(&guard, name.hash(0), name.octets()).is_some());
                }
            }
        });
        for round in 0..ROUNDS / 10 {
            map.write().unwrap().swap(fill(round as u8));
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_a_reader_holds_outlives_its_removal() {
    let map = Map::new(hash_of);
    map.write().unwrap().put(&name(1), b"kept", 0);
    let mut reader = Reader::claim().unwrap();
    let guard = reader.pin();
    let octets = folded(&name(1));
    let found = map.find(&guard, octets.hash(0), octets.octets()).unwrap();
    map.write().unwrap().remove(&name(1));
    for number in 2..20 {
        map.write().unwrap().put(&name(number), b"more", 0);
    }
    assert_eq!(found.body(), b"kept");
    assert!(map.find(&guard, octets.hash(0), octets.octets()).is_none());
}

#[test]
fn one_writer_at_a_time() {
    let map = Map::new(hash_of);
    let writing = map.write().unwrap();
    assert!(map.write().is_none());
    drop(writing);
    assert!(map.write().is_some());
}

#[test]
fn every_name_is_found_after_each_change_while_the_slots_grow() {
    let map = Map::new(hash_of);
    let mut model = std::collections::BTreeMap::new();
    let mut reader = Reader::claim().unwrap();
    let mut seed = 1_u32;
    for round in 0..if cfg!(miri) { 60 } else { 3_000_u32 } {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        // It grows, then loses most of what it has, which leaves slots that are not empty, and grows again.
        let number = seed % (round + 1);
        let shrinks = (round / 500).is_multiple_of(2) != (seed % 5 < 4);
        if shrinks {
            map.write().unwrap().remove(&name(number));
            model.remove(&number);
        } else {
            map.write().unwrap().put(&name(number), &round.to_be_bytes(), 0);
            model.insert(number, round);
        }
        if round % 7 != 0 {
            continue;
        }
        let guard = reader.pin();
        for number in 0..=round {
            let asked = folded(&name(number));
            let found = map.find(&guard, asked.hash(0), asked.octets()).map(NodeRef::body);
            assert_eq!(
                found,
                model.get(&number).map(|body| body.to_be_bytes()).as_ref().map(|b| &b[..])
            );
        }
    }
}
