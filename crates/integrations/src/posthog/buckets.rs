//! The buckets of all metrics in one query; paged by time for a backfill, halved when one monitor spoils it for the others.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::json;
use wakeman_gateway::ports::{BucketAnswer, BucketRequest};
use wakeman_types::{Bucket, HOUR_MS, MetricId, MetricKind, MetricQuery, MetricSpec, Timestamp};

use super::{
    client::{Purpose, Wire, with_remedy},
    hogql::{Part, float, instant, quoted, rewrite, start_of},
    rows::{Row, Rows},
};
use crate::http::{Failure, short};

/// PostHog gives at most this many rows.
const ROWS_MAX: usize = 50_000;
/// A page is planned for this many rows, so that late events do not push it over the edge.
const ROWS_PLANNED: usize = 45_000;
/// No count, sum or weight of a bucket is larger: a query that answers more is wrong, and nothing can be computed with it.
const NUMBER_MAX: f64 = 1e18;
/// A monitor that PostHog refused is tried again after this long.
const REFUSAL_MS: i64 = HOUR_MS;

/// Monitors that PostHog refused lately, by id: the query, its words, and until when they count.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<MetricId, (String, String, Timestamp)>);

impl Refusals {
    fn standing(&self, id: &MetricId, query: &str, now: Timestamp) -> Option<&str> {
        let (refused, words, until) = self.0.get(id)?;
        (refused == query && now < *until).then_some(words.as_str())
    }
}

/// What is asked, prepared: events by name, monitors as parts, and what cannot be asked at all.
struct Plan<'a> {
    /// Each with its place in the request.
    events: BTreeMap<&'a str, Vec<(usize, &'a MetricSpec)>>,
    monitors: Vec<Monitor<'a>>,
    refused: Vec<(MetricId, String)>,
    label: String,
    step_ms: i64,
}

struct Monitor<'a> {
    /// In the request.
    place: usize,
    spec: &'a MetricSpec,
    query: &'a str,
    part: Part,
}

/// A part of the plan that is asked in one query: the events or not, and which monitors.
#[derive(Debug, Clone)]
struct Group {
    events: bool,
    monitors: Vec<usize>,
}

/// Reads the buckets of `request`.
pub(super) async fn buckets(
    wire: &Wire,
    refusals: &std::sync::Mutex<Refusals>,
    request: BucketRequest<'_>,
    purpose: Purpose,
) -> Result<BucketAnswer, Failure> {
    let now = wire.now();
    let plan = {
        let known = refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Plan::new(request.metrics, request.step_ms, &known, now)
    };
    let mut answer = BucketAnswer { refused: plan.refused.clone(), ..BucketAnswer::default() };
    let mut pages = plan.pages(request.from, request.until, now);
    let mut whole = Group { events: !plan.events.is_empty(), monitors: (0..plan.monitors.len()).collect() };
    while let Some((from, until)) = pages.pop_front() {
        let mut open = VecDeque::from([whole.clone()]);
        let mut page = Vec::new();
        while let Some(group) = open.pop_front() {
            match ask(wire, &plan, &group, (from, until), purpose).await {
                Ok(rows) if rows.results.rows.len() >= ROWS_MAX || rows.has_more == Some(true) => {
                    let (left, right) = plan.halves(from, until, &rows)?;
                    // Everything of this page is asked again with the halves.
                    page.clear();
                    pages.push_front(right);
                    pages.push_front(left);
                    break;
                }
                Ok(rows) => {
                    let told = plan.absorb(&rows, from, &mut page)?;
                    answer.server_now = answer.server_now.max(told);
                    plan.beyond_numbers(&rows, &mut answer.refused)?;
                }
                Err(Failure::Refused { status: 400, reason, .. }) if group.size() > 1 => {
                    tracing::debug!(parts = group.size(), reason, "query refused, looking for the culprit");
                    let (left, right) = group.split();
                    open.push_back(left);
                    open.push_back(right);
                }
                Err(Failure::Refused { status: 400, reason, .. }) if group.monitors.len() == 1 => {
                    let culprit = group.monitors[0];
                    whole.monitors.retain(|index| *index != culprit);
                    answer.refused.push(plan.refuse(culprit, reason, refusals, wire.now()));
                }
                Err(failure) => return Err(failure),
            }
        }
        answer.buckets.append(&mut page);
    }
    Ok(answer)
}

