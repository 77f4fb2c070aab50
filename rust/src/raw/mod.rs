//! Everything that the compiler cannot check for us: shared memory and system calls.
//!
//! All `unsafe` of the crate is in this folder; what it offers is safe to use. [`epoch`], [`node`], [`map`] and [`growth`] are
//! memory that readers never wait for, [`datagrams`] sends and receives in batches, [`system`] is what is left.

#![allow(unsafe_code)]
// Nodes are allocated with a header's alignment.
#![allow(clippy::cast_ptr_alignment)]

mod datagrams;
mod epoch;
mod growth;
mod map;
mod node;
mod system;

pub use datagrams::{Batch, Origin, PACKET_OCTETS_MAX, PACKETS_MAX, answer_all};
pub use epoch::{Guard, Reader};
pub use map::{Map, Writing};
pub use node::NodeRef;
pub use system::{duplicate, hear_icmp_errors, monotonic_ns, random, wake};
