//! Protobuf in, JSON out: of each message the fields that a schema names.
//!
//! What the fields are and mean is Python's affair (`podname.kube.wireformat`); this only walks over octets and
//! writes texts. The reference is `Transcoder` in tests/support, which it equals octet for octet.
//!
//! A frame is four octets of length and a WatchEvent: a type, and an object in an envelope.
//!
//! Sources: protobuf.dev, "Encoding"; RFC 8259; apimachinery serializer/protobuf.

/// What a field holds.
pub enum Kind {
    /// A text.
    Text,
    /// A signed number.
    Number,
    /// Yes or no.
    Truth,
    /// Another message.
    Message(Message),
    /// A map from texts to texts, of which these keys are kept.
    Map(Vec<String>),
}

/// One field of a message.
pub struct Field {
    /// Its number.
    pub number: u32,
    /// What it is called in JSON.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it comes any number of times.
    pub is_repeated: bool,
}

/// The fields of a message that are read, in the order of their numbers.
pub type Message = Vec<Field>;

/// Why octets are no frames.
pub type Malformed = &'static str;

/// A longer frame is an error.
const FRAME_OCTETS_MAX: usize = 16 * 1024 * 1024;
/// Octets before a frame that hold its length.
const HEAD_OCTETS: usize = 4;
/// What an object's envelope begins with.
const MAGIC: &[u8] = b"k8s\0";
/// A number has at most so many octets.
const VARINT_OCTETS_MAX: u32 = 10;

/// The value of a field: a number, or octets.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// A varint.
    Number(u64),
    /// Octets with their length before them.
    Octets(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Return the octets.
    fn octets(self) -> &'a [u8] {
        if let Value::Octets(octets) = self { octets } else { &[] }
    }
}

/// The fields of a message, one by one.
struct Fields<'a> {
    /// What is left of it.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Take octets off.
    fn take(&mut self, count: u64) -> Result<&'a [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| "a field that is too long")?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("a field that is cut")?;
        self.rest = rest;
        Ok(taken)
    }

    /// Take a number off.
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for number in 0..VARINT_OCTETS_MAX {
            let (&octet, rest) = self.rest.split_first().ok_or("a number that is cut")?;
            self.rest = rest;
            value |= u64::from(octet & 0x7f) << (7 * number);
            if octet < 0x80 {
                return Ok(value);
            }
        }
        Err("a number that does not end")
    }

    /// Take the next field that has a value for us: its key without the wire type, and the value.
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Malformed> {
        while !self.rest.is_empty() {
            let key = self.varint()?;
            let number = key >> 3;
            if number == 0 {
                return Err("a field without a number");
            }
            match key & 7 {
                0 => return Ok(Some((number, Value::Number(self.varint()?)))),
                1 => drop(self.take(8)?),
                2 => {
                    let octets = self.varint()?;
                    return Ok(Some((number, Value::Octets(self.take(octets)?))));
                }
                5 => drop(self.take(4)?),
                _ => return Err("a wire type that is none"),
            }
        }
        Ok(None)
    }
}

/// Walk over a message.
fn fields(octets: &[u8]) -> Fields<'_> {
    Fields { rest: octets }
}

/// Find the last value of an octets field.
fn last_octets(message: &[u8], wanted: u64) -> Result<Option<&[u8]>, Malformed> {
    let (mut found, mut walk) = (None, fields(message));
    while let Some((number, value)) = walk.next()? {
        if let (true, Value::Octets(octets)) = (number == wanted, value) {
            found = Some(octets);
        }
    }
    Ok(found)
}

impl Field {
    /// Return whether a value is one of this field.
    fn fits(&self, number: u64, value: Value<'_>) -> bool {
        let is_number = matches!(self.kind, Kind::Number | Kind::Truth);
        number == u64::from(self.number) && is_number == matches!(value, Value::Number(_))
    }
}

/// How many fields of a message are looked for at once.
const FIELDS_MAX: usize = 16;

/// Write a message as JSON.
fn write_message(message: &Message, octets: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut last = [None; FIELDS_MAX];
    let mut walk = fields(octets);
    while let Some((number, value)) = walk.next()? {
        if let Some(place) = message.iter().position(|field| field.fits(number, value)) {
            last[place] = Some(value);
        }
    }
    out.push(b'{');
    let begin = out.len();
    for (field, value) in message.iter().zip(last) {
        let Some(value) = value else { continue };
        let before = out.len();
        if before > begin {
            out.push(b',');
        }
        write_text(&field.name, out);
        out.push(b':');
        let is_there = match &field.kind {
            Kind::Map(keys) => write_map(field, keys, octets, out)?,
            _ if field.is_repeated => write_list(field, octets, out)?,
            _ => write_value(&field.kind, value, out)?,
        };
        if !is_there {
            out.truncate(before);
        }
    }
    out.push(b'}');
    Ok(())
}

