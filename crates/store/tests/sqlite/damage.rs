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
                assert!(error.to_string().contains("newest backup"), "{error}");
                assert!(!error.is_retryable());
            }
            other => panic!("{what}: {other:?}"),
        }
        assert!(fs::read(harness.path()).unwrap() == bytes, "{what}: the damaged file was changed");
    }
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
