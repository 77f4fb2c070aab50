//! Small system calls.

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
