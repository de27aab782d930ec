//! View models: the data of every message a person sees. `present` words them, once, for every surface.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Change, Channel, ControlView, DeliveryId, Finding, FindingId, HaltSet, Identity, Interruption, ModeSet, Occurrence,
    Page, Pairing, Proposal, ProposalId, RankingView, RankingWhy, Severity, Thread, ThreadId, ThreadView, Timestamp,
    TipView, TipWhyView, TurnId, TurnState, VerificationResult, WakeupView,
};

/// Why a finding is said now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingNews {
    /// It was just opened.
    New,
    /// It got worse since it was said.
    Escalated,
    /// Something else shows the same problem.
    Joined,
    /// It came back after it was resolved.
    Reopened,
    /// Nobody reacted when it was told.
    Unanswered,
    /// Somebody asked for it.
    Asked,
}

/// A finding as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindingView {
    /// The finding.
    pub finding: Finding,
    /// Why it is shown.
    pub news: FindingNews,
    /// The proposal that would repair it, where there is one.
    pub proposal: Option<ProposalId>,
    /// What can be proposed against its likely cause: `Propose revert of #482`.
    pub repair: Option<String>,
}

/// A finding that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryView {
    /// The finding, resolved.
    pub finding: Finding,
    /// The proposal that is credited, if one ran.
    pub proposal: Option<ProposalId>,
}

/// A proposal as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalView {
    /// The proposal.
    pub proposal: Proposal,
}

/// What became of a proposal, in the thread it was shown in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettledView {
    /// The proposal in its new state.
    pub proposal: Proposal,
    /// The finding it was for, as it stands.
    pub finding: Option<Finding>,
    /// What the check found, once it has.
    pub verification: Option<VerificationResult>,
}

/// A source that does not answer, or answers again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceNotice {
    /// `PostHog`, `GitHub`, …
    pub source: String,
    /// Since when it has not answered; `None`: it answers again.
    pub silent_since: Option<Timestamp>,
    /// What it said, shortened.
    pub reason: String,
    /// When it will be asked again.
    pub next_try: Option<Timestamp>,
    /// How many metrics are unknown meanwhile.
    pub metrics: u32,
}

/// One line of a digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DigestLine {
    /// The finding.
    pub finding: Finding,
    /// Why it did not interrupt, in three words.
    pub reason: String,
}

/// The findings that did not interrupt, ranked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DigestView {
    /// Most important first.
    pub lines: Vec<DigestLine>,
    /// Start of the time it covers.
    pub since: Timestamp,
}

/// One thing that changed since the last brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum BriefLine {
    /// A finding that was opened, got worse, came back or is over.
    Finding {
        /// The finding, without its series.
        finding: Box<Finding>,
    },
    /// A proposal in a new state.
    Proposal {
        /// The proposal.
        proposal: Box<Proposal>,
    },
    /// A source that does not answer, or answers again.
    Source {
        /// `posthog`, `github`, …
        source: String,
        /// Whether it does not answer.
        silent: bool,
        /// When it last answered.
        last_success: Option<Timestamp>,
        /// What it said, shortened.
        reason: String,
    },
    /// What was merged, deployed, released or switched.
    Changes {
        /// How many.
        count: u32,
        /// The newest of them, without their files.
        newest: Vec<Change>,
    },
}

/// What a wakeup tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BriefView {
    /// What people call the wakeup.
    pub title: String,
    /// The end of what the last brief covered.
    pub since: Timestamp,
    /// What changed, most important first. None: nothing did, which is a complete brief.
    pub lines: Vec<BriefLine>,
    /// A model's words about it.
    pub note: Option<String>,
    /// The prompt the note was asked with: `morning-brief/v1`.
    pub prompt: Option<String>,
    /// Why there is no note, where one was to be had.
    pub no_model: Option<String>,
    /// Whether the note answers a person's own question: it is shown whole.
    #[serde(default)]
    pub own: bool,
    /// That most of the wakeup's share of the model budget is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// The slot: `<wakeup id>@<due, Unix milliseconds>`.
    pub occurrence: String,
}

/// A plain line from Wakeman itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeView {
    /// The words.
    pub text: String,
}

