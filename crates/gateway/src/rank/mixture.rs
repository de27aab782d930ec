//! What `lints-v1` learnt of every operator, as one policy: a finding is told once, to all of them.

use wakeman_ranking::{
    Features, InterruptContext, InterruptPolicy, LintsState, LintsV1, Opinion, PolicyId, Reason, bandit::BanditError,
};
use wakeman_store::{ListQuery, StoreError};

use super::rows::{ARMS, PolicyRow};
use crate::core::Core;

/// Operators whose states are mixed, those who reacted last first.
const OPERATORS_MAX: usize = 50;

/// The mean of the operators' policies: as if one of them, drawn by lot, decided. So its propensities are exact, too.
#[derive(Debug, Clone)]
pub(crate) struct Mixture(Vec<LintsV1>);

impl Mixture {
    /// Of these; at least one.
    pub fn new(members: Vec<LintsV1>) -> Option<Self> {
        (!members.is_empty()).then_some(Self(members))
    }

    /// What each feature adds to "now" over "digest", the largest first.
    pub fn contributions(&self, features: &Features) -> Vec<(String, f64)> {
        let mut all: Vec<(String, f64)> = Vec::new();
        for member in &self.0 {
            for (name, moved) in member.contributions(features) {
                let moved = moved / self.0.len() as f64;
                match all.iter_mut().find(|(known, _)| known == name) {
                    Some((_, sum)) => *sum += moved,
                    None => all.push((name.to_owned(), moved)),
                }
            }
        }
        all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        all
    }
}

impl InterruptPolicy for Mixture {
    fn id(&self) -> PolicyId {
        PolicyId::LintsV1
    }

    fn opinion(&self, context: &InterruptContext, features: &Features) -> Opinion {
        let opinions: Vec<Opinion> = self.0.iter().map(|member| member.opinion(context, features)).collect();
        let mut propensities = [0.0; 3];
        for opinion in &opinions {
            propensities.iter_mut().zip(opinion.propensities).for_each(|(sum, p)| *sum += p / opinions.len() as f64);
        }
        let best = (0..3).max_by(|a, b| propensities[*a].total_cmp(&propensities[*b]).then(b.cmp(a))).unwrap_or(0);
        let preferred = ARMS[best];
        let same = opinions.iter().find(|opinion| opinion.preferred == preferred);
        Opinion { preferred, propensities, reason: same.map_or(Reason::LearntUseful, |opinion| opinion.reason) }
    }
}

/// What the policies know by now.
pub(crate) struct Learnt {
    /// `lints-v1`; `None`: something of it is broken, and `rule-v1` decides.
    pub lints: Option<Mixture>,
    /// Reactions it stands on.
    pub rewards: u64,
    /// What is broken, with the remedy.
    pub notice: Option<String>,
}

/// Reads the learnt states. A broken one is a notice, never an error: the watch goes on.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(crate) async fn learnt(core: &Core) -> Result<Learnt, StoreError> {
    let policy = PolicyId::LintsV1.as_str();
    let broken = |notice: String| {
        tracing::error!(%notice, "ranking.state_broken");
        Ok(Learnt { lints: None, rewards: 0, notice: Some(notice) })
    };
    let query = ListQuery::newest(OPERATORS_MAX).state(policy);
    let rows = match core.store.list::<PolicyRow>(&query).await {
        Ok(page) => page.items,
        Err(StoreError::Decode { what, .. }) => {
            return broken(format!("stored {what} cannot be read; rule-v1 decides until `wakeman ranking reset`"));
        }
        Err(error) => return Err(error),
    };
    let mut members = Vec::new();
    for row in rows.iter().map(|found| &found.value) {
        match restore(row) {
            Ok(member) => members.push(member),
            Err(error) => return broken(notice_of(row, &error)),
        }
    }
    if members.is_empty() {
        members.extend(LintsV1::new().ok());
    }
    let rewards = rows.iter().map(|found| found.value.rewards).sum();
    Ok(Learnt { lints: Mixture::new(members), rewards, notice: None })
}

/// The policy in a row.
pub(super) fn restore(row: &PolicyRow) -> Result<LintsV1, String> {
    let state: LintsState = serde_json::from_value(row.state.clone()).map_err(|error| error.to_string())?;
    LintsV1::restore(state).map_err(|error: BanditError| error.to_string())
}

/// Names a broken row and the way out.
pub(super) fn notice_of(row: &PolicyRow, error: &str) -> String {
    let (policy, operator) = (&row.policy, &row.operator);
    format!(
        "what {policy} learnt of {operator} cannot be used ({error}); rule-v1 decides until \
         `wakeman ranking reset --operator {operator}`"
    )
}
