//! The card of a case as the program itself draws it: a card of the same expired, whoever presses it gets a fresh one, and the process
//! is killed over showing that.

use wakeman_store::{LANE, ListQuery, Seq, Store};
use wakeman_types::{Action, HOUR_MS, Message, Proposal, ProposalState};

use super::case::{Home, proposal, put, with_store};

/// The boundary of these cases.
pub const LABEL: &str = "proposal.shown";

/// The card that waits after the kill and the restarts: one, told once.
pub fn shown(home: &Home, action: Action, at: &str) -> Proposal {
    let mut expired = proposal(action);
    (expired.created_at, expired.expires_at) = (expired.created_at.plus_ms(-HOUR_MS), expired.created_at.plus_ms(-1));
    let expired = put(home, expired);
    let press = ["approve", "P-1", "--digest", &expired.digest.as_str()[..12]];
    assert!(home.run_to_its_end(&press, Some(at)), "{at} was not reached");
    // The second press after the restart finds what the first was given.
    for _ in 0..2 {
        assert!(!home.run_to_its_end(&press, None));
    }
    with_store(&home.database(), async |store| only(store, &expired).await)
}

async fn only(store: &Store, expired: &Proposal) -> Proposal {
    let all = store.list::<Proposal>(&ListQuery::oldest(10)).await.unwrap().items;
    // What the watch draws besides is in conversations of its own.
    let mut here: Vec<Proposal> =
        all.into_iter().map(|found| found.value).filter(|p| p.thread == expired.thread).collect();
    let states: Vec<ProposalState> = here.iter().map(|proposal| proposal.state).collect();
    assert_eq!(states, [ProposalState::Expired, ProposalState::Pending]);
    let fresh = here.pop().unwrap();
    let digest = fresh.digest.short();
    let told = store.list::<Message>(&ListQuery::oldest(50).parent(fresh.thread.as_str())).await.unwrap().items;
    let cards = told.iter().filter(|message| message.value.content.contains(digest)).count();
    assert_eq!(cards, 1, "a card is shown once: {told:#?}");
    let entries = store.journal_of(&fresh.id.to_string(), LANE, Seq(1), 100).await.unwrap();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.event_type.as_str()).collect();
    assert_eq!(kinds, [LABEL], "one entry says that it was shown");
    fresh
}