/// What a model says of a finding, set apart from what is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelNoteView {
    /// The finding.
    pub finding: FindingId,
    /// The model's words. Never rendered live.
    pub text: String,
    /// The prompt that was used: `explain-finding/v1`.
    pub prompt_version: String,
}

/// So many findings at once that they are told as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StormView {
    /// How many up to now.
    pub count: u32,
    /// When the first came.
    pub since: Timestamp,
    /// The worst of them, without its series.
    pub worst: Box<Finding>,
}

/// Everything that can be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "view", rename_all = "snake_case")]
pub enum View {
    /// A finding.
    Finding(Box<FindingView>),
    /// A finding is over.
    Recovery(Box<RecoveryView>),
    /// A card that asks for a decision.
    Proposal(Box<ProposalView>),
    /// What became of a card.
    Settled(Box<SettledView>),
    /// A source went silent or came back.
    Source(SourceNotice),
    /// What did not interrupt.
    Digest(DigestView),
    /// What a wakeup tells.
    Brief(Box<BriefView>),
    /// The one thing worth doing next.
    Tip(Box<TipView>),
    /// Many findings at once.
    Storm(StormView),
    /// A plain line.
    Notice(NoticeView),
    /// What a model says of a finding.
    ModelNote(ModelNoteView),
    /// Asks why a proposal was rejected.
    AskReason(AskReasonView),
    /// One look at everything.
    Status(Box<StatusView>),
    /// A page of findings.
    Findings(Page<Finding>),
    /// A page of proposals.
    Proposals(Page<Proposal>),
    /// A card with the exact payload behind it.
    Details(Box<ProposalView>),
    /// Everything behind a finding.
    Why(Box<WhyView>),
    /// Everything behind a tip.
    TipWhy(Box<TipWhyView>),
    /// What it may do by itself.
    Control(Box<ControlView>),
    /// What was learnt of interrupting.
    Ranking(Box<RankingView>),
    /// The wakeups.
    Wakeups(WakeupsView),
    /// What became of due slots.
    Occurrences(Page<Occurrence>),
    /// A page of conversations.
    Threads(Page<Thread>),
    /// One conversation.
    Thread(Box<ThreadView>),
    /// Who the asker is taken for.
    Whoami(WhoamiView),
    /// The words there are.
    Help,
    /// The answer of a turn.
    Answer(AnswerView),
}

/// Asks why a proposal was rejected: it is already, and whoever answers this message gives the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskReasonView {
    /// The proposal.
    pub proposal: ProposalId,
}

/// The wakeups, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WakeupsView {
    /// Each of them, those that are wrong too.
    pub items: Vec<WakeupView>,
}

/// The answer of a turn, as a message of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerView {
    /// The whole answer, with what it rests on.
    pub text: String,
    /// The turn that it ends.
    pub answer: TurnId,
    /// How it ended.
    pub state: TurnState,
}

/// Why something was said: everything behind a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhyView {
    /// The finding with its causes and evidence.
    pub finding: Finding,
    /// The policy that chose how to tell.
    pub policy: String,
    /// What it chose.
    pub interruption: Interruption,
    /// The probability with which it chose that, 0–1.
    pub propensity: f64,
    /// The policy's reason in a few words.
    pub reason: String,
    /// The features it saw, by name.
    pub features: Vec<(String, f64)>,
    /// Proposals made for it.
    pub proposals: Vec<ProposalId>,
    /// What was learnt of it, and from what.
    #[serde(default)]
    pub ranking: RankingWhy,
}

/// How one source or component is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentView {
    /// `posthog`, `github`, `store`, …
    pub name: String,
    /// Whether credentials and settings for it exist.
    pub configured: bool,
    /// Whether it worked the last time.
    pub ok: bool,
    /// Whether somebody should look at it although nothing of the instance fails by it.
    #[serde(default)]
    pub attention: bool,
    /// When it last worked.
    pub last_success: Option<Timestamp>,
    /// What a person should know: the remedy when it is not fine.
    pub detail: String,
}

/// What models cost today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelView {
    /// US dollars that may be spent a day.
    pub budget_usd: f64,
    /// US dollars spent today.
    pub spent_usd: f64,
    /// US dollars put aside for calls under way.
    pub reserved_usd: f64,
    /// Tokens read and written today.
    pub tokens: u64,
    /// When the next day begins.
    pub resets_at: Timestamp,
}

