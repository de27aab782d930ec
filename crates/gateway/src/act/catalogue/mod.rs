//! The action catalogue: everything Wakeman can do to the world, one file each.
//!
//! Adding an action is one file with an [`ActionClass`] and its line in [`ALL`]. A class knows its arguments, its words on the
//! card, when it may run, how to run it, and how to find out what became of a call whose answer was lost.

mod merge_pr;
mod open_issue;
mod plan;
mod revert_pr;
mod set_flag;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wakeman_types::{Action, CardText, ProposalId, Timestamp};

use crate::{core::Hands, ports::HandsError};

pub use merge_pr::MergePr;
pub use open_issue::{OpenIssue, OpenIssueArguments};
pub use plan::{PLAN, PlanArguments, plan_card, plan_steps, resolve_references};
pub use revert_pr::{RevertArguments, RevertMethod, RevertPr, RevertRevision};
pub use set_flag::{SetFlag, SetFlagArguments, SetFlagRevision};

/// Every class but `plan`, which is made of these.
pub const ALL: [&dyn ActionClass; 4] = [&RevertPr, &MergePr, &OpenIssue, &SetFlag];

/// The class of this kind.
pub fn class(kind: &str) -> Option<&'static dyn ActionClass> {
    ALL.into_iter().find(|class| class.kind() == kind)
}

/// One step as the executor hands it to its class.
pub struct StepContext<'a> {
    /// The hands that are configured.
    pub hands: &'a Hands,
    /// The proposal it belongs to.
    pub proposal: ProposalId,
    /// What to do; references to earlier steps are resolved.
    pub action: &'a Action,
    /// When its intent was committed, if it was.
    pub intended_at: Option<Timestamp>,
    /// The present.
    pub now: Timestamp,
}

/// Whether a step may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// The world is as it was shown; go.
    Ready,
    /// Something it depends on is not there yet.
    Wait {
        /// What, in words.
        waiting_for: String,
        /// When to look again.
        until: Timestamp,
    },
}

/// What the remote says of a call whose answer was lost.
#[derive(Debug, Clone, PartialEq)]
pub enum Reconciled {
    /// It happened; this was its output.
    Done(Value),
    /// It did not happen, or a repeat changes nothing: run it again.
    Repeat,
    /// The remote cannot tell; a person must look.
    Unknown(String),
}

/// One kind of action.
pub trait ActionClass: Send + Sync {
    /// Its name: `github.revert_pr`.
    fn kind(&self) -> &'static str;
    /// The JSON Schema of its arguments.
    fn schema(&self) -> Value;
    /// Checks that target, arguments and revision can be read; names the field that cannot.
    fn check(&self, action: &Action) -> Result<(), String>;
    /// The words of its card. Called only after [`check`](Self::check) passed; `check_text` says how the effect is verified.
    fn card(&self, action: &Action, check_text: String) -> CardText;
    /// Whether the world is still as it was shown. A read, never an effect.
    fn ready<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Readiness, HandsError>>;
    /// Does it. Called only after its intent is on the disk.
    fn run<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Value, HandsError>>;
    /// Asks the remote what became of an earlier call.
    fn reconcile<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Reconciled, HandsError>>;
}

/// Reads a typed part of an action, naming the part that does not fit.
pub(crate) fn read<T: DeserializeOwned>(part: &'static str, value: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { part.to_owned() } else { format!("{part}.{path}") };
        format!("{at}: {}", error.into_inner())
    })
}

/// The same for the executor, where it is the proposal that is broken.
pub(crate) fn read_or_fail<T: DeserializeOwned>(part: &'static str, value: &Value) -> Result<T, HandsError> {
    read(part, value)
        .map_err(|reason| HandsError::Permanent { reason: format!("the proposal cannot be read: {reason}") })
}

/// The repository hands, or why there are none.
pub(crate) fn repo_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::RepoHands, HandsError> {
    step.hands.repo.as_deref().ok_or_else(|| HandsError::Permanent {
        reason: "GitHub is not configured; set GITHUB_TOKEN and github.repository, then make a new proposal".to_owned(),
    })
}

/// The flag hands, or why there are none.
pub(crate) fn flag_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::FlagHands, HandsError> {
    step.hands.flags.as_deref().ok_or_else(|| HandsError::Permanent {
        reason: "PostHog is not configured; set POSTHOG_API_KEY and POSTHOG_PROJECT_ID, then make a new proposal"
            .to_owned(),
    })
}

/// What finds our own work again at a remote that offers nothing better: unique per instance, proposal and step.
pub fn marker(instance: &str, proposal: ProposalId, step: u32) -> String {
    format!("wakeman-proposal: {instance}/{proposal}/{step}")
}
