//! The file itself: who may read it, who may open it, copies of it.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;
use wakeman_store::{
    Commit, FIRST_PREVIOUS_LINK, LANE, ListQuery, Mode, Options, Purge, Seq, Store, StoreError, Verdict,
};

use super::TempSqlite;
use crate::contract::{Harness, Note, at, event, land};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_the_owner_can_read_it() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::durable(at(1)).put(&Note::new("a"))).await;
    for entry in fs::read_dir(harness.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    store.close().await;
    fs::set_permissions(harness.path(), fs::Permissions::from_mode(0o644)).unwrap();
    harness.open().await.close().await;
    assert_eq!(mode(&harness.path()), 0o600);
}

#[tokio::test]
async fn closing_leaves_one_file_behind() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("a"))).await;
    store.get::<Note>("a").await.unwrap();
    store.close().await;
    assert!(!harness.dir.path().join("wakeman.db-wal").exists());
}

#[tokio::test]
async fn two_may_open_and_migrate_at_once() {
    let harness = TempSqlite::fresh().await;
    let (a, b) = tokio::join!(harness.open(), harness.open());
    land(&a, Commit::new(at(1)).put(&Note::new("a")).event(event("a", json!(1)))).await;
    land(&b, Commit::new(at(2)).put(&Note::new("b")).event(event("b", json!(2)))).await;
    land(&a, Commit::new(at(3)).event(event("a", json!(3)))).await;
    assert_eq!(b.count::<Note>(None).await.unwrap(), 2);
    let verdict = a.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { entries: 3, .. }), "{verdict:?}");
}

/// A file of the first version: it is read as it is, and brought up to date by whoever writes it.
#[tokio::test]
async fn an_older_schema_is_read_as_it_is_and_migrated_when_it_is_opened() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("a"))).await;
    store.close().await;
    harness.execute("DROP INDEX entities_by_parent_and_state".into()).await;
    harness.execute("DELETE FROM _sqlx_migrations WHERE version = 2".into()).await;
    let waiting = ListQuery::oldest(5).parent("p").state("a");
    let reading = Options { mode: Mode::ReadOnly, ..Options::default() };
    let old = Store::open(&harness.path(), reading).await.unwrap();
    assert!(old.list::<Note>(&waiting).await.unwrap().items.is_empty());
    assert!(old.get::<Note>("a").await.unwrap().is_some());
    old.close().await;
    let store = harness.open().await;
    assert!(store.get::<Note>("a").await.unwrap().is_some());
    assert!(store.list::<Note>(&waiting).await.unwrap().items.is_empty());
    store.close().await;
    // There again: what is not there cannot be dropped.
    harness.execute("DROP INDEX entities_by_parent_and_state".into()).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_by_name() {
    let harness = TempSqlite::fresh().await;
    harness.open().await.close().await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (99, 'later', 1, x'00', 0)";
    harness.execute(later.into()).await;
    let error = Store::open(&harness.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { version: 99, .. }), "{error}");
    assert!(error.to_string().contains("upgrade wakeman"), "{error}");
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let harness = TempSqlite::fresh().await;
    let path = harness.dir.path().join("missing/wakeman.db");
    let error = Store::open(&path, Options::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }) && error.to_string().contains("missing/wakeman.db"), "{error}");
}

#[tokio::test]
async fn read_only_reads_and_refuses_writes() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("a"))).await;
    let options = Options { mode: Mode::ReadOnly, ..Options::default() };
    let safe = Store::open(&harness.path(), options.clone()).await.unwrap();
    assert!(safe.get::<Note>("a").await.unwrap().is_some());
    assert!(matches!(safe.commit(Commit::new(at(2))).await, Err(StoreError::ReadOnly { .. })));
    assert!(matches!(safe.next_number("finding").await, Err(StoreError::ReadOnly { .. })));
    assert!(safe.subscribe().next().await.is_err());
    let missing = Store::open(&harness.dir.path().join("none.db"), options).await.unwrap();
    assert!(matches!(missing.get::<Note>("a").await, Err(StoreError::Damaged { .. })), "told with each read");
}

#[tokio::test]
async fn a_backup_is_a_database_of_its_own() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    land(&store, Commit::new(at(1)).put(&Note::new("a")).event(event("a", json!(1)))).await;
    let copy = harness.dir.path().join("it's a copy.db");
    store.backup_to(&copy).await.unwrap();
    land(&store, Commit::new(at(2)).put(&Note::new("b"))).await;
    assert_eq!(mode(&copy), 0o600);
    let backup = Store::open(&copy, Options::default()).await.unwrap();
    assert_eq!(backup.count::<Note>(None).await.unwrap(), 1);
    assert_eq!(backup.journal_head(LANE).await.unwrap(), store.journal_head(LANE).await.unwrap());
    assert!(matches!(store.backup_to(&copy).await, Err(StoreError::Io { .. })), "an existing file is not overwritten");
}

/// Erased and purged bytes are gone from every file, not only from the answers.
#[tokio::test]
async fn what_is_erased_is_not_in_the_file() {
    let harness = TempSqlite::fresh().await;
    let store = harness.open().await;
    let secret = "grace-hopper-private-note";
    let note = Note { parent: Some(secret.into()), key: Some(secret.into()), ..Note::new("a") };
    land(&store, Commit::new(at(1)).put(&note).event(event("a", json!({"text": secret})))).await;
    assert!(on_disk(&harness, secret));
    store.erase_payloads(wakeman_store::Erase::Subject("a".into())).await.unwrap();
    let all = Purge::Rows { kind: "note".into(), state: None, sort_key_below: i64::MAX };
    assert_eq!(store.purge(all, 10).await.unwrap(), 1);
    store.scrub().await.unwrap();
    assert!(!on_disk(&harness, secret));
}

fn on_disk(harness: &TempSqlite, text: &str) -> bool {
    let files = fs::read_dir(harness.dir.path()).unwrap();
    files
        .map(|f| fs::read(f.unwrap().path()).unwrap())
        .any(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
}
