//! The one typed surface of the brain, dyn-compatible, held as `Arc<dyn Gateway>`.
//!
//! Every method takes the principal that the transport proved; the gateway decides who that is and what they may do.

use futures_core::{future::BoxFuture, stream::BoxStream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Accepted, CardButton, FrontendHealth, Inbound, LiveStream, PairCode, PairRequest, Pairing, UnpairRequest};
use crate::{
    AskRequest, Channel, ControlView, Delivery, DeliveryId, ExecutionMode, Finding, FindingId, FindingView, Message,
    Mute, Note, Occurrence, Principal, Proposal, ProposalId, ProposalView, StatusView, Thread, ThreadId, Timestamp,
    TurnEvent, Verdict, WakeupOrder, WakeupView, WhoamiView, WhyView,
};
use crate::{
    FeaturesView, FeedbackView, ForgottenView, LearntRequest, LearntStatsView, OperatorId, PromoteRequest,
    PromotionView, PromptStatsView, RankingView, ScoresView, Tip, TipId, TipView, TipWhyView,
};

/// What every method answers with, some time later.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, GatewayError>>;

/// The kind of a refusal or failure: decides exit codes and HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// There is no such thing.
    NotFound,
    /// The request itself is wrong.
    Invalid,
    /// The caller may not do this.
    Forbidden,
    /// It was decided or changed before.
    AlreadyDecided,
    /// The window has closed.
    Expired,
    /// The digest is not the one of the payload as it stands.
    DigestMismatch,
    /// Policy forbids it now.
    Refused,
    /// Somebody changed it at the same moment; try again.
    Conflict,
    /// Something outside does not answer.
    Unavailable,
    /// The state could not be read or written.
    Storage,
}

/// A refusal or failure in words a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct GatewayError {
    /// Its kind.
    pub kind: ErrorKind,
    /// The thing and the remedy.
    pub message: String,
}

impl GatewayError {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; `None` on the last.
    pub next: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListRequest {
    /// Only this state: `open`, `pending`, … `None`: what still needs somebody first, then all.
    pub state: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Rows wanted, 1–200; 0 means 50.
    pub limit: u32,
}

/// What an operator says of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionRequest {
    /// Yes or no.
    pub decision: Verdict,
    /// The digest of what they were shown: 12 digits or more.
    pub digest: String,
    /// Why, in their words.
    #[serde(default)]
    pub reason: Option<String>,
    /// Yes to this step of a plan alone, which must be the next; `None`: to all that is left of it.
    #[serde(default)]
    pub step: Option<u32>,
}

/// What an operator found out about a proposal whose outcome is in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolveRequest {
    /// Whether the step in doubt took effect.
    pub outcome: ResolvedAs,
    /// What they saw, in their words.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Whether a step in doubt took effect, as a person saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResolvedAs {
    /// It did.
    Done,
    /// It did not.
    Failed,
}

/// What one surface made of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum DeliveryReport {
    /// The platform took it.
    Sent {
        /// The platform's id of the message, for edits and replies.
        reference: Option<String>,
    },
    /// The platform took it, in several messages.
    SentInParts {
        /// The platform's ids of them, in their order; the first is the one that is replied to.
        references: Vec<String>,
    },
    /// It may work later; costs a try.
    Retry {
        /// Not before then.
        not_before: Timestamp,
        /// What went wrong.
        reason: String,
    },
    /// The platform asks to wait; costs no try.
    Busy {
        /// Not before then.
        not_before: Timestamp,
        /// What it said.
        reason: String,
    },
    /// The channel itself is down; costs no try.
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// It will never work.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A delivery leased to a frontend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimedDelivery {
    /// What to show.
    pub delivery: Delivery,
    /// Proves the lease when confirming.
    pub epoch: u64,
    /// How many times it was handed out, this one included.
    pub attempt: u32,
    /// An earlier try may have gone out: mark it as sent again.
    #[serde(default)]
    pub in_doubt: bool,
    /// The reference of the message to edit: there is one with this delivery's key already.
    #[serde(default)]
    pub edit: Option<String>,
    /// The references of its further parts.
    #[serde(default)]
    pub edit_more: Vec<String>,
    /// The reference of the message to reply to.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// What can be pressed; empty for a channel that has no buttons.
    #[serde(default)]
    pub buttons: Vec<CardButton>,
    /// The zone in which its chat reads times, like `Europe/Berlin`; none: the one that the channel was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

impl ClaimedDelivery {
    /// Whether it only brings up to date a message that stands there: where somebody deleted that, nothing is sent.
    pub fn is_refresh(&self) -> bool {
        self.delivery.refresh && self.edit.is_some()
    }
}

