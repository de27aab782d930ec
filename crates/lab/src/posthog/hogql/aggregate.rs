//! Aggregate functions over rows that may each stand for several events.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::QueryError;
use super::expr::{Column, Expr, Row};
use super::value::Value;

/// Which aggregate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    /// Distinct values.
    Uniq,
    /// A quantile, 0–1.
    Quantile(f64),
    /// Population or sample standard deviation, or variance.
    Spread {
        sample: bool,
        root: bool,
    },
    Any,
    AnyLast,
    ArgMin,
    ArgMax,
    Array,
    UniqArray,
}

/// A call of an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AggregateCall {
    pub(crate) kind: Kind,
    pub(crate) arguments: Vec<Expr>,
    /// The condition of an `…If`.
    pub(crate) condition: Option<Expr>,
}

impl AggregateCall {
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Expr> {
        self.arguments.iter().chain(&self.condition)
    }

    /// Whether its argument may be replaced by the mean over the events a row stands for.
    pub(crate) fn is_linear(&self) -> bool {
        matches!(self.kind, Kind::Sum | Kind::Avg | Kind::Count)
    }

    /// `min` or `max` of the bare timestamp, which rows know exactly.
    pub(crate) fn is_edge_of_time(&self) -> bool {
        matches!(self.kind, Kind::Min | Kind::Max) && matches!(self.arguments[..], [Expr::Column(Column::Timestamp)])
    }
}

/// The kind of a name without its `If`, and how many arguments it takes.
pub(crate) fn kind_of(name: &str, parameter: Option<f64>) -> Option<(Kind, usize)> {
    Some(match name {
        "count" => (Kind::Count, 0),
        "sum" => (Kind::Sum, 1),
        "avg" => (Kind::Avg, 1),
        "min" => (Kind::Min, 1),
        "max" => (Kind::Max, 1),
        "uniq" | "uniqexact" | "uniqcombined" | "uniqhll12" => (Kind::Uniq, 1),
        "quantile" | "quantileexact" | "quantiletdigest" => (Kind::Quantile(parameter.unwrap_or(0.5)), 1),
        "median" => (Kind::Quantile(0.5), 1),
        "stddevpop" => (Kind::Spread { sample: false, root: true }, 1),
        "stddevsamp" | "stddev" => (Kind::Spread { sample: true, root: true }, 1),
        "varpop" => (Kind::Spread { sample: false, root: false }, 1),
        "varsamp" | "variance" => (Kind::Spread { sample: true, root: false }, 1),
        "any" | "anyheavy" => (Kind::Any, 1),
        "anylast" => (Kind::AnyLast, 1),
        "argmin" => (Kind::ArgMin, 2),
        "argmax" => (Kind::ArgMax, 2),
        "grouparray" => (Kind::Array, 1),
        "groupuniqarray" => (Kind::UniqArray, 1),
        _ => return None,
    })
}

/// Values kept by `groupArray` at most.
const ARRAY_MAX: usize = 100_000;

/// What has been seen of a group so far.
#[derive(Debug, Clone)]
pub(crate) enum Tally {
    Count(i64),
    Sum { ints: i64, floats: f64, whole: bool },
    Moments { weight: f64, sum: f64, squares: f64 },
    Edge(Option<Value>),
    ArgEdge(Option<(Value, Value)>),
    Distinct(HashSet<Value>),
    Weighted(Vec<(f64, f64)>),
    List(Vec<Value>),
    UniqList(Vec<Value>),
}

impl Tally {
    pub(crate) fn new(kind: Kind) -> Tally {
        match kind {
            Kind::Count => Tally::Count(0),
            Kind::Sum => Tally::Sum { ints: 0, floats: 0.0, whole: true },
            Kind::Avg | Kind::Spread { .. } => Tally::Moments { weight: 0.0, sum: 0.0, squares: 0.0 },
            Kind::Min | Kind::Max | Kind::Any | Kind::AnyLast => Tally::Edge(None),
            Kind::ArgMin | Kind::ArgMax => Tally::ArgEdge(None),
            Kind::Uniq => Tally::Distinct(HashSet::new()),
            Kind::Quantile(_) => Tally::Weighted(Vec::new()),
            Kind::Array => Tally::List(Vec::new()),
            Kind::UniqArray => Tally::UniqList(Vec::new()),
        }
    }

