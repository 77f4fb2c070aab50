//! The module `podname._core`: what Python sees of this crate. It is private; `podname.engine.native` is its face.
//!
//! What is here only translates: octets and numbers in, octets and numbers out. The meaning of each call stands
//! in `_core.pyi`, which is kept by hand and checked against the module.
//!
//! Sources: <https://pyo3.rs>; PEP 384 (one build for every Python from 3.11 on); PEP 703 (no lock is needed).

// What each method does is said in `_core.pyi`, and arguments are converted before they get here.
#![allow(clippy::missing_docs_in_private_items, clippy::needless_pass_by_value)]
#![allow(clippy::too_many_arguments)] // a record has as many fields as it has

mod cache;
mod counts;
mod relay;
mod responder;
mod routes;
mod table;
mod transcoder;
mod udp;

use std::hash::{BuildHasher, Hasher, RandomState};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::names::{self, Name};
use crate::raw::Reader;
use crate::table::Busy;

impl From<Busy> for PyErr {
    fn from(_: Busy) -> Self {
        PyRuntimeError::new_err("a table has one writer at a time, and somebody else is at it")
    }
}

/// Take a name apart, or say that it is none.
fn name_of(octets: &[u8]) -> PyResult<Name> {
    let mut name = Name::default();
    if name.set(octets) {
        Ok(name)
    } else {
        Err(PyValueError::new_err("these octets are no domain name"))
    }
}

/// Check that octets are a folded name.
fn checked(octets: &[u8]) -> PyResult<Box<[u8]>> {
    if names::is_name(octets) {
        Ok(octets.into())
    } else {
        Err(PyValueError::new_err("these octets are no domain name"))
    }
}

/// Take a place among the readers for one call.
fn reader() -> PyResult<Reader> {
    Reader::claim().ok_or_else(|| PyRuntimeError::new_err("too many threads read tables"))
}

/// podname's native engine.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::cache::AnswerCache;
    #[pymodule_export]
    use super::counts::{Counts, Hits};
    #[pymodule_export]
    use super::relay::Relay;
    #[pymodule_export]
    use super::responder::Responder;
    #[pymodule_export]
    use super::routes::Routes;
    #[pymodule_export]
    use super::table::Table;
    #[pymodule_export]
    use super::transcoder::Transcoder;
    #[pymodule_export]
    use super::udp::{Origin, Udp};

    use super::{BuildHasher, Hasher, PyModule, PyModuleMethods, PyResult, RandomState, names};
    use pyo3::Bound;

    /// Choose the hashes' seed, and say which version this is.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        names::seed(RandomState::new().build_hasher().finish() | 1);
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
