//! The instance's `workspace/`: the only folder that a tool writes in, and the only one on the machine that it reads.

mod confined;
mod read;
mod write;

pub use read::Read;
pub use write::Write;

use std::path::PathBuf;

use confined::{Refusal, Workspace};

use super::ToolError;
use crate::core::Core;

/// Runs blocking work on the workspace away from the runtime's threads.
async fn within<T: Send + 'static>(
    core: &Core,
    work: impl FnOnce(&Workspace) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, ToolError> {
    let root: PathBuf =
        core.workspace.clone().ok_or_else(|| ToolError::Refused("this instance has no workspace".to_owned()))?;
    let done = tokio::task::spawn_blocking(move || work(&Workspace::new(root))).await;
    match done {
        Ok(result) => result.map_err(|refusal| ToolError::Refused(refusal.to_string())),
        Err(error) => Err(ToolError::Unknown { source_name: "the workspace", reason: error.to_string() }),
    }
}
