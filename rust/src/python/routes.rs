//! What a listener serves: [`crate::routes`].

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::cache::AnswerCache;
use super::checked;
use super::counts::{Counts, Hits};
use super::relay::Relay;
use super::table::Table;
use crate::names::Suffixes;
use crate::routes::{self, ForCode, Forwarded, Layer, Plan};

/// A layer: a table with the number of its plugin, or names that are for code.
#[derive(FromPyObject)]
enum LayerFields<'py> {
    /// A table.
    Table(Bound<'py, Table>, usize),
    /// Names that are forwarded: zone, names below it that are not, the relay, the number of its plugin.
    Relay(Vec<u8>, Vec<Vec<u8>>, Bound<'py, Relay>, usize),
    /// Names, the types that it is about, the first label that it is about.
    Code(Vec<Vec<u8>>, Vec<u16>, Vec<u8>),
}

/// A cache, the number of its plugin, its hits.
type CacheFields<'py> = (Bound<'py, AnswerCache>, usize, Bound<'py, Hits>);
/// A plan: zone, layers, whether to rotate, counts, whether it is observed, cache, what clients may say they take.
type PlanFields<'py> = (
    Vec<u8>,
    Vec<LayerFields<'py>>,
    bool,
    Option<Bound<'py, Counts>>,
    bool,
    Option<CacheFields<'py>>,
    u16,
);

/// What a listener serves.
#[pyclass(frozen, module = "podname._core")]
pub struct Routes(pub(super) Mutex<Option<routes::Routes>>);

#[pymethods]
impl Routes {
    #[new]
    fn new(
        number: u64,
        plans: Vec<PlanFields<'_>>,
        classes: Vec<u16>,
        dropped: &Counts,
    ) -> PyResult<Self> {
        let plans: PyResult<Vec<Plan>> = plans.into_iter().map(plan_of).collect();
        let routes = routes::Routes::new(number, plans?, classes, dropped.0.clone());
        Ok(Self(Mutex::new(Some(routes))))
    }
}

impl Routes {
    /// Take the routes, once.
    pub(super) fn take(&self) -> PyResult<routes::Routes> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| PyValueError::new_err("these routes are served already"))
    }
}

/// Make a plan of its fields.
fn plan_of(fields: PlanFields<'_>) -> PyResult<Plan> {
    let (zone, layers, rotate, counts, is_observed, cache, edns_octets_max) = fields;
    let suffixes = |names: Vec<Vec<u8>>| Suffixes::new(names.iter().map(Vec::as_slice));
    let layers = layers.into_iter().map(|layer| match layer {
        LayerFields::Table(table, plugin) => Ok(Layer::Table(table.get().0.clone(), plugin)),
        LayerFields::Relay(zone, excepted, relay, plugin) => Ok(Layer::Relay(Forwarded {
            zone: checked(&zone)?,
            excepted: suffixes(excepted),
            relay: relay.get().0.clone(),
            plugin,
        })),
        LayerFields::Code(names, types, first_label) => Ok(Layer::Code(ForCode {
            names: suffixes(names),
            types,
            first_label: first_label.into(),
        })),
    });
    Ok(Plan {
        zone: checked(&zone)?,
        layers: layers.collect::<PyResult<_>>()?,
        rotate,
        counts: counts.map(|counts| counts.get().0.clone()),
        is_observed,
        cache: cache.map(|(answers, plugin, hits)| routes::Cache {
            answers: answers.get().answers.clone(),
            plugin,
            hits: hits.get().0.clone(),
            keeper: answers.get().keeper.clone(),
        }),
        edns_octets_max,
    })
}
