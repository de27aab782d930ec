//! The journal: what changed, who did it, in order.

use serde_json::Value;
use wakeman_store::{JournalEntry, LANE, Seq, StoreError};

use crate::{
    core::Core,
    tools::{
        ToolAnswer, ToolContext, ToolError,
        input::unstored,
        output::{Rows, known, stamp},
    },
};

/// Entries of one subject that are looked through for the newest.
const SUBJECT_ENTRIES_MAX: usize = 1_000;

/// The newest entries, of all or of one subject, newest last.
pub(super) async fn answer(
    context: ToolContext<'_>,
    subject: Option<&str>,
    limit: usize,
) -> Result<ToolAnswer, ToolError> {
    let entries = entries(context.core, subject, limit).await.map_err(|error| unstored(&error))?;
    let mut rows = Rows::new(&["time", "what", "who", "on", "details"]);
    for entry in &entries {
        let details = entry.payload.as_ref().map_or_else(|| "erased".to_owned(), Value::to_string);
        let at = stamp(context, entry.at);
        rows.push([&at, &entry.event_type, &entry.actor, &entry.subject, &details]);
    }
    Ok(known(rows.finish("nothing is recorded about it", false), Vec::new()))
}

async fn entries(core: &Core, subject: Option<&str>, limit: usize) -> Result<Vec<JournalEntry>, StoreError> {
    if let Some(subject) = subject {
        let mut all = core.store.journal_of(subject, LANE, Seq(0), SUBJECT_ENTRIES_MAX).await?;
        return Ok(all.split_off(all.len().saturating_sub(limit)));
    }
    let head = core.store.journal_head(LANE).await?.seq.0;
    core.store.journal(LANE, Seq((head + 1).saturating_sub(limit as u64)), limit).await
}
