//! Who decides: promotion by share of decisions, the next stage, the way back. All of it by an owner or by the bound.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_present::RenderContext;
use wakeman_ranking::{
    PolicyId, Problem,
    bandit::BanditError,
    ope::DifferenceBound,
    promotion::{Condition, Judged, Move, Requirements, Stage, judge, next_move},
};
use wakeman_store::{Commit, EntityRef, JournalEntry, LANE, ListQuery, Seq, StoreError, Versioned};
use wakeman_types::{
    DeliveryClass, Entity, ErrorKind, GatewayError, HOUR_MS, Identity, OperatorId, PromoteRequest, PromotionView,
    Proposal, ProposalId, ProposalView, Role, Severity, Timestamp,
};

use super::{
    judge::{difference, evidence},
    log::{pages, rounds},
    rows::PolicyRow,
    tip,
};
use crate::{
    act::asked::{Asked, Wish, WishKind, refusal, stage_apart},
    core::Core,
    deliver::announce,
    desk::{not_found, settle_error, storage_error},
    modes::needs,
    settle::{SettleError, Wanted, settle},
};

/// What is decided, each by an active policy and at most one that is promoted over it.
const PROBLEMS: [Problem; 2] = [Problem::Interrupt, Problem::Tip];
/// Comparing reads the whole log of a stage; reactions come by the hour.
const EVERY_MS: i64 = HOUR_MS;
/// In the journal: it began.
const PROMOTED: &str = "ranking.promoted";
/// It ended.
const ROLLED_BACK: &str = "ranking.rolled_back";
/// States that are looked through for when they began anew.
const STATES_MAX: usize = 5_000;
/// Entries of the journal that are read at once.
const JOURNAL_PAGE: usize = 1000;

/// The one row a problem has.
const fn id(problem: Problem) -> &'static str {
    match problem {
        Problem::Interrupt | Problem::Replay => "interrupt",
        Problem::Tip => "tip",
    }
}

/// Where it is kept when the promoted policy was last compared.
const fn checkpoint(problem: Problem) -> &'static str {
    match problem {
        Problem::Interrupt | Problem::Replay => "ranking.judged",
        Problem::Tip => "ranking.judged.tip",
    }
}

/// What a policy decides; of a name that is none, what interrupts.
pub(crate) fn problem_of(policy: &str) -> Problem {
    policy.parse::<PolicyId>().map_or(Problem::Interrupt, |id| id.card().problem)
}

/// The policy that decides where none is promoted.
pub(crate) const fn active(problem: Problem) -> PolicyId {
    match problem {
        Problem::Interrupt | Problem::Replay => PolicyId::RuleV1,
        Problem::Tip => tip::POLICIES[0],
    }
}

/// The policy that was promoted, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromotionRow {
    /// Which.
    pub policy: String,
    /// Its share of decisions.
    pub stage: Stage,
    /// When the stage began.
    pub since: Timestamp,
    /// Who promoted it.
    pub by: OperatorId,
    /// When the first stage began.
    #[serde(default)]
    pub begun: Timestamp,
    /// The proposal that an owner approved.
    #[serde(default)]
    pub proposal: Option<ProposalId>,
}

impl Entity for PromotionRow {
    const KIND: &'static str = "promotion";

    fn entity_id(&self) -> String {
        id(problem_of(&self.policy)).to_owned()
    }

    fn sort_key(&self) -> i64 {
        self.since.ms()
    }
}

/// The promotion that holds. One that cannot be read is none: the active policy decides.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(crate) async fn promoted(core: &Core, problem: Problem) -> Result<Option<Versioned<PromotionRow>>, StoreError> {
    match core.store.get::<PromotionRow>(id(problem)).await {
        Err(StoreError::Decode { what, .. }) => {
            tracing::error!(%what, "ranking.promotion_broken");
            Ok(None)
        }
        other => other,
    }
}

pub(super) async fn is_broken(core: &Core, problem: Problem) -> bool {
    matches!(core.store.get::<PromotionRow>(id(problem)).await, Err(StoreError::Decode { .. }))
}