    /// Takes in a row that stands for `weight` events.
    pub(crate) fn add(
        &mut self,
        call: &AggregateCall,
        row: &dyn Row,
        weight: u64,
        edges: (i64, i64),
    ) -> Result<(), QueryError> {
        if let Some(condition) = &call.condition
            && !condition.eval(row)?.truth()
        {
            return Ok(());
        }
        let value = match call.arguments.first() {
            Some(_) if call.is_edge_of_time() => Value::Time(if call.kind == Kind::Min { edges.0 } else { edges.1 }),
            Some(argument) => argument.eval(row)?,
            None => Value::Bool(true),
        };
        if value.is_null() {
            return Ok(());
        }
        let second = call.arguments.get(1).map(|argument| argument.eval(row)).transpose()?;
        self.take(call.kind, value, second, weight)
    }

    fn take(&mut self, kind: Kind, value: Value, second: Option<Value>, weight: u64) -> Result<(), QueryError> {
        let numeric =
            || value.number().ok_or_else(|| QueryError::query(format!("{} is not a number", value.type_name())));
        match self {
            Tally::Count(count) => *count += weight as i64,
            Tally::Sum { ints, floats, whole } => {
                if let Value::Int(number) = value {
                    *ints = ints.saturating_add(number.saturating_mul(weight as i64));
                } else {
                    *whole &= matches!(value, Value::Bool(_));
                    *floats += numeric()? * weight as f64;
                }
            }
            Tally::Moments { weight: total, sum, squares } => {
                let number = numeric()?;
                *total += weight as f64;
                *sum += number * weight as f64;
                *squares += number * number * weight as f64;
            }
            Tally::Edge(edge) => {
                let replaces = |old: &Value| match kind {
                    Kind::Min => value.sort_order(old) == Ordering::Less,
                    Kind::Max => value.sort_order(old) == Ordering::Greater,
                    other => other == Kind::AnyLast,
                };
                if edge.as_ref().is_none_or(replaces) {
                    *edge = Some(value);
                }
            }
            Tally::ArgEdge(edge) => {
                let by = second.unwrap_or(Value::Null);
                let wanted = if kind == Kind::ArgMin { Ordering::Less } else { Ordering::Greater };
                if !by.is_null() && edge.as_ref().is_none_or(|(_, old)| by.sort_order(old) == wanted) {
                    *edge = Some((value, by));
                }
            }
            Tally::Distinct(seen) => {
                seen.insert(value);
            }
            Tally::Weighted(points) => points.push((numeric()?, weight as f64)),
            Tally::List(list) => {
                let copies = (weight as usize).min(ARRAY_MAX.saturating_sub(list.len()));
                list.extend(std::iter::repeat_n(value, copies));
            }
            Tally::UniqList(list) => {
                if list.len() < ARRAY_MAX && !list.contains(&value) {
                    list.push(value);
                }
            }
        }
        Ok(())
    }

    /// The aggregate's value.
    pub(crate) fn result(self, kind: Kind) -> Value {
        match self {
            Tally::Count(count) => Value::Int(count),
            Tally::Sum { ints, floats, whole: true } => Value::Int(ints + floats as i64),
            Tally::Sum { ints, floats, whole: false } => Value::Float(ints as f64 + floats),
            Tally::Moments { weight, sum, squares } => match kind {
                Kind::Spread { sample, root } => {
                    let divisor = if sample { weight - 1.0 } else { weight };
                    let variance = ((squares - sum * sum / weight) / divisor).max(0.0);
                    Value::Float(if root { variance.sqrt() } else { variance })
                }
                _ => Value::Float(sum / weight),
            },
            Tally::Edge(edge) => edge.unwrap_or(Value::Null),
            Tally::ArgEdge(edge) => edge.map_or(Value::Null, |(value, _)| value),
            Tally::Distinct(seen) => Value::Int(seen.len() as i64),
            Tally::Weighted(points) => match kind {
                Kind::Quantile(share) => Value::Float(weighted_quantile(points, share)),
                _ => Value::Null,
            },
            Tally::List(list) | Tally::UniqList(list) => Value::List(list.into()),
        }
    }
}

/// The quantile of weighted points, interpolated as ClickHouse's `quantileExactInclusive`; NaN without points.
fn weighted_quantile(mut points: Vec<(f64, f64)>, share: f64) -> f64 {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = points.iter().map(|point| point.1).sum();
    let place = share.clamp(0.0, 1.0) * (total - 1.0).max(0.0);
    let value_at = |rank: f64| {
        let mut passed = 0.0;
        points.iter().find(|point| {
            passed += point.1;
            passed > rank
        })
    };
    let low = value_at(place.floor()).or(points.last());
    let high = value_at(place.ceil()).or(points.last());
    low.zip(high).map_or(f64::NAN, |(low, high)| low.0 + (high.0 - low.0) * place.fract())
}
