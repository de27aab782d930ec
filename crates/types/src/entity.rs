//! What the store needs to know of a thing it keeps.

use serde::{Serialize, de::DeserializeOwned};

/// A domain object with an identity and a version, kept by the store as one row.
///
/// The body is the object's own JSON; the other methods name the few columns that reads select by. A new kind of object needs
/// no new SQL and no migration.
pub trait Entity: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The kind, unique among all entities: `"finding"`, `"proposal"`, …
    const KIND: &'static str;

    /// The identity within the kind.
    fn entity_id(&self) -> String;

    /// The lifecycle state, for `list` filters: `"open"`, `"pending"`, … Empty when the kind has none.
    fn state_name(&self) -> &str {
        ""
    }

    /// The owning object's id, for `list` by parent: a message's thread, a receipt's proposal.
    fn parent_id(&self) -> Option<String> {
        None
    }

    /// What `list` sorts by, newest first: Unix milliseconds or a sequence number.
    fn sort_key(&self) -> i64;

    /// A key no two rows of this kind may share (a fingerprint, an update id). A second insert conflicts.
    fn unique_key(&self) -> Option<String> {
        None
    }
}
