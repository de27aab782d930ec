//! Random commits against a model in memory: what a commit answers and what can be read afterwards never differ.

use std::collections::BTreeMap;

use futures::future::join_all;
use proptest::prelude::*;
use serde_json::json;
use wakeman_store::{
    Commit, Committed, EntityRef, FIRST_PREVIOUS_LINK, LANE, ListQuery, OutboxUpdate, Seq, Store, Verdict, Version,
};

use crate::{
    contract::{Harness, Note, at, event, message},
    sqlite::TempSqlite,
};

/// One thing a generated commit does; ids, keys and versions come from small sets, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Put { id: u8, key: Option<u8>, state: u8 },
    Expect { id: u8, version: u64 },
    Delete { id: u8 },
    Event,
    Send { id: u8 },
    Revoke { id: u8 },
    Checkpoint { name: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u8, prop::option::of(0..3u8), 0..3u8).prop_map(|(id, key, state)| Step::Put { id, key, state }),
        1 => (0..6u8, 0..4u64).prop_map(|(id, version)| Step::Expect { id, version }),
        1 => (0..6u8).prop_map(|id| Step::Delete { id }),
        2 => Just(Step::Event),
        1 => (0..40u8).prop_map(|id| Step::Send { id }),
        1 => (0..40u8).prop_map(|id| Step::Revoke { id }),
        1 => (0..2u8).prop_map(|name| Step::Checkpoint { name }),
    ]
}

/// The store as it should be, written down in the plainest way.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    notes: BTreeMap<String, (Note, u64)>,
    events: u64,
    pending: BTreeMap<u8, bool>,
    checkpoints: BTreeMap<String, usize>,
}

impl Model {
    /// The state after `steps`, or `None` if they conflict. `nth` makes the commit's values its own.
    fn after(&self, steps: &[Step], nth: usize) -> Option<Self> {
        let mut next = self.clone();
        for step in steps {
            if let Step::Expect { id, version } = step
                && self.notes.get(&name(*id)).map_or(0, |(_, version)| *version) != *version
            {
                return None;
            }
        }
        for step in steps {
            if let Step::Delete { id } = step {
                next.notes.remove(&name(*id));
            }
        }
        for step in steps {
            if let Step::Put { id, key, state } = step {
                let note = note(*id, *key, *state, nth);
                if note.key.is_some() && next.notes.values().any(|(n, _)| n.key == note.key && n.id != note.id) {
                    return None;
                }
                let version = next.notes.get(&note.id).map_or(0, |(_, version)| *version);
                next.notes.insert(note.id.clone(), (note, version + 1));
            }
        }
        next.after_outbox(steps).then_some(())?;
        for step in steps {
            match step {
                Step::Event => next.events += 1,
                Step::Checkpoint { name: n } => drop(next.checkpoints.insert(name(*n), nth)),
                _ => {}
            }
        }
        Some(next)
    }

    fn after_outbox(&mut self, steps: &[Step]) -> bool {
        let sends = steps.iter().filter_map(|s| if let Step::Send { id } = s { Some(*id) } else { None });
        let new = sends.map(|id| self.pending.insert(id, true).is_none()).collect::<Vec<_>>();
        let revokes = steps.iter().filter_map(|s| if let Step::Revoke { id } = s { Some(*id) } else { None });
        let were = revokes.map(|id| self.pending.insert(id, false) == Some(true)).collect::<Vec<_>>();
        new.into_iter().chain(were).all(|ok| ok)
    }
}

fn name(id: u8) -> String {
    format!("n{id}")
}

fn note(id: u8, key: Option<u8>, state: u8, nth: usize) -> Note {
    Note {
        key: key.map(|k| format!("k{k}")),
        state: format!("s{state}"),
        sort_key: nth as i64,
        count: nth as u64,
        ..Note::new(&name(id))
    }
}

fn commit(steps: &[Step], nth: usize) -> Commit {
    steps.iter().fold(Commit::new(at(nth as i64)), |commit, step| match step {
        Step::Put { id, key, state } => commit.put(&note(*id, *key, *state, nth)),
        Step::Expect { id, version } => commit.expect(&EntityRef::to::<Note>(name(*id)), Version(*version)),
        Step::Delete { id } => commit.delete(EntityRef::to::<Note>(name(*id))),
        Step::Event => commit.event(event("model", json!({"nth": nth}))),
        Step::Send { id } => commit.send(message(&format!("m{id}"), "chat")),
        Step::Revoke { id } => {
            commit.update_outbox(OutboxUpdate::Revoke { id: format!("m{id}"), reason: String::new() })
        }
        Step::Checkpoint { name: n } => commit.checkpoint(name(*n), json!(nth)),
    })
}

async fn check(store: &Store, model: &Model) {
    let page = store.list::<Note>(&ListQuery::newest(100)).await.unwrap();
    let stored: BTreeMap<_, _> = page.items.into_iter().map(|v| (v.value.id.clone(), (v.value, v.version.0))).collect();
    assert_eq!(stored, model.notes);
    assert_eq!(store.count::<Note>(None).await.unwrap(), model.notes.len() as u64);
    for state in ["s0", "s1", "s2"] {
        let want = model.notes.values().filter(|(note, _)| note.state == state).count();
        assert_eq!(store.count::<Note>(Some(state)).await.unwrap(), want as u64);
    }
    for (note, _) in model.notes.values() {
        if let Some(key) = &note.key {
            assert_eq!(&store.get_by_key::<Note>(key).await.unwrap().unwrap().value, note);
        }
    }
    for (name, nth) in &model.checkpoints {
        assert_eq!(store.checkpoint(name).await.unwrap(), Some(json!(nth)));
    }
    for (id, pending) in &model.pending {
        let item = store.outbox_item(&format!("m{id}")).await.unwrap().unwrap();
        assert_eq!(item.state == wakeman_store::OutboxState::Pending, *pending);
    }
    let verdict = store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { entries, .. } if entries == model.events), "{verdict:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Commits that queue together (so that they share a batch) end as if each had come alone, in order.
    #[test]
    fn commits_do_what_the_model_does(
        batches in prop::collection::vec(prop::collection::vec(prop::collection::vec(step(), 0..6), 1..9), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let harness = TempSqlite::fresh().await;
            let store = harness.open().await;
            let mut model = Model::default();
            let mut nth = 0;
            for batch in &batches {
                let first = nth;
                let answers = join_all(batch.iter().enumerate().map(|(n, steps)| store.commit(commit(steps, first + n)))).await;
                for (steps, answer) in batch.iter().zip(answers) {
                    match model.after(steps, nth) {
                        Some(next) => {
                            model = next;
                            assert_eq!(answer.unwrap(), Committed::Seq(Seq(model.events)), "{steps:?}");
                        }
                        None => assert!(!answer.unwrap().landed(), "{steps:?}"),
                    }
                    nth += 1;
                }
                check(&store, &model).await;
            }
        });
    }
}
