//! The exact payload behind a card, for who wants to read it before saying yes.

use wakeman_types::{Proposal, Step};

use crate::{
    Block, Doc, Line, RenderContext, Verb,
    proposal::{first_step_alone, proposal_doc},
    safe::sanitize,
};

/// Longest value of a payload that is shown, in characters.
const VALUE_LEN_MAX: usize = 4_000;

/// The card with everything the digest covers: kind, target, arguments and revision, whole, and all 64 digits.
pub fn details_doc(proposal: &Proposal, ctx: &RenderContext) -> Doc {
    let action = &proposal.action;
    let mut doc = proposal_doc(proposal, ctx);
    doc.buttons.retain(|button| button.verb != Verb::Proposal(proposal.id));
    if let Some(step) = first_step_alone(proposal).filter(|_| !doc.buttons.is_empty()) {
        doc.buttons.insert(1, step);
    }
    let mut doc = doc.gap().text(Line::new().dim("What the digest covers"));
    let kind = sanitize(&action.kind, 80);
    let fields = [
        ("kind", kind),
        ("target", sanitize(&action.target.to_string(), VALUE_LEN_MAX)),
        ("arguments", sanitize(&action.arguments.to_string(), VALUE_LEN_MAX)),
        ("revision", sanitize(&action.revision.to_string(), VALUE_LEN_MAX)),
        ("digest", sanitize(proposal.digest.as_str(), 64)),
    ];
    for (name, value) in fields {
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
