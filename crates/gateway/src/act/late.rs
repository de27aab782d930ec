//! How late a yes still holds: until its window closes, and a little longer for what was interrupted.

use wakeman_types::{HOUR_MS, MINUTE_MS, Proposal, Timestamp};

/// How long an approved proposal may wait for its next step after its window closed: a restart, not a night.
pub(super) const GRACE_MS: i64 = 10 * MINUTE_MS;
/// A step that waits longer than this for something (checks, a mergeable state, word on a call) is given up.
pub(super) const WAIT_MS_MAX: i64 = HOUR_MS;

/// Whether the next step was looked at in time and waits, for checks or the like: that has a bound of its own. What nobody looked at
/// meanwhile does not wait, nor what is to wait for longer than anything may.
pub(super) fn waits_for_its_turn(proposal: &Proposal, now: Timestamp) -> bool {
    proposal.next_step().is_some_and(|step| {
        let (Some(since), Some(at)) = (step.waiting_since, step.not_before) else { return false };
        now.since(at) <= GRACE_MS && at.since(since) <= WAIT_MS_MAX + GRACE_MS
    })
}

/// Whether the window closed so long ago that nothing more may be called: the next step neither waits for its turn, nor was called
/// itself a moment ago, nor follows at once on the one before it.
pub(super) fn too_late(proposal: &Proposal, now: Timestamp) -> bool {
    let lately = |at: Option<Timestamp>| at.is_some_and(|at| now.since(at) <= GRACE_MS);
    let Some(next) = proposal.next_step() else { return false };
    let before = proposal.steps.iter().take_while(|step| step.number != next.number).last();
    let follows = before.is_some_and(|step| {
        let at_once = |(begun, settled): (Timestamp, Timestamp)| settled.since(begun) <= GRACE_MS;
        lately(step.settled_at) && step.intended_at.zip(step.settled_at).is_some_and(at_once)
    });
    let goes_on = waits_for_its_turn(proposal, now) || lately(next.intended_at) || follows;
    now.since(proposal.expires_at) > GRACE_MS && !goes_on
}

/// How what began ends when the rest of it is too late.
pub(super) fn window_closed(proposal: &Proposal) -> String {
    let what = match proposal.has_begun() {
        true => "the rest could run; ask for a new proposal of what is left",
        false => "it could run; ask for a new proposal",
    };
    format!("its window closed before {what}")
}
