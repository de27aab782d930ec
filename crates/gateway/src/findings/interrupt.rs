//! Now, digest or silent: gathers what the policy looks at, asks it, keeps the record.

use chrono::{Datelike, Timelike};
use wakeman_ranking::{
    Decision, FEATURES_VERSION, Features, InterruptContext, InterruptPolicy, Problem, RankError, RuleV1, SourceKind,
    decide, effect_size,
};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{
    Choice, ChoiceRecord, DAY_MS, Finding, HOUR_MS, Interruption, MINUTE_MS, Mute, PolicyOpinion, Proposal, Severity,
    Subject, Timestamp,
};

use crate::{
    core::Core,
    notify::everybody_quiet,
    rank::{self, ARMS, Learnt},
};

/// The window of the alarm budget.
const WEEK_MS: i64 = 7 * DAY_MS;
/// More interruptions in a week than this are not counted one by one.
const COUNTED_MAX: usize = 200;

/// Decides how to tell `finding`, seen at `seen_at` by its source's clock, and makes the log entry, to be committed with the telling.
///
/// A context the policy cannot judge falls back to "now" for what is bad and "digest" for the rest, and says so in the log.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(super) async fn choose(core: &Core, finding: &Finding, seen_at: Timestamp) -> Result<ChoiceRecord, StoreError> {
    let context = context(core, finding, seen_at).await?;
    let seed = core.random.number();
    let learnt = rank::learnt(core).await?;
    let share = rank::promoted(core, Problem::Interrupt).await?.map(|found| found.value.stage);
    let turn = learnt.lints.as_ref().filter(|_| share.is_some_and(|stage| stage.takes(seed)));
    // A promoted policy that cannot judge leaves the decision to the rules.
    let decided = turn.map(|lints| decide(lints, &context, seed)).and_then(Result::ok);
    Ok(match decided.map_or_else(|| decide(&RuleV1, &context, seed), Ok) {
        Ok(decision) => {
            let record = logged(record(core, finding, decision), &context, &learnt);
            staged(record, share.map_or(0.0, |stage| stage.share()))
        }
        Err(error) => {
            tracing::error!(finding.id = %finding.id, %error, "ranking.cannot_judge");
            fallback(core, finding, seed, &error.to_string())
        }
    })
}

/// Adds what every policy would have done, where there was a choice.
fn logged(mut record: ChoiceRecord, context: &InterruptContext, learnt: &Learnt) -> ChoiceRecord {
    record.fallback.clone_from(&learnt.notice);
    if record.forced {
        return record;
    }
    let Ok(features) = context.features() else { return record };
    let rule: Option<&dyn InterruptPolicy> = Some(&RuleV1);
    let lints = learnt.lints.as_ref().map(|lints| lints as &dyn InterruptPolicy);
    for policy in [rule, lints].into_iter().flatten() {
        match opinion(policy, context, &features) {
            Ok(opinion) => record.opinions.push(opinion),
            Err(error) => tracing::error!(%error, "ranking.no_opinion"),
        }
    }
    record
}

/// While two policies share the decisions, an arm's propensity is that over both of them.
fn staged(mut record: ChoiceRecord, share: f64) -> ChoiceRecord {
    if let [rule, lints] = record.opinions.as_slice() {
        let mix = |(rule, lints): (&Choice, &Choice)| Choice {
            arm: rule.arm,
            propensity: (1.0 - share) * rule.propensity + share * lints.propensity,
        };
        record.arms = rule.arms.iter().zip(&lints.arms).map(mix).collect();
    }
    record
}

fn opinion(
    policy: &dyn InterruptPolicy,
    context: &InterruptContext,
    features: &Features,
) -> Result<PolicyOpinion, RankError> {
    let opinion = policy.opinion(context, features);
    let propensities = wakeman_ranking::checked(policy.id(), opinion.propensities)?;
    let arms = ARMS.into_iter().zip(propensities).map(|(arm, propensity)| Choice { arm, propensity }).collect();
    Ok(PolicyOpinion { policy: policy.id().to_string(), preferred: opinion.preferred, arms })
}

/// Interruptions since then, newest first.
pub(crate) async fn interruptions_since(core: &Core, since: Timestamp) -> Result<Vec<ChoiceRecord>, StoreError> {
    let query = ListQuery::newest(COUNTED_MAX).state("now").since(since.ms());
    Ok(core.store.list::<ChoiceRecord>(&query).await?.items.into_iter().map(|found| found.value).collect())
}

/// Whether an interruption uses up the alarm budget. One by a critical finding does not: nothing may keep it back, so it keeps nothing back.
pub(crate) fn against_budget(told: &ChoiceRecord) -> bool {
    let severity = told.features.iter().find(|(name, _)| name == "severity").map(|(_, value)| *value);
    severity.is_none_or(|severity| severity < f64::from(Severity::Critical as u8))
}

/// The alarm budget's week ends now and began then.
pub(crate) const fn budget_start(now: Timestamp) -> Timestamp {
    now.plus_ms(-WEEK_MS)
}

