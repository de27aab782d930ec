//! One look of the watch: all that was seen in it, and what each of that may come from, worked out once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use wakeman_store::StoreError;
use wakeman_types::CandidateCause;

use super::{
    causes::{Evidence, likely_causes},
    detection::Detection,
};
use crate::core::Core;

/// Likely causes, most probable first, and the probability that it is none of them.
pub(super) type Causes = (Vec<CandidateCause>, f64);

/// What one look of the watch saw.
pub struct Look<'a> {
    /// All of it.
    pub(super) seen: &'a [Detection],
    evidence: &'a Evidence,
    /// By fingerprint. In a storm each is asked for by all others.
    known: Mutex<HashMap<String, Causes>>,
}

impl<'a> Look<'a> {
    /// A look in which all of `seen` was seen, with what is known besides the changes.
    pub fn new(seen: &'a [Detection], evidence: &'a Evidence) -> Self {
        Self { seen, evidence, known: Mutex::default() }
    }

    /// What a detection of this look may come from.
    pub(super) async fn causes(&self, core: &Core, seen: &Detection) -> Result<Causes, StoreError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&seen.fingerprint).cloned();
        if let Some(found) = found {
            return Ok(found);
        }
        let causes = likely_causes(core, seen, self.evidence).await?;
        known().insert(seen.fingerprint.clone(), causes.clone());
        Ok(causes)
    }
}
