//! `TrendsQuery`: series of events over time, by way of HogQL.

use serde_json::{Value, json};

use super::query::{quoted, refused, wrapped};
use super::{Call, Refusal};
use crate::World;
use crate::posthog::hogql;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339, utc};

/// Values that a breakdown shows at most, as PostHog's default.
const BREAKDOWN_VALUES_MAX: usize = 25;
/// Points of a series at most.
const POINTS_MAX: i64 = 20_000;

pub(super) fn query(world: &World, call: &Call, query: &Value) -> Result<Value, Refusal> {
    let series = query.get("series").and_then(Value::as_array).filter(|series| !series.is_empty());
    let series =
        series.ok_or_else(|| Refusal::invalid(None, "invalid_input", "TrendsQuery needs at least one series."))?;
    let range = range(query.get("dateRange"), call.at_ms);
    let interval = Interval::read(query.get("interval"), range)?;
    let breakdown = query.get("breakdownFilter").and_then(|filter| {
        let listed = filter.get("breakdowns").and_then(|all| all.get(0)?.get("property"));
        filter.get("breakdown").or(listed)?.as_str().map(str::to_owned)
    });
    let mut results = Vec::new();
    for (order, node) in series.iter().enumerate() {
        let lines = lines(world, call, node, range, interval, breakdown.as_deref())?;
        results.extend(lines.into_iter().map(|line| line.shown(node, order, interval)));
    }
    Ok(wrapped(results.into(), call.at_ms))
}

/// `[from, to]` from a `dateRange`: `-24h`, `-7d`, `-1m`, a day, an instant; the last seven days by default.
pub(super) fn range(range: Option<&Value>, now_ms: i64) -> (i64, i64) {
    let text = |key: &str| range.and_then(|range| range.get(key)).and_then(Value::as_str);
    let from = text("date_from").and_then(|text| moment(text, now_ms)).unwrap_or(now_ms - 7 * DAY_MS);
    (from, text("date_to").and_then(|text| moment(text, now_ms)).unwrap_or(now_ms))
}

fn moment(text: &str, now_ms: i64) -> Option<i64> {
    if let Some(relative) = text.strip_prefix('-') {
        let digits = relative.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let count: i64 = digits.parse().ok()?;
        let unit = match &relative[digits.len()..] {
            "M" | "min" => MINUTE_MS,
            "h" => HOUR_MS,
            "d" => DAY_MS,
            "w" => 7 * DAY_MS,
            "m" => 30 * DAY_MS,
            "y" => 365 * DAY_MS,
            _ => return None,
        };
        return Some(now_ms - count.checked_mul(unit)?);
    }
    parse_rfc3339(text)
        .or_else(|| parse_rfc3339(&format!("{}Z", text.replace(' ', "T"))))
        .or_else(|| parse_rfc3339(&format!("{text}T00:00:00Z")))
}

#[derive(Clone, Copy)]
struct Interval {
    word: &'static str,
    ms: i64,
}

impl Interval {
    fn read(value: Option<&Value>, (from, to): (i64, i64)) -> Result<Interval, Refusal> {
        let word = value.and_then(Value::as_str).unwrap_or("day");
        let all =
            [("minute", MINUTE_MS), ("hour", HOUR_MS), ("day", DAY_MS), ("week", 7 * DAY_MS), ("month", 30 * DAY_MS)];
        let found = all.into_iter().find(|(known, _)| *known == word);
        let invalid = |detail: String| Refusal::invalid(Some("interval"), "invalid_input", detail);
        let (word, ms) = found.ok_or_else(|| invalid(format!("\"{word}\" is not a valid interval.")))?;
        if (to - from) / ms > POINTS_MAX {
            return Err(invalid("The date range is too long for this interval.".to_owned()));
        }
        Ok(Interval { word, ms })
    }

    fn label(self, at_ms: i64) -> (String, String) {
        if self.ms >= DAY_MS {
            (utc(at_ms).format("%Y-%m-%d").to_string(), utc(at_ms).format("%-d-%b-%Y").to_string())
        } else {
            (utc(at_ms).format("%Y-%m-%d %H:%M:%S").to_string(), utc(at_ms).format("%-d-%b %H:%M").to_string())
        }
    }
}

/// One line of the chart.
struct Line {
    value: Option<Value>,
    points: Vec<(i64, f64)>,
}

