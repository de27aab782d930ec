//! Full disks, failing disks, other processes: typed errors, nothing half written, and the next batch goes on.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use wakeman_store::{Commit, FIRST_PREVIOUS_LINK, Fault, LANE, Options, Purge, Seq, Store, StoreError, Verdict};

use super::TempSqlite;
use crate::contract::{Harness, Note, at, event, land, message};

fn commit(n: u64) -> Commit {
    let id = format!("n{n}");
    Commit::durable(at(1)).insert(&Note::new(&id)).event(event(&id, json!(n))).send(message(&id, "chat"))
}

async fn assert_chain(store: &Store, entries: u64) {
    let verdict = store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    assert!(matches!(&verdict, Verdict::Verified { entries: n, .. } if *n == entries), "{verdict:?}");
    assert_eq!(store.count::<Note>(None).await.unwrap(), entries);
}

#[tokio::test]
async fn a_failed_batch_fails_all_its_waiters_and_leaves_nothing() {
    for (fault, is_expected) in [
        (Fault::Full, (|e| matches!(e, StoreError::Full { .. })) as fn(&StoreError) -> bool),
        (Fault::Fsync, |e| matches!(e, StoreError::Io { .. })),
        (Fault::Busy, |e| matches!(e, StoreError::Busy { .. }) && e.is_retryable()),
    ] {
        let harness = TempSqlite::fresh().await;
        let store = harness.open().await;
        land(&store, commit(0)).await;
        store.fail_next(fault);
        let numbers = store.next_number("finding");
        let (answers, number) = tokio::join!(join_all((1..9).map(|n| store.commit(commit(n)))), numbers);
        for error in answers.into_iter().map(Result::unwrap_err).chain([number.unwrap_err()]) {
            assert!(is_expected(&error), "{fault:?}: {error}");
        }
        assert_chain(&store, 1).await;
        // The same commits again: none of them had landed.
        for answer in join_all((1..9).map(|n| store.commit(commit(n)))).await {
            assert!(answer.unwrap().landed());
        }
        assert_eq!(store.next_number("finding").await.unwrap(), 1);
        assert_chain(&store, 9).await;
    }
}

#[tokio::test]
async fn a_full_database_says_so_keeps_reading_and_recovers() {
    let harness = TempSqlite::fresh().await;
    let store = Store::open(&harness.path(), Options { max_bytes: Some(400_000), ..Options::default() }).await.unwrap();
    let big = |n: u64| Note { key: Some("x".repeat(20_000)), ..Note::new(&format!("big{n}")) };
    let mut landed = 0;
    let error = loop {
        let note = Note { key: Some(format!("{landed}{}", "x".repeat(20_000))), ..big(landed) };
        match store.commit(Commit::durable(at(1)).insert(&note).event(event("big", json!(landed)))).await {
            Ok(_) => landed += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("free disk space"), "{error}");
    assert!(landed > 3);
    assert_chain(&store, landed).await;
    let all = Purge::Rows { kind: "note".into(), state: None, sort_key_below: i64::MAX };
    assert!(store.purge(all, 3).await.unwrap() == 3, "room can be made while full");
    land(&store, Commit::durable(at(2)).put(&big(99))).await;
}

#[tokio::test]
async fn another_process_writing_is_a_bounded_wait() {
    let harness = TempSqlite::fresh().await;
    let options = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    let store = Store::open(&harness.path(), options).await.unwrap();
    land(&store, commit(0)).await;
    let mut other = harness.raw().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = store.commit(commit(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy { .. }) && error.is_retryable(), "{error}");
    assert_chain(&store, 1).await;
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    land(&store, commit(1)).await;
    assert_chain(&store, 2).await;
}

/// A member that spoils the whole batch in a way nobody foresaw fails alone.
#[tokio::test]
async fn an_unforeseen_failure_is_confined_to_its_member() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    let trigger = "CREATE TRIGGER spoil BEFORE INSERT ON entities WHEN NEW.id = 'n3'
        BEGIN SELECT RAISE(ABORT, 'no n3 here'); END";
    harness.execute(trigger.into()).await;
    let (answers, number) =
        tokio::join!(join_all((0..8).map(|n| store.commit(commit(n)))), store.next_number("finding"));
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(answer) => assert!(answer.landed() && n != 3),
            Err(error) => assert!(matches!(error, StoreError::Unexpected { .. }) && n == 3, "{n}: {error}"),
        }
    }
    assert_eq!(number.unwrap(), 1);
    assert_chain(&store, 7).await;
}

#[tokio::test]
async fn a_commit_nobody_waits_for_still_lands() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    let mut abandoned = Box::pin(store.commit(commit(0)));
    assert!(futures::poll!(&mut abandoned).is_pending(), "queued, not yet answered");
    drop(abandoned);
    land(&store, commit(1)).await;
    assert_chain(&store, 2).await;
}

#[tokio::test]
async fn on_a_full_disk_the_essential_still_lands() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    let reserve = harness.dir.path().join("wakeman.db-reserve");
    land(&store, Commit::new(at(1))).await;
    // Behind the first answer the reserve is filled; the second answer comes after that.
    land(&store, Commit::new(at(1))).await;
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1 << 20);
    store.fail_next(Fault::Full);
    let (rejection, other) = tokio::join!(store.commit(commit(0).essential()), store.commit(commit(1)));
    assert!(rejection.unwrap().landed());
    assert!(matches!(other, Err(StoreError::Full { .. })));
    assert!(!reserve.exists());
    store.fail_next(Fault::Full);
    let error = store.commit(commit(2).essential()).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "the reserve is used up: {error}");
    assert_chain(&store, 1).await;
    for _ in 0..64 {
        land(&store, Commit::new(at(1))).await;
    }
    assert!(reserve.exists(), "filled again once writing goes well");
}
