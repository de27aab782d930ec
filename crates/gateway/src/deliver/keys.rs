//! Which deliveries are one message on the screen, and which reply to which.

use wakeman_types::{
    FindingId, FindingNews, Proposal, ProposalId, ProposalState, SettledView, VerificationResult, View,
};

/// The key of the message of a finding.
pub(crate) fn finding_key(id: FindingId) -> String {
    format!("finding:{id}")
}

/// The key of a proposal's card.
pub(crate) fn proposal_key(id: ProposalId) -> String {
    format!("proposal:{id}")
}

/// The key of a message that shows all of a proposal: a copy of its card, which keeps its own place.
pub(crate) fn details_key(id: ProposalId) -> String {
    format!("{}#details", proposal_key(id))
}

/// How a message stands to the others of its chat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The message it is, also when it is told again.
    pub key: Option<String>,
    /// The message it replies to.
    pub reply_key: Option<String>,
}

impl Keys {
    fn reply(to: String) -> Self {
        Self { key: None, reply_key: Some(to) }
    }
}

/// By what a message says: a finding and a card are one message each; what comes after a finding replies to it, so that a phone
/// rings; what became of a card edits it.
pub(super) fn keys_of(view: &View) -> Keys {
    match view {
        View::Finding(view) if view.news == FindingNews::New => {
            Keys { key: Some(finding_key(view.finding.id)), reply_key: None }
        }
        View::Finding(view) => Keys::reply(finding_key(view.finding.id)),
        View::Recovery(view) => Keys::reply(finding_key(view.finding.id)),
        View::ModelNote(view) => Keys::reply(finding_key(view.finding)),
        View::Proposal(view) => {
            Keys { key: Some(proposal_key(view.proposal.id)), reply_key: view.proposal.finding.map(finding_key) }
        }
        View::Settled(view) => Keys { key: Some(proposal_key(view.proposal.id)), reply_key: None },
        _ => Keys::default(),
    }
}

/// What became of a card that an edit alone does not say loud enough: a message of its own that replies to the card. Where the next
/// step of a plan waits for a yes, it is a copy of the card, edited with it.
pub(super) fn said_aloud(view: &View) -> Option<Keys> {
    match view {
        View::Settled(view) => ends_badly_or_well(view).then(|| Keys::reply(proposal_key(view.proposal.id))),
        View::Proposal(view) => {
            let card = proposal_key(view.proposal.id);
            let key = asking_key(&view.proposal);
            (key != card).then_some(Keys { key: Some(key), reply_key: Some(card) })
        }
        _ => None,
    }
}

/// The key of the message in which a card asks for the decision that is due: its own, or the copy for a plan's next step.
pub(super) fn asking_key(proposal: &Proposal) -> String {
    let card = proposal_key(proposal.id);
    match proposal.next_step().filter(|_| proposal.has_begun()) {
        Some(next) => format!("{card}#step{}", next.number),
        None => card,
    }
}

/// Whether the message with `key`, once it stands, is only brought up to date by this: what it says is settled, or asked elsewhere.
pub(super) fn is_refresh(view: &View, key: Option<&str>) -> bool {
    match view {
        View::Settled(_) => true,
        View::Proposal(view) => key != Some(&asking_key(&view.proposal)),
        _ => false,
    }
}

fn ends_badly_or_well(view: &SettledView) -> bool {
    let state = view.proposal.state;
    view.verification == Some(VerificationResult::Unknown)
        || matches!(state, ProposalState::Failed | ProposalState::NeedsReview | ProposalState::NotRecovered)
        || (state == ProposalState::Verified && view.proposal.finding.is_some())
}