pub(super) fn unjudged(error: &BanditError) -> GatewayError {
    GatewayError::new(ErrorKind::Refused, format!("the decision log cannot be evaluated: {error}"))
}

/// The policy's name, if it is one that can be promoted.
pub(crate) fn promotable(name: &str) -> Result<PolicyId, GatewayError> {
    let id: PolicyId = name.parse().map_err(|error| GatewayError::new(ErrorKind::Invalid, format!("{error}")))?;
    let invalid = |message: String| Err(GatewayError::new(ErrorKind::Invalid, message));
    match id {
        PolicyId::LintsV1 | PolicyId::EgreedyV2 => Ok(id),
        PolicyId::RuleV1 | PolicyId::EgreedyV1 => {
            invalid(format!("{id} is what others are promoted over; `ranking rollback` goes back to it"))
        }
        PolicyId::LinucbV1 => invalid(format!(
            "{id} leaves nothing to chance, so its own log could never show that it is worse; promote egreedy-v2 instead"
        )),
        PolicyId::LinrffV1 => invalid(format!("{id} is for replay on files and decides nothing here")),
    }
}

/// Puts the promotion of a policy before an owner, as a card. What fails refuses it, with by how much.
///
/// # Errors
/// A viewer, no such policy, promoted already; or the conditions that fail, each with by how much.
pub(crate) async fn promote(
    core: &Core,
    who: &Identity,
    request: &PromoteRequest,
) -> Result<ProposalView, GatewayError> {
    needs(who, Role::Approver, "propose a promotion")?;
    let policy = promotable(&request.policy)?;
    let held = promoted(core, policy.card().problem).await.map_err(|error| storage_error(&error))?;
    if let Some(row) = held {
        return Err(GatewayError::new(ErrorKind::AlreadyDecided, already(&row.value)));
    }
    if let Some(reason) = refusal(core, WishKind::Promote) {
        return Err(GatewayError::new(ErrorKind::Refused, reason));
    }
    // Looked at before a number is drawn: what is refused here is no proposal.
    conditions(core, policy.as_str()).await?;
    let (title, wish) = (format!("Promotion of {policy}"), Wish::Promote { policy: policy.to_string() });
    match stage_apart(core, who, title, wish).await.map_err(|error| settle_error(&error))? {
        Asked::Staged(id) | Asked::Waits(id) => {
            let found = core.store.get::<Proposal>(&id.to_string()).await.map_err(|error| storage_error(&error))?;
            let found = found.ok_or_else(|| not_found(format!("there is no proposal {id}; `proposals` lists them")))?;
            Ok(ProposalView { proposal: found.value })
        }
        Asked::Refused(reason) | Asked::NotNow(reason) => Err(GatewayError::new(ErrorKind::Refused, reason)),
        Asked::Unknown { reason, .. } => Err(GatewayError::new(ErrorKind::Unavailable, reason)),
    }
}

/// What refuses a promotion where one holds.
pub(crate) fn already(row: &PromotionRow) -> String {
    format!("{} is promoted already, at stage {}", row.policy, name(row.stage))
}

/// The conditions of promoting `policy` as the log shows them now, which all hold.
///
/// # Errors
/// The conditions that fail, each with by how much; or the log could not be read.
pub(crate) async fn conditions(core: &Core, policy: &str) -> Result<Vec<Judged>, GatewayError> {
    let policy = promotable(policy)?;
    let counted = counted_from(core, policy).await.map_err(|error| storage_error(&error))?;
    let from = counted.map(|(from, _)| from);
    let evidence = match policy.card().problem {
        Problem::Tip => tip::evidence(core, policy, from).await.map_err(|error| storage_error(&error))?,
        Problem::Interrupt | Problem::Replay => {
            let log = rounds(core, from).await.map_err(|error| storage_error(&error))?;
            evidence(&log.rounds, f64::from(core.settings.monitor.alarm_budget_per_week))
        }
    };
    let evidence = evidence.map_err(|error| unjudged(&error))?;
    let judged = judge(&evidence, &Requirements::DEFAULT);
    let failing = failing(&judged, policy, evidence.ess <= 0.0);
    if !failing.is_empty() {
        let render = RenderContext { now: core.now(), zone: core.zone() };
        let only = counted.map_or_else(String::new, |(from, why)| {
            format!(". Only decisions since {} count, when {why}", render.time(from))
        });
        let message = format!("{policy} is not promoted: {}{only}", failing.join("; "));
        return Err(GatewayError::new(ErrorKind::Refused, message));
    }
    Ok(judged.into())
}

