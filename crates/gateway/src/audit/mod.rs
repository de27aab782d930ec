//! Proof: the journal's heads are signed, checked, and read back as a story.
//!
//! Owns: when a head is signed and where it is kept, what a check of the whole journal says, the story of one proposal.
//! Must not: write anything but signed heads. Checking and telling read only, beside a running daemon too.

mod export;
mod logs;
mod seal;

pub use export::{Story, StoryLine, story};
pub use logs::heads_in_logs;
pub use seal::{SEALED, Seal};
