//! The decision log with what came of each decision, as off-policy evaluation needs it.

use std::collections::HashMap;

use wakeman_ranking::{
    Features, InterruptContext, InterruptPolicy, LintsV1, PolicyId,
    reward::{Outcome, TIMEOUT_MS, reward},
};
use wakeman_store::{ListQuery, StoreError};
use wakeman_types::{Choice, ChoiceRecord, DecisionId, Entity, Interruption, Timestamp};

use super::rows::{ARMS, ReactionRecord, features_of};
use crate::core::Core;

/// Decisions that are looked at, the newest ones.
pub(super) const DECISIONS_MAX: usize = 5000;

/// One unforced decision.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    /// When.
    pub at: Timestamp,
    /// Who decided.
    pub policy: String,
    /// What they saw.
    pub features: Features,
    /// The place of what was chosen.
    pub chosen: usize,
    /// The probability of every arm as it was drawn.
    pub logging: [f64; 3],
    /// What `rule-v1` would do.
    pub rule: [f64; 3],
    /// What `lints-v1` would have done, as it was then.
    pub lints: [f64; 3],
    /// What the finding was worth, the mean of those who reacted.
    pub worth: Option<f64>,
    /// True while there may still be a reaction.
    pub censored: bool,
}

impl Round {
    /// What a policy's probabilities would have brought; `None` where nobody reacted.
    pub fn expected(&self, policy: &[f64; 3]) -> Option<f64> {
        let worth = self.worth?;
        Some(ARMS.into_iter().zip(policy).map(|(arm, p)| p * reward(arm, worth)).sum())
    }

    /// What the best arm would have brought.
    pub fn best(&self) -> Option<f64> {
        self.worth.map(|worth| ARMS.into_iter().map(|arm| reward(arm, worth)).fold(0.0, f64::max))
    }
}

/// The log, oldest first.
pub(crate) struct Rounds {
    /// Unforced decisions.
    pub rounds: Vec<Round>,
    /// Decisions that a rule above the policies made.
    pub forced: u64,
    /// Records that cannot be used: of another registry, or without a probability for what was chosen. Named in the process's log.
    pub unusable: u64,
}

/// Reads decisions since then and what came of them.
///
/// # Errors
/// [`StoreError`] if the past could not be read.
pub(crate) async fn rounds(core: &Core, since: Option<Timestamp>) -> Result<Rounds, StoreError> {
    let query = ListQuery::newest(0).since(since.map_or(i64::MIN, Timestamp::ms));
    let choices: Vec<ChoiceRecord> = pages(core, query.clone(), DECISIONS_MAX).await?;
    let mut worth: HashMap<DecisionId, Vec<f64>> = HashMap::new();
    for record in pages::<ReactionRecord>(core, query, DECISIONS_MAX * 4).await? {
        worth.entry(record.decision).or_default().extend(record.worth);
    }
    let mut all = Rounds { rounds: Vec::new(), forced: 0, unusable: 0 };
    let mut replay = LintsV1::new().ok();
    for choice in choices.into_iter().rev() {
        if choice.forced {
            all.forced += 1;
            continue;
        }
        let known = worth.get(&choice.id).filter(|worth| !worth.is_empty());
        let worth = known.map(|worth| worth.iter().sum::<f64>() / worth.len() as f64);
        let censored = worth.is_none() && core.now().since(choice.at) < TIMEOUT_MS;
        match round(&choice, worth, censored, replay.as_mut()) {
            Some(round) => all.rounds.push(round),
            None => {
                tracing::warn!(choice.id = %choice.id, "ranking.unusable_record");
                all.unusable += 1;
            }
        }
    }
    Ok(all)
}

/// The newest rows, up to `most`.
pub(super) async fn pages<E: Entity>(core: &Core, query: ListQuery, most: usize) -> Result<Vec<E>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    while all.len() < most {
        let page = core.store.list::<E>(&ListQuery { limit: 1000, ..query.clone() }.after(after)).await?;
        all.extend(page.items.into_iter().map(|found| found.value));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(all)
}

/// A record as a round. Where it is older than the shadow's log, what `lints-v1` would have done is played again from the rounds before.
fn round(choice: &ChoiceRecord, worth: Option<f64>, censored: bool, replay: Option<&mut LintsV1>) -> Option<Round> {
    let features = features_of(choice)?;
    let logging = distribution(&choice.arms)?;
    let chosen = place(choice.chosen);
    if logging[chosen] <= 0.0 {
        return None;
    }
    let logged = |policy: PolicyId| {
        let opinion = choice.opinions.iter().find(|opinion| opinion.policy == policy.as_str())?;
        distribution(&opinion.arms)
    };
    let replayed = replay.and_then(|policy| {
        let opinion = policy.opinion(&InterruptContext::of(&features), &features);
        let outcome = worth.map_or(Outcome::Censored, |worth| Outcome::Known { worth });
        policy.learn(&features, choice.chosen, outcome).ok()?;
        Some(opinion.propensities)
    });
    Some(Round {
        at: choice.at,
        policy: choice.policy.clone(),
        chosen,
        logging,
        rule: logged(PolicyId::RuleV1).unwrap_or(logging),
        lints: logged(PolicyId::LintsV1).or(replayed)?,
        features,
        worth,
        censored,
    })
}

/// The arms' probabilities in order, if they are a distribution.
fn distribution(arms: &[Choice]) -> Option<[f64; 3]> {
    let of = |arm| arms.iter().filter(|choice| choice.arm == arm).map(|choice| choice.propensity).sum::<f64>();
    wakeman_ranking::checked(PolicyId::RuleV1, ARMS.map(of)).ok()
}

/// The arm's place in all propensities.
pub(super) const fn place(arm: Interruption) -> usize {
    match arm {
        Interruption::Now => 0,
        Interruption::Digest => 1,
        Interruption::Silent => 2,
    }
}
