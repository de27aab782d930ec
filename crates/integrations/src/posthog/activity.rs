//! Flag and experiment edits from the activity log.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use wakeman_types::{Change, ChangeId, ChangeKind, ChangeRef, Timestamp};

use super::{
    answers::{Page, User, rollout},
    client::{Purpose, Wire},
};
use crate::http::{At, Failure, rfc3339};

/// Pages that are read of one answer; a hundred edits a page is far more than people make in a watch interval.
const PAGES_MAX: usize = 5;

/// Edits of these fields alone cannot change what users see.
const COSMETIC: [&str; 10] = [
    "name",
    "description",
    "tags",
    "created_by",
    "last_modified_by",
    "updated_at",
    "version",
    "analytics_dashboards",
    "usage_dashboard",
    "last_called_at",
];

/// Which of the two logs this PostHog offers us.
#[derive(Debug, Default)]
pub(super) struct Route {
    flags_only: AtomicBool,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    user: Option<User>,
    activity: String,
    scope: String,
    #[serde(default)]
    item_id: Value,
    #[serde(default)]
    detail: Option<Detail>,
    created_at: At,
}

#[derive(Debug, Default, Deserialize)]
struct Detail {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    changes: Option<Vec<Edit>>,
}

#[derive(Debug, Deserialize)]
struct Edit {
    #[serde(default)]
    field: Option<String>,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
}

/// Edits since then, oldest first.
pub(super) async fn flag_changes(wire: &Wire, route: &Route, since: Timestamp) -> Result<Vec<Change>, Failure> {
    let mut entries = if route.flags_only.load(Ordering::Relaxed) {
        read(wire, flags_log(wire), since).await?
    } else {
        match read(wire, full_log(wire, since), since).await {
            // The project-wide log belongs to the larger plans; the flags' own log is always there.
            Err(Failure::Refused { status: 402 | 404, .. }) => {
                route.flags_only.store(true, Ordering::Relaxed);
                read(wire, flags_log(wire), since).await?
            }
            other => other?,
        }
    };
    entries.sort_by_key(|entry| entry.created_at);
    Ok(entries.into_iter().filter_map(|entry| change(wire, entry)).collect())
}

fn full_log(wire: &Wire, since: Timestamp) -> Url {
    let mut url = wire.project_address("advanced_activity_logs/");
    url.query_pairs_mut()
        .append_pair("scopes", "FeatureFlag")
        .append_pair("scopes", "Experiment")
        .append_pair("start_date", &rfc3339(since))
        .append_pair("page_size", "100");
    url
}

fn flags_log(wire: &Wire) -> Url {
    let mut url = wire.project_address("feature_flags/activity/");
    url.query_pairs_mut().append_pair("limit", "100");
    url
}

async fn read(wire: &Wire, first: Url, since: Timestamp) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    let mut url = first;
    for _ in 0..PAGES_MAX {
        let page: Page<Entry> = wire.get("activity log", url, Purpose::Watch).await?;
        // Newest first: an old entry on the page means that the next one has only old ones.
        let over = page.results.iter().any(|entry| entry.created_at.0 < since) || page.results.is_empty();
        entries.extend(page.results.into_iter().filter(|entry| entry.created_at.0 >= since));
        match page.next.as_deref().and_then(|next| wire.next_page(next)) {
            Some(next) if !over => url = next,
            _ => break,
        }
    }
    Ok(entries)
}

