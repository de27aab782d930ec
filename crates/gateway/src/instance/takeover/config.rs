//! The three configuration files: copied byte for byte, so that nothing in them is lost, and accounted for value by value.

use serde_json::Value;
use wakeman_types::Channel;

use super::report::{SettingReport, TakeoverReport, WakeupReport};
use crate::config::{
    ConfigError, Parsed, Plan, SETTINGS_FILE, ScheduleEntry, Settings, TOOLS_FILE, WAKEUP_FILE, Warning, When, hint,
    parse_settings, parse_tools, parse_wakeup,
};

/// Accounts for `settings.json`.
pub(super) fn account_settings(text: &str, report: &mut TakeoverReport) {
    let value = json(text);
    let Some(parsed) = parsed(parse_settings(text, SETTINGS_FILE), report) else { return };
    report.settings = leaves(&value, &parsed.warnings);
    warn(&parsed.warnings, report);
    warn_of_strangers(&parsed.value, &value, report);
    let older = value.pointer("/runtime/channels").and_then(Value::as_array).into_iter().flatten();
    if older.into_iter().any(|name| name == "tui") {
        report
            .warnings
            .push(format!("{SETTINGS_FILE}: the channel \"tui\" is called \"cli\" here; both words are read"));
    }
}

/// A list of chats says nothing of who may decide: people are known by numeric id alone.
fn warn_of_strangers(settings: &Settings, value: &Value, report: &mut TakeoverReport) {
    let known = |channel| settings.operators.iter().flat_map(|o| &o.principals).any(|p| p.channel() == channel);
    let chats = value.pointer("/telegram/allowedChatIds").and_then(Value::as_array);
    if let Some(chats) = chats.filter(|chats| !chats.is_empty() && !known(Channel::Telegram)) {
        let chats: Vec<_> = chats.iter().map(ToString::to_string).collect();
        report.warnings.insert(
            0,
            format!(
                "{SETTINGS_FILE}: telegram.allowedChatIds names chats ({}), not people; nobody can use Wakeman on Telegram \
                 until operators lists them, like {{\"id\": \"ada\", \"role\": \"owner\", \"principals\": \
                 [\"telegram:123456789\"]}}",
                chats.join(", ")
            ),
        );
    } else if settings.operators.is_empty() {
        let text = "there are no operators; until some are added, only this machine's terminal can decide";
        report.warnings.insert(0, format!("{SETTINGS_FILE}: {text}"));
    }
}

/// Accounts for `tools.json`.
pub(super) fn account_tools(text: &str, report: &mut TakeoverReport) {
    let Some(parsed) = parsed(parse_tools(text, TOOLS_FILE), report) else { return };
    report.tools = leaves(&json(text), &parsed.warnings);
    warn(&parsed.warnings, report);
}

/// Accounts for `wakeup.json`.
pub(super) fn account_wakeups(text: &str, report: &mut TakeoverReport) {
    let Some(parsed) = parsed(parse_wakeup(text, WAKEUP_FILE), report) else { return };
    warn(&parsed.warnings, report);
    report.prompts = parsed.value.prompts.into_keys().collect();
    let lines = parsed.value.schedule.into_iter();
    report.wakeups = lines.map(|entry| WakeupReport { when: words(&entry), prompt_id: entry.prompt_id }).collect();
}

fn words(entry: &ScheduleEntry) -> String {
    match &entry.plan {
        Ok(Plan { when: When::Daily(time), .. }) => format!("{time} UTC"),
        Ok(Plan { when: When::Cron { pattern, timezone, .. }, .. }) => format!("{pattern} ({timezone})"),
        Err(_) => "never, until it is corrected".to_owned(),
    }
}

/// A file that is wrong is taken over all the same; the first start says what to correct in it.
fn parsed<T>(result: Result<Parsed<T>, ConfigError>, report: &mut TakeoverReport) -> Option<Parsed<T>> {
    match result {
        Ok(parsed) => Some(parsed),
        Err(error) => {
            let lines = error.lines().into_iter().rev();
            lines.for_each(|line| report.warnings.insert(0, format!("{line} (wakeman does not start before)")));
            None
        }
    }
}

fn warn(warnings: &[Warning], report: &mut TakeoverReport) {
    report.warnings.extend(warnings.iter().map(ToString::to_string));
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or(Value::Null)
}

/// Every value with its path; a list of plain values is one value.
fn leaves(value: &Value, warnings: &[Warning]) -> Vec<SettingReport> {
    let mut keys = Vec::new();
    collect(value, String::new(), &mut keys);
    let unknown = |key: &str| {
        warnings.iter().filter(|w| w.text.starts_with("is not a setting")).any(|w| {
            key.strip_prefix(w.key.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    };
    let line = |key: String| {
        let used = !unknown(&key);
        let note = hint(&key).filter(|_| !used).map(str::to_owned);
        SettingReport { key, used, note }
    };
    keys.into_iter().map(line).collect()
}

fn collect(value: &Value, path: String, keys: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(member, path, keys);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{path}[{index}]"), keys);
            }
        }
        _ => keys.push(path),
    }
}
