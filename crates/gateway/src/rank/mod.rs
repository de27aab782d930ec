//! Ranking, wired in: what operators' reactions teach, and which policy decides how a finding is told.
//!
//! Owns: reactions, learnt states, the promotion, the read side of the decision log.
//! Must not: decide by itself (the pure `ranking` crate does), send anything, stop the watch because a learnt state is broken.
//! Start at `react` for what a reaction does, at `learnt` for what the policies know.

mod forget;
mod judge;
mod learn;
mod log;
mod mixture;
mod promote;
mod rows;
mod silence;
mod status;
mod why;

pub(crate) use forget::forget;
pub(crate) use learn::{feedback, react, reaction_to};
pub(crate) use mixture::{Learnt, learnt};
pub use promote::PromotionRow;
pub(crate) use promote::{follow, promote, promoted, reset, rollback};
pub(crate) use rows::ARMS;
pub use rows::{Given, PolicyRow, ReactionRecord};
pub(crate) use silence::silence;
pub(crate) use status::status;
pub(crate) use why::behind;