/// A thread with what was said in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreadView {
    /// The thread.
    pub thread: Thread,
    /// Its newest messages, oldest first.
    pub messages: Vec<Message>,
    /// Its notes, oldest first.
    pub notes: Vec<Note>,
}

/// What happens while a turn runs; the last event is `done`.
pub type TurnStream = BoxStream<'static, TurnEvent>;

/// Conversations.
pub trait Chat: Send + Sync {
    /// Stores a message and begins to answer it. Whoever stops listening does not stop the answer.
    fn ask<'a>(&'a self, by: &'a Principal, request: AskRequest) -> Reply<'a, TurnStream>;
    /// Stops what is being answered in a thread; how many messages that were.
    fn stop<'a>(&'a self, by: &'a Principal, thread: &'a ThreadId) -> Reply<'a, u32>;
    /// The threads, the one last spoken in first.
    fn threads<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Thread>>;
    /// One thread with its newest messages.
    fn thread<'a>(&'a self, by: &'a Principal, id: &'a ThreadId, list: ListRequest) -> Reply<'a, ThreadView>;
}

/// Findings and what an operator says of them.
pub trait Findings: Send + Sync {
    /// The findings, newest first.
    fn findings<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Finding>>;
    /// One finding.
    fn finding<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, FindingView>;
    /// Everything behind it.
    fn why<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, WhyView>;
    /// "It is mine."
    fn acknowledge<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding>;
    /// Quiet for `duration_ms`.
    fn snooze<'a>(&'a self, by: &'a Principal, id: FindingId, duration_ms: i64) -> Reply<'a, Finding>;
    /// Its subject interrupts nobody for `duration_ms`; `None`: for a week.
    fn mute<'a>(&'a self, by: &'a Principal, id: FindingId, duration_ms: Option<i64>) -> Reply<'a, Mute>;
    /// Lifts the mute of its subject.
    fn unmute<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding>;
    /// "It is over."
    fn resolve<'a>(&'a self, by: &'a Principal, id: FindingId) -> Reply<'a, Finding>;
}

/// Proposals and their decisions.
pub trait Proposals: Send + Sync {
    /// The proposals, newest first.
    fn proposals<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Proposal>>;
    /// One proposal as its card shows it.
    fn proposal<'a>(&'a self, by: &'a Principal, id: ProposalId) -> Reply<'a, ProposalView>;
    /// Yes or no to exactly what was shown.
    fn decide<'a>(&'a self, by: &'a Principal, id: ProposalId, request: DecisionRequest) -> Reply<'a, Proposal>;
    /// Ends the doubt about a step that only a person could look at.
    fn resolve_proposal<'a>(
        &'a self,
        by: &'a Principal,
        id: ProposalId,
        request: ResolveRequest,
    ) -> Reply<'a, Proposal>;
}

/// What operators' reactions teach.
pub trait Ranking: Send + Sync {
    /// Says outright whether being told of a finding was useful or noise.
    fn feedback<'a>(&'a self, by: &'a Principal, id: FindingId, useful: bool) -> Reply<'a, FeedbackView>;
    /// The one thing worth doing next.
    fn tip<'a>(&'a self, by: &'a Principal) -> Reply<'a, TipView>;
    /// Says outright whether a tip was useful or noise; for whom it was shown to.
    fn tip_feedback<'a>(&'a self, by: &'a Principal, id: TipId, useful: bool) -> Reply<'a, Tip>;
    /// Everything behind a tip; for whom it was shown to, and for owners.
    fn tip_why<'a>(&'a self, by: &'a Principal, id: TipId) -> Reply<'a, TipWhyView>;
    /// What the versions of the prompts brought.
    fn prompt_stats<'a>(&'a self, by: &'a Principal) -> Reply<'a, PromptStatsView>;
    /// Every policy with what came of it.
    fn ranking<'a>(&'a self, by: &'a Principal) -> Reply<'a, RankingView>;
    /// What the tip policies make of what could be shown next. Nothing is shown and no model is asked.
    fn ranking_scores<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, ScoresView>;
    /// What each policy's own choices brought each operator. One's own; of others for owners.
    fn ranking_stats<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, LearntStatsView>;
    /// What the policies saw of the last hundred decisions. Of tips one's own; of others for owners.
    fn ranking_features<'a>(&'a self, by: &'a Principal, request: LearntRequest) -> Reply<'a, FeaturesView>;
    /// Puts a promotion before an owner, as a card; refuses what the log does not prove.
    fn promote<'a>(&'a self, by: &'a Principal, request: PromoteRequest) -> Reply<'a, ProposalView>;
    /// Back to `rule-v1`, and to `egreedy-v1` for tips, at once.
    fn rollback<'a>(&'a self, by: &'a Principal) -> Reply<'a, PromotionView>;
    /// Begins anew with one operator, or with all; how many states that were.
    fn reset_ranking<'a>(&'a self, by: &'a Principal, operator: Option<OperatorId>) -> Reply<'a, u32>;
    /// Erases what was learnt of an operator, and their reactions.
    fn forget<'a>(&'a self, by: &'a Principal, operator: OperatorId) -> Reply<'a, ForgottenView>;
}

