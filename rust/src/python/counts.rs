//! What is counted: [`crate::counters`].

use std::sync::Arc;

use pyo3::prelude::*;

use crate::counters;

/// Integers that threads add to.
#[pyclass(frozen, module = "podname._core")]
pub struct Counts(pub(super) Arc<counters::Counts>);

#[pymethods]
impl Counts {
    #[new]
    fn new(threads: usize, plugins: usize) -> Self {
        Self(Arc::new(counters::Counts::new(threads.max(1), plugins.max(1))))
    }

    fn read(&self) -> Vec<u64> {
        self.0.read()
    }
}

/// How many questions a cache answered.
#[pyclass(frozen, module = "podname._core")]
pub struct Hits(pub(super) Arc<counters::Hits>);

#[pymethods]
impl Hits {
    #[new]
    fn new(threads: usize) -> Self {
        Self(Arc::new(counters::Hits::new(threads.max(1))))
    }

    fn read(&self) -> (u64, u64, u64) {
        self.0.read()
    }
}
