//! Labels that spell an address with dashes: `10-0-0-1`, `fd00--1`.
//!
//! Sources: CoreDNS plugin/kubernetes `findPods`; Go's `net.IP.To4` (an IPv4-mapped address is the IPv4 one).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of the longest label.
const LABEL_OCTETS_MAX: usize = 63;

/// Read a folded label that spells an address; None when it spells none.
///
/// Three single dashes stand for the dots of IPv4, otherwise each dash is a colon.
pub fn from_dashed(label: &[u8]) -> Option<IpAddr> {
    let dashes = label.iter().filter(|&&octet| octet == b'-').count();
    if dashes == 0 || label.len() > LABEL_OCTETS_MAX {
        return None;
    }
    let is_dotted = dashes == 3 && !label.windows(2).any(|pair| pair == b"--");
    let mut text = [0; LABEL_OCTETS_MAX];
    let text = &mut text[..label.len()];
    text.copy_from_slice(label);
    for octet in text.iter_mut().filter(|octet| **octet == b'-') {
        *octet = if is_dotted { b'.' } else { b':' };
    }
    let text = std::str::from_utf8(text).ok()?;
    if !text.contains(':') {
        return text.parse::<Ipv4Addr>().ok().map(IpAddr::V4);
    }
    let address: Ipv6Addr = text.parse().ok()?;
    Some(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4))
}
