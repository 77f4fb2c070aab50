//! Connected UDP sockets to upstreams, each with its share of the questions.
//!
//! A connected socket hears nobody but its upstream. Its port is the kernel's random choice, the id of a question ours,
//! and a question goes out by any of many sockets: a forger must guess all three (RFC 5452 §9.2).

use std::io::Result;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use crate::raw::{hear_icmp_errors, random};

/// Sockets to each upstream.
pub const SOCKETS_EACH: usize = 32;
/// Questions of one socket before another takes its place.
const QUESTIONS_EACH: u32 = 1 << 12;
/// Octets of chance that are fetched at a time.
const CHANCE_OCTETS: usize = 512;

/// A socket at work.
pub struct Socket {
    /// Connected to its upstream.
    pub udp: UdpSocket,
    /// How many questions went out by it.
    asked: u32,
    /// Since when it is there.
    opened_ns: u64,
    /// When the last question went out.
    used_ns: u64,
    /// How many are under way.
    pub under_way: usize,
}

/// How long sockets live.
#[derive(Clone, Copy)]
pub struct Ages {
    /// Without a question.
    pub idle_ns: u64,
    /// In all; 0 is for ever.
    pub most_ns: u64,
}

/// All sockets of a relay.
pub struct Sockets {
    /// By upstream and place.
    places: Vec<Option<Socket>>,
    /// Where they leave from.
    source: Option<IpAddr>,
    /// How long they live.
    ages: Ages,
    /// Wakes the relay when something comes in.
    registry: Registry,
}

impl Sockets {
    /// Make room for sockets to so many upstreams.
    pub fn new(upstreams: usize, source: Option<IpAddr>, ages: Ages, registry: Registry) -> Self {
        let places = (0..upstreams * SOCKETS_EACH).map(|_| None).collect();
        Self { places, source, ages, registry }
    }

    /// Return the socket that a token stands for.
    pub fn get(&mut self, place: usize) -> Option<&mut Socket> {
        self.places.get_mut(place)?.as_mut()
    }

    /// Close a socket that told of an error: more of them may be queued on it.
    pub fn close(&mut self, place: usize) {
        if let Some(place) = self.places.get_mut(place) {
            *place = None;
        }
    }

    /// Choose a socket to an upstream: its place, and whether it was there already.
    ///
    /// # Errors
    /// What the system says when it cannot be made.
    pub fn choose(
        &mut self,
        upstream: usize,
        address: SocketAddr,
        chance: u16,
        now_ns: u64,
    ) -> Result<(usize, bool)> {
        let place = upstream * SOCKETS_EACH + usize::from(chance) % SOCKETS_EACH;
        let is_good = |socket: &Socket| socket.under_way > 0 || !self.is_old(socket, now_ns);
        if self.places[place].as_ref().is_some_and(is_good) {
            return Ok((place, true));
        }
        self.places[place] = None;
        let any: IpAddr = if address.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
        let mut udp = UdpSocket::bind((self.source.unwrap_or(any), 0).into())?;
        hear_icmp_errors(udp.as_raw_fd(), address.is_ipv6())?;
        udp.connect(address)?;
        self.registry.register(&mut udp, token_of(place), Interest::READABLE)?;
        self.places[place] =
            Some(Socket { udp, asked: 0, opened_ns: now_ns, used_ns: now_ns, under_way: 0 });
        Ok((place, false))
    }

    /// Return whether another socket should take the place of an idle one.
    fn is_old(&self, socket: &Socket, now_ns: u64) -> bool {
        let (idle_ns, age_ns) = (now_ns - socket.used_ns, now_ns - socket.opened_ns);
        socket.asked >= QUESTIONS_EACH
            || idle_ns > self.ages.idle_ns
            || (self.ages.most_ns > 0 && age_ns > self.ages.most_ns)
    }

    /// Close what nobody asked for. Gives whether any is left.
    pub fn sweep(&mut self, now_ns: u64) -> bool {
        for place in 0..self.places.len() {
            let is_old = |socket: &Socket| socket.under_way == 0 && self.is_old(socket, now_ns);
            if self.places[place].as_ref().is_some_and(is_old) {
                self.places[place] = None;
            }
        }
        self.places.iter().any(Option::is_some)
    }
}

impl Socket {
    /// Send a question.
    ///
    /// # Errors
    /// What the system says.
    pub fn ask(&mut self, octets: &[u8], now_ns: u64) -> Result<()> {
        self.udp.send(octets)?;
        (self.asked, self.used_ns) = (self.asked + 1, now_ns);
        self.under_way += 1;
        Ok(())
    }
}

/// Return the token of a place; the first is the waker's.
fn token_of(place: usize) -> Token {
    Token(place + 1)
}

/// Return the place of a token, unless it is the waker's.
pub fn place_of(token: Token) -> Option<usize> {
    token.0.checked_sub(1)
}

/// Numbers that nobody can guess.
pub struct Chance {
    /// Fetched, and not used yet.
    octets: Vec<u8>,
}

impl Chance {
    /// Begin with none fetched.
    pub fn new() -> Self {
        Self { octets: Vec::with_capacity(CHANCE_OCTETS) }
    }

    /// Return the next one.
    ///
    /// # Errors
    /// What the system says when it has none.
    pub fn next(&mut self) -> Result<u16> {
        if self.octets.len() < 2 {
            self.octets.resize(CHANCE_OCTETS, 0);
            random(&mut self.octets)?;
        }
        let pair = [self.octets.pop(), self.octets.pop()].map(Option::unwrap_or_default);
        Ok(u16::from_be_bytes(pair))
    }
}
