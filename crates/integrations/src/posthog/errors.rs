//! Errors as PostHog groups them.

use serde::Deserialize;
use serde_json::json;
use wakeman_gateway::ports::ErrorIssue;
use wakeman_types::{MINUTE_MS, Timestamp};

use super::client::{Purpose, Wire};
use crate::http::{At, Failure, rfc3339};

/// Most issues that are asked for.
const ISSUES_MAX: usize = 100;
/// Most intervals of the volume.
const INTERVALS_MAX: i64 = 96;

#[derive(Debug, Deserialize)]
struct Issues {
    results: Vec<Issue>,
}

#[derive(Debug, Deserialize)]
struct Issue {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    status: String,
    first_seen: At,
    #[serde(default)]
    last_seen: Option<At>,
    #[serde(default)]
    function: Option<String>,
    #[serde(default)]
    source: Option<String>,
    aggregations: Option<Aggregations>,
}

#[derive(Debug, Deserialize)]
struct Aggregations {
    occurrences: f64,
    #[serde(default)]
    volume_buckets: Vec<Volume>,
}

#[derive(Debug, Deserialize)]
struct Volume {
    label: At,
    value: f64,
}

/// Errors that occurred since then and hold `search`, most frequent first.
pub(super) async fn errors(
    wire: &Wire,
    since: Timestamp,
    search: Option<&str>,
    purpose: Purpose,
) -> Result<Vec<ErrorIssue>, Failure> {
    let intervals = (wire.now().since(since) / (5 * MINUTE_MS)).clamp(1, INTERVALS_MAX);
    let mut query = json!({
        "kind": "ErrorTrackingQuery",
        "dateRange": {"date_from": rfc3339(since)},
        "orderBy": "occurrences",
        "volumeResolution": intervals,
        "withAggregations": true,
        "limit": ISSUES_MAX,
    });
    if let Some(search) = search {
        query["searchQuery"] = json!(search);
    }
    let answer: Issues = wire.query("error query", query, purpose).await?;
    let mut issues: Vec<ErrorIssue> = answer.results.into_iter().map(issue).collect();
    issues.sort_by_key(|issue| std::cmp::Reverse(issue.occurrences));
    issues.truncate(ISSUES_MAX);
    Ok(issues)
}

fn issue(from: Issue) -> ErrorIssue {
    let Aggregations { occurrences, volume_buckets } =
        from.aggregations.unwrap_or(Aggregations { occurrences: 0.0, volume_buckets: Vec::new() });
    let mut volume: Vec<(Timestamp, u64)> =
        volume_buckets.into_iter().map(|bucket| (bucket.label.0, bucket.value.max(0.0) as u64)).collect();
    volume.sort_by_key(|(at, _)| *at);
    ErrorIssue {
        id: from.id,
        name: from.name.unwrap_or_default(),
        description: from.description.unwrap_or_default(),
        status: from.status,
        source: from.source.filter(|source| !source.is_empty()),
        function: from.function.filter(|function| !function.is_empty()),
        first_seen: from.first_seen.0,
        last_seen: from.last_seen.unwrap_or(from.first_seen).0,
        occurrences: occurrences.max(0.0) as u64,
        volume,
    }
}
