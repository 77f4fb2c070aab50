//! Small system calls.

use std::os::fd::{BorrowedFd, OwnedFd};

/// Add one to an eventfd, so that whoever polls it wakes up.
pub fn wake(fd: i32) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight octets are read. A full counter is a wake-up that is already there.
    let _ = unsafe { libc::write(fd, one.as_ptr().cast(), one.len()) };
}

/// Tell the time: nanoseconds of the monotonic clock, Python's `time.monotonic_ns`.
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to `time` and nowhere else. Every system that we run on has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Fill memory with octets that nobody can guess.
///
/// # Errors
/// What the system says, before it has collected enough of them.
pub fn random(octets: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    while filled < octets.len() {
        let rest = &mut octets[filled..];
        // SAFETY: the call writes at most `rest.len()` octets to where `rest` begins.
        let count = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(count) {
            Ok(count) => filled += count,
            Err(_) => return Err(std::io::Error::last_os_error()),
        }
    }
    Ok(())
}

/// Make a descriptor of our own for a socket that somebody else may close.
///
/// # Errors
/// What the system says when there are no more descriptors, or when `fd` is none.
pub fn duplicate(fd: i32) -> std::io::Result<OwnedFd> {
    // SAFETY: the descriptor is open, for its owner waits until we have come back.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// Let a connected UDP socket hear of every ICMP error, also of a network or host that cannot be reached (ip(7)).
///
/// # Errors
/// What the system says when `fd` is no such socket.
pub fn hear_icmp_errors(fd: i32, is_ipv6: bool) -> std::io::Result<()> {
    let on: libc::c_int = 1;
    let (level, option) = if is_ipv6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    } else {
        (libc::IPPROTO_IP, libc::IP_RECVERR)
    };
    let octets = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the call reads one integer.
    match unsafe { libc::setsockopt(fd, level, option, (&raw const on).cast(), octets) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
