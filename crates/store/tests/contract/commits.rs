//! Compare-and-set, atomicity, unique keys, isolation in a batch, concurrency.

use std::collections::BTreeSet;

use serde_json::json;
use wakeman_store::{
    Commit, Committed, Conflict, EntityRef, FeedEnd, LANE, OutboxState, OutboxUpdate, Seq, StoreError, Version,
};

use super::{Harness, Note, at, event, land, message, refused};

pub async fn stale_versions_conflict<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).insert(&Note::new("a"))).await;
    land(&store, Commit::new(at(2)).replace(&Note { count: 1, ..Note::new("a") }, Version(1))).await;
    let conflict = refused(&store, Commit::new(at(3)).replace(&Note { count: 9, ..Note::new("a") }, Version(1))).await;
    let want = Conflict::Version { entity: EntityRef::to::<Note>("a"), expected: Version(1), found: Version(2) };
    assert_eq!(conflict, want);
    let found = store.get::<Note>("a").await.unwrap().unwrap();
    assert_eq!((found.value.count, found.version), (1, Version(2)));
}

pub async fn absent_means_absent<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).insert(&Note::new("a"))).await;
    refused(&store, Commit::new(at(2)).insert(&Note::new("a"))).await;
    refused(&store, Commit::new(at(2)).replace(&Note::new("b"), Version(1))).await;
    // Without an expected version the row is replaced, whatever it holds.
    land(&store, Commit::new(at(3)).put(&Note::new("a")).put(&Note::new("b"))).await;
    assert_eq!(store.get::<Note>("a").await.unwrap().unwrap().version, Version(2));
    assert_eq!(store.get::<Note>("b").await.unwrap().unwrap().version, Version(1));
}

/// A commit of everything a commit can hold.
fn full(id: &str) -> Commit {
    Commit::durable(at(5))
        .insert(&Note::new(id))
        .event(event(id, json!({"id": id})))
        .send(message(id, "chat"))
        .checkpoint("source", json!({"at": id}))
}

pub async fn a_conflict_writes_nothing<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, full("a")).await;
    let head = store.journal_head(LANE).await.unwrap();
    let spoilers = [
        full("b").expect(&EntityRef::to::<Note>("a"), Version(7)),
        full("b").send(message("a", "chat")),
        full("b").update_outbox(OutboxUpdate::Revoke { id: "nothing".into(), reason: "test".into() }),
        Commit { fence: Some(wakeman_store::Fence { lease: "none".into(), epoch: 1 }), ..full("b") },
    ];
    for spoiler in spoilers {
        refused(&store, spoiler.delete(EntityRef::to::<Note>("a"))).await;
        assert_eq!(store.get::<Note>("b").await.unwrap(), None);
        assert!(store.get::<Note>("a").await.unwrap().is_some());
        assert_eq!(store.journal_head(LANE).await.unwrap(), head);
        assert_eq!(store.outbox_item("b").await.unwrap(), None);
        assert_eq!(store.checkpoint("source").await.unwrap(), Some(json!({"at": "a"})));
    }
}

pub async fn everything_lands_together<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    assert_eq!(land(&store, full("a")).await, 1);
    assert_eq!(land(&store, full("b").event(event("b", json!(null)))).await, 3);
    assert_eq!(land(&store, Commit::new(at(6))).await, 3, "a commit without events leaves the journal where it is");
    assert!(store.get::<Note>("b").await.unwrap().is_some());
    assert_eq!(store.journal(LANE, Seq(1), 10).await.unwrap().len(), 3);
    assert_eq!(store.outbox_item("b").await.unwrap().unwrap().state, OutboxState::Pending);
    assert_eq!(store.checkpoint("source").await.unwrap(), Some(json!({"at": "b"})));
    assert_eq!(store.checkpoint("other").await.unwrap(), None);
}

fn keyed(id: &str, key: &str) -> Note {
    Note { key: Some(key.into()), ..Note::new(id) }
}

pub async fn unique_keys_hold<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&keyed("a", "k"))).await;
    let conflict = refused(&store, Commit::new(at(2)).put(&keyed("b", "k"))).await;
    let want = Conflict::UniqueKey { entity: EntityRef::to::<Note>("b"), key: "k".into(), held_by: "a".into() };
    assert_eq!(conflict, want);
    refused(&store, Commit::new(at(2)).put(&keyed("c", "l")).put(&keyed("d", "l"))).await;
    assert_eq!(store.get::<Note>("c").await.unwrap(), None);
    land(&store, Commit::new(at(3)).put(&keyed("a", "k"))).await;
    assert_eq!(store.get_by_key::<Note>("k").await.unwrap().unwrap().value.id, "a");
    assert_eq!(store.get_by_key::<Note>("l").await.unwrap(), None);
}

pub async fn unique_keys_move<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&keyed("a", "k")).put(&keyed("b", "l"))).await;
    // A swap through a free key, in one commit; then one key passes on to another row.
    let swap = Commit::new(at(2)).put(&keyed("a", "tmp")).put(&keyed("b", "k")).put(&keyed("a", "l"));
    land(&store, swap).await;
    assert_eq!(store.get_by_key::<Note>("k").await.unwrap().unwrap().value.id, "b");
    assert_eq!(store.get_by_key::<Note>("l").await.unwrap().unwrap().value.id, "a");
    land(&store, Commit::new(at(3)).put(&Note::new("a")).put(&keyed("0", "l"))).await;
    assert_eq!(store.get_by_key::<Note>("l").await.unwrap().unwrap().value.id, "0");
}

