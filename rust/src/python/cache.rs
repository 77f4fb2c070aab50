//! Answers that are kept: [`crate::cache`], [`crate::keeping`].

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{checked, name_of, reader};
use crate::cache::{self, Kind, Left};
use crate::keeping::{Half, Keeper, Policy};
use crate::names::Suffixes;
use crate::records::COUNTS_OCTETS;

/// Answers that the plugin chain left, or that a relay fetched.
#[pyclass(frozen, module = "podname._core")]
pub struct AnswerCache {
    /// The answers.
    pub(super) answers: Arc<cache::AnswerCache>,
    /// Keeps what a relay fetches.
    pub(super) keeper: Option<Arc<Keeper>>,
}

/// How one half is kept: answers at most, octets at most, TTL at most, TTL at least, zones of which nothing is kept.
type HalfFields = (usize, usize, u32, u32, Vec<Vec<u8>>);
/// How replies are kept: successes, denials, the TTL of a SERVFAIL, whether TTLs are not counted down, how long expired
/// ones may be given, whether the engine answers with them.
type KeepingFields = (HalfFields, HalfFields, u32, bool, u32, bool);
/// An answer as it was left: the fields of `CachedAnswer`.
type AnswerFields<'py> = (
    u16,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Vec<u16>,
    u32,
    u64,
    u32,
    bool,
    bool,
    Vec<(u16, Vec<u16>)>,
);

/// Make one half's policy of its fields.
fn half_of(fields: HalfFields) -> Half {
    let (capacity, octets_most, ttl_seconds_most, ttl_seconds_least, disabled) = fields;
    let disabled = Suffixes::new(disabled.iter().map(Vec::as_slice));
    Half { capacity, octets_most, ttl_seconds_most, ttl_seconds_least, disabled }
}

impl AnswerCache {
    /// Put an answer, or take it out.
    fn change(&self, owner: &[u8], kind: KindFields, left: Option<&Left<'_>>) -> PyResult<()> {
        checked(owner)?;
        self.answers.put(owner, kind_of(kind), left);
        Ok(())
    }
}

/// Make the kind of its fields.
fn kind_of((qtype, qclass, dnssec_ok, checking_disabled): KindFields) -> Kind {
    Kind { qtype, qclass, dnssec_ok, checking_disabled }
}

/// Type, class, DO, CD.
type KindFields = (u16, u16, bool, bool);

#[pymethods]
impl AnswerCache {
    #[new]
    fn new(keeping: Option<KeepingFields>) -> Self {
        let answers: Arc<cache::AnswerCache> = Arc::default();
        let keeper = keeping.map(|fields| {
            let (success, denial, servfail_seconds, keeps_ttl, stale_seconds, repeats) = fields;
            let (success, denial) = (half_of(success), half_of(denial));
            let policy =
                Policy { success, denial, servfail_seconds, keeps_ttl, stale_seconds, repeats };
            Arc::new(Keeper::new(policy, answers.clone()))
        });
        Self { answers, keeper }
    }

    fn kept(&self) -> ([usize; 2], [u64; 2]) {
        self.keeper.as_ref().map_or_else(Default::default, |keeper| keeper.counts())
    }

    fn put(
        &self,
        owner: &[u8],
        kind: KindFields,
        flags: u16,
        counts: [u8; COUNTS_OCTETS],
        records: &[u8],
        ttl_offsets: Vec<u16>,
        ttl_seconds: u32,
        stored_ns: u64,
        uncompressed_octets: u32,
        keeps_ttl: bool,
        is_denial: bool,
        groups: Vec<(u16, Vec<u16>)>,
    ) -> PyResult<()> {
        let left = Left {
            flags,
            counts,
            records,
            ttl_offsets: &ttl_offsets,
            ttl_seconds,
            stored_ns,
            uncompressed_octets,
            keeps_ttl,
            is_denial,
            is_fetched: false,
            groups: &groups,
        };
        self.change(owner, kind, Some(&left))
    }

    fn remove(&self, owner: &[u8], kind: KindFields) -> PyResult<()> {
        self.change(owner, kind, None)
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        owner: &[u8],
        kind: KindFields,
    ) -> PyResult<Option<AnswerFields<'py>>> {
        let name = name_of(owner)?;
        let mut reader = reader()?;
        Ok(self.answers.get(&reader.pin(), &name, kind_of(kind), |left| {
            (
                left.flags,
                PyBytes::new(py, &left.counts),
                PyBytes::new(py, left.records),
                left.ttl_offsets.to_vec(),
                left.ttl_seconds,
                left.stored_ns,
                left.uncompressed_octets,
                left.keeps_ttl,
                left.is_denial,
                left.groups.to_vec(),
            )
        }))
    }

    fn clear(&self) {
        self.answers.clear();
        if let Some(keeper) = &self.keeper {
            keeper.clear();
        }
    }

    fn __len__(&self) -> usize {
        self.answers.len()
    }
}
