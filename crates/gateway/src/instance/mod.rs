//! The instance directory: a contract with people, scripts and other programs.
//!
//! Owns: the names, modes and formats of its files; taking over a directory that another program of the contract wrote.
//! Must not: decide anything. The database is the truth; conversations and snapshots here are written from it and can be rebuilt.
//! Only one process writes an instance: it holds the [`InstanceLock`].
//! Start at [`InstanceDir`].

mod atomic;
mod conversation;
mod create;
mod dir;
mod error;
mod export;
mod input;
mod lock;
mod modes;
mod restore;
mod snapshot;
mod takeover;
mod time;

#[cfg(test)]
mod tests;

pub use atomic::{AtomicFile, write_atomic};
pub use conversation::{
    BadLine, FileKind, ReadFile, read_records, render_chat, render_notes, rewrite_conversation, sync_conversation,
};
pub use create::{Created, TemplateFile};
pub use dir::{InstanceDir, InstanceName};
pub use error::InstanceError;
pub use export::{Exported, export};
pub use input::read_input;
pub use lock::{Holder, InstanceLock};
pub use modes::{Problem, read_secret_file};
pub use snapshot::{findings_snapshot, threads_snapshot};
pub use takeover::{
    ConversationReport, CopiedFile, Copying, SettingReport, TakenThread, TakeoverContext, TakeoverError,
    TakeoverOutcome, TakeoverPlan, TakeoverReport, WakeupReport, apply_takeover, plan_takeover,
};
pub use time::{conversation_id, folder_time, parse_folder_time};
