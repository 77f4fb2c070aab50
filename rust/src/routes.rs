//! What a listener serves: the plans of its server blocks, and which of them a question goes to.
//!
//! The longest zone wins; a DS question goes to the shortest one other than the root, for the parent of a zone
//! holds its DS records. A question for nobody's zone is refused.
//!
//! Sources: RFC 4035 §3.1.4.1 (DS); CoreDNS core/dnsserver `Server.ServeDNS`.

use std::sync::Arc;

use crate::cache::AnswerCache;
use crate::constants as c;
use crate::counters::{Counts, Hits};
use crate::keeping::Keeper;
use crate::names::{Name, Suffixes};
use crate::query::Query;
use crate::relay::Relay;
use crate::table::Table;

/// One layer of a plan.
pub enum Layer {
    /// A table, and the number that its plugin is counted under.
    Table(Arc<Table>, usize),
    /// Names that are for code.
    Code(ForCode),
    /// Names that are forwarded.
    Relay(Forwarded),
}

/// Names that only code can answer for.
pub struct ForCode {
    /// At or below these.
    pub names: Suffixes,
    /// When they are asked for with one of these types; none are all.
    pub types: Vec<u16>,
    /// When they begin with this label; none is any.
    pub first_label: Box<[u8]>,
}

impl ForCode {
    /// Return whether a question is for code.
    pub fn covers(&self, name: &Name, qtype: u16) -> bool {
        let first = &self.first_label;
        (self.types.is_empty() || self.types.contains(&qtype))
            && (first.is_empty() || (name.labels() > 0 && name.label(0) == &**first))
            && self.names.longest(name).is_some()
    }
}

/// Names that one `forward` directive covers.
pub struct Forwarded {
    /// The zone, folded.
    pub zone: Box<[u8]>,
    /// Names below it that are not forwarded.
    pub excepted: Suffixes,
    /// Who asks upstreams.
    pub relay: Arc<Relay>,
    /// The number that answers are counted under.
    pub plugin: usize,
}

impl Forwarded {
    /// Return whether a name in the zone is forwarded.
    pub fn covers(&self, name: &Name) -> bool {
        name.octets() == &*self.zone || self.excepted.longest(name).is_none()
    }
}

/// What is left for misses.
pub struct Cache {
    /// The answers.
    pub answers: Arc<AnswerCache>,
    /// The number that its plugin is counted under.
    pub plugin: usize,
    /// Where hits are counted.
    pub hits: Arc<Hits>,
    /// Keeps what a relay fetches.
    pub keeper: Option<Arc<Keeper>>,
}

/// What one server block means for the engine.
pub struct Plan {
    /// The zone, folded.
    pub zone: Box<[u8]>,
    /// What a question meets in turn.
    pub layers: Vec<Layer>,
    /// Whether addresses take turns.
    pub rotate: bool,
    /// Where answers are counted.
    pub counts: Option<Arc<Counts>>,
    /// Whether somebody wants to see each answer.
    pub is_observed: bool,
    /// Where the plugin chain leaves answers.
    pub cache: Option<Cache>,
    /// What a client may say at most that it can take over UDP; more is taken for this.
    pub edns_octets_max: u16,
}

impl Plan {
    /// Take a query for one that says no more than this plan believes.
    pub fn clamp(&self, query: &mut Query) {
        if let Some(edns) = &mut query.edns {
            edns.udp_octets = edns.udp_octets.min(self.edns_octets_max);
        }
    }

    /// Return what keeps the replies of upstreams, if something does.
    pub fn keeper(&self) -> Option<&Keeper> {
        self.cache.as_ref()?.keeper.as_deref()
    }
}

/// The plans of a listener.
pub struct Routes {
    /// What Python knows these by.
    pub number: u64,
    /// The plans, each with a zone of its own.
    pub plans: Vec<Plan>,
    /// Their zones.
    zones: Suffixes,
    /// The classes that are not refused; empty when all are welcome.
    classes: Vec<u16>,
    /// Where refusals are counted.
    pub dropped: Arc<Counts>,
}

impl Routes {
    /// Make the routes. ANY among the classes stands for all of them.
    pub fn new(number: u64, plans: Vec<Plan>, classes: Vec<u16>, dropped: Arc<Counts>) -> Self {
        Self {
            number,
            zones: Suffixes::new(plans.iter().map(|plan| &*plan.zone)),
            plans,
            classes: if classes.contains(&c::ANY) { Vec::new() } else { classes },
            dropped,
        }
    }

    /// Return whether questions of this class are refused.
    pub fn refuses(&self, qclass: u16) -> bool {
        !self.classes.is_empty() && !self.classes.contains(&qclass)
    }

    /// Return the number of the plan for a name.
    pub fn find(&self, name: &Name, qtype: u16) -> Option<usize> {
        let longest = self.zones.longest(name);
        if qtype == c::DS && longest.is_some() {
            return self.zones.shortest_below_root(name).or(longest);
        }
        longest
    }
}
