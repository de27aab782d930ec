//! What was learnt, looked at: scores of what could be the next tip, what each policy brought to whom, what the policies saw.

use std::collections::{BTreeMap, HashMap};

use wakeman_ranking::{PolicyId, Problem, reward::reward, tip::TIP_REGISTRY};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    ChoiceRecord, DecisionId, Entity, ErrorKind, FeatureRow, FeaturesView, GatewayError, Identity, LearntRequest,
    LearntStat, LearntStatsView, OperatorId, Role, ScoresView, Timestamp,
};

use super::{
    log::{DECISIONS_MAX, pages},
    rows::ReactionRecord,
    stats::{Brought, INTERVAL},
    tip::{self, TipRecord},
};
use crate::{core::Core, desk::storage_error, modes::needs};

/// Decisions whose features are shown.
const FEATURES_MAX: usize = 100;

/// Whose. An owner may ask of all, everybody of themselves.
fn whose(who: &Identity, asked: Option<&OperatorId>) -> Result<Option<OperatorId>, GatewayError> {
    if let Some(other) = asked.filter(|other| **other != who.operator) {
        needs(who, Role::Owner, &format!("look at what was learnt of {other}"))?;
    }
    Ok(if who.role == Role::Owner { asked.cloned() } else { Some(who.operator.clone()) })
}

/// The policy that is asked for, if it is one that decides about what is `wanted`.
fn policy(asked: &LearntRequest, wanted: &[Problem]) -> Result<Option<PolicyId>, GatewayError> {
    let Some(name) = &asked.policy else { return Ok(None) };
    let invalid = |message: String| GatewayError::new(ErrorKind::Invalid, message);
    let id: PolicyId = name.parse().map_err(|error| invalid(format!("{error}")))?;
    match id.card().problem {
        problem if wanted.contains(&problem) => Ok(Some(id)),
        Problem::Interrupt => Err(invalid(format!("{id} scores findings, not tips; `why F-12` shows how"))),
        _ => Err(invalid(format!("{id} is for replay on files; nothing is learnt by it here"))),
    }
}

/// What the tip policies make of what could be shown to one operator next.
///
/// # Errors
/// Of somebody else, for who is no owner; no policy for tips; or the past could not be read.
pub(crate) async fn scores(core: &Core, who: &Identity, asked: &LearntRequest) -> Result<ScoresView, GatewayError> {
    let operator = whose(who, asked.operator.as_ref())?.unwrap_or_else(|| who.operator.clone());
    let only = policy(asked, &[Problem::Tip])?;
    let mut notices = Vec::new();
    let mut scores = tip::scores(core, &operator, &mut notices).await?;
    scores.retain(|row| only.is_none_or(|id| id.as_str() == row.policy));
    let notice = (!notices.is_empty()).then(|| notices.join("; "));
    Ok(ScoresView { operator, scores, notice, as_of: core.now() })
}

/// What each policy's own choices brought each operator; what a rule above the policies decided is no choice of theirs.
///
/// # Errors
/// Of somebody else, for who is no owner; no such policy; or the past could not be read.
pub(crate) async fn stats(core: &Core, who: &Identity, asked: &LearntRequest) -> Result<LearntStatsView, GatewayError> {
    let operator = whose(who, asked.operator.as_ref())?;
    let only = policy(asked, &[Problem::Interrupt, Problem::Tip])?;
    let mut stats = brought(core, operator.as_ref()).await.map_err(|error| storage_error(&error))?;
    stats.retain(|stat| only.is_none_or(|id| id.as_str() == stat.policy));
    Ok(LearntStatsView { stats, interval: INTERVAL.to_owned(), as_of: core.now() })
}

/// What one policy told one operator.
#[derive(Default)]
struct Told {
    brought: Brought,
    silent: u64,
    last: Timestamp,
}

impl Told {
    fn add(&mut self, at: Timestamp, reward: Option<f64>, silent: bool) {
        self.brought.shown += 1;
        self.brought.worth.extend(reward.map(|reward| (at, reward)));
        self.silent += u64::from(silent);
        self.last = self.last.max(at);
    }
}

fn of(operator: Option<&OperatorId>) -> ListQuery {
    operator.map_or(ListQuery::newest(0), |operator| ListQuery::newest(0).state(operator.as_str()))
}

