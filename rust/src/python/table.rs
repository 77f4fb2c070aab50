//! Tables: [`crate::table`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{checked, name_of, reader};
use crate::apex::Zone;
use crate::names::Suffixes;
use crate::records::COUNTS_OCTETS;
use crate::table::{self, Change, Found};

/// Changes that a replacement takes at a time.
const CHUNK: usize = 1024;

/// A zone as Python writes it: origin, TTL of the SOA, its MINIMUM, MNAME, RNAME.
type ZoneFields = (Vec<u8>, u32, u32, Vec<u8>, Vec<u8>);

/// Owner names and their ready answers.
#[pyclass(frozen, module = "podname._core")]
pub struct Table(pub(super) Arc<table::Table>);

#[pymethods]
impl Table {
    #[new]
    fn new(
        zones: Vec<ZoneFields>,
        fallthrough: Vec<Vec<u8>>,
        optional_underscores: bool,
        lazy_types: Vec<u16>,
        denies: bool,
        passes_other_types: bool,
        lone_types: Vec<u16>,
        dashed_ttl_seconds: u32,
        lazy_labels: Vec<Vec<u8>>,
    ) -> PyResult<Self> {
        let zones: PyResult<Vec<Zone>> = zones.into_iter().map(zone_of).collect();
        let options = table::Options {
            zones: zones?,
            fallthrough: Suffixes::new(fallthrough.iter().map(Vec::as_slice)),
            optional_underscores,
            lazy_types,
            denies,
            passes_other_types,
            lone_types,
            dashed_ttl_seconds,
            lazy_labels,
        };
        Ok(Self(Arc::new(table::Table::new(options))))
    }

    #[getter]
    fn synced(&self) -> bool {
        self.0.synced.load(Ordering::Acquire)
    }

    #[setter]
    fn set_synced(&self, synced: bool) {
        self.0.synced.store(synced, Ordering::Release);
    }

    fn update(&self, changes: &Bound<'_, PyAny>) -> PyResult<()> {
        let changes: PyResult<Vec<Change>> = changes.try_iter()?.map(change_of).collect();
        Ok(self.0.update(changes?)?)
    }

    fn replace(&self, changes: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut changes = changes.try_iter()?.map(change_of);
        let chunks = std::iter::from_fn(|| {
            let chunk: PyResult<Vec<Change>> = changes.by_ref().take(CHUNK).collect();
            match chunk {
                Ok(chunk) if chunk.is_empty() => None,
                chunk => Some(chunk),
            }
        });
        self.0.replace(chunks)
    }

    #[pyo3(signature = (parent, open))]
    fn set_dashed(&self, parent: &[u8], open: Option<bool>) -> PyResult<()> {
        checked(parent)?;
        Ok(self.0.set_dashed(parent, open)?)
    }

    fn set_serial(&self, serial: u32) {
        self.0.set_serial(serial);
    }

    fn find<'py>(
        &self,
        py: Python<'py>,
        name: &[u8],
        qtype: u16,
    ) -> PyResult<(u8, Bound<'py, PyBytes>)> {
        let (spelled, name) = (name, name_of(name)?);
        let mut out = vec![0; COUNTS_OCTETS];
        let mut reader = reader()?;
        let guard = reader.pin();
        let Some(zone) = self.0.zone(&name) else {
            return Ok((5, PyBytes::new(py, &[])));
        };
        let verdict = match self.0.find(&guard, zone, &name, qtype, &mut out) {
            Found::Answer(counts) => {
                out[..COUNTS_OCTETS].copy_from_slice(&counts);
                let zone_spelled = &spelled[spelled.len() - zone.origin.len()..];
                crate::records::recase(
                    &mut out[COUNTS_OCTETS..],
                    counts,
                    &zone.origin,
                    zone_spelled,
                );
                return Ok((0, PyBytes::new(py, &out)));
            }
            Found::NoData => 1,
            Found::NxDomain => 2,
            Found::ServFail => 3,
            Found::Miss => 4,
            Found::Pass => 5,
        };
        Ok((verdict, PyBytes::new(py, &[])))
    }

    fn soa<'py>(&self, py: Python<'py>, name: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let octets = name.len();
        let name = name_of(name)?;
        let mut out = Vec::new();
        Ok(self.0.zone(&name).map(|zone| {
            zone.append_soa(octets, &mut out);
            PyBytes::new(py, &out)
        }))
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        owner: &[u8],
        qtype: u16,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let name = name_of(owner)?;
        let mut out = vec![0; COUNTS_OCTETS];
        let mut reader = reader()?;
        let counts = self.0.get(&reader.pin(), &name, qtype, &mut out);
        Ok(counts.map(|counts| {
            out[..COUNTS_OCTETS].copy_from_slice(&counts);
            PyBytes::new(py, &out)
        }))
    }

    fn exists(&self, owner: &[u8]) -> PyResult<bool> {
        let name = name_of(owner)?;
        Ok(self.0.exists(&reader()?.pin(), &name))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// Make a zone of its fields.
fn zone_of((origin, soa_ttl, negative_ttl, mname, rname): ZoneFields) -> PyResult<Zone> {
    Ok(Zone {
        origin: checked(&origin)?,
        soa_ttl_seconds: soa_ttl,
        negative_ttl_seconds: negative_ttl,
        mname: checked(&mname)?,
        rname: checked(&rname)?,
        serial: 0.into(),
    })
}

/// Make a change of a tuple: owner, type, ready answer or None.
fn change_of(item: PyResult<Bound<'_, PyAny>>) -> PyResult<Change> {
    let item = item?;
    let (owner, qtype, ready): (Bound<'_, PyBytes>, u16, Option<Bound<'_, PyBytes>>) =
        item.extract()?;
    let ready = ready.map(|ready| Box::from(ready.as_bytes()));
    if ready.as_deref().is_some_and(|ready: &[u8]| ready.len() < COUNTS_OCTETS) {
        return Err(PyValueError::new_err("a ready answer begins with its three counts"));
    }
    Ok(Change { owner: checked(owner.as_bytes())?, qtype, ready })
}
