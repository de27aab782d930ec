//! PostHog's own shapes, as far as several modules read them.

use serde::Deserialize;
use serde_json::Value;

use crate::http::At;

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) results: Vec<T>,
    #[serde(default = "none")]
    pub(super) next: Option<String>,
}

fn none() -> Option<String> {
    None
}

/// Somebody, as far as PostHog tells.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct User {
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

impl User {
    /// What people call them; their address only where there is no name.
    pub(super) fn name(&self) -> Option<String> {
        let parts: Vec<&str> = [&self.first_name, &self.last_name]
            .into_iter()
            .flatten()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty())
            .collect();
        if parts.is_empty() { self.email.clone().filter(|email| !email.is_empty()) } else { Some(parts.join(" ")) }
    }
}

/// A feature flag.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Flag {
    pub(super) id: u64,
    pub(super) key: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    pub(super) active: bool,
    #[serde(default)]
    pub(super) version: Option<u64>,
    #[serde(default)]
    pub(super) deleted: bool,
    #[serde(default)]
    pub(super) filters: Value,
    #[serde(default)]
    pub(super) last_modified_by: Option<User>,
    #[serde(default)]
    pub(super) updated_at: Option<At>,
}

/// Share of users a flag applies to, 0–1, where it is a single rollout. No percentage means everybody.
pub(super) fn rollout(filters: &Value) -> Option<f64> {
    let [group] = filters.get("groups")?.as_array()?.as_slice() else { return None };
    match group.get("rollout_percentage") {
        None | Some(Value::Null) => Some(1.0),
        Some(percent) => percent.as_f64().map(|percent| percent / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_is_a_share_only_where_there_is_one_condition() {
        for (filters, share) in [
            (json!({"groups": [{"rollout_percentage": 25}]}), Some(0.25)),
            (json!({"groups": [{"rollout_percentage": null, "properties": []}]}), Some(1.0)),
            (json!({"groups": [{}]}), Some(1.0)),
            (json!({"groups": [{"rollout_percentage": 5}, {"rollout_percentage": 100}]}), None),
            (json!({"groups": []}), None),
            (json!(null), None),
        ] {
            assert_eq!(rollout(&filters), share, "{filters}");
        }
    }

    #[test]
    fn people_are_named_before_their_address() {
        let user = |body: Value| serde_json::from_value::<User>(body).expect("a user").name();
        assert_eq!(user(json!({"first_name": "Lin", "last_name": " ", "email": "l@x"})).as_deref(), Some("Lin"));
        assert_eq!(user(json!({"first_name": "", "email": "l@x"})).as_deref(), Some("l@x"));
        assert_eq!(user(json!({})), None);
    }
}