/// The one-look summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// The instance's name.
    pub instance: String,
    /// The program's version.
    pub version: String,
    /// What is watched: `acme/app`.
    pub watching: String,
    /// `observe`, `propose` or `execute`: the mode that holds.
    pub mode: String,
    /// Who set it at run time; `None`: it is the settings'.
    #[serde(default)]
    pub mode_set: Option<ModeSet>,
    /// Set while all execution is stopped.
    #[serde(default)]
    pub halt: Option<HaltSet>,
    /// Subjects that are muted.
    #[serde(default)]
    pub mutes: u32,
    /// Findings that are not over.
    pub open_findings: u64,
    /// Proposals that wait for a decision.
    pub awaiting: u64,
    /// Sources and other components.
    pub components: Vec<ComponentView>,
    /// Interruptions in the last seven days, critical ones apart.
    pub interruptions: u32,
    /// Those by critical findings, which use up no budget.
    #[serde(default)]
    pub critical_interruptions: u32,
    /// How many are allowed in seven days.
    pub alarm_budget: u32,
    /// Messages that could not be delivered, of the last month.
    #[serde(default)]
    pub undelivered: u64,
    /// What models cost today; `None`: no model is configured.
    #[serde(default)]
    pub model: Option<ModelView>,
    /// Accounts in chats that were let in at run time.
    #[serde(default)]
    pub pairings: Vec<Pairing>,
    /// When a wakeup is next due.
    #[serde(default)]
    pub next_wakeup: Option<Timestamp>,
    /// Set while the database is damaged: it is read as far as that goes, and nothing is written, watched or run.
    #[serde(default)]
    pub safe_mode: Option<SafeMode>,
    /// The time this was true.
    pub as_of: Timestamp,
    /// The zone times are shown in.
    pub timezone: String,
    /// Settings that were not understood, each with a suggestion.
    pub warnings: Vec<String>,
}

/// A damaged database, and how to get a sound one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SafeMode {
    /// What is wrong, with the file.
    pub reason: String,
    /// What to do, step by step, commands ready to copy.
    pub steps: Vec<String>,
    /// Not even the counts of the summary can be read: they are unknown, not zero.
    #[serde(default)]
    pub unread: bool,
}

/// Who the gateway takes the caller for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoamiView {
    /// Principal, operator and role.
    pub identity: Identity,
    /// Whether settings name this operator.
    pub listed: bool,
    /// How this account was let in, if at run time; `None`: settings name it, or it is the machine's own.
    #[serde(default)]
    pub paired: Option<Pairing>,
}

/// How strictly a delivery must arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryClass {
    /// At least once, with a visible id.
    Alert,
    /// A card: resent at most once, marked.
    Card,
    /// Anything else.
    Note,
}

/// One message owed to one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Which frontend sends it.
    pub channel: Channel,
    /// Which chat there; `local` for the terminal.
    pub chat: String,
    /// The conversation it belongs to.
    pub thread: Option<ThreadId>,
    /// How strictly it must arrive.
    pub class: DeliveryClass,
    /// How bad the thing it tells of is.
    pub severity: Severity,
    /// The finding it tells of.
    pub finding: Option<FindingId>,
    /// What it says.
    pub view: View,
    /// Deliveries of one chat with the same key are one message on the screen: `finding:F-1`, `proposal:P-3`, `turn:<id>`.
    #[serde(default)]
    pub key: Option<String>,
    /// It replies to the message with this key.
    #[serde(default)]
    pub reply_key: Option<String>,
    /// It only brings up to date a message that stands there, unasked. Where somebody deleted that message there is nothing to say: one in
    /// its place would ring, at night too.
    #[serde(default)]
    pub refresh: bool,
    /// The channel that it was owed on first and that did not confirm it.
    #[serde(default)]
    pub instead_of: Option<Channel>,
    /// Its channel was known not to work when it was owed: whoever has a fallback was told there with it.
    #[serde(default)]
    pub told_elsewhere: bool,
    /// When it was committed.
    pub created_at: Timestamp,
}
