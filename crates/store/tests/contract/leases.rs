//! Leases and the fence that shuts out who held one before.

use serde_json::json;
use wakeman_store::{Commit, Conflict, LANE, Seq};

use super::{Harness, Note, at, event, land, refused};

pub async fn a_lease_has_one_holder<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let lease = store.acquire_lease("executor", "a", 100, at(0)).await.unwrap().unwrap();
    assert_eq!((lease.epoch, lease.expires_at), (1, at(100)));
    assert_eq!(store.acquire_lease("executor", "b", 100, at(99)).await.unwrap(), None);
    assert!(store.acquire_lease("other", "b", 100, at(99)).await.unwrap().is_some());
    let renewed = store.renew_lease(&lease, 100, at(99)).await.unwrap().unwrap();
    assert_eq!((renewed.epoch, renewed.expires_at), (1, at(199)));
    assert_eq!(store.acquire_lease("executor", "b", 100, at(198)).await.unwrap(), None);
    assert!(store.release_lease(&renewed).await.unwrap());
    assert!(!store.release_lease(&renewed).await.unwrap());
    assert_eq!(store.renew_lease(&renewed, 100, at(198)).await.unwrap(), None);
    assert!(store.acquire_lease("executor", "b", 100, at(198)).await.unwrap().is_some());
}

pub async fn epochs_only_grow<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let first = store.acquire_lease("l", "a", 10, at(0)).await.unwrap().unwrap();
    let lapsed = store.acquire_lease("l", "b", 10, at(10)).await.unwrap().unwrap();
    assert_eq!(store.renew_lease(&first, 10, at(11)).await.unwrap(), None);
    store.release_lease(&lapsed).await.unwrap();
    store.close().await;
    let store = harness.open().await;
    let after = store.acquire_lease("l", "a", 10, at(11)).await.unwrap().unwrap();
    let own = store.acquire_lease("l", "a", 10, at(12)).await.unwrap().unwrap();
    assert_eq!([first.epoch, lapsed.epoch, after.epoch, own.epoch], [1, 2, 3, 4]);
}

pub async fn a_stale_fence_changes_nothing<H: Harness>() {
    let harness = H::fresh().await;
    let store = harness.open().await;
    let old = store.acquire_lease("l", "a", 10, at(0)).await.unwrap().unwrap();
    let commit = |count| Commit::durable(at(1)).put(&Note { count, ..Note::new("n") }).event(event("n", json!(count)));
    land(&store, commit(1).fenced(&old)).await;
    let new = store.acquire_lease("l", "b", 10, at(10)).await.unwrap().unwrap();
    let conflict = refused(&store, commit(2).fenced(&old)).await;
    assert_eq!(conflict, Conflict::Fence { lease: "l".into(), epoch: 1, current: 2 });
    assert_eq!(store.get::<Note>("n").await.unwrap().unwrap().value.count, 1);
    assert_eq!(store.journal_head(LANE).await.unwrap().seq, Seq(1));
    land(&store, commit(3).fenced(&new)).await;
}
