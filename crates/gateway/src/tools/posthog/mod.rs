//! PostHog, as far as `tools.json` lets the model see it.

mod annotations;
mod errors;
mod flags;
mod funnel;
mod query;
mod trends;

pub use annotations::Annotations;
pub use errors::Errors;
pub use flags::Flags;
pub use funnel::Funnel;
pub use query::Query;
pub use trends::Trends;

use super::ToolError;
use crate::{core::Core, ports::ProductReader};

/// The source's name in answers.
const SOURCE: &str = "PostHog";

/// Whether PostHog is configured and this switch of its family is on.
fn allowed(core: &Core, capability: &str) -> bool {
    core.readers.product.is_some() && core.tools.allows("posthog", capability)
}

/// The reader. A tool without one is not available, so this refuses only who did not ask.
fn reader(core: &Core) -> Result<&dyn ProductReader, ToolError> {
    core.readers.product.as_deref().ok_or_else(|| ToolError::Refused("PostHog is not configured".to_owned()))
}
