//! The action catalogue: everything Wakeman can do to the world, one file each.
//!
//! Adding an action is one file with an [`ActionClass`] and its line in [`ALL`]. A class knows its arguments, its words on the
//! card, when it may run, how to run it, and how to find out what became of a call whose answer was lost.

mod annotate;
mod available;
mod comment;
mod error_issue;
mod merge_pr;
mod open_issue;
mod open_pr;
mod own;
mod patch_policy;
mod plan;
mod production;
mod promote_policy;
mod rerun;
mod revert_pr;
mod set_flag;
mod set_mode;
mod set_mute;
mod set_wakeup;
mod webhook;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wakeman_types::{Action, CardText, ProposalId, Timestamp};

use crate::{
    core::{Core, Hands},
    decode::decode,
    ports::HandsError,
};

pub use annotate::{Annotate, AnnotateArguments};
pub(crate) use available::{forbidden, undrafted};
pub use available::{ready, unavailable};
pub use comment::{Comment, CommentArguments};
pub use error_issue::{ErrorIssueArguments, ErrorIssueRevision, UpdateErrorIssue};
pub use merge_pr::MergePr;
pub use open_issue::{OpenIssue, OpenIssueArguments};
pub use open_pr::{FileText, OpenPr, OpenPrArguments, OpenPrRevision};
pub use patch_policy::Protected;
pub(crate) use patch_policy::check as patch_check;
pub use plan::{PLAN, PlanArguments, draw, plan_card, plan_steps, resolve_references};
pub(crate) use plan::{plan_words, resolve_known};
pub use production::{ProductionArguments, ProductionRevision, Promote, Rollback};
pub use promote_policy::{PromotePolicy, PromotePolicyArguments, PromotePolicyRevision};
pub(crate) use promote_policy::{revision as promotion_revision, undoing as demotion_revision};
pub use rerun::{RerunArguments, RerunFailedJobs, RerunRevision};
pub use revert_pr::{RevertArguments, RevertMethod, RevertPr, RevertRevision};
pub use set_flag::{SetFlag, SetFlagArguments, SetFlagRevision};
pub(crate) use set_mode::revision as mode_revision;
pub use set_mode::{SetMode, SetModeArguments, SetModeRevision};
pub(crate) use set_mute::held as mute_held;
pub use set_mute::{SetMute, SetMuteArguments, SetMuteRevision};
pub(crate) use set_wakeup::revision as wakeup_revision;
pub use set_wakeup::{SetWakeup, SetWakeupArguments, SetWakeupRevision};
pub use webhook::{PostWebhook, WebhookArguments, WebhookRevision};

/// Every class but `plan`, which is made of these.
pub const ALL: [&dyn ActionClass; 16] = [
    &RevertPr,
    &MergePr,
    &OpenPr,
    &OpenIssue,
    &Comment,
    &RerunFailedJobs,
    &SetFlag,
    &Annotate,
    &UpdateErrorIssue,
    &Rollback,
    &Promote,
    &PostWebhook,
    &SetWakeup,
    &SetMute,
    &SetMode,
    &PromotePolicy,
];

/// The switches of everything that writes to branches of ours.
const REPOSITORY_WRITES: &[(&str, &str)] = &[("github", "createPullRequests"), ("github", "pushBranches")];

/// What opening a pull request returns.
fn pull_returns() -> Value {
    json!({"number": 1, "head_sha": "0".repeat(40), "url": "https://github.com/acme/app/pull/1"})
}

/// The class of this kind.
pub fn class(kind: &str) -> Option<&'static dyn ActionClass> {
    ALL.into_iter().find(|class| class.kind() == kind)
}

/// One step as the executor hands it to its class.
pub struct StepContext<'a> {
    /// The instance it runs on.
    pub core: &'a Core,
    /// The hands that are configured.
    pub hands: &'a Hands,
    /// The proposal it belongs to.
    pub proposal: ProposalId,
    /// Its position in the plan, from 1.
    pub number: u32,
    /// What to do; references to earlier steps are resolved.
    pub action: &'a Action,
    /// When the proposal was drafted: whatever it makes is younger, and no attempt changes it.
    pub drafted_at: Timestamp,
    /// Since when it waits, if it does; once it is done, since then.
    pub waiting_since: Option<Timestamp>,
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

/// What a class acts with, and the switches of `tools.json` that must be on for it.
pub struct Needs {
    /// The part of the outside.
    pub hand: Hand,
    /// Family and capability.
    pub switches: &'static [(&'static str, &'static str)],
}

/// A part of the outside that is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// The repository.
    Repository,
    /// Feature flags.
    Flags,
    /// Annotations and errors.
    Product,
    /// Deployments.
    Deploys,
    /// Configured targets.
    Webhooks,
    /// Wakeman's own records: always there.
    Own,
}

/// Whether an effect is as it was meant to be, as the remote shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It is.
    Yes,
    /// It is not (yet); how it is instead.
    No(String),
    /// It cannot be told yet; what had not come to an end.
    Open(String),
}

impl Stands {
    /// Yes when that is so, else no with how it is instead.
    pub(crate) fn when(so: bool, instead: impl FnOnce() -> String) -> Self {
        if so { Self::Yes } else { Self::No(instead()) }
    }
}

