//! The card that a key answers while nothing else is typed.
//!
//! A proposal stays on offer until it is decided, settled or followed by another one, whatever else is told meanwhile; a finding is on
//! offer while no proposal is.
//!
//! A key alone decides nothing: somebody who begins a question with "a" must not approve. So the key is typed into the empty line, what
//! it would do stands behind it, and enter does exactly that. What has only just come cannot be answered: a finger may be on its way to
//! the card before it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wakeman_present::{Button, Doc, Line, Verb};
use wakeman_types::ProposalId;

use crate::{choices_of, offers};

/// The card on offer, shared by who shows cards and who reads keys.
#[derive(Debug, Clone, Default)]
pub struct Offer(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// Counts the cards.
    number: u64,
    card: Option<Doc>,
    /// Whether the card was there for long enough to be seen.
    settled: bool,
    /// What stands behind the line, to be done with enter.
    asked: Option<Button>,
    /// What was rejected here, with the answer on the screen.
    rejected: Option<ProposalId>,
}

/// What a line is to the card.
#[derive(Debug, Clone, PartialEq)]
pub enum Pressed {
    /// Nothing; it is to be read as it stands.
    Nothing,
    /// Its key, but it was not said what the key would do: the card came too late for that.
    TooSoon,
    /// Its key, after it was said what it does.
    Button(Button),
}

impl Offer {
    /// `doc` was shown. Where it is the card on offer from now on, its number, for [`Offer::settle`].
    pub fn show(&self, doc: &Doc) -> Option<u64> {
        let mut inner = self.lock();
        let same = inner.card.as_ref().is_some_and(|card| about(card) == about(doc));
        if doc.buttons.is_empty() {
            if same {
                inner.put(None);
            }
            return None;
        }
        let known = inner.card.as_ref().is_some_and(|card| same && card.buttons == doc.buttons);
        let waits = inner.card.as_ref().and_then(proposal).is_some();
        if known || (waits && proposal(doc).is_none()) {
            return None;
        }
        inner.put(Some(doc.clone()));
        Some(inner.number)
    }

    /// Nothing is left to decide about that proposal.
    pub fn over(&self, id: ProposalId) {
        let mut inner = self.lock();
        if inner.card.as_ref().and_then(proposal) == Some(id) {
            inner.put(None);
        }
    }

    /// `id` was rejected here, and the screen says so.
    pub fn rejected(&self, id: ProposalId) {
        self.lock().rejected = Some(id);
    }

    /// Whether the screen says already that `id` was rejected.
    pub fn says_rejected(&self, id: ProposalId) -> bool {
        self.lock().rejected == Some(id)
    }

    /// What can be answered: `P-31 for F-128: [a]pprove · [r]eject · [d]etails`.
    pub fn line(&self) -> Option<String> {
        let inner = self.lock();
        let card = inner.card.as_ref()?;
        Some(format!("{}: {}", about(card), offers(&choices_of(card))))
    }

    /// The card of that number was there for long enough, if it is still the newest.
    pub fn settle(&self, number: u64) {
        let mut inner = self.lock();
        inner.settled |= inner.number == number;
    }

    /// What stands behind `line` while it is typed, if it is the key of a card: `Approve · P-31 for F-128 · digest 4f9a1c22e07b`.
    pub fn behind(&self, line: &str) -> Option<String> {
        let mut inner = self.lock();
        inner.asked = inner.button(line).filter(|_| inner.settled);
        inner.card.as_ref().zip(inner.asked.as_ref()).map(|(card, button)| card.pressing(button))
    }

