//! From what an operator did to what a decision was worth.

use serde::{Deserialize, Serialize};
use wakeman_types::Interruption;

/// What an operator did about a finding or tip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reaction {
    /// Said it was useful.
    Useful,
    /// Said it was noise.
    Noise,
    /// Approved a proposal that came of it.
    Approved,
    /// Rejected a proposal that came of it: the repair was wrong, the finding need not have been.
    Rejected,
    /// Took it on.
    Acknowledged {
        /// How long after it was told.
        after_ms: i64,
    },
    /// Wanted quiet about it for a while.
    Snoozed,
    /// Wanted to hear no more of its kind.
    Muted,
}

const MINUTE_MS: f64 = 60_000.0;
/// An acknowledgement this fast says that it mattered at once.
const PROMPT_MINUTES: f64 = 5.0;
/// One that comes only after this long says that it could have waited.
const SLOW_MINUTES: f64 = 240.0;

impl Reaction {
    /// How much the finding was worth being told at once, from 0 to 1.
    pub fn worth(self) -> f64 {
        match self {
            Self::Useful | Self::Approved => 1.0,
            Self::Rejected => 0.6,
            Self::Acknowledged { after_ms } => {
                let minutes = (after_ms.max(0) as f64 / MINUTE_MS).clamp(PROMPT_MINUTES, SLOW_MINUTES);
                let late = (minutes / PROMPT_MINUTES).ln() / (SLOW_MINUTES / PROMPT_MINUTES).ln();
                1.0 - 0.5 * late
            }
            Self::Snoozed => 0.3,
            Self::Noise | Self::Muted => 0.0,
        }
    }

    /// Whether it says outright what the finding was worth; such a word outweighs everything else, whenever it comes.
    pub const fn is_a_word(self) -> bool {
        matches!(self, Self::Useful | Self::Noise | Self::Muted)
    }
}

/// What is known of a decision's worth by now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// No reaction yet, and there may still be one: it teaches nothing.
    Censored,
    /// The time for a reaction has passed without one. Never a reward of zero: it teaches how probable a reaction is, no more.
    Silent,
    /// The operator reacted.
    Known {
        /// See [`Reaction::worth`].
        worth: f64,
    },
}

/// How long a reaction is waited for.
pub const TIMEOUT_MS: i64 = 24 * 3_600_000;

/// What is known at `age_ms` after the telling. The last outright word counts, else the last reaction.
///
/// A reaction that comes after the time-out counts, too: then the outcome changes from silent to known.
pub fn outcome(reactions: &[Reaction], age_ms: i64) -> Outcome {
    let word = reactions.iter().rev().find(|reaction| reaction.is_a_word());
    match word.or(reactions.last()) {
        Some(reaction) => Outcome::Known { worth: reaction.worth() },
        None if age_ms < TIMEOUT_MS => Outcome::Censored,
        None => Outcome::Silent,
    }
}

/// The reward from 0 to 1 of an arm for a finding of some worth.
///
/// Interrupting pays what the finding was worth. The digest is in between, so interrupting pays from a worth of 0.36 on: to miss
/// something useful is worse than to be disturbed once. Silence pays more than the digest below 0.08.
pub fn reward(arm: Interruption, worth: f64) -> f64 {
    match arm {
        Interruption::Now => worth,
        Interruption::Digest => 0.285 + 0.2 * worth,
        Interruption::Silent => 0.33 * (1.0 - worth),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worth_of_reactions_by_table() {
        let ack = |minutes: i64| Reaction::Acknowledged { after_ms: minutes * 60_000 };
        let table = [
            (Reaction::Useful, 1.0),
            (Reaction::Approved, 1.0),
            (Reaction::Rejected, 0.6),
            (Reaction::Snoozed, 0.3),
            (Reaction::Noise, 0.0),
            (Reaction::Muted, 0.0),
            (ack(-3), 1.0),
            (ack(5), 1.0),
            (ack(240), 0.5),
            (ack(9999), 0.5),
        ];
        for (reaction, want) in table {
            assert!((reaction.worth() - want).abs() < 1e-12, "{reaction:?}");
        }
        assert!(ack(20).worth() > ack(60).worth());
    }

    #[test]
    fn silence_is_censored_then_silent_and_never_zero() {
        assert_eq!(outcome(&[], TIMEOUT_MS - 1), Outcome::Censored);
        assert_eq!(outcome(&[], TIMEOUT_MS), Outcome::Silent);
        assert_eq!(outcome(&[Reaction::Noise], TIMEOUT_MS * 9), Outcome::Known { worth: 0.0 });
        let late_word = [Reaction::Acknowledged { after_ms: 0 }, Reaction::Noise, Reaction::Rejected];
        assert_eq!(outcome(&late_word, 0), Outcome::Known { worth: 0.0 });
    }

    #[test]
    fn each_arm_pays_best_where_it_should() {
        use Interruption::{Digest, Now, Silent};
        for (worth, best) in [(1.0, Now), (0.4, Now), (0.25, Digest), (0.12, Digest), (0.05, Silent)] {
            let pays = [Now, Digest, Silent].map(|arm| (reward(arm, worth), arm));
            let most = pays.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            assert_eq!(most.1, best, "{worth}");
        }
    }
}