/// One kind of action.
pub trait ActionClass: Send + Sync {
    /// Its name: `github.revert_pr`.
    fn kind(&self) -> &'static str;
    /// What it acts with.
    fn needs(&self) -> Needs;
    /// An example of what it returns. Plans are checked against it: a later step may refer to these fields.
    fn returns(&self) -> Value;
    /// Whether settings allow exactly this action. Asked before it is shown and again before it runs.
    fn permitted(&self, _core: &Core, _action: &Action) -> Result<(), String> {
        Ok(())
    }
    /// What it changes, so that a newer card about it takes the place of an older one: `flag:checkout-fast`. `None`: it only adds.
    fn subject(&self, _action: &Action) -> Option<String> {
        None
    }
    /// Whether only an owner may approve it, whoever the settings list.
    fn owner_only(&self, _action: &Action) -> bool {
        false
    }
    /// What would take it back, once it returned `output`. `None`: a person must.
    fn undo(&self, _action: &Action, _output: &Value) -> Option<Action> {
        None
    }
    /// What is looked at afterwards where it repairs no finding, and how long that may take to show, in milliseconds. `None`: nobody can
    /// be asked.
    fn shows(&self) -> Option<(&'static str, i64)>;
    /// Whether the effect is as it was meant to be, `waiting_since` it was done. Asked only of classes with something to
    /// [show](Self::shows). What a lost call is found by tells it, too.
    fn stands<'a>(&'a self, step: StepContext<'a>) -> BoxFuture<'a, Result<Stands, HandsError>> {
        Box::pin(async move {
            Ok(match self.reconcile(step).await? {
                Reconciled::Done(_) => Stands::Yes,
                Reconciled::Repeat => Stands::No("it is not there".to_owned()),
                Reconciled::Unknown(reason) => Stands::No(reason),
            })
        })
    }
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
    decode(value).map_err(|error| {
        let path = error.path.to_string();
        let at = if path == "." { part.to_owned() } else { format!("{part}.{path}") };
        format!("{at}: {}", error.reason)
    })
}

/// The same for the executor, where it is the proposal that is broken.
pub(crate) fn read_or_fail<T: DeserializeOwned>(part: &'static str, value: &Value) -> Result<T, HandsError> {
    read(part, value)
        .map_err(|reason| HandsError::Permanent { reason: format!("the proposal cannot be read: {reason}") })
}

/// The repository hands, or why there are none.
pub(crate) fn repo_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::RepoHands, HandsError> {
    step.hands.repo.as_deref().ok_or_else(|| available::missing(Hand::Repository))
}

/// The flag hands, or why there are none.
pub(crate) fn flag_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::FlagHands, HandsError> {
    step.hands.flags.as_deref().ok_or_else(|| available::missing(Hand::Flags))
}

/// The hands for annotations and errors, or why there are none.
pub(crate) fn product_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::ProductHands, HandsError> {
    step.hands.product.as_deref().ok_or_else(|| available::missing(Hand::Product))
}

/// The hands for deployments, or why there are none.
pub(crate) fn deploy_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::DeployHands, HandsError> {
    step.hands.deploys.as_deref().ok_or_else(|| available::missing(Hand::Deploys))
}

/// The hands for configured targets, or why there are none.
pub(crate) fn webhook_hands<'a>(step: &StepContext<'a>) -> Result<&'a dyn crate::ports::WebhookHands, HandsError> {
    step.hands.webhooks.as_deref().ok_or_else(|| available::missing(Hand::Webhooks))
}

/// Where at PostHog, as the card says it: ` in project 12345`.
pub(crate) fn in_project(action: &Action) -> String {
    action.target["project"].as_str().map(|project| format!(" in project {project}")).unwrap_or_default()
}

/// `flag:checkout-fast`, `pull:482`: what an action changes, by a field of its arguments.
pub(crate) fn subject(what: &str, field: &Value) -> Option<String> {
    match field {
        Value::String(text) => Some(format!("{what}:{text}")),
        Value::Number(number) => Some(format!("{what}:{number}")),
        _ => None,
    }
}

/// A card for a payload that cannot be read. It is never shown: `check` comes first.
pub(crate) fn unreadable(what: &str, check: String) -> CardText {
    CardText { title: format!("{what} that cannot be read"), steps: Vec::new(), undo: String::new(), check }
}

/// Holds a text to its length and its marker.
pub(crate) fn check_text(field: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{field}: is empty; write something"));
    }
    if text.len() > bytes_max {
        return Err(format!("{field}: has {} bytes; write at most {bytes_max}", text.len()));
    }
    super::outbound::hidden(field, text)?;
    super::outbound::scan(field, text)
}

/// A marker must be in the text it is found again by.
pub(crate) fn check_marker(field: &str, text: &str, marker: &str) -> Result<(), String> {
    if marker.is_empty() || !text.contains(marker) {
        return Err(format!("{field}: lacks the marker; without it a lost answer could not be resolved"));
    }
    Ok(())
}

/// What finds our own work again at a remote that offers nothing better: unique per instance, proposal and step.
pub fn marker(instance: &str, proposal: ProposalId, step: u32) -> String {
    format!("wakeman-proposal: {instance}/{proposal}/{step}")
}
