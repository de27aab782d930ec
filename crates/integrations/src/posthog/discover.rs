//! What could be watched: the project's own events and saved insights as suggested metrics.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use wakeman_gateway::ports::SourceError;
use wakeman_types::{DAY_MS, MetricId, MetricKind, MetricQuery, MetricSpec};

use super::{
    Posthog,
    answers::Page,
    client::{Purpose, Wire},
    hogql::{kind_of, quoted, rewrite},
};
use crate::http::{At, Failure};

/// Most suggestions of each sort; more is a wall of text, not a suggestion.
const SUGGESTIONS_MAX: usize = 25;
/// An event that was not seen for this long is not watched.
const STALE_MS: i64 = 7 * DAY_MS;

#[derive(Debug, Deserialize)]
struct EventDefinition {
    name: String,
    #[serde(default)]
    last_seen_at: Option<At>,
    #[serde(default)]
    hidden: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Insight {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    derived_name: Option<String>,
    #[serde(default)]
    query: Option<Value>,
    #[serde(default)]
    deleted: bool,
}

/// Suggests metrics: saved insights that can be watched first, then events seen in the last week.
///
/// # Errors
/// [`SourceError`] when PostHog does not answer or the key may not list insights or events.
pub async fn discover(posthog: &Posthog) -> Result<Vec<MetricSpec>, SourceError> {
    suggestions(&posthog.wire).await.map_err(Failure::source)
}

async fn suggestions(wire: &Wire) -> Result<Vec<MetricSpec>, Failure> {
    let mut url = wire.project_address("insights/");
    url.query_pairs_mut().append_pair("saved", "true").append_pair("limit", "100");
    let insights: Page<Insight> = wire.get("insight list", url, Purpose::Watch).await?;
    let mut url = wire.project_address("event_definitions/");
    url.query_pairs_mut().append_pair("limit", "200");
    let events: Page<EventDefinition> = wire.get("event list", url, Purpose::Watch).await?;

    let mut specs = Specs::default();
    for insight in insights.results.into_iter().filter(|insight| !insight.deleted) {
        let query = insight.query.as_ref().and_then(monitor);
        let name = insight.name.or(insight.derived_name).filter(|name| !name.trim().is_empty());
        if let (Some(query), Some(name)) = (query, name) {
            specs.add(name.trim(), query);
        }
    }
    specs.list.truncate(SUGGESTIONS_MAX);
    let mut seen: Vec<(At, String)> = events
        .results
        .into_iter()
        .filter(|event| event.hidden != Some(true) && watchable(&event.name))
        .filter_map(|event| Some((event.last_seen_at?, event.name)))
        .filter(|(at, _)| wire.now().since(at.0) < STALE_MS)
        .collect();
    seen.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for (_, event) in seen.into_iter().take(SUGGESTIONS_MAX) {
        specs.add(&event.clone(), MetricQuery::Event { event });
    }
    Ok(specs.list)
}

/// PostHog's own events, except page views, say little about a product.
fn watchable(event: &str) -> bool {
    !event.starts_with('$') || event == "$pageview"
}

/// Suggestions with ids that differ and no query twice.
#[derive(Debug, Default)]
struct Specs {
    list: Vec<MetricSpec>,
    ids: BTreeSet<String>,
}

impl Specs {
    fn add(&mut self, name: &str, query: MetricQuery) {
        if self.list.iter().any(|spec| spec.query == query) {
            return;
        }
        let kind = match &query {
            MetricQuery::Event { .. } => MetricKind::Count,
            MetricQuery::HogQl { query } => kind_of(query),
        };
        let slug = slug(name);
        let mut id = slug.clone();
        let mut number = 2;
        while !self.ids.insert(id.clone()) {
            id = format!("{slug}-{number}");
            number += 1;
        }
        self.list.push(MetricSpec { id: MetricId::new(id), name: name.to_owned(), kind, query });
    }
}

fn slug(name: &str) -> String {
    let dashed: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "metric".to_owned() } else { words.join("-") }
}

/// What of a saved insight can be watched: plain event trends, averages of a property, ratios of two events, and HogQL of the right form.
fn monitor(query: &Value) -> Option<MetricQuery> {
    let query = match query.get("kind").and_then(Value::as_str)? {
        "InsightVizNode" | "DataVisualizationNode" | "DataTableNode" => query.get("source")?,
        _ => query,
    };
    match query.get("kind").and_then(Value::as_str)? {
        "HogQLQuery" => {
            let text = query.get("query")?.as_str()?;
            rewrite(text, kind_of(text)).ok()?;
            Some(MetricQuery::HogQl { query: text.to_owned() })
        }
        "TrendsQuery" => trend(query),
        _ => None,
    }
}