fn change(wire: &Wire, entry: Entry) -> Option<Change> {
    let detail = entry.detail.unwrap_or_default();
    let edits = detail.changes.unwrap_or_default();
    let fields = || edits.iter().filter_map(|edit| edit.field.as_deref());
    if fields().next().is_some() && fields().all(|field| COSMETIC.contains(&field)) {
        return None;
    }
    let name = detail.name.filter(|name| !name.is_empty()).unwrap_or_else(|| plain(&entry.item_id));
    let entry_id = plain(&entry.id);
    let item_id = plain(&entry.item_id);
    let (kind, id, reference, title, page) = match entry.scope.as_str() {
        "FeatureFlag" => {
            let version =
                edits.iter().find(|edit| edit.field.as_deref() == Some("version")).map(|edit| plain(&edit.after));
            let version = version.filter(|version| !version.is_empty()).unwrap_or(entry_id);
            let (active, share) = (active_after(&edits, &entry.activity), rollout_after(&edits));
            let reference = ChangeRef::Flag { id: item_id.parse().ok()?, key: name.clone(), active, rollout: share };
            let title = flag_title(&name, &entry.activity, &edits);
            (ChangeKind::Flag, format!("flag:{name}@{version}"), reference, title, "feature_flags")
        }
        "Experiment" => {
            let title = format!("experiment {name} {}", entry.activity);
            let reference = ChangeRef::Experiment { name };
            (ChangeKind::Experiment, format!("experiment:{item_id}@{entry_id}"), reference, title, "experiments")
        }
        _ => return None,
    };
    Some(Change {
        id: ChangeId::new(id),
        kind,
        at: entry.created_at.0,
        live_at: None,
        title,
        author: entry.user.as_ref().and_then(User::name),
        url: Some(wire.page(&format!("{page}/{item_id}"))),
        reference,
        files: Vec::new(),
    })
}

/// Ids come as numbers or as text.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn active_after(edits: &[Edit], activity: &str) -> Option<bool> {
    let edited =
        edits.iter().find(|edit| edit.field.as_deref() == Some("active")).and_then(|edit| edit.after.as_bool());
    edited.or((activity == "deleted").then_some(false))
}

fn rollout_after(edits: &[Edit]) -> Option<f64> {
    edits.iter().find(|edit| edit.field.as_deref() == Some("filters")).and_then(|edit| rollout(&edit.after))
}

/// `flag checkout-fast: off → on, 5 % → 50 %`.
fn flag_title(name: &str, activity: &str, edits: &[Edit]) -> String {
    let switch = |value: &Value| match value.as_bool() {
        Some(true) => "on".to_owned(),
        Some(false) => "off".to_owned(),
        None => "?".to_owned(),
    };
    let share = |value: &Value| match rollout(value) {
        Some(share) => format!("{} %", (share * 1000.0).round() / 10.0),
        None if value.is_null() => "?".to_owned(),
        None => "other conditions".to_owned(),
    };
    let steps: Vec<String> = edits
        .iter()
        .filter_map(|edit| match edit.field.as_deref()? {
            "active" => Some(format!("{} → {}", switch(&edit.before), switch(&edit.after))),
            "filters" if share(&edit.before) == share(&edit.after) => Some("conditions changed".to_owned()),
            "filters" => Some(format!("{} → {}", share(&edit.before), share(&edit.after))),
            _ => None,
        })
        .collect();
    if steps.is_empty() { format!("flag {name} {activity}") } else { format!("flag {name}: {}", steps.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn title(edits: Value) -> String {
        let edits: Vec<Edit> = serde_json::from_value(edits).expect("edits");
        flag_title("checkout-fast", "updated", &edits)
    }

    #[test]
    fn an_edit_is_told_by_what_users_notice() {
        let groups = |percent: u32| json!({"groups": [{"rollout_percentage": percent}]});
        for (edits, want) in [
            (json!([{"field": "active", "before": false, "after": true}]), "flag checkout-fast: off → on"),
            (json!([{"field": "filters", "before": groups(5), "after": groups(50)}]), "flag checkout-fast: 5 % → 50 %"),
            (
                json!([{"field": "filters", "before": groups(5), "after": groups(5)}]),
                "flag checkout-fast: conditions changed",
            ),
            (json!([{"field": "rollback_conditions", "before": null, "after": []}]), "flag checkout-fast updated"),
            (json!([{"field": "active", "before": null, "after": true}]), "flag checkout-fast: ? → on"),
        ] {
            assert_eq!(title(edits), want);
        }
    }
}
