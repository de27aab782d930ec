//! A card: what would be done, exactly; how it is undone; who may say yes and until when.

use wakeman_types::{OperatorId, Proposal, ProposalState};

use crate::{
    Block, Button, Doc, Line, Part, RenderContext, Tone, Verb, again::ways_on, cause::NAME_LEN_MAX, safe::sanitize,
    settled::chain,
};

/// Longest line of a card, in characters. The words are code's own, but they quote titles, branches and flags.
const CARD_LEN_MAX: usize = 240;

/// `text` as one clause: made safe, without its full stop.
fn clause(text: &str) -> String {
    sanitize(text, CARD_LEN_MAX).trim_end_matches('.').to_owned()
}

/// The title of a card.
pub(crate) fn title(proposal: &Proposal) -> String {
    sanitize(&proposal.card.title, CARD_LEN_MAX)
}

/// The tone a proposal is told in.
pub(crate) fn tone(state: ProposalState) -> Tone {
    match state {
        ProposalState::Drafted | ProposalState::Pending => Tone::Awaiting,
        ProposalState::Verified => Tone::Good,
        ProposalState::Failed | ProposalState::NeedsReview | ProposalState::NotRecovered => Tone::Warning,
        ProposalState::Approved
        | ProposalState::Rejected
        | ProposalState::Expired
        | ProposalState::Superseded
        | ProposalState::Executing
        | ProposalState::Succeeded => Tone::Plain,
    }
}

pub(crate) fn names(operators: &[OperatorId], between: &str) -> String {
    operators.iter().map(|name| sanitize(name.as_str(), NAME_LEN_MAX)).collect::<Vec<_>>().join(between)
}

/// `Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.`
fn after(proposal: &Proposal) -> String {
    let part = |lead: &str, text: &str| match clause(text) {
        text if text.is_empty() => None,
        text => Some(format!("{lead}: {text}.")),
    };
    let parts = [part("Undo", &proposal.card.undo), part("Checks afterwards", &proposal.card.check)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `Needs 1 of: ada, lin · expires 15:05 · digest 4f9a1c22e07b`.
fn terms(proposal: &Proposal, ctx: &RenderContext) -> Line {
    let needs = if proposal.approvers.is_empty() {
        Line::new().with("Nobody may approve it: settings name no approver", crate::Style::Bad)
    } else {
        Line::new().plain(format!("Needs {} of: {}", proposal.needed, names(&proposal.approvers, ", ")))
    };
    let expires = match ctx.now >= proposal.expires_at {
        true => format!("expired {}", ctx.time(proposal.expires_at)),
        false => format!("expires {}", ctx.time(proposal.expires_at)),
    };
    let digest = Line::new().plain("digest ").strong(sanitize(proposal.digest.short(), 12));
    Line::joined([needs, approved_so_far(proposal, ctx), expires.into(), digest], " · ")
}

/// Who said yes already, while more are needed.
fn approved_so_far(proposal: &Proposal, ctx: &RenderContext) -> Line {
    let next = proposal.next_step().map_or(1, |step| step.number);
    let yes = proposal.decisions.iter().filter(|decision| decision.allows(next));
    let each = yes.map(|d| format!("{} {}", sanitize(d.operator.as_str(), NAME_LEN_MAX), ctx.time(d.at)));
    match each.collect::<Vec<_>>() {
        all if all.is_empty() => Line::new(),
        all => format!("approved by {}", all.join(", ")).into(),
    }
}

/// A proposal as the card that asks for a decision, or, once decided, as what became of it.
pub fn proposal_doc(proposal: &Proposal, ctx: &RenderContext) -> Doc {
    let waits = proposal.state == ProposalState::Pending && ctx.now < proposal.expires_at;
    let mut doc = Doc::card(tone(proposal.state)).headline(Line::new().strong(title(proposal)));
    for (number, step) in (1..).zip(&proposal.card.steps) {
        let text = sanitize(&step.text, CARD_LEN_MAX).into();
        doc = doc.block(Block::Step { number, text, note: Line::new().dim(clause(&step.note)) });
    }
    doc = doc.text(after(proposal));
    let undecided = matches!(proposal.state, ProposalState::Drafted | ProposalState::Pending);
    if !undecided || proposal.has_begun() {
        doc = doc.text(chain(proposal, None, None, ctx));
    }
    if undecided {
        doc = doc.text(terms(proposal, ctx));
    }
    if waits {
        doc = yes(proposal).into_iter().fold(doc, Doc::button);
        doc = doc
            .button(Button::new("Reject", 'r', Verb::Reject { id: proposal.id, reason: None }))
            .button(Button::new("Details", 'd', Verb::Proposal(proposal.id)));
    } else {
        doc.buttons = ways_on(proposal, None, ctx.now);
    }
    doc.footer(ids(proposal))
}

/// What can be said yes to: all of it; or, once a step was approved alone, the next one, and all that is left.
fn yes(proposal: &Proposal) -> Vec<Button> {
    let all = |label: &str, key: char| Button::new(label, key, approve(proposal, Part::All));
    match proposal.next_step().filter(|_| proposal.has_begun()) {
        None => vec![all("Approve", 'a')],
        Some(last) if proposal.steps.last().is_some_and(|step| step.number == last.number) => {
            vec![Button::new(format!("Approve step {}", last.number), 'a', approve(proposal, Part::Step(last.number)))]
        }
        Some(next) => vec![
            Button::new(format!("Approve step {}", next.number), 'a', approve(proposal, Part::Step(next.number))),
            all("Approve the rest", 'w'),
        ],
    }
}

/// The yes to the first step alone of a plan that has not begun.
pub(crate) fn first_step_alone(proposal: &Proposal) -> Option<Button> {
    let first = proposal.steps.first().filter(|_| proposal.steps.len() > 1 && !proposal.has_begun())?;
    Some(Button::new(format!("Step {} only", first.number), 's', approve(proposal, Part::Step(first.number))))
}

fn approve(proposal: &Proposal, part: Part) -> Verb {
    Verb::Approve { id: proposal.id, digest: Some(proposal.digest.short().to_owned()), part }
}

/// `P-31 for F-128`.
pub(crate) fn ids(proposal: &Proposal) -> String {
    match proposal.finding {
        Some(finding) => format!("{} for {finding}", proposal.id),
        None => proposal.id.to_string(),
    }
}
