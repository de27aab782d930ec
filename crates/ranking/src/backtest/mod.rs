//! Playing a policy on data in which every arm's reward is known, and evaluating one on a log of what another chose.

mod encoder;
mod play;
pub(crate) mod table;

pub use encoder::Encoder;
pub use play::{Replay, ReplayError, play};
pub use table::{RewardTable, TableError};
