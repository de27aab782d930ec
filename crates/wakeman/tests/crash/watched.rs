//! The card of a finding, drawn by the watch, which is killed over showing it: after the restart it is there once.

use std::os::unix::process::ExitStatusExt;

use serde_json::json;
use wakeman_store::{ListQuery, Store};
use wakeman_types::{Entity, Finding, Message, Proposal, ProposalState};

use super::case::with_store;
use crate::asking::{at_home, wait};

/// When sign-ups have been low for a while in the scenario bad-merge.
const LOW: &str = "2026-01-22T10:20:00Z";
/// Looks after which the finding must have its card.
const LOOKS: usize = 30;

async fn all<E: Entity>(store: &Store) -> Vec<E> {
    let found = store.list::<E>(&ListQuery::oldest(50)).await.unwrap().items;
    found.into_iter().map(|found| found.value).collect()
}

#[test]
fn killed_over_the_card_of_a_finding_the_watch_shows_it_once() {
    for (label, stands) in [("proposal.shown.before", false), ("proposal.shown.after", true)] {
        let (home, lab) = at_home("bad-merge");
        wait(lab.client().advance(LOW)).unwrap();
        let dies = |_| {
            let look = home.command(&["run", "--once"]).env("WAKEMAN_CRASH_AT", label).output().unwrap();
            look.status.signal() == Some(9)
        };
        assert!((0..LOOKS).any(dies), "{label} was not reached");
        let database = home.instance().join("storage/wakeman.db");
        let before = with_store(&database, async |store| all::<Proposal>(store).await);
        assert_eq!(!before.is_empty(), stands, "{label}");
        for _ in 0..2 {
            assert!(home.run(&["run", "--once"]).status.success(), "{label}");
        }
        let (proposals, findings, messages) = with_store(&database, async |store| {
            (all::<Proposal>(store).await, all::<Finding>(store).await, all::<Message>(store).await)
        });
        let [card] = proposals.as_slice() else { panic!("{label}: {proposals:#?}") };
        assert_eq!((card.state, card.decisions.len()), (ProposalState::Pending, 0), "{label}");
        assert_eq!(findings.iter().map(|finding| finding.proposal).collect::<Vec<_>>(), [Some(card.id)], "{label}");
        let told = messages.iter().filter(|message| message.content.contains(card.digest.short())).count();
        assert_eq!(told, 1, "{label}: {messages:#?}");
        assert_eq!(wait(lab.client().effects()).unwrap().iter().filter(|effect| effect.applied).count(), 0);
        assert_eq!(home.json(&["audit", "verify"])["ok"], json!(true), "{label}");
    }
}
