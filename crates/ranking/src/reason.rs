//! Why a finding did or did not interrupt, in three words.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The deciding reason of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Critical findings always interrupt.
    Critical,
    /// The operator wants quiet.
    QuietHours,
    /// The week's alarm budget is used up.
    BudgetSpent,
    /// Large, sure and new.
    LargeAndSure,
    /// For information only.
    Information,
    /// It could well be chance.
    WeakEvidence,
    /// Too small to matter now.
    SmallEffect,
    /// Told before.
    ToldBefore,
    /// The operator was interrupted only just now.
    JustInterrupted,
    /// It began long ago.
    NotNew,
    /// This operator seldom found its kind useful.
    RarelyUseful,
    /// The operator found the like useful.
    LearntUseful,
    /// The operator found the like to be noise.
    LearntNoise,
    /// The opposite of the rule, to learn from.
    Exploring,
}

impl Reason {
    /// Three words for a digest line.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Critical => "critical always interrupts",
            Self::QuietHours => "during quiet hours",
            Self::BudgetSpent => "alarm budget spent",
            Self::LargeAndSure => "large and sure",
            Self::Information => "for information only",
            Self::WeakEvidence => "evidence still weak",
            Self::SmallEffect => "effect quite small",
            Self::ToldBefore => "already told before",
            Self::JustInterrupted => "just interrupted you",
            Self::NotNew => "began long ago",
            Self::RarelyUseful => "rarely useful before",
            Self::LearntUseful => "usually found useful",
            Self::LearntNoise => "usually found noise",
            Self::Exploring => "tried for learning",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
