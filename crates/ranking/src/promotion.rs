//! May the shadow decide? The conditions, the stages, and the way back.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::ope::DifferenceBound;

/// What is known when a promotion is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// V(shadow) − V(active), from the log.
    pub difference: DifferenceBound,
    /// Effective sample size of the shadow's weights.
    pub ess: f64,
    /// Share of unforced decisions in which shadow and active prefer the same, 0 to 1.
    pub agreement: f64,
    /// Interruptions a week the shadow would have made, critical ones apart.
    pub interruptions_per_week: f64,
    /// The alarm budget.
    pub budget_per_week: f64,
}

/// What a promotion needs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Requirements {
    /// The lower bound of the difference must be above this.
    pub lower_bound: f64,
    /// Smallest effective sample size.
    pub ess: f64,
    /// Smallest agreement: below it the log says too little about what the shadow would do.
    pub agreement: f64,
}

impl Requirements {
    /// What the product asks for.
    pub const DEFAULT: Self = Self { lower_bound: 0.0, ess: 100.0, agreement: 0.5 };
}

/// One condition of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It is better, surely.
    LowerBound,
    /// The log is long enough for it.
    SampleSize,
    /// It mostly does what was tried.
    Agreement,
    /// It stays within the alarm budget.
    Safety,
}

/// One condition, judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Which.
    pub condition: Condition,
    /// Whether it holds.
    pub holds: bool,
    /// What there is.
    pub found: f64,
    /// What is needed: at least, for safety at most, for the lower bound more.
    pub needed: f64,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, needed) = (self.found, self.needed);
        match (self.condition, self.holds) {
            (Condition::LowerBound, true) => write!(f, "better by at least {found:.3}"),
            (Condition::LowerBound, false) if found > needed => {
                write!(
                    f,
                    "not surely better: what it brings has changed, to {found:.3} by now; wait until that is settled"
                )
            }
            (Condition::LowerBound, false) => {
                write!(
                    f,
                    "not proven better: by what is known the gain may be as low as {found:+.3}; it must be above {needed:+.3}"
                )
            }
            (Condition::SampleSize, true) => write!(f, "evidence enough: worth {found:.0} decisions"),
            (Condition::SampleSize, false) => {
                write!(f, "too little evidence: worth {found:.0} decisions, {needed:.0} are needed")
            }
            (Condition::Agreement, holds) => {
                write!(f, "agrees with the active policy in {:.0} % of decisions", found * 100.0)?;
                if holds { Ok(()) } else { write!(f, ", {:.0} % are needed", needed * 100.0) }
            }
            (Condition::Safety, _) => {
                write!(f, "would interrupt {found:.1} times a week, {needed:.1} are allowed")
            }
        }
    }
}

/// All conditions, judged; in a fixed order. A number that is none fails its condition.
pub fn judge(evidence: &Evidence, needs: &Requirements) -> [Judged; 4] {
    let judged = |condition, holds, found, needed| Judged { condition, holds, found, needed };
    let (lower, upper, mean) =
        (evidence.difference.bound.lower, evidence.difference.bound.upper, evidence.difference.estimate);
    // An interval that its own estimate has left is about what is no longer so.
    let inside = lower <= mean && mean <= upper;
    let surely = if inside || lower.is_nan() { lower } else { mean };
    let (weekly, budget) = (evidence.interruptions_per_week, evidence.budget_per_week);
    [
        judged(Condition::LowerBound, inside && lower > needs.lower_bound, surely, needs.lower_bound),
        judged(Condition::SampleSize, evidence.ess >= needs.ess, evidence.ess, needs.ess),
        judged(Condition::Agreement, evidence.agreement >= needs.agreement, evidence.agreement, needs.agreement),
        judged(Condition::Safety, weekly <= budget, weekly, budget),
    ]
}

/// The conditions that fail; empty where a promotion may be proposed.
pub fn refusals(evidence: &Evidence, needs: &Requirements) -> Vec<Judged> {
    judge(evidence, needs).into_iter().filter(|judged| !judged.holds).collect()
}

/// How far a promoted policy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It decides nothing.
    Shadow,
    /// One decision in ten.
    Tenth,
    /// One in two.
    Half,
    /// All.
    Whole,
}

impl Stage {
    /// The share of decisions that are its own.
    pub const fn share(self) -> f64 {
        match self {
            Self::Shadow => 0.0,
            Self::Tenth => 0.1,
            Self::Half => 0.5,
            Self::Whole => 1.0,
        }
    }

    /// The stage after this.
    pub const fn next(self) -> Self {
        match self {
            Self::Shadow => Self::Tenth,
            Self::Tenth => Self::Half,
            Self::Half | Self::Whole => Self::Whole,
        }
    }

    /// Whether the promoted policy decides, by the decision's own seed: the same seed, the same answer, at every later stage too.
    pub fn takes(self, seed: u64) -> bool {
        // SplitMix64's finaliser: seeds that are counted up are spread evenly.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / ((1_u64 << 53) as f64) < self.share()
    }
}

/// Unforced decisions a stage lasts at least.
pub const STAGE_ROUNDS: u64 = 50;

/// What to do with a promoted policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Go on as it is.
    Hold,
    /// On to the next stage.
    Advance,
    /// Back to the policy before, at once.
    Rollback,
}

/// What to do, by the difference V(promoted) − V(former) of the decisions since its stage began.
///
/// The bound holds however often it is looked at, so this may be asked after every decision: it rolls back once the whole interval is
/// negative, and goes on when the stage has lasted and the estimate is not negative.
pub fn next_move(stage: Stage, since: &DifferenceBound) -> Move {
    if stage == Stage::Shadow {
        Move::Hold
    } else if since.bound.upper < 0.0 {
        Move::Rollback
    } else if stage < Stage::Whole && since.rounds >= STAGE_ROUNDS && since.estimate >= 0.0 {
        Move::Advance
    } else {
        Move::Hold
    }
}
