//! The activity log: edits of flags and experiments, with what they were before and after.

use serde_json::{Value, json};

use super::flags::filters;
use super::people::person;
use super::{Call, page};
use crate::World;
use crate::posthog::{Flag, Setting, issues};
use crate::scenario::{Change, ChangeKind};
use crate::time::{parse_rfc3339, rfc3339};

/// One entry with its instant.
struct Entry {
    at_ms: i64,
    scope: &'static str,
    item: String,
    json: Value,
}

fn experiment_changes(world: &World, at_ms: i64) -> impl Iterator<Item = (usize, &Change)> {
    let all = world.scenario.changes.iter().enumerate();
    all.filter(move |(_, change)| change.kind == ChangeKind::Experiment && change.at_ms <= at_ms)
}

/// The ids of the experiments that use a flag.
pub(super) fn experiments_of(world: &World, flag: &str, at_ms: i64) -> Vec<usize> {
    experiment_changes(world, at_ms)
        .filter(|(_, change)| change.flag.as_deref() == Some(flag))
        .map(|(at, _)| at + 1)
        .collect()
}

/// `experiments/`
pub(super) fn experiments(world: &World, call: &Call) -> Value {
    let shown = |(at, change): (usize, &Change)| {
        json!({
            "id": at + 1, "name": change.title, "description": "", "start_date": rfc3339(change.at_ms), "end_date": null,
            "feature_flag_key": change.flag, "archived": false, "deleted": false, "created_by": person(world, &change.author),
            "created_at": rfc3339(change.at_ms), "updated_at": rfc3339(change.at_ms), "metrics": [], "status": "running",
        })
    };
    page(call, experiment_changes(world, call.at_ms).map(shown).collect())
}

/// `advanced_activity_logs/`: counted pages.
pub(super) fn advanced(world: &World, call: &Call) -> Value {
    page(call, selected(world, call))
}

/// `activity_log/`: pages without a count.
pub(super) fn log(world: &World, call: &Call) -> Value {
    let mut page = page(call, selected(world, call));
    if let Some(page) = page.as_object_mut() {
        page.remove("count");
    }
    page
}

/// `feature_flags/activity/` and `feature_flags/{id}/activity/`
pub(super) fn of_flags(world: &World, call: &Call, id: Option<u64>) -> Value {
    let mine = |entry: &Entry| entry.scope == "FeatureFlag" && id.is_none_or(|id| entry.item == id.to_string());
    page(call, entries(world, call.at_ms).into_iter().filter(mine).map(|entry| entry.json).collect())
}

/// The entries the call's parameters ask for, newest first.
fn selected(world: &World, call: &Call) -> Vec<Value> {
    let scopes = call.all(&["scope", "scopes"]);
    let items = call.all(&["item_id", "item_ids"]);
    let activities = call.all(&["activity", "activities"]);
    let bound = |name: &str| call.param(name).and_then(instant);
    let (from, to) = (bound("start_date").unwrap_or(i64::MIN), bound("end_date").unwrap_or(i64::MAX));
    let wanted = |entry: &Entry| {
        (scopes.is_empty() || scopes.iter().any(|scope| scope.trim_matches(['"', '[', ']']) == entry.scope))
            && (items.is_empty() || items.contains(&entry.item.as_str()))
            && (activities.is_empty() || activities.iter().any(|activity| entry.json["activity"] == **activity))
            && (from..=to).contains(&entry.at_ms)
    };
    entries(world, call.at_ms).into_iter().filter(wanted).map(|entry| entry.json).collect()
}

/// RFC 3339, or a day.
fn instant(text: &str) -> Option<i64> {
    parse_rfc3339(text)
        .or_else(|| parse_rfc3339(&format!("{text}T00:00:00Z")))
        .or_else(|| parse_rfc3339(&format!("{text}Z")))
}

fn entries(world: &World, at_ms: i64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for flag in world.posthog.flags.existing(at_ms) {
        entries.push(flag_entry(world, flag, 0, flag.created_ms, &flag.created_by, "created", Vec::new()));
        let mut before = flag.first;
        for (at, edit) in flag.edits_until(at_ms).iter().enumerate() {
            let changes = flag_changes(before, edit.setting);
            entries.push(flag_entry(world, flag, at + 1, edit.at_ms, &edit.by, "updated", changes));
            before = edit.setting;
        }
    }
    entries.extend(experiment_changes(world, at_ms).map(|(at, change)| experiment_entry(world, at, change)));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms));
    entries
}

fn flag_changes(before: Setting, after: Setting) -> Vec<Value> {
    let change = |field: &str, before: Value, after: Value| json!({"type": "FeatureFlag", "action": "changed", "field": field, "before": before, "after": after});
    let mut changes = Vec::new();
    if before.active != after.active {
        changes.push(change("active", before.active.into(), after.active.into()));
    }
    if before.rollout != after.rollout {
        changes.push(change("filters", filters(before), filters(after)));
    }
    changes
}

fn flag_entry(
    world: &World,
    flag: &Flag,
    place: usize,
    at_ms: i64,
    by: &str,
    activity: &str,
    changes: Vec<Value>,
) -> Entry {
    let detail = json!({
        "id": null, "name": flag.key, "short_id": null, "type": null, "trigger": null,
        "changes": if activity == "created" { Value::Null } else { changes.into() },
    });
    entry(world, Subject { scope: "FeatureFlag", item: flag.id.to_string(), place }, at_ms, by, activity, detail)
}

fn experiment_entry(world: &World, at: usize, change: &Change) -> Entry {
    let started = json!({
        "type": "Experiment", "action": "changed", "field": "start_date", "before": null, "after": rfc3339(change.at_ms),
    });
    let detail = json!({
        "id": null, "name": change.title, "short_id": null, "type": null, "trigger": null, "changes": [started],
    });
    let subject = Subject { scope: "Experiment", item: (at + 1).to_string(), place: 0 };
    entry(world, subject, change.at_ms, &change.author, "updated", detail)
}

struct Subject {
    scope: &'static str,
    item: String,
    place: usize,
}

fn entry(world: &World, subject: Subject, at_ms: i64, by: &str, activity: &str, detail: Value) -> Entry {
    let dice = world.dice(&format!("activity/{}/{}", subject.scope, subject.item));
    let json = json!({
        "id": issues::uuid(dice, subject.place as u64), "user": person(world, by), "unread": false, "is_system": false,
        "was_impersonated": false, "activity": activity, "scope": subject.scope, "item_id": subject.item, "detail": detail,
        "created_at": rfc3339(at_ms),
    });
    Entry { at_ms, scope: subject.scope, item: subject.item, json }
}
