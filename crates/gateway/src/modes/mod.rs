//! What it may do by itself: the mode, a halt, mutes, and what runs unattended.
//!
//! Owns: the row `control` (mode and halt over the settings), rows `mute`, and the yes that is given by policy.
//! Must not: call anything outside, or take anybody's word for a mode but an owner's.
//! Start at [`standing`] for what holds now, at [`Standing::may_call`] for what the executor asks before every call.

mod overlay;
mod policy;
mod standing;
mod verbs;

pub use overlay::Overlay;
pub use policy::{POLICY, by_policy, decide_unattended, still_allows};
pub use standing::{Standing, held, muted, standing, view};
pub(crate) use verbs::{
    MUTE_MS_DEFAULT, MUTE_MS_MAX, REASON_LEN_MAX, mute_until, needs, set_mode_because, unmute_because,
};
pub use verbs::{halt, mute, resume, set_mode, unmute};
