//! What the classes that change Wakeman itself have in common: they act on its own records, in the name of who approved them.
//!
//! A record that was changed proves itself, so a repeat changes nothing and doubt is always resolved.

use wakeman_store::StoreError;
use wakeman_types::{Entity, GatewayError, Identity, Proposal, Verdict};

use super::StepContext;
use crate::{core::Core, ports::HandsError};

/// Who approved the proposal of this step last, as the settings know them now.
pub(super) async fn approver(step: &StepContext<'_>) -> Result<Identity, HandsError> {
    let proposal: Option<Proposal> = stored(step.core, &step.proposal.to_string()).await?;
    let yes = proposal.and_then(|p| p.decisions.into_iter().rev().find(|said| said.verdict == Verdict::Approve));
    let who = match yes {
        Some(yes) => step.core.identify(&yes.principal).await.map_err(unstored)?,
        None => None,
    };
    let reason = || "whoever approved it is no longer an operator; ask for a new proposal".to_owned();
    who.ok_or_else(|| HandsError::Permanent { reason: reason() })
}

/// A row of ours.
pub(super) async fn stored<E: Entity>(core: &Core, id: &str) -> Result<Option<E>, HandsError> {
    let found = core.store.get::<E>(id).await;
    found.map(|found| found.map(|found| found.value)).map_err(unstored)
}

fn unstored(error: StoreError) -> HandsError {
    HandsError::NotDone { reason: error.to_string(), not_before: None }
}

/// What a refusal of our own verbs means for a step. Nothing was written then, or all of it, which asking again shows.
pub(super) fn refused(error: GatewayError) -> HandsError {
    match error.kind {
        wakeman_types::ErrorKind::Storage => HandsError::InDoubt { reason: error.message },
        _ => HandsError::Permanent { reason: error.message },
    }
}

/// The same for a question, which changed nothing: what is unavailable is asked again.
pub(super) fn unread(error: GatewayError) -> HandsError {
    match error.kind {
        wakeman_types::ErrorKind::Storage | wakeman_types::ErrorKind::Unavailable => {
            HandsError::NotDone { reason: error.message, not_before: None }
        }
        _ => HandsError::Precondition { reason: error.message },
    }
}
