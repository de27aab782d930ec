//! Crash points: a process that kills itself, with SIGKILL, at a labelled boundary. For tests; without the feature `failpoints` nothing
//! of it is there but the list.
//!
//! A label is a boundary with `.before` or `.after`: the commit of a journal event of that name, an outbox write, a call
//! with an effect, what a turn asks of its model and tools, or the commits that a message passes from a chat to its end.

/// Every label there is.
pub const LABELS: &[&str] = &[
    "proposal.shown.before",
    "proposal.shown.after",
    "proposal.approved.before",
    "proposal.approved.after",
    "proposal.intent.before",
    "proposal.intent.after",
    "call.before",
    "call.after",
    "reconcile.before",
    "reconcile.after",
    "proposal.waiting.before",
    "proposal.waiting.after",
    "proposal.step_done.before",
    "proposal.step_done.after",
    "proposal.paused.before",
    "proposal.paused.after",
    "proposal.succeeded.before",
    "proposal.succeeded.after",
    "proposal.failed.before",
    "proposal.failed.after",
    "proposal.needs_review.before",
    "proposal.needs_review.after",
    "proposal.checked.before",
    "proposal.checked.after",
    "inbound.accepted.before",
    "inbound.accepted.after",
    "inbound.asked.before",
    "inbound.asked.after",
    "turn.accepted.before",
    "turn.accepted.after",
    "model.before",
    "model.after",
    "tools.before",
    "tools.after",
    "turn.ended.before",
    "turn.ended.after",
    "live.placed.before",
    "live.placed.after",
    "inbound.ended.before",
    "inbound.ended.after",
    "outbox.claim.before",
    "outbox.claim.after",
    "outbox.confirm.before",
    "outbox.confirm.after",
];

/// Why a crash cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrashError {
    /// There is no such boundary.
    #[error(
        "WAKEMAN_CRASH_AT: \"{0}\" is no boundary; write label or label:n, labels as `wakeman schema crash-labels` lists them"
    )]
    Label(String),
    /// Not in this build.
    #[error("WAKEMAN_CRASH_AT: this build cannot crash on demand; build with --features failpoints, or unset it")]
    NotBuilt,
}

/// Asks for a crash at `wanted`: `label`, or `label:n` for the n-th pass.
///
/// # Errors
/// [`CrashError`]
pub fn arm(wanted: &str) -> Result<(), CrashError> {
    let (label, nth) = wanted.split_once(':').unwrap_or((wanted, "1"));
    let unknown = || CrashError::Label(wanted.to_owned());
    let nth: u32 = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(unknown)?;
    let label = LABELS.iter().find(|known| **known == label).ok_or_else(unknown)?;
    armed::set(label, nth)
}

#[cfg(any(test, feature = "failpoints"))]
mod armed {
    use std::sync::{Mutex, PoisonError};

    static ARMED: Mutex<Option<(&str, u32)>> = Mutex::new(None);

    pub(super) fn set(label: &'static str, nth: u32) -> Result<(), super::CrashError> {
        *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = Some((label, nth));
        Ok(())
    }

    /// Kills the process if this is the pass that was asked for.
    pub(super) fn pass(label: &str) {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((wanted, left)) = armed.as_mut().filter(|(wanted, _)| *wanted == label) else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        tracing::error!(label = *wanted, "crash.asked_for");
        // Fails only if the process may not signal itself; then there is nothing left but to end.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        std::process::abort();
    }
}

#[cfg(not(any(test, feature = "failpoints")))]
mod armed {
    pub(super) fn set(_: &'static str, _: u32) -> Result<(), super::CrashError> {
        Err(super::CrashError::NotBuilt)
    }

    pub(super) fn pass(_: &str) {}
}

/// A boundary is reached.
pub fn reach(label: &str) {
    armed::pass(label);
}

/// The commit of a batch with these journal events is about to begin (`before`) or has been made durable.
pub(crate) fn reach_commit<'a>(events: impl Iterator<Item = &'a str>, settles: bool, before: bool) {
    if !cfg!(any(test, feature = "failpoints")) {
        return;
    }
    let side = if before { "before" } else { "after" };
    events.for_each(|event| reach(&format!("{event}.{side}")));
    if settles {
        reach(&format!("outbox.confirm.{side}"));
    }
}