/// Write all values of a repeated field.
fn write_list(field: &Field, octets: &[u8], out: &mut Vec<u8>) -> Result<bool, Malformed> {
    let (mut walk, mut before) = (fields(octets), b'[');
    while let Some((number, value)) = walk.next()? {
        if field.fits(number, value) {
            out.push(before);
            before = b',';
            write_value(&field.kind, value, out)?;
        }
    }
    out.push(b']');
    Ok(true)
}

/// Write the entries of a map that are asked for; say whether there was one.
fn write_map(
    field: &Field,
    keys: &[String],
    octets: &[u8],
    out: &mut Vec<u8>,
) -> Result<bool, Malformed> {
    let mut entries: Vec<(&String, &[u8])> = Vec::new();
    let mut walk = fields(octets);
    while let Some((number, value)) = walk.next()? {
        if !field.fits(number, value) {
            continue;
        }
        let key = last_octets(value.octets(), 1)?.unwrap_or_default();
        let text = last_octets(value.octets(), 2)?.unwrap_or_default();
        let Some(key) = keys.iter().find(|one| one.as_bytes() == key) else { continue };
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = text,
            None => entries.push((key, text)),
        }
    }
    let mut before = b'{';
    for (key, text) in &entries {
        out.push(before);
        before = b',';
        write_text(key, out);
        out.push(b':');
        write_text(&String::from_utf8_lossy(text), out);
    }
    out.push(b'}');
    Ok(!entries.is_empty())
}

/// Write one value.
fn write_value(kind: &Kind, value: Value<'_>, out: &mut Vec<u8>) -> Result<bool, Malformed> {
    match (kind, value) {
        (Kind::Text, Value::Octets(octets)) => write_text(&String::from_utf8_lossy(octets), out),
        (Kind::Number, Value::Number(number)) => {
            out.extend_from_slice(number.cast_signed().to_string().as_bytes());
        }
        (Kind::Truth, Value::Number(number)) => {
            out.extend_from_slice(if number == 0 { b"false" } else { b"true" });
        }
        (Kind::Message(inner), Value::Octets(octets)) => write_message(inner, octets, out)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Write a text with its quotes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &octet in text.as_bytes() {
        match octet {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0..32 => out.extend_from_slice(format!("\\u{octet:04x}").as_bytes()),
            _ => out.push(octet),
        }
    }
    out.push(b'"');
}

/// Turns the frames of one kind's watch into lines of JSON.
pub struct Transcoder {
    /// How the kind's objects are read.
    object: Message,
    /// How an error is read.
    status: Message,
}

impl Transcoder {
    /// Make one.
    ///
    /// # Errors
    /// A message with more fields than are looked for.
    pub fn new(object: Message, status: Message) -> Result<Self, Malformed> {
        check(&object)?;
        check(&status)?;
        Ok(Self { object, status })
    }

    /// Hand a line for each whole frame to `take`, and give how many octets the frames took.
    ///
    /// # Errors
    /// Why the octets are no frames.
    pub fn lines(&self, octets: &[u8], mut take: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let (mut at, mut line) = (0, Vec::with_capacity(1024));
        while let Some(head) = octets[at..].first_chunk::<HEAD_OCTETS>() {
            let size = u32::from_be_bytes(*head) as usize;
            if size > FRAME_OCTETS_MAX {
                return Err("a frame that is too long");
            }
            let begin = at + HEAD_OCTETS;
            let Some(frame) = octets.get(begin..begin + size) else { break };
            at = begin + size;
            line.clear();
            self.write_line(frame, &mut line)?;
            take(&line);
        }
        Ok(at)
    }

    /// Write the line of a frame.
    fn write_line(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
        let kind = last_octets(frame, 1)?.unwrap_or_default();
        let object = last_octets(frame, 2)?.unwrap_or_default();
        let raw = last_octets(object, 1)?.unwrap_or_default();
        let unknown = raw.strip_prefix(MAGIC).ok_or("an object without its envelope")?;
        let type_meta = last_octets(unknown, 1)?.unwrap_or_default();
        let is_status = last_octets(type_meta, 2)? == Some(b"Status");
        let found = last_octets(unknown, 2)?.unwrap_or_default();
        out.extend_from_slice(b"{\"type\":");
        write_text(&String::from_utf8_lossy(kind), out);
        out.extend_from_slice(b",\"object\":");
        write_message(if is_status { &self.status } else { &self.object }, found, out)?;
        out.push(b'}');
        Ok(())
    }
}

/// See that no message has more fields than are looked for.
fn check(message: &Message) -> Result<(), Malformed> {
    if message.len() > FIELDS_MAX {
        return Err("a message of too many fields");
    }
    message.iter().try_for_each(|field| match &field.kind {
        Kind::Message(inner) => check(inner),
        _ => Ok(()),
    })
}
