//! Files that are not, or no longer, a database: a typed error, the remedy, and not one byte changed.

use std::fs;

use serde_json::json;
use wakeman_store::{Commit, ListQuery, Mode, Options, Store, StoreError};

use super::TempSqlite;
use crate::contract::{Harness, Note, at, event, land};

/// A database of a few hundred pages, closed.
async fn filled() -> TempSqlite {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    for n in 0..30 {
        let notes = (0..20).map(|i| Note { sort_key: i, ..Note::new(&format!("{n}-{i}-{}", "x".repeat(300))) });
        land(&store, notes.fold(Commit::new(at(n)), |c, note| c.put(&note)).event(event("n", json!(n)))).await;
    }
    store.close().await;
    harness
}

#[tokio::test]
async fn damage_is_noticed_at_the_start_and_nothing_is_touched() {
    let harness = filled().await;
    let sound = fs::read(harness.path()).unwrap();
    assert!(sound.len() > 300_000);
    let scribbled = |from: usize, to: usize| {
        let mut bytes = sound.clone();
        bytes[from..to].fill(0xA5);
        bytes
    };
    let cases = [
        ("text", b"not a database at all, but long enough to have a header".repeat(40)),
        ("header gone", scribbled(0, 100)),
        ("cut in half", sound[..sound.len() / 2].to_vec()),
        ("schema page", scribbled(100, 3000)),
        ("a page in the middle", scribbled(4096 * 40, 4096 * 41)),
        ("the last page", scribbled(sound.len() - 4096, sound.len())),
    ];
    for (what, bytes) in cases {
        fs::write(harness.path(), &bytes).unwrap();
        match Store::open(&harness.path(), Options::default()).await {
            Err(error @ StoreError::Damaged { .. }) => {
                assert!(error.to_string().contains("keep it"), "{error}");
                assert!(!error.is_retryable());
            }
            other => panic!("{what}: {other:?}"),
        }
        assert!(fs::read(harness.path()).unwrap() == bytes, "{what}: the damaged file was changed");
    }
}

#[tokio::test]
async fn a_large_database_is_checked_whole_only_when_that_is_asked() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    let filler = json!("x".repeat(100_000));
    let names = (0..100).map(|n| format!("filler-{n}"));
    land(&store, names.fold(Commit::new(at(1)), |c, name| c.checkpoint(&name, filler.clone()))).await;
    store.check_whole().await.unwrap();
    store.close().await;
    let mut bytes = fs::read(harness.path()).unwrap();
    assert!(bytes.len() > 9 << 20, "larger than what a start checks");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(harness.path(), &bytes).unwrap();
    for mode in [Mode::ReadWrite, Mode::ReadOnly] {
        let store = Store::open(&harness.path(), Options { mode, ..Options::default() }).await.unwrap();
        let found = store.check_whole().await;
        assert!(matches!(found, Err(StoreError::Damaged { .. })), "{mode:?}: {found:?}");
        store.close().await;
    }
    assert!(fs::read(harness.path()).unwrap() == bytes, "the damaged file was changed");
}

#[tokio::test]
async fn damage_found_later_is_typed_and_safe_mode_saves_the_rest() {
    let harness = filled().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("a"))).await;
    store.close().await;
    // Every page from the 40th on: enough for a scan to meet one; the schema and the first rows are sound.
    let mut bytes = fs::read(harness.path()).unwrap();
    bytes[4096 * 40..].fill(0xA5);
    fs::write(harness.path(), &bytes).unwrap();
    let safe = Store::open(&harness.path(), Options { mode: Mode::ReadOnly, ..Options::default() }).await.unwrap();
    let all = safe.list::<Note>(&ListQuery::newest(1000)).await;
    assert!(matches!(all, Err(StoreError::Damaged { .. })), "{all:?}");
    assert_eq!(safe.count::<Note>(None).await.unwrap(), 601);
}