async fn ask(
    wire: &Wire,
    plan: &Plan<'_>,
    group: &Group,
    (from, until): (Timestamp, Option<Timestamp>),
    purpose: Purpose,
) -> Result<Rows, Failure> {
    let query = json!({"kind": "HogQLQuery", "query": plan.sql(group, from, until)});
    wire.query("bucket query", query, purpose).await
}

impl Group {
    fn size(&self) -> usize {
        usize::from(self.events) + self.monitors.len()
    }

    /// The events with no monitors and the monitors apart first, then the monitors by halves.
    fn split(&self) -> (Self, Self) {
        if self.events {
            return (
                Self { events: true, monitors: Vec::new() },
                Self { events: false, monitors: self.monitors.clone() },
            );
        }
        let (left, right) = self.monitors.split_at(self.monitors.len() / 2);
        (Self { events: false, monitors: left.to_vec() }, Self { events: false, monitors: right.to_vec() })
    }
}

impl<'a> Plan<'a> {
    fn new(metrics: &'a [MetricSpec], step_ms: i64, known: &Refusals, now: Timestamp) -> Self {
        let mut plan =
            Self { events: BTreeMap::new(), monitors: Vec::new(), refused: Vec::new(), label: "#".to_owned(), step_ms };
        for (place, spec) in metrics.iter().enumerate() {
            match &spec.query {
                MetricQuery::Event { event } => plan.events.entry(event).or_default().push((place, spec)),
                MetricQuery::HogQl { query } => match (known.standing(&spec.id, query, now), rewrite(query, spec.kind))
                {
                    (Some(words), _) => plan.refused.push((spec.id.clone(), words.to_owned())),
                    (None, Err(words)) => plan.refused.push((spec.id.clone(), words)),
                    (None, Ok(part)) => plan.monitors.push(Monitor { place, spec, query, part }),
                },
            }
        }
        // Rows of monitors carry a label; no watched event may look like one.
        while plan.events.keys().any(|event| event.starts_with(&plan.label)) {
            plan.label.push('#');
        }
        plan
    }

    /// The query of one group over `[from, until)`. The last row tells the server's clock even when nothing happened.
    fn sql(&self, group: &Group, from: Timestamp, until: Option<Timestamp>) -> String {
        let mut parts = Vec::with_capacity(group.monitors.len() + 2);
        if group.events {
            parts.push(self.events_sql(from, until));
        }
        for index in &group.monitors {
            let label = format!("{}{index}", self.label);
            parts.push(self.monitors[*index].part.select(&label, from, until, self.step_ms));
        }
        parts.push(format!(
            "SELECT {} AS metric, 0 AS bucket, {} AS value, {} AS weight, toUnixTimestamp(now()) AS server_now",
            quoted(&format!("{}now", self.label)),
            float("0"),
            float("0"),
        ));
        // PostHog caps each bare part of a UNION at 100 rows; the limit has to stand outside.
        format!(
            "SELECT metric, bucket, value, weight, server_now FROM ({}) LIMIT {ROWS_MAX}",
            parts.join(" UNION ALL ")
        )
    }

    fn events_sql(&self, from: Timestamp, until: Option<Timestamp>) -> String {
        let names: Vec<String> = self.events.keys().map(|event| quoted(event)).collect();
        let end = until.map(|end| format!(" AND timestamp < {}", instant(end))).unwrap_or_default();
        format!(
            "SELECT event AS metric, {} AS bucket, {} AS value, {} AS weight, toUnixTimestamp(now()) AS server_now FROM events WHERE event IN ({}) AND timestamp >= {}{end} GROUP BY metric, bucket",
            start_of("timestamp", self.step_ms),
            float("count()"),
            float("0"),
            names.join(", "),
            instant(from),
        )
    }

