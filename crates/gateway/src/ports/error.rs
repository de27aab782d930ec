//! How reading and acting can fail, as far as the brain must tell the cases apart.

use wakeman_types::Timestamp;

/// Why a source could not be read. What it would have said is then *unknown*, never zero.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// It asks us to wait.
    #[error("{reason}")]
    Limited {
        /// What it said, shortened, e.g. `429, throttled`.
        reason: String,
        /// How long it wants us to wait, where it says.
        wait_ms: Option<i64>,
    },
    /// It does not answer, or answers with a fault of its own.
    #[error("{reason}")]
    Unavailable {
        /// What happened, e.g. `502`, `no answer within 10 s`.
        reason: String,
    },
    /// It does not accept our credential, or the credential lacks a scope.
    #[error("{reason}; {remedy}")]
    Denied {
        /// What it said.
        reason: String,
        /// What a person can do about it.
        remedy: String,
    },
    /// It answered something else than was agreed.
    #[error("{reason}")]
    Shape {
        /// Which field of which answer.
        reason: String,
    },
    /// What we ask for does not exist or is not understood there: settings are wrong.
    #[error("{reason}; {remedy}")]
    Rejected {
        /// What it said.
        reason: String,
        /// What a person can do about it.
        remedy: String,
    },
}

impl SourceError {
    /// How long the source asked us to wait.
    pub const fn wait_ms(&self) -> Option<i64> {
        match self {
            Self::Limited { wait_ms, .. } => *wait_ms,
            _ => None,
        }
    }
}

/// How a call with an effect can end badly. The distinction decides whether it may be tried again.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HandsError {
    /// It certainly did not happen, and may be tried again later.
    #[error("{reason}")]
    NotDone {
        /// What happened.
        reason: String,
        /// Not before then, where the remote says.
        not_before: Option<Timestamp>,
    },
    /// It did not happen and trying again cannot help.
    #[error("{reason}")]
    Permanent {
        /// What the remote said, with the way on.
        reason: String,
    },
    /// The world is not as it was when the proposal was made.
    #[error("{reason}")]
    Precondition {
        /// What differs.
        reason: String,
    },
    /// It may or may not have happened.
    #[error("{reason}")]
    InDoubt {
        /// What happened.
        reason: String,
    },
}
