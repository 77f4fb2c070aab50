//! Any octets for what an API server sends: lines of JSON or an error, and never a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use podname_core::protobuf::{Field, Kind, Message, Transcoder};

fn field(number: u32, kind: Kind, is_repeated: bool) -> Field {
    Field { number, name: format!("f{number}"), kind, is_repeated }
}

/// A message with one of everything, in itself and in a list.
fn message(depth: u32) -> Message {
    let mut fields = vec![
        field(1, Kind::Text, false),
        field(2, Kind::Number, false),
        field(3, Kind::Truth, false),
        field(4, Kind::Map(vec!["a".into(), "b".into()]), false),
        field(5, Kind::Text, true),
    ];
    if depth > 0 {
        fields.push(field(6, Kind::Message(message(depth - 1)), false));
        fields.push(field(7, Kind::Message(message(depth - 1)), true));
    }
    fields
}

static TRANSCODER: LazyLock<Transcoder> =
    LazyLock::new(|| Transcoder::new(message(2), message(0)).unwrap());

/// Write a field of octets.
fn nested(number: u8, inside: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut size = inside.len();
    while size > 0x7f {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
    out.extend_from_slice(inside);
    out
}

fuzz_target!(|octets: &[u8]| {
    let is_json = |line: &[u8]| {
        serde_json::from_slice::<serde_json::Value>(line).expect("a line of JSON");
    };
    let _ = TRANSCODER.lines(octets, is_json);
    let envelope = [b"k8s\0".as_slice(), &nested(2, octets)].concat();
    let frame = [nested(1, b"ADDED"), nested(2, &nested(1, &envelope))].concat();
    let frames = [&(frame.len() as u32).to_be_bytes()[..], &frame].concat();
    if let Ok(taken) = TRANSCODER.lines(&frames, is_json) {
        assert_eq!(taken, frames.len());
    }
});