/// The conditions that fail, in words. Where no rated decision says anything of the policy, its gain and its sample are no numbers to show.
fn failing(judged: &[Judged], policy: PolicyId, unknown: bool) -> Vec<String> {
    let example = if policy.card().problem == Problem::Tip { "T-1" } else { "F-12" };
    let word = |one: &Judged| match one.condition {
        Condition::LowerBound if unknown => None,
        Condition::Agreement if unknown && one.found == 0.0 => None,
        Condition::SampleSize if unknown => Some(format!(
            "nothing is known yet of what it would bring; at least {} decisions that somebody rated are needed \
             (`feedback {example} useful`, or `noise`)",
            one.needed
        )),
        _ => Some(one.to_string()),
    };
    judged.iter().filter(|one| !one.holds).filter_map(word).collect()
}

/// Since when decisions say something of the policy as it is, and why not before: what it had learnt was reset, or it had its chance and
/// was taken back. `None`: all do.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(super) async fn counted_from(
    core: &Core,
    policy: PolicyId,
) -> Result<Option<(Timestamp, &'static str)>, StoreError> {
    let states = match pages::<PolicyRow>(core, ListQuery::newest(0).state(policy.as_str()), STATES_MAX).await {
        Err(StoreError::Decode { .. }) => Vec::new(),
        found => found?,
    };
    let reset = states.iter().map(|row| row.from).max().filter(|from| *from > Timestamp::default());
    let reset = reset.map(|from| (from, "what it had learnt was reset"));
    let ended = entries_of(core, policy.as_str()).await?.into_iter().rfind(|entry| entry.event_type == ROLLED_BACK);
    let ended = ended.map(|entry| (entry.at, "it was rolled back"));
    Ok(reset.into_iter().chain(ended).max_by_key(|(from, _)| *from))
}

/// What the journal says of a policy, oldest first.
async fn entries_of(core: &Core, policy: &str) -> Result<Vec<JournalEntry>, StoreError> {
    let (mut all, mut from) = (Vec::new(), Seq(0));
    loop {
        let page = core.store.journal_of(policy, LANE, from, JOURNAL_PAGE).await?;
        let whole = page.len() == JOURNAL_PAGE;
        all.extend(page);
        match all.last() {
            Some(last) if whole => from = Seq(last.seq.0 + 1),
            _ => return Ok(all),
        }
    }
}

/// Lets `policy` decide its first share, because an owner approved `cause`. Begun for the same cause before, it is as it was.
///
/// # Errors
/// Not an owner; another promotion holds; or it could not be stored.
pub(crate) async fn begin(
    core: &Core,
    who: &Identity,
    policy: &str,
    judged: &[Judged],
    cause: ProposalId,
) -> Result<PromotionRow, GatewayError> {
    needs(who, Role::Owner, "promote a policy")?;
    let policy = promotable(policy)?;
    let conditions: Vec<String> = judged.iter().map(ToString::to_string).collect();
    let begun: Result<Result<PromotionRow, PromotionRow>, SettleError> = settle!(core, "the promotion", async {
        if let Some(held) = promoted(core, policy.card().problem).await? {
            let own = held.value.proposal == Some(cause);
            return Ok(Wanted::Nothing(if own { Ok(held.value) } else { Err(held.value) }));
        }
        let now = core.now();
        let row = PromotionRow {
            policy: policy.to_string(),
            stage: Stage::Tenth,
            since: now,
            by: who.operator.clone(),
            begun: now,
            proposal: Some(cause),
        };
        let principal = who.principal.to_string();
        let payload = json!({"principal": principal, "stage": row.stage, "conditions": conditions, "proposal": cause});
        let event = core.event(PROMOTED, &who.operator, policy, payload);
        let commit = Commit::durable(now).event(event);
        // One that cannot be read holds nothing, and must not keep this one from beginning.
        let commit = if is_broken(core, policy.card().problem).await { commit.put(&row) } else { commit.insert(&row) };
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), Ok(row)))
    });
    let held = begun.map_err(|error| settle_error(&error))?;
    held.map_err(|row| GatewayError::new(ErrorKind::AlreadyDecided, already(&row)))
}

