//! Proposals: suggested side effects, bound to the digest of their exact payload.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Entity, FindingId, OperatorId, Principal, ProposalId, ThreadId, Timestamp};

/// What would be done, exactly. The digest covers all four fields and the instance's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// Its class in the catalogue: `github.revert_pr`, `posthog.set_flag`, `plan`, …
    pub kind: String,
    /// What it acts on, e.g. `{"repository": "acme/app"}`.
    pub target: Value,
    /// Its parameters; the class has a JSON Schema for them.
    pub arguments: Value,
    /// The state of the target it was drafted against; re-checked just before execution.
    pub revision: Value,
}

/// Lower-case hex SHA-256 of a payload's canonical JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Wraps 64 hex digits that the gateway computed.
    pub fn new(hex: impl Into<String>) -> Self {
        Self(hex.into())
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits: what a card shows.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }

    /// Whether `given` (12 or more digits, any case) is this digest or a prefix of it.
    pub fn matches(&self, given: &str) -> bool {
        let given = given.trim().to_ascii_lowercase();
        given.len() >= 12 && self.0.starts_with(&given)
    }
}

/// One line of a card: what happens, and the condition it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepText {
    /// `open PR on wakeman/P-31 restoring 3 files to 9c1e0d4`.
    pub text: String,
    /// `nothing touched them since`.
    pub note: String,
}

/// The words of a card, made by code from the payload and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardText {
    /// `Revert #482 on acme/app, then merge the revert`.
    pub title: String,
    /// One line a step.
    pub steps: Vec<StepText>,
    /// How to take it back.
    pub undo: String,
    /// What is checked afterwards.
    pub check: String,
}

/// Where a proposal is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Being put together; nobody has seen it.
    Drafted,
    /// Shown, waiting for a decision: about all of it, or about the next step of a plan that is approved step by step.
    Pending,
    /// Enough people said yes; not begun.
    Approved,
    /// Somebody said no.
    Rejected,
    /// The window closed.
    Expired,
    /// A newer one took its place.
    Superseded,
    /// At least one step has begun.
    Executing,
    /// Every step is done; the check is still to come.
    Succeeded,
    /// A step could not be done; nothing is under way.
    Failed,
    /// It is not known whether a step took effect; a person must look.
    NeedsReview,
    /// The check says it helped.
    Verified,
    /// The check says it did not help.
    NotRecovered,
}

impl ProposalState {
    /// Every state, for tables.
    pub const ALL: [Self; 12] = [
        Self::Drafted,
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Superseded,
        Self::Executing,
        Self::Succeeded,
        Self::Failed,
        Self::NeedsReview,
        Self::Verified,
        Self::NotRecovered,
    ];

    /// The name used in files and filters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drafted => "drafted",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Executing => "executing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NeedsReview => "needs_review",
            Self::Verified => "verified",
            Self::NotRecovered => "not_recovered",
        }
    }
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Run exactly what was shown.
    Approve,
    /// Do not.
    Reject,
}

/// One operator's word on a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// Who decided.
    pub operator: OperatorId,
    /// As whom the transport proved them.
    pub principal: Principal,
    /// Yes or no.
    pub verdict: Verdict,
    /// Their words, if any.
    pub reason: Option<String>,
    /// The only step of a plan that it is for; `None`: all that was left then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// When.
    pub at: Timestamp,
}

impl Decision {
    /// Whether it is a yes that counts for this step.
    pub fn allows(&self, step: u32) -> bool {
        self.verdict == Verdict::Approve && self.step.is_none_or(|only| only == step)
    }
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The remote confirmed it.
    Done {
        /// What the remote answered, for later steps and people: `{"number": 483, "head_sha": "…"}`.
        output: Value,
    },
    /// It did not and will not happen.
    Failed {
        /// Why, with the way on.
        reason: String,
    },
    /// The remote was asked and may or may not have done it.
    Unknown {
        /// What is in doubt.
        reason: String,
    },
}

