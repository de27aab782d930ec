//! Every policy with what it did and what came of it.

use wakeman_ranking::{PolicyCard, PolicyId, Problem, Role, promotion::Stage};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{BoundView, OperatorPolicyView, PolicyView, RankingView, Timestamp};

use super::{
    judge::{self, Side, agreement, agrees},
    log::{Round, Rounds, rounds},
    mixture::learnt,
    promote::{PromotionRow, active, counted_from, is_broken, name, promoted},
    rows::PolicyRow,
    tip,
};
use crate::core::Core;

/// Points of a history.
const HISTORY_POINTS: usize = 24;

/// All policies.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn status(core: &Core) -> Result<RankingView, StoreError> {
    let log = rounds(core, None).await?;
    let held = promoted(core, Problem::Interrupt).await?.map(|found| found.value);
    let of_tips = promoted(core, Problem::Tip).await?.map(|found| found.value);
    let learnt = learnt(core).await?;
    let tips = tip::log(core).await?;
    let mut notices: Vec<String> = learnt.notice.into_iter().collect();
    for problem in [Problem::Interrupt, Problem::Tip] {
        if is_broken(core, problem).await {
            notices.push(unread(problem));
        }
    }
    let mut since: Vec<(PolicyId, Timestamp)> = Vec::new();
    for id in [PolicyId::LintsV1, PolicyId::EgreedyV2, PolicyId::LinucbV1] {
        since.extend(counted_from(core, id).await?.map(|(from, _)| (id, from)));
    }
    let counted = |id| since.iter().find(|(of, _)| *of == id).map_or(Timestamp(i64::MIN), |(_, from)| *from);
    let policies = PolicyId::ALL.map(|id| {
        let side = match id {
            PolicyId::RuleV1 => Some(Side::Rule),
            PolicyId::LintsV1 => Some(Side::Lints),
            _ => None,
        };
        let of_its = if id.card().problem == Problem::Tip { &of_tips } else { &held };
        let empty = blank(id.card(), of_its.as_ref());
        match side {
            Some(side) => filled(empty, side, &log, counted(id)),
            None => tip::filled(empty, &tips, (history, counted(id))),
        }
    });
    Ok(RankingView {
        policies: policies.into(),
        stage: stage(held.as_ref()),
        tip_stage: stage(of_tips.as_ref()),
        operators: operators(core).await?,
        forced: log.forced,
        unusable: log.unusable,
        notice: (!notices.is_empty()).then(|| notices.join("; ")),
        as_of: core.now(),
    })
}

/// A promotion that cannot be read holds nothing, and somebody believes it does.
fn unread(problem: Problem) -> String {
    let active = active(problem);
    format!(
        "the stored promotion over {active} cannot be read, so {active} decides; `wakeman ranking promote` begins anew"
    )
}

async fn operators(core: &Core) -> Result<Vec<OperatorPolicyView>, StoreError> {
    let rows = match core.store.list::<PolicyRow>(&ListQuery::newest(200)).await {
        Ok(rows) => rows.items,
        Err(StoreError::Decode { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let view = |row: PolicyRow| OperatorPolicyView {
        policy: row.policy,
        operator: row.operator,
        rewards: row.rewards,
        updated_at: row.updated_at,
    };
    Ok(rows.into_iter().map(|found| view(found.value)).collect())
}

fn stage(held: Option<&PromotionRow>) -> String {
    name(held.map_or(Stage::Shadow, |held| held.stage)).to_owned()
}

/// A policy's role and its share of decisions, by what is promoted for its problem.
fn standing(card: PolicyCard, held: Option<&PromotionRow>) -> (&'static str, f64) {
    match (held, card.role) {
        (Some(held), _) if held.policy == card.id.as_str() => ("active", held.stage.share()),
        (Some(held), Role::Active) if held.stage == Stage::Whole => ("available", 0.0),
        (Some(held), Role::Active) => ("active", 1.0 - held.stage.share()),
        (None, Role::Active) => ("active", 1.0),
        (_, Role::Shadow) => ("shadow", 0.0),
        (_, Role::Available) => ("available", 0.0),
    }
}

fn blank(card: PolicyCard, held: Option<&PromotionRow>) -> PolicyView {
    let (role, share) = standing(card, held);
    PolicyView {
        id: card.id.to_string(),
        problem: word(card.problem).to_owned(),
        role: role.to_owned(),
        algorithm: card.algorithm.to_owned(),
        dimension: u32::try_from(card.dimension).unwrap_or(u32::MAX),
        share,
        ..PolicyView::default()
    }
}

const fn word(problem: Problem) -> &'static str {
    match problem {
        Problem::Interrupt => "interrupt",
        Problem::Tip => "tip",
        Problem::Replay => "replay",
    }
}

/// What a promotion is judged by is of the decisions from `from` on; all others are history.
fn filled(mut view: PolicyView, side: Side, log: &Rounds, from: Timestamp) -> PolicyView {
    let known: Vec<&Round> = log.rounds.iter().filter(|round| round.worth.is_some()).collect();
    let expected: Vec<f64> = known.iter().filter_map(|round| round.expected(side.of(round))).collect();
    let best: Vec<f64> = known.iter().filter_map(|round| round.best()).collect();
    let same: Vec<f64> = log.rounds.iter().map(|round| f64::from(u8::from(agrees(round)))).collect();
    view.scored = log.rounds.len() as u64;
    view.decisions = log.rounds.iter().filter(|round| round.policy == view.id).count() as u64;
    view.rewards = known.len() as u64;
    view.mean_reward = mean(&expected);
    view.regret = mean(&best).zip(view.mean_reward).map(|(best, mean)| (best - mean).max(0.0));
    view.agreement = agreement(&log.rounds);
    let counted = &log.rounds[log.rounds.partition_point(|round| round.at < from)..];
    view.ess = (!known.is_empty()).then(|| judge::sample_size(counted, side));
    view.reward_history = history(&expected);
    view.agreement_history = history(&same);
    if side == Side::Lints {
        view.bound = judge::difference(counted).ok().filter(|found| found.rounds > 0).map(|found| BoundView {
            against: active(Problem::Interrupt).to_string(),
            estimate: found.estimate,
            lower: found.bound.lower,
            upper: found.bound.upper,
            rounds: found.rounds,
        });
    }
    view
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Means of equal parts, oldest first.
fn history(values: &[f64]) -> Vec<f64> {
    let part = values.len().div_ceil(HISTORY_POINTS).max(1);
    values.chunks(part).filter_map(mean).collect()
}
