//! What follows from settings: who somebody is, who may approve, what is watched.

use std::collections::BTreeSet;

use wakeman_types::{Channel, Identity, MetricId, MetricKind, MetricQuery, MetricSpec, OperatorId, Principal, Role};

use super::settings::{Operator, Settings};

/// How long a proposal stays open when nothing says otherwise.
const EXPIRES_MS_DEFAULT: i64 = 30 * wakeman_types::MINUTE_MS;

/// Who must approve one class of action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// Exactly these may decide; `None`: every approver and owner.
    pub approvers: Option<Vec<OperatorId>>,
    /// How many of them must say yes; at least 1.
    pub needed: u8,
    /// How long a proposal stays open, in milliseconds.
    pub expires_ms: i64,
    /// Whether who asked for it may approve it too.
    pub requester_may_approve: bool,
    /// Approved on one of these only; `None`: on any. Empty: parts of a plan want different ones, so nowhere.
    pub channels: Option<Vec<Channel>>,
}

impl ApprovalRule {
    /// Whether this person may decide.
    pub fn allows(&self, who: &Identity) -> bool {
        match &self.approvers {
            Some(named) => named.contains(&who.operator),
            None => who.role >= Role::Approver,
        }
    }

    /// The stricter of both in each respect: what holds for a plan that is made of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            approvers: both(self.approvers, other.approvers),
            needed: self.needed.max(other.needed),
            expires_ms: self.expires_ms.min(other.expires_ms),
            requester_may_approve: self.requester_may_approve && other.requester_may_approve,
            channels: both(self.channels, other.channels),
        }
    }
}

/// What both lists allow; `None` allows everything.
fn both<T: PartialEq>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.into_iter().filter(|one| b.contains(one)).collect()),
        (a, b) => a.or(b),
    }
}

/// The operator id of a local account that no operator lists: `cli:1000`.
pub fn local_operator(principal: &Principal) -> OperatorId {
    OperatorId::new(principal.to_string())
}

impl Settings {
    /// The operator with this id.
    pub fn operator(&self, id: &OperatorId) -> Option<&Operator> {
        self.operators.iter().find(|operator| operator.id == *id)
    }

    /// Who `principal` is: the operator that lists it. A terminal account that nobody lists is its own owner; anybody else that
    /// nobody lists is nobody.
    pub fn identity(&self, principal: &Principal) -> Option<Identity> {
        let listed = self.operators.iter().find(|operator| operator.principals.contains(principal));
        let (operator, role) = match listed {
            Some(operator) => (operator.id.clone(), operator.role),
            None if principal.channel() == Channel::Cli => (local_operator(principal), Role::Owner),
            None => return None,
        };
        Some(Identity { principal: principal.clone(), operator, role })
    }

    /// The rule for a class of action; each field from the class, else from `approvals.default`, else 1 of all within 30 minutes, on
    /// any channel, the requester too.
    pub fn approval_rule(&self, class: &str) -> ApprovalRule {
        let (own, default) = (self.approvals.get(class), self.approvals.get("default"));
        let layers = || own.into_iter().chain(default);
        ApprovalRule {
            approvers: layers().find_map(|layer| layer.approvers.clone()),
            needed: layers().find_map(|layer| layer.needed).unwrap_or(1),
            expires_ms: layers().find_map(|layer| layer.expires).map_or(EXPIRES_MS_DEFAULT, |expires| expires.ms()),
            requester_may_approve: layers().find_map(|layer| layer.requester_may_approve).unwrap_or(true),
            channels: layers().find_map(|layer| layer.channel).map(|channel| vec![channel]),
        }
    }

    /// The operators of the settings that `rule` lets decide, in the order of the rule or the file. A terminal account that
    /// nobody lists may decide too when the rule names nobody; it is not in this list.
    pub fn approvers(&self, rule: &ApprovalRule) -> Vec<OperatorId> {
        match &rule.approvers {
            Some(named) => named.clone(),
            None => {
                let may = self.operators.iter().filter(|operator| operator.role >= Role::Approver);
                may.map(|operator| operator.id.clone()).collect()
            }
        }
    }

    /// The zone in which `operator` reads times.
    pub fn timezone_of(&self, operator: &OperatorId) -> chrono_tz::Tz {
        self.operator(operator).and_then(|operator| operator.timezone).unwrap_or(self.ui.timezone)
    }
}

/// The watched metrics, events first, each with an id that no other has. An event that is listed twice counts once.
pub fn metric_specs(settings: &Settings) -> Vec<MetricSpec> {
    let mut taken = BTreeSet::new();
    let mut events = BTreeSet::new();
    let events = settings.posthog.events.iter().filter(|event| events.insert(event.as_str()));
    let counted = events.map(|event| (event.clone(), MetricKind::Count, MetricQuery::Event { event: event.clone() }));
    let queried = settings
        .posthog
        .insight_monitors
        .iter()
        .map(|monitor| (monitor.name.clone(), monitor.kind, MetricQuery::HogQl { query: monitor.query.clone() }));
    counted
        .chain(queried)
        .map(|(name, kind, query)| MetricSpec { id: MetricId::new(unique(slug(&name), &mut taken)), name, kind, query })
        .collect()
}

/// `Sign-ups (web)` becomes `sign-ups-web`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() || c == '_' {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    match slug.trim_end_matches('-') {
        "" => "metric".to_owned(),
        slug => slug.to_owned(),
    }
}

fn unique(slug: String, taken: &mut BTreeSet<String>) -> String {
    let mut id = slug.clone();
    let mut number = 1;
    while !taken.insert(id.clone()) {
        number += 1;
        id = format!("{slug}-{number}");
    }
    id
}