/// The two ways a proposal can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It began a promotion.
    Begun,
    /// It took one back.
    TakenBack,
}

/// When `cause` did so, by the journal: it remembers what was rolled back since. `None`: it never did.
///
/// # Errors
/// [`StoreError`] if the journal does not answer.
pub(crate) async fn done_by(
    core: &Core,
    policy: &str,
    way: Way,
    cause: ProposalId,
) -> Result<Option<Timestamp>, StoreError> {
    let (wanted, named) = (if way == Way::Begun { PROMOTED } else { ROLLED_BACK }, json!(cause));
    let of_cause = |entry: &JournalEntry| {
        entry.event_type == wanted && entry.payload.as_ref().is_some_and(|payload| payload["proposal"] == named)
    };
    Ok(entries_of(core, policy).await?.into_iter().find(of_cause).map(|entry| entry.at))
}

/// Back to the active policies, at once.
///
/// # Errors
/// Not an owner, or nothing was promoted.
pub(crate) async fn rollback(core: &Core, who: &Identity) -> Result<PromotionView, GatewayError> {
    needs(who, Role::Owner, "roll a promotion back")?;
    let mut all = Vec::new();
    for problem in PROBLEMS {
        all.extend(taken_back(core, who, problem, None).await?);
    }
    let mut all = all.into_iter();
    let first = all.next().ok_or_else(|| nothing(Problem::Interrupt))?;
    Ok(PromotionView { also: all.collect(), ..first })
}

fn nothing(problem: Problem) -> GatewayError {
    GatewayError::new(ErrorKind::Refused, format!("nothing is promoted; {} decides", active(problem)))
}

/// The same of one policy, because of a proposal that an owner approved; it is named in the journal.
pub(crate) async fn rollback_because(
    core: &Core,
    who: &Identity,
    policy: &str,
    cause: ProposalId,
) -> Result<PromotionView, GatewayError> {
    needs(who, Role::Owner, "roll a promotion back")?;
    let problem = problem_of(policy);
    taken_back(core, who, problem, Some(cause)).await?.ok_or_else(|| nothing(problem))
}

/// Adds the end of a promotion that somebody took back; `more` is what the journal says beside who and how far it had come.
fn gone(
    core: &Core,
    commit: Commit,
    who: &Identity,
    row: &Versioned<PromotionRow>,
    mut more: serde_json::Value,
) -> Commit {
    let problem = problem_of(&row.value.policy);
    more["by"] = json!("operator");
    more["principal"] = json!(who.principal.to_string());
    more["stage"] = json!(row.value.stage);
    let event = core.event(ROLLED_BACK, &who.operator, &row.value.policy, more);
    let entity = EntityRef::to::<PromotionRow>(id(problem));
    commit.expect(&entity, row.version).delete(entity).event(event)
}

/// Adds the end of what is promoted for a problem, since what it had learnt is reset; everybody is told.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub(super) async fn ended_by_reset(
    core: &Core,
    commit: Commit,
    who: &Identity,
    problem: Problem,
) -> Result<Commit, StoreError> {
    let Some(row) = promoted(core, problem).await? else { return Ok(commit) };
    let commit = gone(core, commit, who, &row, json!({"because": "reset"}));
    let (policy, active) = (&row.value.policy, active(problem));
    let text =
        format!("{policy} is rolled back: what it had learnt was reset by {}. {active} decides again.", who.operator);
    Ok(announce(core, commit, DeliveryClass::Note, Severity::Info, text).essential())
}