/// Wakeups: what is told at which hours.
pub trait Wakeups: Send + Sync {
    /// Every wakeup of the file in its order, those that are wrong too.
    fn wakeups<'a>(&'a self, by: &'a Principal) -> Reply<'a, Vec<WakeupView>>;
    /// Sets one at run time; as it is then. Approvers and owners.
    fn order_wakeup<'a>(&'a self, by: &'a Principal, order: WakeupOrder) -> Reply<'a, WakeupView>;
    /// What became of the due slots, newest first.
    fn wakeup_history<'a>(&'a self, by: &'a Principal, list: ListRequest) -> Reply<'a, Page<Occurrence>>;
}

/// What an adapter of a chat platform needs.
pub trait Frontend: Send + Sync {
    /// Takes what the platform told, with the platform's offset, in one durable commit. An id that was taken before is not taken
    /// again.
    fn accept_inbound(&self, channel: Channel, batch: Vec<Inbound>, checkpoint: Option<String>) -> Reply<'_, Accepted>;
    /// The platform's offset as last taken.
    fn checkpoint(&self, channel: Channel) -> Reply<'_, Option<String>>;
    /// What happens in the chats of `channel` from now on. Lossy: who is slow misses the oldest.
    fn live(&self, channel: Channel) -> Reply<'_, LiveStream>;
    /// A live message was sent: where it stands, so that a restart edits it instead of sending another.
    fn placed<'a>(&'a self, channel: Channel, chat: &'a str, key: &'a str, reference: &'a str) -> Reply<'a, ()>;
    /// How the adapter of `channel` is doing, and when it will say so again.
    fn report_health(&self, channel: Channel, health: FrontendHealth) -> Reply<'_, ()>;
    /// Resolves once something may be claimable on `channel`, or after `wait_ms`: no polling loop is needed.
    fn deliveries_ready(&self, channel: Channel, wait_ms: i64) -> Reply<'_, ()>;
    /// Leases up to `limit` owed messages of `channel` for `lease_ms`.
    fn claim_deliveries(&self, channel: Channel, lease_ms: i64, limit: u32) -> Reply<'_, Vec<ClaimedDelivery>>;
    /// Says what became of a leased message.
    fn confirm_delivery<'a>(&'a self, id: &'a DeliveryId, epoch: u64, report: DeliveryReport) -> Reply<'a, ()>;
}

/// The instance itself.
pub trait Admin: Send + Sync {
    /// The one-look summary.
    fn status<'a>(&'a self, by: &'a Principal) -> Reply<'a, StatusView>;
    /// Who the caller is taken for.
    fn whoami<'a>(&'a self, by: &'a Principal) -> Reply<'a, WhoamiView>;
    /// What it may do by itself, who said so, what is muted.
    fn control<'a>(&'a self, by: &'a Principal) -> Reply<'a, ControlView>;
    /// Sets the mode at run time. Owners only.
    fn set_mode<'a>(&'a self, by: &'a Principal, mode: ExecutionMode) -> Reply<'a, ControlView>;
    /// Stops all execution at once. Approvers and owners.
    fn halt<'a>(&'a self, by: &'a Principal, reason: Option<String>) -> Reply<'a, ControlView>;
    /// Goes on after a halt. Owners only.
    fn resume<'a>(&'a self, by: &'a Principal) -> Reply<'a, ControlView>;
    /// A code with which a person is let in from their chat. Owners only.
    fn pair<'a>(&'a self, by: &'a Principal, request: PairRequest) -> Reply<'a, PairCode>;
    /// Ends the pairing of an account in a chat, whoever it belongs to. Owners only.
    fn unpair<'a>(&'a self, by: &'a Principal, request: UnpairRequest) -> Reply<'a, Pairing>;
}

/// The brain as every surface sees it.
pub trait Gateway: Chat + Findings + Proposals + Ranking + Wakeups + Frontend + Admin {}

impl<T: Chat + Findings + Proposals + Ranking + Wakeups + Frontend + Admin> Gateway for T {}
