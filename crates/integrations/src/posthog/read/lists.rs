//! Flags and annotations.

use serde::Deserialize;
use wakeman_gateway::ports::{Annotation, FlagCard};
use wakeman_types::Timestamp;

use crate::{
    http::{At, Failure},
    posthog::{
        answers::{Flag, Page, User, rollout},
        client::{Purpose, Wire},
    },
};

/// Entries of one list.
const ENTRIES: &str = "100";

/// Flags whose key or name holds `search`; at most a hundred.
pub(super) async fn flags(wire: &Wire, search: Option<&str>) -> Result<Vec<FlagCard>, Failure> {
    let mut url = wire.project_address("feature_flags/");
    url.query_pairs_mut().append_pair("limit", ENTRIES);
    if let Some(search) = search {
        url.query_pairs_mut().append_pair("search", search);
    }
    let page: Page<Flag> = wire.get("flag list", url, Purpose::Ask).await?;
    let card = |flag: Flag| FlagCard {
        name: flag.name.unwrap_or_default(),
        active: flag.active,
        rollout: rollout(&flag.filters),
        version: flag.version.unwrap_or(0),
        updated_at: flag.updated_at.map(|at| at.0),
        updated_by: flag.last_modified_by.and_then(|user| user.name()),
        key: flag.key,
    };
    Ok(page.results.into_iter().filter(|flag| !flag.deleted).map(card).collect())
}

#[derive(Debug, Deserialize)]
struct Note {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    date_marker: Option<At>,
    created_at: At,
    #[serde(default)]
    created_by: Option<User>,
    #[serde(default)]
    deleted: bool,
}

/// Annotations since then, newest first; at most a hundred.
pub(super) async fn annotations(wire: &Wire, since: Timestamp) -> Result<Vec<Annotation>, Failure> {
    let mut url = wire.project_address("annotations/");
    url.query_pairs_mut().append_pair("limit", ENTRIES);
    let page: Page<Note> = wire.get("annotation list", url, Purpose::Ask).await?;
    let note = |note: Note| Annotation {
        at: note.date_marker.unwrap_or(note.created_at).0,
        text: note.content.unwrap_or_default(),
        by: note.created_by.and_then(|user| user.name()),
    };
    let mut notes: Vec<Annotation> = page.results.into_iter().filter(|note| !note.deleted).map(note).collect();
    notes.retain(|note| note.at >= since);
    notes.sort_by_key(|note| std::cmp::Reverse(note.at));
    Ok(notes)
}
