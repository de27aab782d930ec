//! `tip`.

use wakeman_present::Verb;

use super::verbs::once;
use crate::{failure::Failure, global::Global};

/// `tip`
pub async fn tip(global: &Global) -> Result<u8, Failure> {
    once(global, Verb::Tip).await
}
