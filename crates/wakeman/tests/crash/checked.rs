//! The check afterwards: due at once, killed over recording its answer, and made again after the restart. It is recorded and said once,
//! and nothing is run a second time.

use wakeman_store::{Commit, LANE, ListQuery, Seq, Store};
use wakeman_types::{Message, Proposal, ProposalState, Verification};

use super::case::{Home, with_store};

/// The boundary of these cases.
pub const LABEL: &str = "proposal.checked";
/// What the cards say of their check.
pub const WORDS: &str = "it is as it was meant to be within 5 min";

/// Restarts after which the answer must be there.
const RESTARTS: usize = 4;
const ONCE: [&str; 2] = ["run", "--once"];

/// Whether the process was killed there.
pub fn is_checked(home: &Home, id: &str, crash: Option<&str>) -> bool {
    let ran = with_store(&home.database(), async |store| of(store, id).await);
    // What failed, or is in doubt, is not checked; nor what nobody can be asked about.
    let Some(ran) = ran.filter(|ran| ran.state == ProposalState::Succeeded) else { return false };
    let mut died = false;
    for _ in 0..RESTARTS {
        match with_store(&home.database(), async |store| due(store, id).await) {
            None => return false,
            Some(false) => break,
            Some(true) => died |= home.run_to_its_end(&ONCE, crash.filter(|_| !died)),
        }
    }
    // One more start finds nothing left to say.
    home.run_to_its_end(&ONCE, None);
    with_store(&home.database(), async |store| once(store, id, &ran).await);
    died
}

async fn of(store: &Store, id: &str) -> Option<Proposal> {
    store.get::<Proposal>(id).await.unwrap().map(|found| found.value)
}

/// Whether its check still waits for an answer; then it is due now. `None`: it has none.
async fn due(store: &Store, id: &str) -> Option<bool> {
    let found = store.get::<Verification>(id).await.unwrap()?;
    if found.value.result.is_none() {
        let check = Verification { deadline: found.value.began_at, ..found.value };
        let commit = Commit::new(check.began_at).replace(&check, found.version);
        assert!(store.commit(commit).await.unwrap().landed());
    }
    Some(found.value.result.is_none())
}

async fn once(store: &Store, id: &str, ran: &Proposal) {
    let check = store.get::<Verification>(id).await.unwrap().unwrap().value;
    assert!(check.result.is_some(), "{id} was not checked: {check:?}");
    let entries = store.journal_of(id, LANE, Seq(1), 1000).await.unwrap();
    let recorded = entries.iter().filter(|entry| entry.event_type == LABEL).count();
    assert_eq!(recorded, 1, "{id}: {:?}", check.result);
    let told = store.list::<Message>(&ListQuery::oldest(50).parent(ran.thread.as_str())).await.unwrap().items;
    let footer = format!("{id} · ");
    let ends = told.iter().map(|message| &message.value.content).filter(|text| text.contains(&footer));
    assert_eq!(ends.filter(|text| !text.contains(WORDS)).count(), 1, "{id}: said once: {told:#?}");
    let now = of(store, id).await.unwrap();
    assert_eq!(now.steps, ran.steps, "{id}: nothing is run for a check");
}
