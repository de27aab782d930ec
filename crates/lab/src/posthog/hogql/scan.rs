//! Reads the events: as counts between instants where that is enough, one by one where it is not.

use std::sync::Arc;

use serde_json::{Map, json};

use super::QueryError;
use super::expr::{Column, Expr, NoRow, Row};
use super::need::Need;
use super::value::Value;
use crate::World;
use crate::posthog::{events, issues};
use crate::world::Stream;

/// Events that a query may look at one by one; beyond it a real server gives up too.
const SINGLES_MAX: u64 = 4_000_000;

/// One row of the scan: several events alike, or a single one.
pub(super) struct Found<'r> {
    pub(super) row: &'r dyn Row,
    /// How many events it stands for.
    pub(super) weight: u64,
    /// Instants of the first and the last of them.
    pub(super) edges: (i64, i64),
}

/// A scan of the events in `[from_ms, to_ms)`.
pub(super) struct Scan<'w> {
    pub(super) world: &'w World,
    pub(super) now_ms: i64,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) properties: &'w [Arc<str>],
    pub(super) need: &'w Need,
    /// Conditions that events must meet, beside the bounds.
    pub(super) conditions: &'w [Expr],
}

/// Where a property's value comes from in one stream.
enum Binding {
    Missing,
    Constant(Value),
    /// One value per cell.
    PerCell(Vec<Value>),
    Duration,
    /// Decided event by event.
    PerEvent(Arc<str>),
}

/// One stream being read.
struct Reading<'w> {
    scan: &'w Scan<'w>,
    stream: &'w Stream,
    event: Value,
    bindings: Vec<Binding>,
    step_ms: i64,
    origin_ms: i64,
    from_ms: i64,
    to_ms: i64,
}

type Visit<'v> = &'v mut dyn FnMut(Found<'_>) -> Result<bool, QueryError>;

impl Scan<'_> {
    /// Calls `visit` for every row until it answers `false`.
    pub(super) fn run(&self, visit: Visit<'_>) -> Result<(), QueryError> {
        let of_event = |expr: &&Expr| {
            let mut only = true;
            expr.walk(&mut |part| {
                only &= !matches!(part, Expr::Column(column) if *column != Column::Event);
                only
            });
            only
        };
        let by_event: Vec<&Expr> = self.conditions.iter().filter(of_event).collect();
        let others: Vec<&Expr> = self.conditions.iter().filter(|expr| !of_event(expr)).collect();
        let mut budget = SINGLES_MAX;
        for stream in &self.world.streams {
            let event = Value::text(stream.event.as_str());
            let named = Named(&event);
            let mut wanted = true;
            for condition in &by_event {
                wanted = wanted && condition.eval(&named)?.truth();
            }
            if wanted && !self.reading(stream, event).run(&others, &mut budget, visit)? {
                break;
            }
        }
        Ok(())
    }

    fn reading<'s>(&'s self, stream: &'s Stream, event: Value) -> Reading<'s> {
        let origin_ms = self.world.scenario.history_start_ms();
        let bindings = self.properties.iter().map(|key| self.binding(stream, key)).collect();
        Reading {
            scan: self,
            stream,
            event,
            bindings,
            step_ms: self.world.scenario.step_ms,
            origin_ms,
            from_ms: self.from_ms.max(origin_ms),
            // Events of the last `lag` have happened but cannot be seen.
            to_ms: self.to_ms.min(self.now_ms - stream.lag_ms + 1),
        }
    }

    fn binding(&self, stream: &Stream, key: &Arc<str>) -> Binding {
        if events::is_decided_per_event(self.world, stream, key) {
            return Binding::PerEvent(Arc::clone(key));
        }
        if let Some(dim) = stream.dims.iter().position(|dim| *dim.key == **key) {
            return Binding::PerCell((0..stream.cells()).map(|cell| Value::text(stream.value_of(cell, dim))).collect());
        }
        if **key == *events::DURATION && stream.has_duration() {
            return Binding::Duration;
        }
        match events::constant(stream, key) {
            Some(text) => Binding::Constant(Value::text(text)),
            None => Binding::Missing,
        }
    }
}

