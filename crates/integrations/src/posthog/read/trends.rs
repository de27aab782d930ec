//! `TrendsQuery`.

use serde::Deserialize;
use serde_json::{Value, json};
use wakeman_gateway::ports::{Interval, TrendAnswer, TrendLine, TrendRequest};

use crate::{
    http::{At, Failure, rfc3339},
    posthog::client::{Purpose, Wire},
};

#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Line>,
    #[serde(default)]
    timezone: Option<String>,
    #[serde(default)]
    last_refresh: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    label: Option<Value>,
    #[serde(default)]
    count: Option<f64>,
    data: Vec<Option<f64>>,
    days: Vec<String>,
}

pub(super) async fn trends(wire: &Wire, request: TrendRequest<'_>) -> Result<TrendAnswer, Failure> {
    let math = if request.users { "dau" } else { "total" };
    let node = |event: &String| json!({"kind": "EventsNode", "event": event, "name": event, "math": math});
    let mut query = json!({
        "kind": "TrendsQuery",
        "series": request.events.iter().map(node).collect::<Vec<_>>(),
        "dateRange": {"date_from": rfc3339(request.since)},
        "interval": match request.interval {
            Interval::Hour => "hour",
            Interval::Day => "day",
            Interval::Week => "week",
        },
    });
    if let Some(property) = request.breakdown {
        query["breakdownFilter"] = json!({"breakdown": property, "breakdown_type": "event"});
    }
    let answer: Answer = wire.query("trend query", query, Purpose::Ask).await?;
    Ok(TrendAnswer {
        lines: answer.results.into_iter().map(line).collect::<Result<_, _>>()?,
        zone: answer.timezone.unwrap_or_else(|| "the project's zone".to_owned()),
        as_of: answer.last_refresh.as_deref().and_then(At::read).map(|at| at.0),
    })
}

fn line(from: Line) -> Result<TrendLine, Failure> {
    let (values, days) = (from.data.len(), from.days.len());
    if values != days {
        return Err(Failure::Shape { reason: format!("trend query: {values} values for {days} days") });
    }
    let points: Vec<(String, f64)> =
        from.days.into_iter().zip(from.data).map(|(day, value)| (day, value.unwrap_or(f64::NAN))).collect();
    let label = match from.label {
        Some(Value::String(label)) => label,
        Some(Value::Null) | None => "none".to_owned(),
        Some(other) => other.to_string(),
    };
    let total = from.count.unwrap_or_else(|| points.iter().map(|point| point.1).sum());
    Ok(TrendLine { label, total, points })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_day() {
        let told = |data: &[f64], days: &[&str]| {
            let sent = json!({"label": "signed_up", "data": data, "days": days});
            line(serde_json::from_value(sent).expect("a line"))
        };
        let whole = told(&[1.0, 2.0], &["2026-01-05", "2026-01-06"]).expect("it is whole");
        assert_eq!((whole.points.len(), whole.total), (2, 3.0));
        for (data, days) in [(&[1.0][..], &[][..]), (&[1.0], &["2026-01-05", "2026-01-06"]), (&[], &["2026-01-05"])] {
            let Err(Failure::Shape { reason }) = told(data, days) else { panic!("{data:?} {days:?}") };
            assert_eq!(reason, format!("trend query: {} values for {} days", data.len(), days.len()));
        }
    }
}
