//! What can be asked for in a conversation, and which class of the catalogue does it.

use wakeman_types::Finding;

use super::catalogue::{
    ActionClass, Annotate, Comment, MergePr, OpenIssue, OpenPr, PostWebhook, Promote, PromotePolicy, RerunFailedJobs,
    RevertPr, Rollback, SetFlag, SetMode, SetMute, SetWakeup, UpdateErrorIssue,
};
use crate::{config::ExecutionMode, wake::AddedWakeup};

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WishKind {
    /// Reverting a merged pull request.
    Revert,
    /// Merging an open one.
    Merge,
    /// Opening an issue.
    Issue,
    /// Setting a feature flag.
    Flag,
    /// Running the failed jobs of a run again.
    Rerun,
    /// Rolling production back.
    Rollback,
    /// Commenting on an issue or pull request.
    Comment,
    /// The playbook that turns a flag off and annotates that.
    FlagOffAndAnnotate,
    /// Muting what a finding is about, or no longer.
    Mute,
    /// Setting the mode.
    Mode,
    /// Pausing, resuming or adding a wakeup.
    Wakeup,
    /// Letting a shadow policy decide.
    Promote,
    /// Opening a pull request of whole files.
    Patch,
    /// A note on the time axis.
    Annotate,
    /// Setting the status of an error.
    ErrorStatus,
    /// Letting production show a deployment.
    Deployment,
    /// Posting to a webhook of the settings.
    Webhook,
}

impl WishKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Revert,
        Self::Merge,
        Self::Issue,
        Self::Flag,
        Self::Rerun,
        Self::Rollback,
        Self::Comment,
        Self::FlagOffAndAnnotate,
        Self::Mute,
        Self::Mode,
        Self::Wakeup,
        Self::Promote,
        Self::Patch,
        Self::Annotate,
        Self::ErrorStatus,
        Self::Deployment,
        Self::Webhook,
    ];

    /// The class that decides whether it can be proposed here.
    pub(super) const fn class(self) -> &'static dyn ActionClass {
        match self {
            Self::Revert => &RevertPr,
            Self::Merge => &MergePr,
            Self::Issue => &OpenIssue,
            Self::Flag | Self::FlagOffAndAnnotate => &SetFlag,
            Self::Rerun => &RerunFailedJobs,
            Self::Rollback => &Rollback,
            Self::Comment => &Comment,
            Self::Mute => &SetMute,
            Self::Mode => &SetMode,
            Self::Wakeup => &SetWakeup,
            Self::Promote => &PromotePolicy,
            Self::Patch => &OpenPr,
            Self::Annotate => &Annotate,
            Self::ErrorStatus => &UpdateErrorIssue,
            Self::Deployment => &Promote,
            Self::Webhook => &PostWebhook,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Revert a merged pull request, then merge the revert.
    Revert {
        /// Its number.
        number: u64,
    },
    /// Merge an open pull request at its present head.
    Merge {
        /// Its number.
        number: u64,
    },
    /// Open an issue.
    Issue {
        /// Its title.
        title: String,
        /// Its text.
        body: String,
    },
    /// Set a feature flag.
    Flag {
        /// Its key.
        key: String,
        /// On or off.
        active: bool,
        /// Share of users it applies to, 0–1; `None` leaves it.
        rollout: Option<f64>,
    },
    /// Run the failed jobs of a workflow run again.
    Rerun {
        /// The run's id.
        run: u64,
    },
    /// Roll production back to what it showed before.
    Rollback,
    /// Roll production back from what it shows to exactly this deployment.
    RollbackTo {
        /// The deployment's id.
        deployment: String,
        /// The one that production must still show.
        from: String,
    },
    /// Comment on an issue or pull request.
    Comment {
        /// Its number.
        number: u64,
        /// What to say.
        body: String,
    },
    /// Turn a flag off, then annotate that.
    FlagOffAndAnnotate {
        /// Its key.
        key: String,
    },
    /// Mute what a finding is about.
    Mute {
        /// The finding.
        finding: Box<Finding>,
        /// For how many milliseconds; `None`: lift its mute.
        for_ms: Option<i64>,
    },
    /// Set the mode.
    Mode {
        /// To what.
        mode: ExecutionMode,
    },
    /// Pause or resume a wakeup.
    Wakeup {
        /// Its id.
        id: String,
        /// Which of the two.
        paused: bool,
    },
    /// Add a wakeup.
    AddWakeup {
        /// What, and when.
        added: AddedWakeup,
    },
    /// Let a shadow policy decide.
    Promote {
        /// Which.
        policy: String,
    },
    /// Let `rule-v1` decide again in place of a policy.
    Demote {
        /// Which.
        policy: String,
    },
    /// Open a pull request of whole files into the branch that is deployed.
    Patch {
        /// Paths and whole texts; `None` removes the file.
        files: Vec<(String, Option<String>)>,
        /// Its title.
        title: String,
        /// Its text.
        body: String,
    },
    /// Note something on the time axis, now.
    Annotate {
        /// What.
        content: String,
    },
    /// Set the status of an error.
    ErrorStatus {
        /// The error's id.
        issue: String,
        /// The status.
        status: String,
    },
    /// Let production show this deployment.
    Deployment {
        /// Its id.
        id: String,
    },
    /// Post to a webhook of the settings.
    Webhook {
        /// Its name there.
        name: String,
        /// What is sent.
        payload: serde_json::Map<String, serde_json::Value>,
    },
}

impl Wish {
    /// Where the world is read for it.
    pub(super) const fn source(&self) -> &'static str {
        match self {
            Self::Flag { .. } | Self::FlagOffAndAnnotate { .. } | Self::Annotate { .. } | Self::ErrorStatus { .. } => {
                "PostHog"
            }
            Self::Rollback | Self::RollbackTo { .. } | Self::Deployment { .. } => "Vercel",
            Self::Webhook { .. } => "the settings",
            Self::Mute { .. }
            | Self::Mode { .. }
            | Self::Wakeup { .. }
            | Self::AddWakeup { .. }
            | Self::Promote { .. }
            | Self::Demote { .. } => "Wakeman's database",
            Self::Revert { .. }
            | Self::Merge { .. }
            | Self::Issue { .. }
            | Self::Rerun { .. }
            | Self::Patch { .. }
            | Self::Comment { .. } => "GitHub",
        }
    }
}