async fn context(core: &Core, finding: &Finding, seen_at: Timestamp) -> Result<InterruptContext, StoreError> {
    let now = core.now();
    let week = interruptions_since(core, budget_start(now)).await?;
    let local = now_in_zone(core, now);
    let midnight = now.plus_ms(-i64::from(local.num_seconds_from_midnight()) * 1000);
    let told = core.store.list::<ChoiceRecord>(&ListQuery::newest(50).parent(finding.id.to_string())).await?.items;
    let open = ListQuery::newest(200).state("open");
    let budget = f64::from(core.settings.monitor.alarm_budget_per_week);
    Ok(InterruptContext {
        severity: finding.severity,
        effect_size: size(finding),
        p_value: finding.measure.as_ref().map_or(0.0, |m| m.p_value.clamp(0.0, 1.0)),
        cause_confidence: finding.likely_cause().map_or(0.0, |cause| cause.probability.clamp(0.0, 1.0)),
        source: source(&finding.subject),
        local_hour: f64::from(local.num_seconds_from_midnight()) * 1000.0 / HOUR_MS as f64,
        weekday: u8::try_from(local.weekday().num_days_from_monday()).unwrap_or(0),
        quiet_hours: everybody_quiet(core),
        minutes_since_last_interruption: week.first().map(|last| minutes(now.since(last.at))),
        interruptions_today: u32::try_from(week.iter().filter(|w| w.at >= midnight).count()).unwrap_or(u32::MAX),
        interruptions_this_week: u32::try_from(week.len()).unwrap_or(u32::MAX),
        alarm_budget_left: budget - week.iter().filter(|told| against_budget(told)).count() as f64,
        duplicates: u32::try_from(told.len()).unwrap_or(u32::MAX),
        age_minutes: minutes(seen_at.since(finding.since)),
        open_findings: u32::try_from(core.store.list::<Finding>(&open).await?.items.len()).unwrap_or(u32::MAX),
        open_proposals: u32::try_from(core.store.count::<Proposal>(Some("pending")).await?).unwrap_or(u32::MAX),
        past_useful_rate: rank::useful_rate(core, source(&finding.subject)).await?,
    })
}

fn now_in_zone(core: &Core, now: Timestamp) -> chrono::NaiveDateTime {
    let utc = chrono::DateTime::from_timestamp_millis(now.ms()).unwrap_or_default();
    utc.with_timezone(&core.zone()).naive_local()
}

/// Minutes, within what the registry allows; clocks that disagree do not make a negative age.
fn minutes(ms: i64) -> f64 {
    (ms as f64 / MINUTE_MS as f64).clamp(0.0, 5_256_000.0)
}

fn size(finding: &Finding) -> f64 {
    match (&finding.subject, &finding.measure) {
        (Subject::Metric { .. }, Some(measure)) if measure.expected > 0.0 => {
            effect_size(measure.observed / measure.expected)
        }
        (Subject::Error { .. }, _) => (1.0 + finding.occurrences as f64).ln().min(10.0),
        _ => 1.0,
    }
}

const fn source(subject: &Subject) -> SourceKind {
    match subject {
        Subject::Metric { .. } => SourceKind::Metric,
        Subject::Error { .. } => SourceKind::Error,
        Subject::Run { .. } => SourceKind::Run,
        Subject::Deployment { .. } => SourceKind::Deployment,
    }
}

fn record(core: &Core, finding: &Finding, decision: Decision) -> ChoiceRecord {
    ChoiceRecord {
        id: core.decision_id(),
        finding: finding.id,
        policy: decision.policy.to_string(),
        chosen: decision.arm,
        arms: decision.propensities,
        forced: decision.forced,
        explored: decision.explored,
        features: decision.features,
        seed: decision.seed,
        reason: decision.reason.to_string(),
        at: core.now(),
        opinions: Vec::new(),
        fallback: None,
        features_version: decision.features_version,
        prompt_version: None,
    }
}

/// Somebody muted its subject: nobody is told, and no policy is asked. In the log as forced, so nothing is learnt from it.
pub(super) fn silenced(core: &Core, finding: &Finding, mute: &Mute) -> ChoiceRecord {
    ChoiceRecord {
        id: core.decision_id(),
        finding: finding.id,
        policy: "mute".to_owned(),
        chosen: Interruption::Silent,
        arms: vec![wakeman_types::Choice { arm: Interruption::Silent, propensity: 1.0 }],
        forced: true,
        explored: false,
        features: Vec::new(),
        seed: 0,
        reason: format!("muted by {}", mute.by),
        at: core.now(),
        opinions: Vec::new(),
        fallback: None,
        features_version: FEATURES_VERSION,
        prompt_version: None,
    }
}

fn fallback(core: &Core, finding: &Finding, seed: u64, error: &str) -> ChoiceRecord {
    let chosen = if finding.severity >= Severity::Warning { Interruption::Now } else { Interruption::Digest };
    ChoiceRecord {
        id: core.decision_id(),
        finding: finding.id,
        policy: "rule-v1".to_owned(),
        chosen,
        arms: vec![wakeman_types::Choice { arm: chosen, propensity: 1.0 }],
        forced: true,
        explored: false,
        features: Vec::new(),
        seed,
        reason: format!("could not be ranked: {error}"),
        at: core.now(),
        opinions: Vec::new(),
        fallback: Some(error.to_owned()),
        features_version: FEATURES_VERSION,
        prompt_version: None,
    }
}
