//! Wakeman's own state: what it found, proposed, was told and did. Always there; no switch takes it away.

mod chart;
mod findings;
mod journal;
mod proposals;
mod records;
mod threads;

pub use chart::ChartTool;
pub use findings::Findings;
pub use records::Records;

use wakeman_store::{ListQuery, Store, Versioned};
use wakeman_types::Entity;

use super::{ToolError, input::unstored};

/// The newest rows of a kind, and whether there are more.
async fn newest<E: Entity>(store: &Store, query: ListQuery) -> Result<(Vec<E>, bool), ToolError> {
    let page = store.list::<E>(&query).await.map_err(|error| unstored(&error))?;
    Ok((page.items.into_iter().map(|found| found.value).collect(), page.next.is_some()))
}

/// One row, or a refusal that says where the ids are.
async fn one<E: Entity>(store: &Store, id: &str) -> Result<E, ToolError> {
    let found: Option<Versioned<E>> = store.get(id).await.map_err(|error| unstored(&error))?;
    found.map(|found| found.value).ok_or_else(|| {
        let shown = wakeman_present::sanitize(id, 60);
        ToolError::Refused(format!("there is no {} {shown}; without an id there is the list", E::KIND))
    })
}

/// The words that end a list of which more is kept.
fn with_more(text: String, more: bool) -> String {
    if more { format!("{text}\n… there are more; raise `limit`") } else { text }
}