impl Reading<'_> {
    /// Whether to go on with the next stream.
    fn run(&self, conditions: &[&Expr], budget: &mut u64, visit: Visit<'_>) -> Result<bool, QueryError> {
        let Some((begin, end)) = self.stream.busy().filter(|_| self.from_ms < self.to_ms) else { return Ok(true) };
        let need = self.scan.need;
        let single = need.single
            || need.used.iter().any(|place| matches!(self.bindings[*place], Binding::PerEvent(_)))
            || need.exact.iter().any(|place| matches!(self.bindings[*place], Binding::Duration));
        let per_cell =
            need.used.iter().any(|place| matches!(self.bindings[*place], Binding::PerCell(_) | Binding::Duration));
        let mut keep = |found: Found<'_>| -> Result<bool, QueryError> {
            for condition in conditions {
                if !condition.eval(found.row)?.truth() {
                    return Ok(true);
                }
            }
            visit(found)
        };
        let mut cuts: Vec<i64> = need.cuts.clone();
        cuts.sort_unstable();
        let first = (self.from_ms - self.origin_ms).div_euclid(self.step_ms);
        let last = (self.to_ms - 1 - self.origin_ms).div_euclid(self.step_ms);
        for step in first.max(begin as i64)..=last.min(end as i64) {
            let start = self.origin_ms + step * self.step_ms;
            let (from, to) = (self.from_ms.max(start), self.to_ms.min(start + self.step_ms));
            let step = step as usize;
            let go_on = if single {
                self.singles(step, start, (from, to), budget, &mut keep)?
            } else {
                self.pieces(step, start, (from, to), &cuts, per_cell, &mut keep)?
            };
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The part of a step in `[from, to)`, cut where some expression may change its value.
    fn pieces(
        &self,
        step: usize,
        start: i64,
        (from, to): (i64, i64),
        cuts: &[i64],
        per_cell: bool,
        visit: Visit<'_>,
    ) -> Result<bool, QueryError> {
        let mut at = from;
        while at < to {
            let mut next = to;
            for period in &self.scan.need.periods {
                next = next.min(at - at.rem_euclid(*period) + period);
            }
            let cut = cuts.partition_point(|cut| *cut <= at);
            next = next.min(cuts.get(cut).copied().unwrap_or(i64::MAX));
            if !self.piece(step, start, (at, next), per_cell, visit)? {
                return Ok(false);
            }
            at = next;
        }
        Ok(true)
    }

    fn piece(
        &self,
        step: usize,
        start: i64,
        (from, to): (i64, i64),
        per_cell: bool,
        visit: Visit<'_>,
    ) -> Result<bool, QueryError> {
        let whole = to - from == self.step_ms;
        let range = |cell: usize| {
            let count = self.stream.count(step, cell);
            if whole {
                return (0, count, count);
            }
            let before = |at: i64| self.stream.before(count, cell, self.step_ms, at - start);
            (before(from), before(to), count)
        };
        let edges = |cell: usize, (low, high, count): (u32, u32, u32)| {
            let at = |place: u32| start + self.stream.offset_ms(place, count, cell, self.step_ms);
            if self.scan.need.edges { (at(low), at(high - 1)) } else { (from, from) }
        };
        let mut sum = Piece { reading: self, from, cell: 0, mean: None };
        let mut total = (0, (i64::MAX, i64::MIN));
        for cell in 0..self.stream.cells() {
            let events = range(cell);
            if events.0 >= events.1 {
                continue;
            }
            let weight = u64::from(events.1 - events.0);
            let edges = edges(cell, events);
            if !per_cell {
                total = (total.0 + weight, (total.1.0.min(edges.0), total.1.1.max(edges.1)));
                continue;
            }
            sum.cell = cell;
            sum.mean = self.stream.mean_duration_ms(step, cell);
            if !visit(Found { row: &sum, weight, edges })? {
                return Ok(false);
            }
        }
        if total.0 > 0 { visit(Found { row: &sum, weight: total.0, edges: total.1 }) } else { Ok(true) }
    }

    fn singles(
        &self,
        step: usize,
        start: i64,
        (from, to): (i64, i64),
        budget: &mut u64,
        visit: Visit<'_>,
    ) -> Result<bool, QueryError> {
        for cell in 0..self.stream.cells() {
            let count = self.stream.count(step, cell);
            let before = |at: i64| self.stream.before(count, cell, self.step_ms, at - start);
            for at in before(from)..before(to) {
                *budget = budget.checked_sub(1).ok_or_else(|| {
                    QueryError::query(
                        "Query exceeds the memory limit. Try reducing its scope by changing the time range.",
                    )
                })?;
                let time_ms = start + self.stream.offset_ms(at, count, cell, self.step_ms);
                let event =
                    events::Event { world: self.scan.world, stream: self.stream, step, cell, at, count, time_ms };
                let row = Single { reading: self, event };
                if !visit(Found { row: &row, weight: 1, edges: (time_ms, time_ms) })? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// The event's name alone.
struct Named<'e>(&'e Value);

impl Row for Named<'_> {
    fn column(&self, column: Column) -> Value {
        if column == Column::Event { self.0.clone() } else { NoRow.column(column) }
    }

    fn slot(&self, slot: usize) -> Value {
        NoRow.slot(slot)
    }
}

/// Several events between two instants, alike in all that is asked.
struct Piece<'r> {
    reading: &'r Reading<'r>,
    from: i64,
    cell: usize,
    mean: Option<f64>,
}

impl Row for Piece<'_> {
    fn column(&self, column: Column) -> Value {
        match column {
            Column::Event => self.reading.event.clone(),
            Column::Timestamp => Value::Time(self.from),
            Column::Property(place) => match &self.reading.bindings[place] {
                Binding::Constant(value) => value.clone(),
                Binding::PerCell(values) => values[self.cell].clone(),
                Binding::Duration => self.mean.map_or(Value::Null, Value::Float),
                Binding::Missing | Binding::PerEvent(_) => Value::Null,
            },
            _ => Value::Null,
        }
    }

    fn slot(&self, slot: usize) -> Value {
        NoRow.slot(slot)
    }
}

