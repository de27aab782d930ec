//! What an operator says of a finding: mine, later, over.

use serde_json::json;
use wakeman_ranking::reward::Reaction;
use wakeman_store::{Commit, StoreError};
use wakeman_types::{DAY_MS, ErrorKind, Finding, FindingId, FindingState, GatewayError, Identity, Resolution};

use super::keep::others_need_its_proposal;
use crate::{
    act::{Gone, withdraw},
    core::Core,
    deliver::follow,
    desk::{not_found, settle_error},
    rank,
    settle::{SettleError, Wanted, settle},
};

/// The longest snooze.
const SNOOZE_MS_MAX: i64 = 30 * DAY_MS;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// "It is mine."
    Acknowledge,
    /// "Not now": quiet for this many milliseconds.
    Snooze(i64),
    /// "It is over."
    Resolve,
}

impl Word {
    const fn event(self) -> &'static str {
        match self {
            Self::Acknowledge => "finding.acknowledged",
            Self::Snooze(_) => "finding.snoozed",
            Self::Resolve => "finding.resolved",
        }
    }

    /// What it says of having been told, so many milliseconds ago.
    const fn reaction(self) -> fn(i64) -> Reaction {
        match self {
            Self::Acknowledge | Self::Resolve => |after_ms| Reaction::Acknowledged { after_ms },
            Self::Snooze(_) => |_| Reaction::Snoozed,
        }
    }
}

/// Why it does not apply.
#[derive(Debug, thiserror::Error)]
enum VerbError {
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error(transparent)]
    Refused(#[from] GatewayError),
}

/// Applies what `who` said to finding `id`. Saying the same twice changes nothing.
///
/// # Errors
/// Not found, over already, or a duration that is not one.
pub async fn apply(core: &Core, who: &Identity, id: FindingId, word: Word) -> Result<Finding, GatewayError> {
    if let Word::Snooze(ms) = word
        && !(1..=SNOOZE_MS_MAX).contains(&ms)
    {
        let message = "a snooze lasts from a moment to 30 days; write it like 30m, 2h or 1d";
        return Err(GatewayError::new(ErrorKind::Invalid, message));
    }
    let result = settle!(core, "the finding", async {
        let found = core.store.get::<Finding>(&id.to_string()).await.map_err(SettleError::from)?;
        let found = found.ok_or_else(|| not_found(format!("there is no finding {id}; `findings` lists them")))?;
        let mut finding = found.value.clone();
        let Some(state) = next(&finding, who, word, core)? else { return Ok(Wanted::Nothing(finding)) };
        finding.state = state;
        finding.updated_at = core.now();
        let event = core.event(
            word.event(),
            &who.operator,
            id,
            json!({"principal": who.principal.to_string(), "state": finding.state}),
        );
        let commit = Commit::durable(core.now()).replace(&finding, found.version).event(event);
        let mut commit = rank::react(core, commit, who, id, word.reaction()).await.map_err(SettleError::from)?;
        if word == Word::Resolve && finding.proposal.is_some() {
            commit = without_its_card(core, commit, &finding, who).await.map_err(SettleError::from)?;
        }
        commit = follow(core, commit, &found.value, &finding).await.map_err(SettleError::from)?;
        Ok::<_, VerbError>(Wanted::Commit(Box::new(commit), finding))
    });
    result.map_err(|error| match error {
        VerbError::Refused(error) => error,
        VerbError::Settle(error) => settle_error(&error),
    })
}

/// A finding that somebody closed needs no decision any more.
async fn without_its_card(
    core: &Core,
    commit: Commit,
    finding: &Finding,
    who: &Identity,
) -> Result<Commit, StoreError> {
    let shared = others_need_its_proposal(core, finding).await?;
    let gone = Gone {
        actor: who.operator.to_string(),
        principal: who.principal.to_string(),
        note: format!("{} was closed by {}", finding.id, who.operator),
    };
    withdraw(core, commit, finding, shared, &gone, None).await
}

/// The state after the word; `None`: it is so already.
fn next(finding: &Finding, who: &Identity, word: Word, core: &Core) -> Result<Option<FindingState>, GatewayError> {
    let (by, now) = (who.operator.to_string(), core.now());
    let over = || {
        GatewayError::new(
            ErrorKind::AlreadyDecided,
            format!("{} is over already; it opens again by itself if the problem comes back", finding.id),
        )
    };
    match (&finding.state, word) {
        (FindingState::Resolved { .. }, Word::Resolve) => Ok(None),
        (FindingState::Resolved { .. }, _) => Err(over()),
        (FindingState::Acknowledged { by: other, .. }, Word::Acknowledge) if *other == by => Ok(None),
        (_, Word::Acknowledge) => Ok(Some(FindingState::Acknowledged { by, at: now })),
        (_, Word::Snooze(ms)) => Ok(Some(FindingState::Snoozed { by, until: now.plus_ms(ms) })),
        (_, Word::Resolve) => Ok(Some(FindingState::Resolved { at: now, how: Resolution::Closed { by } })),
    }
}
