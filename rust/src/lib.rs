//! podname's native engine: a table of ready answers, and the packet loop that repeats them.
//!
//! Python decides, this crate repeats. It knows messages, names, zones, EDNS, truncation, rotation and negative
//! answers, and of Kubernetes the envelope of an object in protobuf. What it must do is written in
//! `podname.engine.base`; the reference is
//! `podname.engine.reference`, which it equals octet for octet.
//!
//! From the bottom: [`names`], [`endings`], [`raw`] (memory and system calls), [`records`] and [`query`] (octets), [`sets`],
//! [`table`], [`cache`] and [`keeping`] (what is answered), [`routes`] and [`responder`] (how), [`reply`] and [`relay`] (what
//! upstreams say), [`counters`], [`handover`] (what others do), [`udp`] (the packet loop), [`protobuf`] (the API's encoding), and, with the feature
//! `python`, the module `podname._core`.
//!
//! Sources: RFC 1035; RFC 6891; the design of podname.

pub mod addresses;
pub mod apex;
pub mod cache;
pub mod constants;
pub mod counters;
pub mod endings;
pub mod fitting;
pub mod handover;
pub mod keeping;
pub mod names;
pub mod protobuf;
pub mod query;
pub mod raw;
pub mod records;
pub mod relay;
pub mod reply;
pub mod responder;
pub mod routes;
pub mod sets;
pub mod table;
pub mod udp;

#[cfg(feature = "python")]
mod python;