async fn taken_back(
    core: &Core,
    who: &Identity,
    problem: Problem,
    cause: Option<ProposalId>,
) -> Result<Option<PromotionView>, GatewayError> {
    let rolled: Result<Option<PromotionRow>, SettleError> = settle!(core, "the promotion", async {
        let Some(row) = promoted(core, problem).await? else { return Ok(Wanted::Nothing(None)) };
        let commit = gone(core, Commit::durable(core.now()), who, &row, json!({"proposal": cause}));
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit.essential()), Some(row.value)))
    });
    let row = rolled.map_err(|error| settle_error(&error))?;
    Ok(row.map(|row| PromotionView {
        policy: row.policy,
        stage: name(row.stage).to_owned(),
        decides: active(problem).to_string(),
        also: Vec::new(),
    }))
}

/// How a promoted policy compares with the active one since its stage began.
async fn since_then(
    core: &Core,
    problem: Problem,
    row: &PromotionRow,
) -> Result<Result<DifferenceBound, BanditError>, StoreError> {
    Ok(match problem {
        Problem::Tip => tip::difference(&tip::log(core).await?, &row.policy, row.since),
        Problem::Interrupt | Problem::Replay => difference(&rounds(core, Some(row.since)).await?.rounds),
    })
}

/// Compares a promoted policy with the one before by the decisions since its stage began: on to the next stage, or back.
///
/// # Errors
/// [`SettleError`] if it could not be stored; the next pass tries again.
pub(crate) async fn follow(core: &Core) -> Result<(), SettleError> {
    for problem in PROBLEMS {
        followed(core, problem).await?;
    }
    Ok(())
}

async fn followed(core: &Core, problem: Problem) -> Result<(), SettleError> {
    settle!(core, "the promotion", async {
        let Some(found) = promoted(core, problem).await? else { return Ok(Wanted::Nothing(())) };
        let now = core.now();
        let last = core.store.checkpoint(checkpoint(problem)).await?.and_then(|value| value.as_i64());
        if last.is_some_and(|last| now.ms() - last < EVERY_MS) {
            return Ok(Wanted::Nothing(()));
        }
        let commit = Commit::durable(now).checkpoint(checkpoint(problem), json!(now.ms()));
        let since = match since_then(core, problem, &found.value).await? {
            Ok(since) => since,
            Err(error) => {
                tracing::error!(%error, "ranking.cannot_judge");
                return Ok(Wanted::Commit(Box::new(commit), ()));
            }
        };
        let row = found.value;
        let (from, policy) = (row.stage, row.policy.clone());
        let event = |kind: &str, to: Stage| {
            core.event(kind, "system:ranking", &policy, json!({"from": from, "to": to, "difference": since}))
        };
        let commit = match next_move(from, &since) {
            Move::Hold => commit,
            Move::Advance => {
                let next = PromotionRow { stage: from.next(), since: now, ..row };
                let event = event("ranking.advanced", next.stage);
                commit.replace(&next, found.version).event(event)
            }
            Move::Rollback => {
                let gone = EntityRef::to::<PromotionRow>(id(problem));
                let commit = commit.expect(&gone, found.version).delete(gone).event(event(ROLLED_BACK, Stage::Shadow));
                announce(
                    core,
                    commit,
                    DeliveryClass::Note,
                    Severity::Warning,
                    worse(&policy, active(problem), since.bound.upper),
                )
                .essential()
            }
        };
        Ok::<_, SettleError>(Wanted::Commit(Box::new(commit), ()))
    })
}

/// What everybody is told when the bound rolls a promotion back.
fn worse(policy: &str, active: PolicyId, upper: f64) -> String {
    let by = upper.abs();
    format!("{policy} is rolled back: surely worse than {active} by at least {by:.3}. {active} decides again.")
}

/// The stage in a word.
pub(super) const fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Shadow => "shadow",
        Stage::Tenth => "tenth",
        Stage::Half => "half",
        Stage::Whole => "whole",
    }
}