fn trend(query: &Value) -> Option<MetricQuery> {
    let bare = |value: Option<&Value>| {
        value.is_none_or(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
    };
    if !bare(query.get("properties")) || !bare(query.pointer("/breakdownFilter/breakdown")) {
        return None;
    }
    let series = query.get("series")?.as_array()?;
    let plain = |node: &Value| {
        let of_event = node.get("kind").and_then(Value::as_str) == Some("EventsNode");
        (of_event && bare(node.get("properties"))).then(|| node.get("event")?.as_str().map(str::to_owned)).flatten()
    };
    let math = |node: &Value| node.get("math").and_then(Value::as_str).unwrap_or("total").to_owned();
    let formula = query.pointer("/trendsFilter/formula").and_then(Value::as_str).map(|text| text.replace(' ', ""));
    let window = "timestamp > now() - INTERVAL 1 HOUR";
    match (series.as_slice(), formula.as_deref()) {
        ([node], None | Some("")) => {
            let event = plain(node)?;
            match math(node).as_str() {
                "total" => Some(MetricQuery::Event { event }),
                "avg" => {
                    let property = node.get("math_property")?.as_str()?;
                    let query = format!(
                        "SELECT avg(properties[{}]) FROM events WHERE event = {} AND {window}",
                        quoted(property),
                        quoted(&event)
                    );
                    Some(MetricQuery::HogQl { query })
                }
                _ => None,
            }
        }
        ([a, b], Some("A/B" | "B/A")) if math(a) == "total" && math(b) == "total" => {
            let (a, b) = (quoted(&plain(a)?), quoted(&plain(b)?));
            let (above, below) = if formula.as_deref() == Some("A/B") { (a, b) } else { (b, a) };
            Some(MetricQuery::HogQl {
                query: format!(
                    "SELECT countIf(event = {above}) / countIf(event = {below}) FROM events WHERE event IN ({above}, {below}) AND {window}"
                ),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(event: &str, math: &str) -> Value {
        json!({"kind": "EventsNode", "event": event, "math": math, "math_property": "load_ms"})
    }

    #[test]
    fn insights_of_the_right_form_become_monitors() {
        let trends = |series: Value, formula: Value| json!({"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": series, "trendsFilter": {"formula": formula}}});
        assert_eq!(
            monitor(&trends(json!([node("signed_up", "total")]), Value::Null)),
            Some(MetricQuery::Event { event: "signed_up".into() })
        );
        let Some(MetricQuery::HogQl { query }) =
            monitor(&trends(json!([node("a", "total"), node("b", "total")]), json!("B / A")))
        else {
            panic!("a formula of two events")
        };
        assert_eq!(
            query,
            "SELECT countIf(event = 'b') / countIf(event = 'a') FROM events WHERE event IN ('b', 'a') AND timestamp > now() - INTERVAL 1 HOUR"
        );
        assert_eq!(kind_of(&query), MetricKind::Ratio);
        let Some(MetricQuery::HogQl { query }) = monitor(&trends(json!([node("page", "avg")]), Value::Null)) else {
            panic!("an average")
        };
        assert_eq!(kind_of(&query), MetricKind::Duration);
        for other in [
            trends(json!([node("signed_up", "dau")]), Value::Null),
            trends(json!([node("a", "total"), node("b", "total")]), Value::Null),
            json!({"kind": "FunnelsQuery"}),
            json!({"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "SELECT event, count() FROM events GROUP BY event"}}),
            json!({}),
        ] {
            assert_eq!(monitor(&other), None, "{other}");
        }
    }

    #[test]
    fn ids_differ_and_no_query_comes_twice() {
        let mut specs = Specs::default();
        specs.add("Sign-ups!", MetricQuery::Event { event: "a".into() });
        specs.add("sign ups", MetricQuery::Event { event: "b".into() });
        specs.add("again", MetricQuery::Event { event: "b".into() });
        specs.add("…", MetricQuery::Event { event: "c".into() });
        let ids: Vec<&str> = specs.list.iter().map(|spec| spec.id.as_str()).collect();
        assert_eq!(ids, ["sign-ups", "sign-ups-2", "metric"]);
    }
}
