//! Leases: who may act, until when, and the number that shuts out everyone before.

use serde::{Deserialize, Serialize};
use wakeman_types::Timestamp;

/// The right to act under a name until it expires. Epochs of one name only grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What is leased: `"executor"`, `"telegram"`, …
    pub name: String,
    /// Who holds it.
    pub holder: String,
    /// Grows with every acquisition; see [`Fence`].
    pub epoch: u64,
    /// When others may take it.
    pub expires_at: Timestamp,
}

impl Lease {
    /// The condition that a commit of this lease's holder carries.
    pub fn fence(&self) -> Fence {
        Fence { lease: self.name.clone(), epoch: self.epoch }
    }
}

/// A commit with a fence lands only while no later epoch of the lease was given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The lease's name.
    pub lease: String,
    /// The epoch the writer holds.
    pub epoch: u64,
}