/// The intent to run one step and, later, its recorded outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Position in the plan, from 1.
    pub number: u32,
    /// What this step does.
    pub action: Action,
    /// Set when the intent was committed, before the first call.
    pub intended_at: Option<Timestamp>,
    /// The key that makes a repeated call harmless, where the remote has one.
    pub idempotency_key: Option<String>,
    /// Calls begun so far.
    pub tries: u32,
    /// Not tried (again) before then: the remote asked to wait, or something it depends on is not ready.
    pub not_before: Option<Timestamp>,
    /// Why it waits.
    pub waiting_for: Option<String>,
    /// Since when it waits and is looked at.
    #[serde(default)]
    pub waiting_since: Option<Timestamp>,
    /// Set when the outcome was recorded.
    pub settled_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: Option<Outcome>,
}

/// A suggested side effect, waiting for or past its decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// `P-31`.
    pub id: ProposalId,
    /// What would be done.
    pub action: Action,
    /// What an approval is bound to.
    pub digest: Digest,
    /// The card's words.
    pub card: CardText,
    /// Where in its life.
    pub state: ProposalState,
    /// The finding it would repair.
    pub finding: Option<FindingId>,
    /// The conversation it belongs to.
    pub thread: ThreadId,
    /// Who asked for it.
    pub requested_by: Principal,
    /// Who may decide, by name, when it was drafted.
    pub approvers: Vec<OperatorId>,
    /// How many of them must say yes.
    pub needed: u8,
    /// When it was drafted.
    pub created_at: Timestamp,
    /// When the window closes.
    pub expires_at: Timestamp,
    /// Every decision so far, in order.
    pub decisions: Vec<Decision>,
    /// The steps to run; one for a single action.
    pub steps: Vec<Step>,
    /// When it reached its present state.
    pub state_since: Timestamp,
    /// Why it failed, is in doubt, or did not help.
    pub note: Option<String>,
}

impl Proposal {
    /// The first step without an outcome; `None`: there is none left.
    pub fn next_step(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.outcome.is_none())
    }

    /// Whether a step has come to something, though perhaps not all of them.
    pub fn has_begun(&self) -> bool {
        self.steps.iter().any(|step| step.outcome.is_some())
    }

    /// Distinct people that said yes to the step that is next; once none is left, to the last.
    pub fn approvals(&self) -> usize {
        let step = self.next_step().or(self.steps.last());
        self.approvals_of(step.map_or(1, |step| step.number))
    }

    /// Whether enough people said yes to this step.
    pub fn is_approved(&self, step: u32) -> bool {
        self.approvals_of(step) >= usize::from(self.needed.max(1))
    }

    fn approvals_of(&self, step: u32) -> usize {
        let mut people: Vec<&Decision> = Vec::new();
        for yes in self.decisions.iter().filter(|d| d.allows(step)) {
            // Each operator once, and each account once, whoever's it was at the time.
            if !people.iter().any(|one| one.operator == yes.operator || one.principal == yes.principal) {
                people.push(yes);
            }
        }
        people.len()
    }
}

impl Entity for Proposal {
    const KIND: &'static str = "proposal";

    fn entity_id(&self) -> String {
        self.id.to_string()
    }

    fn state_name(&self) -> &str {
        self.state.name()
    }

    fn parent_id(&self) -> Option<String> {
        self.finding.map(|id| id.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.id.number() as i64
    }
}

/// The check that a repair helped, waiting for its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// The proposal whose effect is checked.
    pub proposal: ProposalId,
    /// The finding whose subject must come back; `None`: only the outcome itself is checked.
    pub finding: Option<FindingId>,
    /// When the last step took effect.
    pub began_at: Timestamp,
    /// After this the answer is "did not recover".
    pub deadline: Timestamp,
    /// What came of it; `None` while it runs.
    pub result: Option<VerificationResult>,
}

/// What the check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerificationResult {
    /// Back inside the expected band.
    Recovered,
    /// Still outside it at the deadline.
    NotRecovered,
    /// The source could not be read; not the same as recovered.
    Unknown,
}

impl Entity for Verification {
    const KIND: &'static str = "verification";

    fn entity_id(&self) -> String {
        self.proposal.to_string()
    }

    fn state_name(&self) -> &str {
        match self.result {
            None => "waiting",
            // Made once more when its source answers again.
            Some(VerificationResult::Unknown) => "unknown",
            Some(_) => "done",
        }
    }

    fn parent_id(&self) -> Option<String> {
        self.finding.map(|id| id.to_string())
    }

    fn sort_key(&self) -> i64 {
        self.began_at.ms()
    }
}
