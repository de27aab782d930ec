//! `export`: conversations and snapshots rebuilt from the database, byte for byte as the daemon writes them.

use serde_json::json;
use wakeman_gateway::instance;

use crate::{
    args::ExportArgs,
    compose,
    failure::{DONE, Failure},
    global::Global,
};

/// Rebuilds into `--out`, or in place when no daemon writes there.
pub async fn run(global: &Global, args: ExportArgs) -> Result<u8, Failure> {
    let dir = global.existing_dir()?;
    let storage = args.out.clone().unwrap_or_else(|| dir.storage());
    // In place, two writers would race; elsewhere the daemon may go on.
    let _lock = match &args.out {
        None => Some(dir.lock(std::process::id()).map_err(Failure::failed)?),
        Some(_) => None,
    };
    // A damaged database gives what it can, but never in the place of files that may be sound.
    let store = match &args.out {
        Some(_) => compose::open_or_safe(&dir).await?.0,
        None => compose::open_store(&dir).await?,
    };
    let progress = global.progress("writing conversations");
    let exported = instance::export(&storage, &store, None).await;
    store.close().await;
    drop(progress);
    let exported = exported.map_err(Failure::failed)?;
    let answer = json!({
        "directory": storage, "conversations": exported.conversations, "messages": exported.messages, "notes": exported.notes,
    });
    if global.json {
        global.print_json(&answer)?;
    } else {
        global.print(&format!(
            "{} conversations with {} messages and {} notes written below {}\n",
            exported.conversations,
            exported.messages,
            exported.notes,
            storage.display()
        ))?;
    }
    Ok(DONE)
}
