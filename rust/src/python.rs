//! The module `podname._core`: what Python sees of this crate. It is private; `podname.engine.native` is its face.
//!
//! What is here only translates: octets and numbers in, octets and numbers out. The meaning of each call stands
//! in `_core.pyi`, which is kept by hand and checked against the module.
//!
//! Sources: <https://pyo3.rs>; PEP 384 (one build for every Python from 3.11 on); PEP 703 (no lock is needed).

// What each method does is said in `_core.pyi`, and arguments are converted before they get here.
#![allow(clippy::missing_docs_in_private_items, clippy::needless_pass_by_value)]
#![allow(clippy::too_many_arguments)] // a record has as many fields as it has

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::apex::Zone;
use crate::cache::{self, Kind, Left};
use crate::counters;
use crate::keeping::{Half, Keeper, Policy};
use crate::names::{self, Name, Suffixes};
use crate::protobuf;
use crate::query;
use crate::raw::{self, Reader};
use crate::records::COUNTS_OCTETS;
use crate::responder::{self, Outcome};
use crate::routes::{self, ForCode, Forwarded, Layer, Plan};
use crate::table::{self, Busy, Change, Found};
use crate::udp::{self, Socket};

mod relay;
use relay::Relay;

/// Changes that a replacement takes at a time.
const CHUNK: usize = 1024;

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

/// A zone as Python writes it: origin, TTL of the SOA, its MINIMUM, MNAME, RNAME.
type ZoneFields = (Vec<u8>, u32, u32, Vec<u8>, Vec<u8>);

/// Owner names and their ready answers.
#[pyclass(frozen, module = "podname._core")]
struct Table(Arc<table::Table>);

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

/// Integers that threads add to.
#[pyclass(frozen, module = "podname._core")]
struct Counts(Arc<counters::Counts>);

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
struct Hits(Arc<counters::Hits>);

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

/// Answers that the plugin chain left, or that a relay fetched.
#[pyclass(frozen, module = "podname._core")]
struct AnswerCache {
    /// The answers.
    answers: Arc<cache::AnswerCache>,
    /// Keeps what a relay fetches.
    keeper: Option<Arc<Keeper>>,
}

/// How one half is kept: answers at most, TTL at most, TTL at least, zones of which nothing is kept.
type HalfFields = (usize, u32, u32, Vec<Vec<u8>>);
/// How replies are kept: successes, denials, the TTL of a SERVFAIL, whether TTLs are not counted down.
type KeepingFields = (HalfFields, HalfFields, u32, bool);

/// Make one half's policy of its fields.
fn half_of((capacity, ttl_seconds_most, ttl_seconds_least, disabled): HalfFields) -> Half {
    let disabled = Suffixes::new(disabled.iter().map(Vec::as_slice));
    Half { capacity, ttl_seconds_most, ttl_seconds_least, disabled }
}

impl AnswerCache {
    /// Put an answer, or take it out.
    fn change(&self, owner: &[u8], kind: KindFields, left: Option<&Left<'_>>) -> PyResult<()> {
        checked(owner)?;
        let (qtype, qclass, dnssec_ok, checking_disabled) = kind;
        let kind = Kind { qtype, qclass, dnssec_ok, checking_disabled };
        Ok(self.answers.put(owner, kind, left)?)
    }
}

/// Type, class, DO, CD.
type KindFields = (u16, u16, bool, bool);

#[pymethods]
impl AnswerCache {
    #[new]
    fn new(keeping: Option<KeepingFields>) -> Self {
        let answers: Arc<cache::AnswerCache> = Arc::default();
        let keeper = keeping.map(|(success, denial, servfail_seconds, keeps_ttl)| {
            let (success, denial) = (half_of(success), half_of(denial));
            let policy = Policy { success, denial, servfail_seconds, keeps_ttl };
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
            groups: &groups,
        };
        self.change(owner, kind, Some(&left))
    }

    fn remove(&self, owner: &[u8], kind: KindFields) -> PyResult<()> {
        self.change(owner, kind, None)
    }

    fn clear(&self) -> PyResult<()> {
        self.answers.clear()?;
        if let Some(keeper) = &self.keeper {
            keeper.clear();
        }
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.answers.len()
    }
}

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
struct Routes(Mutex<Option<routes::Routes>>);

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
    fn take(&self) -> PyResult<routes::Routes> {
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

/// Answers packets one by one, for TCP and for tests.
#[pyclass(frozen, module = "podname._core")]
struct Responder(Mutex<Inner>);

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

/// The other end of a datagram.
#[pyclass(frozen, module = "podname._core")]
struct Origin(raw::Origin);

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
struct Udp {
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
        let fields = |miss: udp::Miss| {
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
        let fields = |observed: udp::Observation| {
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

/// A message as Python spells it: number, name, kind, repeated, inner message, keys of a map.
struct MessageFields(protobuf::Message);

impl<'py> FromPyObject<'_, 'py> for MessageFields {
    type Error = PyErr;

    fn extract(fields: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let field = |item: PyResult<Bound<'py, PyAny>>| {
            let (number, name, word, is_repeated, inner, keys): (
                u32,
                String,
                String,
                bool,
                Self,
                Vec<String>,
            ) = item?.extract()?;
            let kind = match word.as_str() {
                "str" => protobuf::Kind::Text,
                "int" => protobuf::Kind::Number,
                "bool" => protobuf::Kind::Truth,
                "dict" => protobuf::Kind::Message(inner.0),
                "set" => protobuf::Kind::Map(keys),
                _ => return Err(PyValueError::new_err("a kind of field that is none")),
            };
            Ok(protobuf::Field { number, name, kind, is_repeated })
        };
        Ok(Self(fields.try_iter()?.map(field).collect::<PyResult<_>>()?))
    }
}

/// Turns the frames of one kind's watch into lines of JSON.
#[pyclass(frozen, module = "podname._core")]
struct Transcoder(protobuf::Transcoder);

#[pymethods]
impl Transcoder {
    #[new]
    fn new(message: MessageFields, status: MessageFields) -> PyResult<Self> {
        let made = protobuf::Transcoder::new(message.0, status.0);
        Ok(Self(made.map_err(PyValueError::new_err)?))
    }

    fn lines<'py>(
        &self,
        py: Python<'py>,
        octets: &[u8],
    ) -> PyResult<(Vec<Bound<'py, PyBytes>>, usize)> {
        let mut lines = Vec::new();
        let taken = self.0.lines(octets, |line| lines.push(PyBytes::new(py, line)));
        Ok((lines, taken.map_err(PyValueError::new_err)?))
    }
}

/// podname's native engine.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::{
        AnswerCache, Counts, Hits, Origin, Relay, Responder, Routes, Table, Transcoder, Udp,
    };

    use super::{BuildHasher, Hasher, PyModule, PyModuleMethods, PyResult, RandomState, names};
    use pyo3::Bound;

    /// Choose the hashes' seed, and say which version this is.
    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        names::seed(RandomState::new().build_hasher().finish() | 1);
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
