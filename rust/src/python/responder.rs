//! Packets answered one by one: [`crate::responder`].

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::reader;
use super::routes::Routes;
use crate::raw::{self, Reader};
use crate::responder::{self, Outcome};
use crate::routes;

/// Answers packets one by one, for TCP and for tests.
#[pyclass(frozen, module = "podname._core")]
pub struct Responder(Mutex<Inner>);

/// What a responder needs.
struct Inner {
    /// Answers.
    responder: responder::Responder,
    /// By these.
    routes: Option<routes::Routes>,
    /// As a reader.
    reader: Reader,
    /// The time, if a test says it.
    fixed_now_ns: Option<u64>,
}

#[pymethods]
impl Responder {
    #[new]
    fn new(over_udp: bool) -> PyResult<Self> {
        Ok(Self(Mutex::new(Inner {
            responder: responder::Responder::new(over_udp, 0),
            routes: None,
            reader: reader()?,
            fixed_now_ns: None,
        })))
    }

    fn fix_now(&self, now_ns: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fixed_now_ns = Some(now_ns);
    }

    fn fix_turn(&self, turn: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).responder.fix_turn(turn);
    }

    fn serve(&self, routes: &Routes) -> PyResult<()> {
        let routes = routes.take()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).routes = Some(routes);
        Ok(())
    }

    fn respond<'py>(
        &self,
        py: Python<'py>,
        packet: &[u8],
    ) -> (i64, i64, Option<Bound<'py, PyBytes>>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        let Some(routes) = &inner.routes else {
            return (-1, -1, None);
        };
        let mut out = Vec::with_capacity(512);
        let guard = inner.reader.pin();
        let started = raw::monotonic_ns();
        inner.responder.set_now(inner.fixed_now_ns.unwrap_or(started));
        let outcome = inner.responder.respond(&guard, routes, packet, &mut out);
        let counts = match outcome {
            Outcome::Answered(plan, _) => routes.plans[plan].counts.as_ref(),
            Outcome::Refused => Some(&routes.dropped),
            _ => None,
        };
        if let Some(counts) = counts {
            inner.responder.count_duration(counts, raw::monotonic_ns() - started);
        }
        let response = || Some(PyBytes::new(py, &out));
        match outcome {
            Outcome::Silence => (-1, -1, None),
            Outcome::Send | Outcome::Refused => (-1, -1, response()),
            Outcome::Answered(plan, answered) => (plan as i64, answered.plugin as i64, response()),
            Outcome::Miss(plan) | Outcome::Relay(plan, _) => (plan as i64, -1, None),
        }
    }
}
