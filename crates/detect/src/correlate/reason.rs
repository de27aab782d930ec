//! The answer, and why. Wording is the business of whoever shows it.

use serde::{Deserialize, Serialize};

/// All candidates, most probable first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// One per candidate.
    pub ranked: Vec<Ranked>,
    /// That none of them is the cause.
    pub none_probability: f64,
}

/// One candidate with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The candidate's id.
    pub id: String,
    /// That it is the cause, 0..1.
    pub probability: f64,
    /// What speaks for and against it; its time first.
    pub reasons: Vec<Reason>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reason {
    /// It began to act this long before the onset.
    LeadTime {
        /// Milliseconds from acting to onset, not negative.
        lead_ms: i64,
    },
    /// It came after the onset by more than the onset is uncertain.
    AfterOnset {
        /// Milliseconds from onset to acting.
        by_ms: i64,
    },
    /// It was merged earlier and reached users then.
    WentLive {
        /// Unix milliseconds.
        at_ms: i64,
        /// The deploy that carried it, if known.
        by: Option<String>,
    },
    /// It touches files that the new errors name.
    FilesInErrors {
        /// The candidate's files that match, sorted.
        files: Vec<String>,
        /// Errors that name one of them.
        events: u64,
    },
    /// The new errors name files, and it touches none of them.
    FilesNotInErrors,
    /// Its title or files share words with what broke, or with the functions in its errors.
    NamesMatch {
        /// The shared words, sorted.
        words: Vec<String>,
    },
    /// Those who have the flag are hit and the others are not.
    FlagSplitConfirms {
        /// Observed over expected among the exposed.
        exposed_ratio: f64,
        /// Observed over expected among the others.
        unexposed_ratio: f64,
    },
    /// Those who have the flag are doing as expected.
    FlagUsersUnaffected {
        /// Observed over expected among the exposed.
        exposed_ratio: f64,
    },
    /// Those without the flag are hit as much.
    FlagSplitEven {
        /// Observed over expected among the exposed.
        exposed_ratio: f64,
        /// Observed over expected among the others.
        unexposed_ratio: f64,
    },
    /// It reaches too few users to do this much.
    RolloutTooSmall {
        /// Share of users it reaches.
        rollout: f64,
        /// Share that went missing.
        lost: f64,
    },
    /// It is the commit that failed.
    HeadCommit,
    /// A deploy whose contents are ranked by themselves.
    Carries {
        /// Ids of the candidates it made live.
        ids: Vec<String>,
    },
}
