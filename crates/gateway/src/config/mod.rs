//! Configuration files: text in, typed values out, with the path of what is wrong.
//!
//! Owns: `settings.json`, `tools.json`, `wakeup.json`, the credentials, and the rules that follow from them (who somebody is, who
//! may approve, what is watched). Must not: open a file, read the environment or a clock; callers hand those in.
//! A wrong type or value is a [`ConfigError`] that names file, key and remedy and stops the start. An unknown key is a [`Warning`]
//! with a suggestion and stops nothing, so that an upgrade or a takeover does not brick.
//! Start at [`parse_settings`].

mod calendar;
mod check;
mod duration;
mod env_file;
mod error;
mod explain;
mod hints;
mod keys;
mod leaf;
mod place;
mod quiet;
mod read;
mod rules;
mod secrets;
mod settings;
mod suggest;
mod tools;
mod wakeup;

#[cfg(test)]
mod tests;

pub use calendar::CalendarSource;
pub use duration::parse_duration_ms;
pub use error::{ConfigError, Parsed, Problem, Warning};
pub use leaf::{DurationMs, HttpUrl, ProtectedPaths, Repository, RouteKind};
pub(crate) use quiet::instant_of;
pub use quiet::{QuietWindow, quiet_until};
pub use rules::{ApprovalRule, local_operator, metric_specs};
pub use secrets::{GithubCredential, SecretFile, SecretNames, Secrets, SecretsError};
pub use settings::{
    Ai, Aliases, App, Approval, Execute, Fallbacks, Github, InsightMonitor, Monitor, Operator, Posthog, PromptChoice,
    Route, Runtime, Settings, Ui, Vercel,
};
pub use tools::ToolsConfig;
pub use wakeman_types::ExecutionMode;
pub use wakeup::{
    Late, Only, Plan, RELEASE_CHECK, SHIPPED_PROMPTS, ScheduleEntry, TIP_WAKEUP, TimeOfDay, WakeupConfig, WakeupPrompt,
    When,
};

pub(crate) use check::always_approved;
pub(crate) use hints::hint;
pub(crate) use suggest::nearest;
pub(crate) use wakeup::is_no_jitter;

use schemars::Schema;

/// Where the settings are, as people and messages name the file.
pub const SETTINGS_FILE: &str = "read-only/settings.json";
/// Where the tool switches are.
pub const TOOLS_FILE: &str = "read-only/tools.json";
/// Where the wakeups are.
pub const WAKEUP_FILE: &str = "read-only/wakeup.json";

/// Reads `settings.json`. `label` is how messages name the file, usually [`SETTINGS_FILE`].
///
/// # Errors
/// [`ConfigError`] for text that is not JSON, a wrong type, or a value that cannot hold; it lists every wrong value it found.
pub fn parse_settings(text: &str, label: &str) -> Result<Parsed<Settings>, ConfigError> {
    let mut parsed = read::read::<Settings>(text, label, keys::SETTINGS)?;
    let found = check::check_settings(&parsed.value);
    parsed.warnings.extend(found.warnings.into_iter().map(|(key, text)| Warning::new(label, key, text)));
    ConfigError::unless_empty(label, found.problems)?;
    Ok(parsed)
}

/// Reads `tools.json`.
///
/// # Errors
/// [`ConfigError`] for text that is not JSON or a switch that is neither true nor false.
pub fn parse_tools(text: &str, label: &str) -> Result<Parsed<ToolsConfig>, ConfigError> {
    let mut parsed = read::read::<ToolsConfig>(text, label, keys::NONE)?;
    let unknown = parsed.value.unknown();
    parsed.warnings.extend(unknown.into_iter().map(|key| suggest::unknown_key(label, &key, keys::TOOLS)));
    Ok(parsed)
}

/// Reads `wakeup.json`.
///
/// # Errors
/// [`ConfigError`] for text that is not JSON or a wrong type. A time, cron pattern, zone or `promptId` that does not exist is no
/// error but a warning and the entry's own problem: such a wakeup never runs, the others do.
pub fn parse_wakeup(text: &str, label: &str) -> Result<Parsed<WakeupConfig>, ConfigError> {
    let raw = read::read::<wakeup::RawWakeups>(text, label, keys::WAKEUP)?;
    let mut parsed = raw.value.resolve(text, label);
    parsed.warnings.splice(0..0, raw.warnings);
    Ok(parsed)
}

/// The JSON Schema of one of the files: `settings`, `tools` or `wakeup`.
pub fn schema(name: &str) -> Option<Schema> {
    match name {
        "settings" => Some(schemars::schema_for!(Settings)),
        "tools" => Some(schemars::schema_for!(ToolsConfig)),
        "wakeup" => Some(schemars::schema_for!(wakeup::RawWakeups)),
        _ => None,
    }
}
