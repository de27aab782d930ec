//! GitHub: one tool that lists, one that reads one thing. One tool a noun would cost every request three times the bytes.

mod list;
mod read;

pub use list::List;
pub use read::Read;

use super::ToolError;
use crate::{core::Core, ports::CodeReader};

/// The source's name in answers.
const SOURCE: &str = "GitHub";

/// Whether GitHub is configured and its switch is on.
fn allowed(core: &Core) -> bool {
    core.readers.code.is_some() && core.tools.allows("github", "readRepository")
}

/// The reader. A tool without one is not available, so this refuses only who did not ask.
fn reader(core: &Core) -> Result<&dyn CodeReader, ToolError> {
    core.readers.code.as_deref().ok_or_else(|| ToolError::Refused("GitHub is not configured".to_owned()))
}

/// Characters that have a meaning in an address, or none at all, have no place in a name.
fn name(field: &str, text: Option<String>) -> Result<Option<String>, ToolError> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let bad = |text: &String| {
        text.len() > 400 || text.chars().any(char::is_control) || text.split('/').any(|part| part == "..")
    };
    match text {
        Some(text) if bad(&text) => Err(ToolError::Arguments(format!("`{field}`: is not a name in a repository"))),
        other => Ok(other),
    }
}
