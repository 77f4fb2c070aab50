//! What names a question under way: the socket that it went out by, and its id there.

use std::hash::{BuildHasherDefault, Hasher};

/// A socket's place, and in the lower 16 bits an id on it.
pub(super) type Ticket = u64;
/// Hashes numbers that are as good as random.
pub(super) type Plain = BuildHasherDefault<Mixed>;

/// A number, mixed.
#[derive(Default)]
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.write_u64(u64::from(octet));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Return the ticket of an id on a socket.
pub(super) fn ticket_of(place: usize, id: u16) -> Ticket {
    (place as u64) << 16 | u64::from(id)
}

/// Return the place of a ticket's socket.
pub(super) fn place_of_ticket(ticket: Ticket) -> usize {
    (ticket >> 16) as usize
}