/// A single event.
struct Single<'r> {
    reading: &'r Reading<'r>,
    event: events::Event<'r>,
}

impl Row for Single<'_> {
    fn column(&self, column: Column) -> Value {
        match column {
            Column::Event => self.reading.event.clone(),
            Column::Timestamp => Value::Time(self.event.time_ms),
            Column::DistinctId => Value::text(self.event.distinct_id()),
            Column::PersonId => Value::text(issues::uuid(self.event.world.dice("person"), self.event.user())),
            Column::Uuid => Value::text(self.event.uuid()),
            Column::Properties => Value::text(self.properties()),
            Column::Property(place) => match &self.reading.bindings[place] {
                Binding::Constant(value) => value.clone(),
                Binding::PerCell(values) => values[self.event.cell].clone(),
                Binding::Duration => self.event.duration_ms().map_or(Value::Null, Value::Float),
                Binding::PerEvent(key) => self.event.decided(key).map_or(Value::Null, Value::text),
                Binding::Missing => Value::Null,
            },
            Column::Field(_) => Value::Null,
        }
    }

    fn slot(&self, slot: usize) -> Value {
        NoRow.slot(slot)
    }
}

impl Single<'_> {
    fn properties(&self) -> String {
        let mut all = Map::new();
        for (key, value) in self.event.properties() {
            all.insert(key, json!(value));
        }
        if let Some(duration) = self.event.duration_ms() {
            all.insert(events::DURATION.to_owned(), json!(duration));
        }
        serde_json::Value::Object(all).to_string()
    }
}