fn lines(
    world: &World,
    call: &Call,
    node: &Value,
    (from, to): (i64, i64),
    interval: Interval,
    breakdown: Option<&str>,
) -> Result<Vec<Line>, Refusal> {
    let math = math(node)?;
    let event = node.get("event").and_then(Value::as_str);
    let only = event.map_or_else(|| "1 = 1".to_owned(), |event| format!("event = {}", quoted(event)));
    let split = breakdown.map_or_else(|| "NULL".to_owned(), |key| format!("toString(properties[{}])", quoted(key)));
    let unit = interval.word;
    let text = format!(
        "SELECT toUnixTimestamp64Milli(toDateTime(dateTrunc('{unit}', timestamp))) AS at, {split} AS split, {math} AS value \
         FROM events WHERE {only} AND timestamp >= toDateTime('{}') AND timestamp <= toDateTime('{}') \
         GROUP BY at, split ORDER BY at LIMIT 50000",
        rfc3339(from),
        rfc3339(to)
    );
    let table = hogql::run(world, call.at_ms, &text, &Value::Null).map_err(refused)?;
    let start = table_start(from, unit);
    let count = ((to - start) / interval.ms + 1).max(1);
    let blank = || (0..count).map(|at| (table_start(start + at * interval.ms, unit), 0.0)).collect::<Vec<_>>();
    let mut lines: Vec<Line> = Vec::new();
    if breakdown.is_none() {
        lines.push(Line { value: None, points: blank() });
    }
    for row in &table.rows {
        let (at, split) = (row[0].number().unwrap_or(0.0) as i64, row[1].json());
        let value = breakdown.map(|_| if split.is_null() { json!("$$_posthog_breakdown_null_$$") } else { split });
        let place = lines.iter().position(|line| line.value == value).unwrap_or_else(|| {
            lines.push(Line { value, points: blank() });
            lines.len() - 1
        });
        if let Some(point) = lines[place].points.iter_mut().find(|point| point.0 == at) {
            point.1 = row[2].number().unwrap_or(0.0);
        }
    }
    lines.sort_by(|a, b| b.total().total_cmp(&a.total()));
    lines.truncate(BREAKDOWN_VALUES_MAX);
    Ok(lines)
}

/// The first instant of the unit that an instant falls in.
fn table_start(at_ms: i64, unit: &str) -> i64 {
    use chrono::Datelike;
    match unit {
        "week" => {
            let day = at_ms - at_ms.rem_euclid(DAY_MS);
            day - i64::from(utc(day).weekday().num_days_from_monday()) * DAY_MS
        }
        "month" => at_ms - at_ms.rem_euclid(DAY_MS) - i64::from(utc(at_ms).day0()) * DAY_MS,
        "day" => at_ms - at_ms.rem_euclid(DAY_MS),
        "hour" => at_ms - at_ms.rem_euclid(HOUR_MS),
        _ => at_ms - at_ms.rem_euclid(MINUTE_MS),
    }
}

fn math(node: &Value) -> Result<String, Refusal> {
    let word = node.get("math").and_then(Value::as_str).unwrap_or("total");
    let property = node.get("math_property").and_then(Value::as_str).map(|key| format!("properties[{}]", quoted(key)));
    let of = |call: &str| {
        let property = property.as_deref();
        let needs =
            || Refusal::invalid(Some("series"), "invalid_input", format!("math \"{word}\" needs a math_property."));
        property.map(|property| format!("{call}({property})")).ok_or_else(needs)
    };
    match word {
        "total" => Ok("count()".to_owned()),
        "dau" | "unique_users" => Ok("uniq(person_id)".to_owned()),
        "sum" | "avg" | "min" | "max" | "median" => of(word),
        "p75" => of("quantile(0.75)"),
        "p90" => of("quantile(0.9)"),
        "p95" => of("quantile(0.95)"),
        "p99" => of("quantile(0.99)"),
        other => {
            Err(Refusal::invalid(Some("series"), "invalid_input", format!("\"{other}\" is not a supported math.")))
        }
    }
}

impl Line {
    fn total(&self) -> f64 {
        self.points.iter().map(|point| point.1).sum()
    }

    fn shown(&self, node: &Value, order: usize, interval: Interval) -> Value {
        let name = node
            .get("custom_name")
            .or(node.get("name"))
            .or(node.get("event"))
            .cloned()
            .unwrap_or_else(|| json!("All events"));
        let label = match &self.value {
            Some(Value::String(value)) => json!(value),
            _ => name.clone(),
        };
        let (days, labels): (Vec<String>, Vec<String>) =
            self.points.iter().map(|point| interval.label(point.0)).unzip();
        let data: Vec<Value> = self.points.iter().map(|point| number(point.1)).collect();
        let mut line = json!({
            "action": {
                "id": node.get("event"), "type": "events", "order": order, "name": name, "custom_name": node.get("custom_name"),
                "math": node.get("math"), "math_property": node.get("math_property"), "days": days, "properties": {},
            },
            "label": label, "count": number(self.total()), "data": data, "labels": labels, "days": days, "order": order,
        });
        if let Some(value) = &self.value {
            line["breakdown_value"] = value.clone();
        }
        line
    }
}

fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}
