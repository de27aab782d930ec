//! `storage/state/*.json`: what the database says, for people and scripts.

use serde::Deserialize;
use serde_json::{Value, json};
use wakeman_store::{ListQuery, Store, StoreError};
use wakeman_types::{ComponentView, Finding, Thread, Timestamp};

use super::InstanceDir;

/// Newest threads in the snapshot.
const THREADS_MAX: usize = 1000;
/// Newest findings in the snapshot.
const FINDINGS_MAX: usize = 200;

/// `threads.json`: `{"threads": [ids], "items": [threads]}`, the one last spoken in first, at most 1,000.
///
/// # Errors
/// [`StoreError`].
pub async fn threads_snapshot(store: &Store) -> Result<Value, StoreError> {
    let page = store.list::<Thread>(&ListQuery::newest(THREADS_MAX)).await?;
    let items: Vec<_> = page.items.into_iter().map(|found| found.value).collect();
    let ids: Vec<_> = items.iter().map(|thread| &thread.thread_id).collect();
    Ok(json!({"threads": ids, "items": items}))
}

/// `findings.json`: a list, newest first, at most 200.
///
/// # Errors
/// [`StoreError`].
pub async fn findings_snapshot(store: &Store) -> Result<Value, StoreError> {
    let page = store.list::<Finding>(&ListQuery::newest(FINDINGS_MAX)).await?;
    Ok(page.items.into_iter().map(|found| json!(found.value)).collect())
}

impl InstanceDir {
    /// When each component last answered, by the status that the last daemon wrote. Empty where that cannot be read.
    pub fn last_successes(&self) -> Vec<(String, Timestamp)> {
        #[derive(Deserialize)]
        struct Last {
            components: Vec<ComponentView>,
        }
        let text = std::fs::read(self.state().join("status.json")).unwrap_or_default();
        let last = serde_json::from_slice::<Last>(&text).map(|last| last.components).unwrap_or_default();
        last.into_iter().filter_map(|component| Some((component.name, component.last_success?))).collect()
    }
}
