//! What a query must know of each event: whether counts between certain instants are enough, and which instants.

use super::aggregate::AggregateCall;
use super::expr::{Column, Comparison, Expr};
use super::functions::{grain_ms, is_instant_wrapper};
use super::value::Value;
use crate::time::SECOND_MS;

/// What the expressions of one select ask of the events.
#[derive(Debug, Default)]
pub(super) struct Need {
    /// Instants at which some expression may change its value.
    pub(super) cuts: Vec<i64>,
    /// Periods (milliseconds from the epoch) at whose multiples some expression may change its value.
    pub(super) periods: Vec<i64>,
    /// Single events are needed: their instants, ids or all their properties.
    pub(super) single: bool,
    /// `min(timestamp)` or `max(timestamp)` is asked.
    pub(super) edges: bool,
    /// Properties in use.
    pub(super) used: Vec<usize>,
    /// Properties for which the mean over several events will not do.
    pub(super) exact: Vec<usize>,
}

/// The part of a WHERE that only bounds the timestamp, as `[from, to)`, and the rest of it.
pub(super) struct Bounded {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) rest: Vec<Expr>,
}

impl Need {
    /// Takes in an expression.
    pub(super) fn take(&mut self, expr: &Expr) {
        expr.walk(&mut |part| self.look(part));
    }

    fn look(&mut self, part: &Expr) -> bool {
        match part {
            Expr::Column(
                Column::Timestamp | Column::DistinctId | Column::PersonId | Column::Uuid | Column::Properties,
            ) => {
                self.single = true;
            }
            Expr::Column(Column::Property(place)) => {
                self.used.push(*place);
                self.exact.push(*place);
            }
            Expr::Call(function, arguments) => {
                let only_time = arguments.iter().all(|argument| argument.is_const() || is_timestamp(argument));
                if only_time
                    && arguments.iter().any(is_timestamp)
                    && let Some(period) = grain_ms(function, arguments)
                {
                    self.periods.push(period);
                    return false;
                }
            }
            Expr::Compare(how, left, right) => {
                if let Some((from, to)) = bounds(*how, left, right) {
                    self.cuts.extend([from, to]);
                    return false;
                }
            }
            Expr::Aggregate(call) => {
                self.aggregate(call);
                return false;
            }
            _ => {}
        }
        true
    }

    fn aggregate(&mut self, call: &AggregateCall) {
        call.condition.iter().for_each(|condition| self.take(condition));
        if call.is_edge_of_time() {
            self.edges = true;
            return;
        }
        for argument in &call.arguments {
            if call.is_linear() && is_linear(argument) {
                let used = &mut self.used;
                argument.walk(&mut |part| {
                    if let Expr::Column(Column::Property(place)) = part {
                        used.push(*place);
                    }
                    true
                });
            } else {
                self.take(argument);
            }
        }
    }
}

/// Splits a WHERE into bounds of the timestamp and what else it says.
pub(super) fn bounded(condition: Option<Expr>) -> Bounded {
    let parts = match condition {
        Some(Expr::And(parts)) => parts,
        other => other.into_iter().collect(),
    };
    let mut result = Bounded { from_ms: i64::MIN, to_ms: i64::MAX, rest: Vec::new() };
    for part in parts {
        let range = match &part {
            Expr::Compare(Comparison::Unequal, ..) => None,
            Expr::Compare(how, left, right) => bounds(*how, left, right),
            // BETWEEN and parenthesized pairs arrive as an AND within.
            Expr::And(inner) => {
                let Bounded { from_ms, to_ms, rest } = bounded(Some(Expr::And(inner.clone())));
                rest.is_empty().then_some((from_ms, to_ms))
            }
            _ => None,
        };
        match range {
            Some((from, to)) => {
                result.from_ms = result.from_ms.max(from);
                result.to_ms = result.to_ms.min(to);
            }
            None => result.rest.push(part),
        }
    }
    result
}

/// The instants `[from, to)` at which a comparison of the timestamp with a constant holds (for `!=`: fails).
fn bounds(how: Comparison, left: &Expr, right: &Expr) -> Option<(i64, i64)> {
    let (how, time, constant) = match (left, right) {
        (time, Expr::Const(value)) => (how, time, value),
        (Expr::Const(value), time) => (how.mirrored(), time, value),
        _ => return None,
    };
    // The first instant not below the constant, and the first above it.
    let (reached, passed) = if is_timestamp(time) {
        let at = constant.instant()?;
        (at, at.checked_add(1)?)
    } else if is_unix_seconds(time) {
        let seconds = match constant {
            Value::Int(_) | Value::Float(_) => constant.number()?,
            _ => return None,
        };
        let to_ms = |seconds: f64| (seconds as i64).checked_mul(SECOND_MS);
        (to_ms(seconds.ceil())?, to_ms(seconds.floor() + 1.0)?)
    } else {
        return None;
    };
    Some(match how {
        Comparison::Less => (i64::MIN, reached),
        Comparison::LessOrEqual => (i64::MIN, passed),
        Comparison::Greater => (passed, i64::MAX),
        Comparison::GreaterOrEqual => (reached, i64::MAX),
        Comparison::Equal | Comparison::Unequal => (reached, passed),
    })
}

fn is_timestamp(expr: &Expr) -> bool {
    match expr {
        Expr::Column(Column::Timestamp) => true,
        Expr::Call(function, arguments) if is_instant_wrapper(function) => {
            arguments.first().is_some_and(is_timestamp) && arguments[1..].iter().all(Expr::is_const)
        }
        _ => false,
    }
}

fn is_unix_seconds(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(function, arguments) if function.name == "toUnixTimestamp" && is_timestamp(&arguments[0]))
}

/// Whether the mean of the expression is the expression of the mean.
fn is_linear(expr: &Expr) -> bool {
    match expr {
        Expr::Column(Column::Property(_)) | Expr::Const(_) => true,
        Expr::Call(function, arguments) => match function.name {
            "plus" | "minus" => arguments.iter().all(is_linear),
            "multiply" => arguments.iter().all(is_linear) && arguments.iter().any(Expr::is_const),
            "divide" => is_linear(&arguments[0]) && arguments[1].is_const(),
            "negate" | "toFloat" | "toFloat64" | "toFloatOrZero" => is_linear(&arguments[0]),
            _ => false,
        },
        _ => false,
    }
}