pub async fn deletes_make_room<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&keyed("a", "k"))).await;
    let entity = EntityRef::to::<Note>("a");
    refused(&store, Commit::new(at(2)).expect(&entity, Version(2)).delete(entity.clone())).await;
    land(&store, Commit::new(at(2)).expect(&entity, Version(1)).delete(entity.clone()).put(&keyed("b", "k"))).await;
    assert_eq!(store.get::<Note>("a").await.unwrap(), None);
    assert_eq!(store.get_by_key::<Note>("k").await.unwrap().unwrap().value.id, "b");
    land(&store, Commit::new(at(3)).delete(entity.clone())).await;
    land(&store, Commit::new(at(4)).delete(EntityRef::to::<Note>("b")).insert(&keyed("a", "k"))).await;
    assert_eq!(store.get::<Note>("a").await.unwrap().unwrap().version, Version(1));
}

pub async fn batches_isolate_their_members<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).insert(&Note::new("taken"))).await;
    // All queue before the writer runs, so they share batches; every third must conflict alone.
    let commits = (0..100).map(|n| {
        let id = if n % 3 == 0 { "taken".to_owned() } else { format!("n{n}") };
        let commit = Commit::durable(at(2)).insert(&Note::new(&id)).event(event(&id, json!(n)));
        store.commit(commit.send(message(&format!("m{n}"), &id)))
    });
    let answers = futures::future::join_all(commits).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.unwrap().landed(), n % 3 != 0, "{n}");
        assert_eq!(store.outbox_item(&format!("m{n}")).await.unwrap().is_some(), n % 3 != 0);
    }
    assert_eq!(store.journal_head(LANE).await.unwrap().seq, Seq(66));
    assert_eq!(store.count::<Note>(None).await.unwrap(), 67);
}

pub async fn sixteen_writers_lose_no_update<H: Harness>() {
    const EACH: u64 = 25;
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).insert(&Note::new("counter"))).await;
    let writers = (0..16).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < EACH {
                let seen = store.get::<Note>("counter").await.unwrap().unwrap();
                let next = Note { count: seen.value.count + 1, ..seen.value };
                let commit = Commit::new(at(2)).replace(&next, seen.version).event(event("counter", json!(next.count)));
                done += u64::from(store.commit(commit).await.unwrap().landed());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let found = store.get::<Note>("counter").await.unwrap().unwrap();
    assert_eq!((found.value.count, found.version), (16 * EACH, Version(16 * EACH + 1)));
    assert_eq!(store.journal_head(LANE).await.unwrap().seq, Seq(16 * EACH));
}

pub async fn numbers_are_given_out_once<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let numbers = futures::future::join_all((0..50).map(|_| store.next_number("finding"))).await;
    let numbers: BTreeSet<u64> = numbers.into_iter().map(Result::unwrap).collect();
    assert_eq!(numbers, (1..=50).collect());
    assert_eq!(store.next_number("proposal").await.unwrap(), 1);
    store.close().await;
    assert_eq!(harness.open().await.next_number("finding").await.unwrap(), 51);
}

pub async fn data_survive_reopening<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    land(&store, full("a")).await;
    store.close().await;
    let store = harness.open().await;
    assert_eq!(store.get::<Note>("a").await.unwrap().unwrap().value, Note::new("a"));
    assert_eq!(land(&store, full("b")).await, 2);
}

pub async fn a_closed_store_says_so<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let clone = store.clone();
    let mut feed = store.subscribe();
    store.close().await;
    assert!(matches!(clone.commit(Commit::new(at(1))).await, Err(StoreError::Closed)));
    assert!(matches!(clone.get::<Note>("a").await, Err(StoreError::Closed)));
    assert_eq!(feed.next().await, Err(FeedEnd::Closed));
    clone.close().await;
}

pub async fn the_feed_follows_and_reports_lag<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let mut feed = store.subscribe();
    land(&store, Commit::new(at(3)).event(event("a", json!(1)))).await;
    let first = feed.next().await.unwrap();
    assert_eq!((first.seq, first.at, first.event_type.as_str()), (Seq(1), at(3), "note.changed"));
    let mut flood = Commit::new(at(4));
    flood.events = vec![event("b", json!(null)); 2000];
    land(&store, flood).await;
    let Err(FeedEnd::Lagged { missed }) = feed.next().await else { panic!("2000 events fit in the ring") };
    assert_eq!(feed.next().await.unwrap().seq, Seq(2 + missed), "the feed goes on behind the gap");
}

pub async fn oversized_bodies_are_refused<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let huge = "x".repeat(9 << 20);
    let commits = [
        Commit::new(at(1)).put(&Note::new(&huge)),
        Commit::new(at(1)).event(event("a", json!(huge))),
        Commit::new(at(1)).send(wakeman_store::OutboxRow { body: json!(huge), ..message("m", "c") }),
    ];
    for commit in commits {
        assert!(matches!(store.commit(commit).await, Err(StoreError::TooLarge { .. })));
    }
    assert_eq!(store.commit(Commit::new(at(1))).await.unwrap(), Committed::Seq(Seq(0)));
}