    /// What `line` is to the card, now that it was entered. A decision takes the card away.
    pub fn entered(&self, line: &str) -> Pressed {
        let mut inner = self.lock();
        let asked = inner.asked.take();
        let Some(button) = inner.button(line) else { return Pressed::Nothing };
        if asked.as_ref() != Some(&button) {
            return Pressed::TooSoon;
        }
        if matches!(button.verb, Verb::Approve { .. } | Verb::Reject { .. }) {
            inner.put(None);
        }
        Pressed::Button(button)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The proposal that it asks to decide about.
fn proposal(doc: &Doc) -> Option<ProposalId> {
    doc.buttons.iter().find_map(|button| match button.verb {
        Verb::Approve { id, .. } => Some(id),
        _ => None,
    })
}

/// The ids under it.
fn about(doc: &Doc) -> String {
    doc.footer.as_ref().map(Line::text).unwrap_or_default()
}

impl Inner {
    fn put(&mut self, card: Option<Doc>) {
        *self = Self { number: self.number + 1, card, settled: false, asked: None, rejected: self.rejected };
    }

    fn button(&self, line: &str) -> Option<Button> {
        let mut letters = line.trim().chars();
        let (key, None) = (letters.next()?.to_ascii_lowercase(), letters.next()) else { return None };
        self.card.as_ref()?.buttons.iter().find(|button| button.key == key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use wakeman_present::{Part, Tone};

    use super::*;

    fn card(id: &str, digest: &str) -> Doc {
        let (id, digest) = (id.parse().unwrap(), Some(digest.to_owned()));
        Doc::card(Tone::Awaiting)
            .button(Button::new("Approve", 'a', Verb::Approve { id, digest, part: Part::All }))
            .button(Button::new("Reject", 'r', Verb::Reject { id, reason: None }))
            .button(Button::new("Details", 'd', Verb::Proposal(id)))
            .footer(id.to_string())
    }

    fn finding() -> Doc {
        let verb = Verb::Acknowledge("F-7".parse().unwrap());
        Doc::card(Tone::Critical).button(Button::new("Acknowledge", 'a', verb)).footer("F-7")
    }

    /// A card that has been there for a while.
    fn offered(doc: &Doc) -> Offer {
        let offer = Offer::default();
        offer.settle(offer.show(doc).unwrap());
        offer
    }

    /// Typed letter by letter, then enter.
    fn typed(offer: &Offer, line: &str) -> Pressed {
        (1..=line.len()).for_each(|end| drop(offer.behind(&line[..end])));
        offer.entered(line)
    }

    #[test]
    fn a_key_and_enter_do_what_stands_behind_it_and_a_decision_is_made_once() {
        let card = card("P-31", "4f9a1c22e07b");
        let offer = offered(&card);
        assert_eq!(offer.behind(""), None);
        assert_eq!(offer.behind("a").unwrap(), "Approve · P-31 · digest 4f9a1c22e07b");
        assert_eq!(typed(&offer, "d"), Pressed::Button(card.buttons[2].clone()));
        assert_eq!(typed(&offer, "A"), Pressed::Button(card.buttons[0].clone()));
        assert_eq!((typed(&offer, "a"), offer.line()), (Pressed::Nothing, None), "it was decided");
    }

    #[test]
    fn words_that_begin_with_a_key_decide_nothing() {
        let offer = offered(&card("P-31", "4f9a1c22e07b"));
        for line in ["", "any news?", "approve P-31", "r u sure", "x"] {
            assert_eq!(typed(&offer, line), Pressed::Nothing, "{line}");
        }
        assert_eq!(Offer::default().behind("a"), None);
    }

    #[test]
    fn a_card_that_came_under_the_finger_is_not_answered() {
        let offer = offered(&card("P-30", "4f9a1c22e07b"));
        let number = offer.show(&card("P-31", "0123456789ab")).unwrap();
        assert_eq!((offer.behind("a"), offer.entered("a")), (None, Pressed::TooSoon));
        offer.settle(number);
        assert!(offer.behind("a").unwrap().contains("0123456789ab"));
        let newer = offer.show(&card("P-32", "ba9876543210")).unwrap();
        offer.settle(newer);
        assert_eq!(offer.entered("a"), Pressed::TooSoon, "P-31 stood behind it");
    }

    #[test]
    fn a_proposal_waits_through_what_is_told_meanwhile_until_it_is_settled() {
        let offer = offered(&finding());
        assert_eq!(offer.behind("a").unwrap(), "Acknowledge · F-7");
        offer.settle(offer.show(&card("P-31", "4f9a1c22e07b")).unwrap());
        let again = offer.show(&card("P-31", "4f9a1c22e07b"));
        assert_eq!((again, offer.show(&finding()), offer.show(&Doc::bare())), (None, None, None));
        assert_eq!(offer.line().unwrap(), "P-31: [a]pprove · [r]eject · [d]etails");
        assert!(offer.behind("a").unwrap().starts_with("Approve"));
        offer.over("P-30".parse().unwrap());
        assert!(offer.line().is_some());
        offer.over("P-31".parse().unwrap());
        assert_eq!((offer.line(), typed(&offer, "a")), (None, Pressed::Nothing));
        offer.show(&finding());
        offer.show(&Doc::bare().footer("F-7"));
        assert_eq!(offer.line(), None, "it came back");
    }
}
