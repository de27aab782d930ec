//! Everything that can be rebuilt from the database, rebuilt.

use std::path::Path;

use serde_json::Value;
use wakeman_store::{ListQuery, Order, Store};
use wakeman_types::Thread;

use super::{
    InstanceError,
    conversation::rewrite_conversation,
    dir::write_snapshot,
    snapshot::{findings_snapshot, threads_snapshot},
};

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Conversations, two files each.
    pub conversations: u64,
    /// Messages in them.
    pub messages: u64,
    /// Notes in them.
    pub notes: u64,
}

/// Writes `conversations/` and `state/` below `storage`, which may be the instance's own `storage` folder or any other: the same
/// bytes either way. `status` is the status as the gateway reports it; without it `status.json` is left alone.
///
/// # Errors
/// [`InstanceError::Io`], [`InstanceError::Store`]; files that were done before stay.
pub async fn export(storage: &Path, store: &Store, status: Option<&Value>) -> Result<Exported, InstanceError> {
    let mut exported = Exported::default();
    let conversations = storage.join("conversations");
    let mut query = ListQuery { order: Order::Oldest, limit: 200, ..ListQuery::default() };
    loop {
        let page = store.list::<Thread>(&query).await?;
        for thread in &page.items {
            let (messages, notes) = rewrite_conversation(&conversations, store, &thread.value).await?;
            exported.conversations += 1;
            exported.messages += messages;
            exported.notes += notes;
        }
        if page.next.is_none() {
            break;
        }
        query = query.after(page.next);
    }
    let state = storage.join("state");
    write_snapshot(&state, "threads", &threads_snapshot(store).await?)?;
    write_snapshot(&state, "findings", &findings_snapshot(store).await?)?;
    if let Some(status) = status {
        write_snapshot(&state, "status", status)?;
    }
    Ok(exported)
}