async fn brought(core: &Core, operator: Option<&OperatorId>) -> Result<Vec<LearntStat>, StoreError> {
    let choices = pages::<ChoiceRecord>(core, ListQuery::newest(0), DECISIONS_MAX).await?;
    let chose: HashMap<DecisionId, String> =
        choices.into_iter().filter(|choice| !choice.forced).map(|choice| (choice.id, choice.policy)).collect();
    let mut all: BTreeMap<(OperatorId, String), Told> = BTreeMap::new();
    for record in pages::<ReactionRecord>(core, of(operator), DECISIONS_MAX * 4).await? {
        let Some(policy) = chose.get(&record.decision) else { continue };
        let brought = record.worth.map(|worth| reward(record.chosen, worth));
        let told = all.entry((record.operator, policy.clone())).or_default();
        told.add(record.told_at, brought, brought.is_none());
    }
    for record in pages::<TipRecord>(core, of(operator), DECISIONS_MAX).await? {
        let told = all.entry((record.operator, record.tip.policy)).or_default();
        told.add(record.tip.at, record.tip.worth, record.silent);
    }
    let stat = |((operator, policy), told): ((OperatorId, String), Told)| {
        let shown = told.brought.shown;
        let (rewards, mean, bound) = told.brought.summed();
        let (lower, upper) = (bound.lower, bound.upper);
        LearntStat { operator, policy, told: shown, rewards, silent: told.silent, mean, lower, upper, last: told.last }
    };
    Ok(all.into_iter().map(stat).collect())
}

/// What the policies saw of the last decisions; with a policy, those of its problem and what it takes of them.
///
/// # Errors
/// Of somebody else, for who is no owner; no such policy; or the past could not be read.
pub(crate) async fn features(core: &Core, who: &Identity, asked: &LearntRequest) -> Result<FeaturesView, GatewayError> {
    let operator = whose(who, asked.operator.as_ref())?;
    let only = policy(asked, &[Problem::Interrupt, Problem::Tip])?.map(PolicyId::card);
    let mut rows = Vec::new();
    if only.is_none_or(|card| card.problem == Problem::Interrupt) {
        let found = decided(core, operator.as_ref()).await;
        rows.append(&mut found.map_err(|error| storage_error(&error))?);
    }
    if only.is_none_or(|card| card.problem == Problem::Tip) {
        let found = shown(core, operator.as_ref(), only.map_or(TIP_REGISTRY.len(), |card| card.dimension)).await;
        rows.append(&mut found.map_err(|error| storage_error(&error))?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    rows.truncate(FEATURES_MAX);
    Ok(FeaturesView { rows, as_of: core.now() })
}

/// Findings: what was seen is the same for all, what was made of it is each one's own.
async fn decided(core: &Core, operator: Option<&OperatorId>) -> Result<Vec<FeatureRow>, StoreError> {
    let choices = core.store.list::<ChoiceRecord>(&ListQuery::newest(FEATURES_MAX)).await?.items;
    let mut rows = Vec::with_capacity(choices.len());
    for choice in choices.into_iter().map(|found| found.value).filter(|choice| !choice.features.is_empty()) {
        let parent = ListQuery::newest(FEATURES_MAX).parent(choice.finding.to_string());
        let made = core.store.list::<ReactionRecord>(&parent).await?.items.into_iter().map(|found| found.value);
        let of_this =
            made.filter(|made| made.decision == choice.id && operator.is_none_or(|one| *one == made.operator));
        let rewards: Vec<f64> = of_this.filter_map(|made| Some(reward(made.chosen, made.worth?))).collect();
        rows.push(FeatureRow {
            at: choice.at,
            id: choice.finding.to_string(),
            chosen: choice.state_name().to_owned(),
            operator: None,
            reward: (!rewards.is_empty()).then(|| rewards.iter().sum::<f64>() / rewards.len() as f64),
            policy: choice.policy,
            features: choice.features,
        });
    }
    Ok(rows)
}

/// Tips, with as many features as are wanted.
async fn shown(core: &Core, operator: Option<&OperatorId>, wanted: usize) -> Result<Vec<FeatureRow>, StoreError> {
    let query = ListQuery { limit: FEATURES_MAX, ..of(operator) };
    let found = core.store.list::<TipRecord>(&query).await?.items;
    let row = |record: TipRecord| {
        let values = record.context()?.features().ok()?;
        let named = TIP_REGISTRY.iter().zip(values).map(|(spec, value)| (spec.name.to_owned(), value));
        Some(FeatureRow {
            features: named.take(wanted).collect(),
            at: record.tip.at,
            id: record.tip.id.to_string(),
            policy: record.tip.policy,
            chosen: record.tip.about,
            operator: Some(record.operator),
            reward: record.tip.worth,
        })
    };
    Ok(found.into_iter().filter_map(|found| row(found.value)).collect())
}
