//! Questions to upstreams: [`crate::relay`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::counters::Durations;
use crate::relay::{self, Ages, Order};

/// What an upstream counted: failures, connections that were there, new ones, buckets and nanoseconds by RCODE.
type UpstreamCounts = (u64, u64, u64, Vec<(Vec<u64>, u64)>);

/// Asks the upstreams of one `forward` directive.
#[pyclass(frozen, module = "podname._core")]
pub struct Relay(pub(super) Arc<relay::Relay>);

/// Read an address, or say which one is none.
fn address_of(host: &str) -> PyResult<IpAddr> {
    host.parse().map_err(|_| PyValueError::new_err(format!("{host} is not an IP address")))
}

#[pymethods]
impl Relay {
    #[new]
    fn new(
        upstreams: Vec<(String, u16)>,
        order: &str,
        source: Option<&str>,
        timeout_ns: u64,
        idle_ns: u64,
        age_ns: u64,
        concurrent_max: usize,
        odd_rcodes: Vec<u8>,
        odd_nodata: bool,
        odd_truncated: bool,
    ) -> PyResult<Self> {
        let order = match order {
            "random" => Order::Random,
            "round_robin" => Order::RoundRobin,
            "sequential" => Order::Sequential,
            _ => return Err(PyValueError::new_err(format!("'{order}' is not a policy"))),
        };
        let upstreams: PyResult<Vec<SocketAddr>> =
            upstreams.iter().map(|(host, port)| Ok((address_of(host)?, *port).into())).collect();
        let options = relay::Options {
            upstreams: upstreams?,
            order,
            source: source.map(address_of).transpose()?,
            timeout_ns,
            ages: Ages { idle_ns, most_ns: age_ns },
            concurrent_max,
            odd_rcodes: odd_rcodes.iter().fold(0, |bits, rcode| bits | 1 << (rcode & 0xf)),
            odd_nodata,
            odd_truncated,
        };
        Ok(Self(Arc::new(relay::Relay::start(options)?)))
    }

    fn set_alive(&self, alive: Vec<bool>) {
        self.0.set_alive(&alive);
    }

    fn under_way(&self) -> usize {
        self.0.under_way()
    }

    fn foreign(&self) -> u64 {
        self.0.foreign()
    }

    fn counts(&self) -> Vec<UpstreamCounts> {
        let counts = |upstream: &relay::Upstream| {
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let durations = upstream.durations.iter().map(Durations::read).collect();
            (read(&upstream.failures), read(&upstream.reused), read(&upstream.opened), durations)
        };
        self.0.upstreams().iter().map(counts).collect()
    }
}
