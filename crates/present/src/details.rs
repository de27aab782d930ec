//! The exact payload behind a card, for who wants to read it before saying yes.

use wakeman_types::{Action, Proposal, Step};

use crate::{
    Block, Doc, Line, RenderContext, Verb,
    proposal::{first_step_alone, proposal_doc},
    safe::{exact, sanitize},
};

/// Longest action that is put before anybody, in characters as it is written here. Nothing of it is cut, so what is longer must not wait
/// for a yes.
pub const DETAILS_LEN_MAX: usize = 16_000;

/// What the digest covers, each part written out so that two different ones never look the same.
fn written(action: &Action) -> [(&'static str, String); 4] {
    [
        ("kind", sanitize(&action.kind, 80)),
        ("target", exact(&action.target.to_string())),
        ("arguments", exact(&action.arguments.to_string())),
        ("revision", exact(&action.revision.to_string())),
    ]
}

/// How long an action is in the details, in characters.
pub fn written_len(action: &Action) -> usize {
    written(action).iter().map(|(_, value)| value.chars().count()).sum()
}

/// The card with everything the digest covers: kind, target, arguments and revision, whole, and all 64 digits.
pub fn details_doc(proposal: &Proposal, ctx: &RenderContext) -> Doc {
    let action = &proposal.action;
    let mut doc = proposal_doc(proposal, ctx);
    let waits = doc.buttons.iter().any(|button| matches!(button.verb, Verb::Approve { .. }));
    doc.buttons.retain(|button| button.verb != Verb::Proposal(proposal.id));
    if let Some(step) = first_step_alone(proposal).filter(|_| waits) {
        doc.buttons.insert(1, step);
    }
    let mut doc = doc.gap().text(Line::new().dim("What the digest covers"));
    let digest = ("digest", sanitize(proposal.digest.as_str(), 64));
    for (name, value) in written(action).into_iter().chain([digest]) {
        doc = doc.block(Block::Indented(Line::new().dim(format!("{name} ")).outside(value)));
    }
    for step in proposal.steps.iter().filter(|step| step.tries > 0 || step.outcome.is_some()) {
        doc = doc.block(Block::Indented(attempts(step, ctx)));
    }
    doc
}

fn attempts(step: &Step, ctx: &RenderContext) -> Line {
    let begun = step.intended_at.map(|at| format!(", begun {}", ctx.time(at))).unwrap_or_default();
    let settled = step.settled_at.map(|at| format!(", settled {}", ctx.time(at))).unwrap_or_default();
    let times = if step.tries == 1 { "1 call".to_owned() } else { format!("{} calls", step.tries) };
    Line::new().dim(format!("step {}: ", step.number)).plain(format!("{times}{begun}{settled}"))
}