#[tokio::test]
async fn what_a_crash_left_in_the_log_is_not_moved_into_a_damaged_file() {
    let harness = filled().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("a"))).await;
    // As a kill leaves them: the log was not moved into the file.
    let after = TempSqlite::fresh().await;
    let beside = |path: &std::path::Path| std::path::PathBuf::from(format!("{}-wal", path.display()));
    let mut bytes = fs::read(harness.path()).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xA5);
    let log = fs::read(beside(&harness.path())).unwrap();
    assert!(!log.is_empty());
    fs::write(after.path(), &bytes).unwrap();
    fs::write(beside(&after.path()), &log).unwrap();
    let opened = Store::open(&after.path(), Options::default()).await;
    assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    let safe = Store::open(&after.path(), Options { mode: Mode::ReadOnly, ..Options::default() }).await.unwrap();
    let refused = safe.commit(Commit::new(at(2)).put(&Note::new("b"))).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
    safe.close().await;
    assert!(fs::read(after.path()).unwrap() == bytes, "the damaged file was changed");
    assert!(fs::read(beside(&after.path())).unwrap() == log, "its log was changed");
}

#[tokio::test]
async fn a_file_that_is_no_database_opens_in_safe_mode_and_every_read_says_so() {
    let harness = filled().await;
    let mut bytes = fs::read(harness.path()).unwrap();
    bytes[..16 << 10].fill(0xA5);
    fs::write(harness.path(), &bytes).unwrap();
    let safe = Store::open(&harness.path(), Options { mode: Mode::ReadOnly, ..Options::default() }).await.unwrap();
    let found = safe.count::<Note>(None).await;
    assert!(matches!(found, Err(StoreError::Damaged { .. })), "{found:?}");
    safe.close().await;
    assert!(fs::read(harness.path()).unwrap() == bytes, "the damaged file was changed");
}

#[tokio::test]
async fn a_database_of_which_nothing_is_left_is_damage_where_there_was_one_and_a_beginning_elsewhere() {
    let harness = TempSqlite::fresh().await;
    let there_was_one = || Options { existing: true, ..Options::default() };
    let refused = |opened: Result<Store, StoreError>, what: &str| match opened {
        Err(StoreError::Damaged { remedy, .. }) => assert!(remedy.contains("is gone"), "{what}: {remedy}"),
        other => panic!("{what}: {other:?}"),
    };
    refused(Store::open(&harness.path(), there_was_one()).await, "missing");
    assert!(!harness.path().exists(), "nothing was made in its place");
    let safe = Store::open(&harness.path(), Options { mode: Mode::ReadOnly, ..there_was_one() }).await.unwrap();
    assert!(matches!(safe.count::<Note>(None).await, Err(StoreError::Damaged { .. })));
    safe.close().await;
    // A header without a table, as a copy of an empty database has it.
    let other = filled().await;
    let mut header = fs::read(other.path()).unwrap()[..4096].to_vec();
    header[28..32].copy_from_slice(&1u32.to_be_bytes());
    header[100..4096].fill(0);
    header[100] = 13;
    header[105..107].copy_from_slice(&4096u16.to_be_bytes());
    for (what, bytes) in [("empty", Vec::new()), ("without a table", header)] {
        fs::write(harness.path(), &bytes).unwrap();
        refused(Store::open(&harness.path(), there_was_one()).await, what);
        assert!(fs::read(harness.path()).unwrap() == bytes, "{what}: the file was changed");
        let safe = Store::open(&harness.path(), Options { mode: Mode::ReadOnly, ..there_was_one() }).await.unwrap();
        let found = safe.count::<Note>(None).await;
        assert!(matches!(found, Err(StoreError::Damaged { .. })), "{what}: {found:?}");
        safe.close().await;
    }
    fs::write(harness.path(), b"").unwrap();
    let store = Store::open(&harness.path(), Options::default()).await.unwrap();
    land(&store, Commit::new(at(1)).put(&Note::new("a"))).await;
    store.close().await;
    Store::open(&harness.path(), there_was_one()).await.unwrap().close().await;
}
