//! Rows: how an entity looks to the store.

use std::{borrow::Cow, fmt};

use serde::Serialize;
use wakeman_types::Entity;

use crate::error::{Cause, StoreError};

/// Names one row: its kind and its id within the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EntityRef {
    /// The kind, as [`Entity::KIND`].
    pub kind: Cow<'static, str>,
    /// The identity within the kind.
    pub id: String,
}

impl EntityRef {
    /// The row of this kind and id.
    pub fn new(kind: impl Into<Cow<'static, str>>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }

    /// The row that holds `entity`.
    pub fn of<E: Entity>(entity: &E) -> Self {
        Self::new(E::KIND, entity.entity_id())
    }

    /// The row of the entity type `E` with this id.
    pub fn to<E: Entity>(id: impl Into<String>) -> Self {
        Self::new(E::KIND, id)
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// How often a row was written since it came to be: 1 after the first time, 0 while it does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// The row must not exist.
    pub const ABSENT: Self = Self(0);

    /// The version after one more write.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value read from the store, with the version to expect when it is written back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Versioned<T> {
    /// What was read.
    pub value: T,
    /// Its version when it was read.
    pub version: Version,
}

/// One row to write, made from an entity.
#[derive(Debug, Clone)]
pub struct Row {
    pub(crate) entity: EntityRef,
    pub(crate) state: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) sort_key: i64,
    pub(crate) unique_key: Option<String>,
    /// A value that JSON cannot hold is reported by the commit, so that making a row never fails.
    pub(crate) body: Result<String, Cause>,
}

impl Row {
    /// The row that holds `entity`.
    pub fn of<E: Entity>(entity: &E) -> Self {
        Self {
            entity: EntityRef::of(entity),
            state: Some(entity.state_name()).filter(|s| !s.is_empty()).map(str::to_owned),
            parent: entity.parent_id(),
            sort_key: entity.sort_key(),
            unique_key: entity.unique_key(),
            body: serde_json::to_string(entity)
                .map_err(|e| Cause::from(Box::new(e) as Box<dyn std::error::Error + Send + Sync>)),
        }
    }

    /// Which row this is.
    pub fn entity(&self) -> &EntityRef {
        &self.entity
    }

    /// The JSON text to store.
    pub(crate) fn body(&self) -> Result<&str, StoreError> {
        self.body
            .as_deref()
            .map_err(|source| StoreError::Encode { what: self.entity.to_string(), source: source.clone() })
    }
}
