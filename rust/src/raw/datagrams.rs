//! Datagrams in batches: the buffers that `recvmmsg` fills and `sendmmsg` reads.
//!
//! Sources: recvmmsg(2), sendmmsg(2), ip(7) `IP_PKTINFO`, RFC 3542 §6.1.

use std::alloc::{Layout, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

/// Packets per system call.
pub const PACKETS_MAX: usize = 32;
/// A longer query is cut, and malformed by that.
pub const PACKET_OCTETS_MAX: usize = 4096;
/// From one packet to the next: not a power of two, or all packets would fight for the same cache lines.
const PACKET_STRIDE: usize = PACKET_OCTETS_MAX + 64;
/// Words for the control message of one datagram, its header included.
const CONTROL_WORDS: usize = 8;

/// Where a datagram came from, and which of our addresses it was sent to.
#[derive(Clone, Copy)]
pub struct Origin {
    /// A `sockaddr_in` or a `sockaddr_in6`.
    address: libc::sockaddr_in6,
    /// Octets of it.
    address_octets: libc::socklen_t,
    /// The packet information, the interface taken out: the way back may be another one.
    control: [u64; CONTROL_WORDS],
    /// Octets of it.
    control_octets: usize,
}

impl Origin {
    /// Return the client's address.
    pub fn client(&self) -> std::net::SocketAddr {
        let port = u16::from_be(self.address.sin6_port); // at the same place in both families
        if libc::c_int::from(self.address.sin6_family) == libc::AF_INET {
            let octets = self.address.sin6_flowinfo.to_ne_bytes(); // where IPv4 has its address
            return (octets, port).into();
        }
        (self.address.sin6_addr.s6_addr, port).into()
    }
}

/// Send answers, each to its origin, with one system call for many. Gives how many could not be sent.
///
/// Blocks at most as long as the socket may.
pub fn answer_all(fd: i32, answers: &mut [(Origin, &[u8])]) -> usize {
    let mut vectors: Vec<libc::iovec> = answers
        .iter()
        .map(|(_, response)| libc::iovec {
            iov_base: response.as_ptr().cast_mut().cast(),
            iov_len: response.len(),
        })
        .collect();
    let pairs = answers.iter_mut().zip(&mut vectors);
    let mut headers: Vec<libc::mmsghdr> = pairs
        .map(|((origin, _), vector)| {
            // SAFETY: all zeroes is a valid mmsghdr.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = (&raw mut origin.address).cast();
            header.msg_hdr.msg_namelen = origin.address_octets;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            if origin.control_octets > 0 {
                header.msg_hdr.msg_control = origin.control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = origin.control_octets as _;
            }
            header
        })
        .collect();
    // SAFETY: the headers point to origins, vectors and responses, all of which outlive the call.
    unsafe { send_all(fd, headers.as_mut_ptr(), headers.len()) }
}

/// Send what headers say. Gives how many could not be sent.
///
/// # Safety
/// `headers` are `count` of them, and what they point to may be read.
unsafe fn send_all(fd: i32, headers: *mut libc::mmsghdr, count: usize) -> usize {
    let (mut first, mut lost) = (0, 0);
    while first < count {
        let left = (count - first) as libc::c_uint;
        // SAFETY: `first` is below `count`; the rest the caller promises.
        let sent = unsafe { libc::sendmmsg(fd, headers.add(first), left, libc::MSG_NOSIGNAL as _) };
        if let Ok(sent) = usize::try_from(sent) {
            first += sent;
            continue;
        }
        match std::io::Error::last_os_error().kind() {
            std::io::ErrorKind::Interrupted => {}
            // No room, for as long as the socket would wait.
            std::io::ErrorKind::WouldBlock => return lost + count - first,
            // That one has no way back; the others may.
            _ => (first, lost) = (first + 1, lost + 1),
        }
    }
    lost
}

/// The memory of a batch, laid out once.
#[repr(C)]
struct Buffers {
    /// What came in.
    packets: [[u8; PACKET_STRIDE]; PACKETS_MAX],
    /// Where from: large enough for both families.
    addresses: [libc::sockaddr_in6; PACKETS_MAX],
    /// Packet information.
    controls: [[u64; CONTROL_WORDS]; PACKETS_MAX],
    /// Vectors of what comes in.
    in_vectors: [libc::iovec; PACKETS_MAX],
    /// Headers of what comes in.
    incoming: [libc::mmsghdr; PACKETS_MAX],
    /// Vectors of what goes out.
    out_vectors: [libc::iovec; PACKETS_MAX],
    /// Headers of what goes out.
    outgoing: [libc::mmsghdr; PACKETS_MAX],
}

/// The buffers of one socket, and the two system calls on them.
pub struct Batch {
    /// The socket, which somebody else closes, later than the thread that we belong to ends.
    fd: i32,
    /// The family's kind of address.
    address_octets: libc::socklen_t,
    /// Octets of a control message; 0 when none is asked for.
    control_octets: usize,
    /// The memory, ours alone; it is never moved, for the headers point into it.
    buffers: NonNull<Buffers>,
    /// How many packets there are.
    received: usize,
    /// How many headers were used, and must be made fresh.
    used: usize,
    /// How many answers wait to be sent.
    queued: usize,
}

// SAFETY: the buffers belong to the batch alone.
unsafe impl Send for Batch {}

impl Batch {
    /// Make the buffers of a socket. On a wildcard address the kernel was asked for packet information.
    pub fn new(fd: i32, is_ipv6: bool, is_wildcard: bool) -> Self {
        let layout = Layout::new::<Buffers>();
        // SAFETY: the layout has a size above zero; all zeroes are valid buffers.
        let Some(buffers) = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }) else {
            handle_alloc_error(layout)
        };
        let info =
            if is_ipv6 { size_of::<libc::in6_pktinfo>() } else { size_of::<libc::in_pktinfo>() };
        let address =
            if is_ipv6 { size_of::<libc::sockaddr_in6>() } else { size_of::<libc::sockaddr_in>() };
        let control_octets =
            if is_wildcard { CONTROL_HEAD_OCTETS + info.next_multiple_of(8) } else { 0 };
        Self {
            fd,
            address_octets: address as libc::socklen_t,
            control_octets,
            buffers: buffers.cast(),
            received: 0,
            used: PACKETS_MAX,
            queued: 0,
        }
    }

    /// Make the headers fresh that the kernel wrote into.
    fn refresh(&mut self) {
        let at = self.buffers.as_ptr();
        for number in 0..self.used {
            // SAFETY: `number` is below PACKETS_MAX, and the buffers are ours; only raw pointers are made.
            unsafe {
                (*at).in_vectors[number].iov_base = (&raw mut (*at).packets[number]).cast();
                (*at).in_vectors[number].iov_len = PACKET_OCTETS_MAX;
                let header = &raw mut (*at).incoming[number].msg_hdr;
                (*header).msg_name = (&raw mut (*at).addresses[number]).cast();
                (*header).msg_namelen = self.address_octets;
                (*header).msg_iov = &raw mut (*at).in_vectors[number];
                (*header).msg_iovlen = 1;
                if self.control_octets > 0 {
                    (*at).controls[number] = [0; CONTROL_WORDS];
                    (*header).msg_control = (&raw mut (*at).controls[number]).cast();
                    (*header).msg_controllen = self.control_octets as _;
                }
            }
        }
        self.used = 0;
    }

    /// Take what is there on another socket of the family, up to a batch, without waiting. Gives how many.
    ///
    /// # Errors
    /// What the system says; that nothing is there is one.
    pub fn receive_from(&mut self, fd: i32) -> std::io::Result<usize> {
        self.fd = fd;
        self.receive(false)
    }

    /// Wait for a packet if none is there, and take all that are, up to a batch. Gives how many.
    ///
    /// # Errors
    /// What the system says; an interrupted call is one.
    pub fn receive(&mut self, wait: bool) -> std::io::Result<usize> {
        self.refresh();
        (self.received, self.queued) = (0, 0);
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        let count = PACKETS_MAX as libc::c_uint;
        // SAFETY: the headers point into our buffers, with their true sizes; nobody looks at these meanwhile.
        let count = unsafe {
            let headers = (&raw mut (*self.buffers.as_ptr()).incoming).cast();
            libc::recvmmsg(self.fd, headers, count, flags as _, ptr::null_mut())
        };
        self.used = PACKETS_MAX.min(usize::try_from(count).unwrap_or(PACKETS_MAX) + 1);
        self.received = usize::try_from(count).map_err(|_| std::io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// Return a packet that came in.
    pub fn packet(&self, number: usize) -> &[u8] {
        assert!(number < self.received, "only what came in can be looked at");
        let at = self.buffers.as_ptr();
        // SAFETY: the kernel wrote so many octets, at most PACKET_OCTETS_MAX; nothing changes them until `receive`.
        unsafe {
            let octets = (*at).incoming[number].msg_len as usize;
            let packet: *const u8 = (&raw const (*at).packets[number]).cast();
            std::slice::from_raw_parts(packet, octets.min(PACKET_OCTETS_MAX))
        }
    }

    /// Return where a packet came from, for an answer that takes its time.
    pub fn origin(&self, number: usize) -> Origin {
        assert!(number < self.received, "only what came in can be looked at");
        let at = self.buffers.as_ptr();
        // SAFETY: `number` is below PACKETS_MAX, and both are plain data that the kernel wrote or that are zero.
        let (address, control) = unsafe { ((*at).addresses[number], (*at).controls[number]) };
        Origin {
            address,
            address_octets: self.address_octets,
            control: self.without_interface(control),
            control_octets: self.control_octets,
        }
    }

    /// Take the interface out of packet information.
    fn without_interface(&self, mut control: [u64; CONTROL_WORDS]) -> [u64; CONTROL_WORDS] {
        if self.control_octets > 0 {
            // Of IPv4 the first four octets behind the header, of IPv6 those behind the address.
            let is_ipv6 = self.address_octets as usize == size_of::<libc::sockaddr_in6>();
            let at = CONTROL_HEAD_OCTETS / 8 + if is_ipv6 { 2 } else { 0 };
            let mut octets = control[at].to_ne_bytes();
            octets[..4].fill(0);
            control[at] = u64::from_ne_bytes(octets);
        }
        control
    }

    /// Queue an answer to a packet; `response` must stay where it is until `send`, which is why that is given it.
    fn queue(&mut self, number: usize, response: &[u8]) {
        assert!(number < self.received && self.queued < PACKETS_MAX, "one answer to each packet");
        let (at, queued) = (self.buffers.as_ptr(), self.queued);
        // SAFETY: both numbers are below PACKETS_MAX; the pointers are used by `send` only, which holds the responses.
        unsafe {
            (*at).out_vectors[queued] = libc::iovec {
                iov_base: response.as_ptr().cast_mut().cast(),
                iov_len: response.len(),
            };
            let header = &raw mut (*at).outgoing[queued].msg_hdr;
            (*header).msg_name = (&raw mut (*at).addresses[number]).cast();
            (*header).msg_namelen = self.address_octets;
            (*header).msg_iov = &raw mut (*at).out_vectors[queued];
            (*header).msg_iovlen = 1;
            if self.control_octets > 0 {
                (*at).controls[number] = self.without_interface((*at).controls[number]);
                (*header).msg_control = (&raw mut (*at).controls[number]).cast();
                (*header).msg_controllen = self.control_octets as _;
            }
        }
        self.queued += 1;
    }

    /// Send responses, each to where the packet of its number came from. Gives how many could not be sent.
    pub fn send<'a>(&mut self, responses: impl Iterator<Item = (usize, &'a Vec<u8>)>) -> usize {
        self.queued = 0;
        responses.for_each(|(number, response)| self.queue(number, response));
        // SAFETY: so many headers are filled, and what they point to is borrowed for 'a or ours.
        unsafe {
            let headers: *mut libc::mmsghdr = (&raw mut (*self.buffers.as_ptr()).outgoing).cast();
            send_all(self.fd, headers, self.queued)
        }
    }
}

/// Octets of a control message's header, padded.
const CONTROL_HEAD_OCTETS: usize = size_of::<libc::cmsghdr>().next_multiple_of(8);

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: made with this layout, freed once; the socket is no longer read.
        unsafe { dealloc(self.buffers.as_ptr().cast(), Layout::new::<Buffers>()) };
    }
}