    /// Splits the range so that no page can exceed the row limit. The last page is open where the range is.
    fn pages(
        &self,
        from: Timestamp,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> VecDeque<(Timestamp, Option<Timestamp>)> {
        let series = (self.events.len() + self.monitors.len()).max(1);
        let span_ms = self.step_ms * (ROWS_PLANNED / series).max(1) as i64;
        let end = until.unwrap_or_else(|| now.plus_ms(self.step_ms));
        let mut pages = VecDeque::new();
        let mut start = from;
        while start.plus_ms(span_ms) < end {
            pages.push_back((start, Some(start.plus_ms(span_ms))));
            start = start.plus_ms(span_ms);
        }
        pages.push_back((start, until));
        pages
    }

    /// Both halves of a page that did not fit.
    #[allow(clippy::type_complexity)]
    fn halves(
        &self,
        from: Timestamp,
        until: Option<Timestamp>,
        rows: &Rows,
    ) -> Result<((Timestamp, Option<Timestamp>), (Timestamp, Option<Timestamp>)), Failure> {
        let told = rows.results.server_now.map_or(from, Timestamp::from_secs);
        let end = until.unwrap_or(told.plus_ms(self.step_ms));
        let middle = from.plus_ms(end.since(from) / 2).floor_to(self.step_ms);
        if middle <= from || middle >= end {
            return Err(Failure::Shape {
                reason: format!("bucket query: more than {ROWS_MAX} rows for one bucket of {} s", self.step_ms / 1000),
            });
        }
        Ok(((from, Some(middle)), (middle, until)))
    }

    /// Turns rows into buckets of the metrics they belong to; returns the server's clock.
    fn absorb(&self, rows: &Rows, from: Timestamp, page: &mut Vec<(usize, Bucket)>) -> Result<Timestamp, Failure> {
        let Some(server_now) = rows.results.server_now else {
            return Err(shape("no row at all, not even the one with the clock".to_owned()));
        };
        let owners: Result<Vec<_>, _> = rows.results.names.iter().map(|name| self.owners(name)).collect();
        let owners = owners?;
        for Row { name, bucket, value, weight } in &rows.results.rows {
            let owners = &owners[usize::from(*name)];
            let start = Timestamp::from_secs(*bucket);
            if start < from || owners.is_empty() {
                continue;
            }
            if start.floor_to(self.step_ms) != start {
                return Err(shape(format!("bucket {bucket} is no multiple of {} s", self.step_ms / 1000)));
            }
            for (place, spec) in owners {
                if let Some((value, weight)) = usable(spec.kind, *value, *weight) {
                    page.push((*place, Bucket { start, value, weight }));
                }
            }
        }
        super::check::clock("bucket query", server_now)
    }

    /// Adds the metrics of which a row holds a number that is none.
    fn beyond_numbers(&self, rows: &Rows, refused: &mut Vec<(MetricId, String)>) -> Result<(), Failure> {
        let beyond = |number: f64| number.abs() > NUMBER_MAX;
        for row in rows.results.rows.iter().filter(|row| beyond(row.value) || beyond(row.weight)) {
            let number = if beyond(row.value) { row.value } else { row.weight };
            for (_, spec) in self.owners(&rows.results.names[usize::from(row.name)])? {
                if refused.iter().all(|(known, _)| *known != spec.id) {
                    let words = format!("PostHog answered {number:e}, which is no number of events; mend its query");
                    refused.push((spec.id.clone(), words));
                }
            }
        }
        Ok(())
    }

    /// The metrics that rows of this name belong to; none for the row with the clock.
    fn owners(&self, name: &str) -> Result<Vec<(usize, &'a MetricSpec)>, Failure> {
        let owners = match name.strip_prefix(&self.label) {
            Some("now") => return Ok(Vec::new()),
            Some(index) => {
                let monitor = index.parse::<usize>().ok().and_then(|index| self.monitors.get(index));
                monitor.map(|monitor| vec![(monitor.place, monitor.spec)])
            }
            None => self.events.get(name).cloned(),
        };
        owners.ok_or_else(|| shape(format!("a row for \"{}\", which was not asked for", short(name))))
    }

    /// Remembers that PostHog refused a monitor.
    fn refuse(
        &self,
        index: usize,
        reason: String,
        refusals: &std::sync::Mutex<Refusals>,
        now: Timestamp,
    ) -> (MetricId, String) {
        let Monitor { spec, query, .. } = &self.monitors[index];
        let words = format!("PostHog refused it: {reason}");
        let entry = ((*query).to_owned(), words.clone(), now.plus_ms(REFUSAL_MS));
        let mut known = refusals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Monitors that left the settings must not stay here for ever.
        known.0.retain(|_, (_, _, until)| *until > now);
        known.0.insert(spec.id.clone(), entry);
        (spec.id.clone(), words)
    }
}

fn shape(reason: String) -> Failure {
    with_remedy(Failure::Shape { reason: format!("bucket query: {reason}") })
}

/// Value and weight of a row, or nothing where there is no number: no denominator, no sample.
fn usable(kind: MetricKind, value: f64, weight: f64) -> Option<(f64, f64)> {
    if !value.is_finite() || value.abs() > NUMBER_MAX || weight.abs() > NUMBER_MAX {
        return None;
    }
    let weight = if weight.is_finite() { weight } else { 0.0 };
    (kind == MetricKind::Count || weight > 0.0).then_some((value, weight))
}
