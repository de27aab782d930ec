//! Taking over the directory that another program of the instance contract wrote.
//!
//! Two steps: [`plan_takeover`] reads everything and changes nothing; [`apply_takeover`] writes files and commits conversations.
//! Applying a plan twice adds nothing the second time. Nothing is lost: what Wakeman has no place for is kept verbatim below
//! `storage/takeover/`, and the [`TakeoverReport`] names every conversation, setting, wakeup and file with what became of it.
//! Ids of threads, conversations and messages stay as they are.

mod apply;
mod config;
mod conversations;
mod error;
mod files;
mod merge;
mod plan;
mod put;
mod report;

pub use apply::{TakeoverContext, TakeoverOutcome, apply_takeover};
pub use error::TakeoverError;
pub use files::Copying;
pub use plan::{TakenThread, TakeoverPlan, plan_takeover};
pub use report::{ConversationReport, CopiedFile, SettingReport, TakeoverReport, WakeupReport};
