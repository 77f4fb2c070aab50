//! The packet loop, and what it hands over: [`crate::udp`].

use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::routes::Routes;
use crate::handover::{Miss, Observation};
use crate::query;
use crate::raw;
use crate::udp::{self, Socket};

/// The other end of a datagram.
#[pyclass(frozen, module = "podname._core")]
pub struct Origin(pub(super) raw::Origin);

/// A question: flags, name, folded name, type, class, the offset behind it.
type QuestionFields<'py> = (u16, Bound<'py, PyBytes>, Bound<'py, PyBytes>, u16, u16, usize);
/// EDNS: size, version, DO.
type EdnsFields = (u16, u8, bool);
/// A miss: number of the routes and of the plan, packet, question, EDNS, client's address and port, origin.
type MissFields<'py> = (
    u64,
    usize,
    Bound<'py, PyBytes>,
    QuestionFields<'py>,
    Option<EdnsFields>,
    (String, u16),
    Origin,
);

/// Take the query of a miss apart, as the thread did that queued it.
fn fields_of<'py>(
    py: Python<'py>,
    packet: &[u8],
) -> Option<(QuestionFields<'py>, Option<EdnsFields>)> {
    let query = query::parse(packet).ok()?;
    let name = query.name(packet);
    let folded = PyBytes::new(py, &name.to_ascii_lowercase());
    let (qtype, qclass) = (query.qtype, query.qclass);
    let question = (query.flags, PyBytes::new(py, name), folded, qtype, qclass, query.end);
    let edns = query.edns.map(|edns| (edns.udp_octets, edns.version, edns.dnssec_ok));
    Some((question, edns))
}
/// An observation: number of the routes, of the plan and of the plugin, packet, response, client, seconds.
type ObservationFields<'py> =
    (u64, usize, usize, Bound<'py, PyBytes>, Bound<'py, PyBytes>, String, u16, f64);

/// The packet loop of one address family.
#[pyclass(frozen, module = "podname._core")]
pub struct Udp {
    /// The threads.
    udp: udp::Udp,
}

#[pymethods]
impl Udp {
    #[new]
    fn new(
        fds: Vec<i32>,
        is_ipv6: bool,
        is_wildcard: bool,
        event: i32,
        routes: &Routes,
    ) -> PyResult<Self> {
        let socket = |fd| Socket { fd, is_ipv6, is_wildcard };
        let sockets: Vec<Socket> = fds.into_iter().map(socket).collect();
        Ok(Self { udp: udp::Udp::start(&sockets, event, routes.take()?)? })
    }

    fn serve(&self, routes: &Routes) -> PyResult<()> {
        self.udp.serve(routes.take()?);
        Ok(())
    }

    fn look(&self) {
        self.udp.look();
    }

    fn misses<'py>(&self, py: Python<'py>, at_most: usize) -> Vec<MissFields<'py>> {
        let next = || self.udp.miss();
        let fields = |miss: Miss| {
            let client = miss.origin.client();
            let (question, edns) = fields_of(py, &miss.packet)?;
            Some((
                miss.routes.number,
                miss.plan,
                PyBytes::new(py, &miss.packet),
                question,
                edns,
                (client.ip().to_string(), client.port()),
                Origin(miss.origin),
            ))
        };
        std::iter::from_fn(next).take(at_most).filter_map(fields).collect()
    }

    fn observations<'py>(&self, py: Python<'py>, at_most: usize) -> Vec<ObservationFields<'py>> {
        let next = || self.udp.next_observation();
        let fields = |observed: Observation| {
            let client = observed.origin.client();
            (
                observed.routes.number,
                observed.plan,
                observed.answered.plugin,
                PyBytes::new(py, &observed.packet),
                PyBytes::new(py, &observed.response),
                client.ip().to_string(),
                client.port(),
                std::time::Duration::from_nanos(observed.nanoseconds).as_secs_f64(),
            )
        };
        std::iter::from_fn(next).take(at_most).map(fields).collect()
    }

    #[staticmethod]
    fn answer(fd: i32, answers: Vec<(Bound<'_, Origin>, Bound<'_, PyBytes>)>) -> usize {
        let mut answers: Vec<(raw::Origin, &[u8])> = answers
            .iter()
            .map(|(origin, response)| (origin.get().0, response.as_bytes()))
            .collect();
        raw::answer_all(fd, &mut answers)
    }

    fn served(&self) -> Vec<u64> {
        self.udp.served()
    }

    fn totals(&self) -> Vec<u64> {
        let totals = self.udp.totals();
        [
            &totals.answered,
            &totals.misses,
            &totals.refused,
            &totals.observations_dropped,
            &totals.unsent,
            &totals.faults,
        ]
        .map(|count| count.load(Ordering::Relaxed))
        .into()
    }

    fn stop(&self) {
        self.udp.stop();
    }

    fn join(&self, py: Python<'_>) {
        py.detach(|| self.udp.join());
    }
}
