//! Ranking, wired in: what operators' reactions teach, and which policy decides how a finding is told.
//!
//! Owns: reactions, learnt states, the promotion, the read side of the decision log, tips, what prompts brought.
//! Must not: decide by itself (the pure `ranking` crate does), send anything, stop the watch because a learnt state is broken.
//! Start at `react` for what a reaction does, at `learnt` for what the policies know.

mod asked;
mod forget;
mod judge;
mod learn;
mod log;
mod mixture;
mod promote;
mod rate;
mod reset;
mod rows;
mod silence;
mod stats;
mod status;
mod tip;
mod why;

pub(crate) use asked::{features, scores, stats};
pub(crate) use forget::forget;
pub(crate) use learn::{feedback, react, reaction_to};
pub(crate) use mixture::{Learnt, learnt};
pub use promote::PromotionRow;
pub(crate) use promote::{
    Way, active, already, begin, conditions, done_by, follow, problem_of, promotable, promote, promoted, rollback,
    rollback_because,
};
pub(crate) use rate::useful_rate;
pub(crate) use reset::reset;
pub(crate) use rows::ARMS;
pub use rows::{Given, PolicyRow, ReactionRecord};
pub(crate) use silence::silence;
pub(crate) use stats::prompt_stats;
pub(crate) use status::status;
pub(crate) use tip::{Picked, feedback as tip_feedback, pick, recommend, silence as tip_silence, why as tip_why};
pub use tip::{TipBatch, TipItem, TipOpinion, TipRecord};
pub(crate) use why::behind;
