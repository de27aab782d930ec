//! Expressions after names are resolved, and their evaluation over one row.

use std::cmp::Ordering;
use std::sync::Arc;

use super::QueryError;
use super::aggregate::AggregateCall;
use super::functions::Function;
use super::value::Value;

/// A column of whatever a select reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Event,
    Timestamp,
    DistinctId,
    PersonId,
    Uuid,
    /// All properties as one JSON text.
    Properties,
    /// A property, by its place in the select's list of properties.
    Property(usize),
    /// A column of a subquery.
    Field(usize),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison with its sides swapped.
    pub(crate) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }

    /// As HogQL prints it with NULLs: NULL equals only NULL and is neither above nor below anything.
    pub(crate) fn holds(self, left: &Value, right: &Value) -> bool {
        if left.is_null() || right.is_null() {
            let both = left.is_null() && right.is_null();
            return match self {
                Comparison::Equal => both,
                Comparison::Unequal => !both,
                _ => false,
            };
        }
        let Some(order) = left.compare(right) else { return self == Comparison::Unequal };
        match self {
            Comparison::Equal => order == Ordering::Equal,
            Comparison::Unequal => order != Ordering::Equal,
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

/// A resolved expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Const(Value),
    Column(Column),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Arc<[Value]>),
    Call(&'static Function, Vec<Expr>),
    /// An aggregate not lifted yet; only before [`Expr::lifted`].
    Aggregate(Box<AggregateCall>),
    /// A group's key or aggregate, by its place.
    Slot(usize),
}

/// A row that expressions read.
pub(crate) trait Row {
    /// The value of a column.
    fn column(&self, column: Column) -> Value;
    /// The value of a group's key or aggregate.
    fn slot(&self, slot: usize) -> Value;
}

/// No row at all, for constants.
pub(crate) struct NoRow;

impl Row for NoRow {
    fn column(&self, _column: Column) -> Value {
        Value::Null
    }

    fn slot(&self, _slot: usize) -> Value {
        Value::Null
    }
}

impl Expr {
    pub(crate) fn eval(&self, row: &dyn Row) -> Result<Value, QueryError> {
        Ok(match self {
            Expr::Const(value) => value.clone(),
            Expr::Column(column) => row.column(*column),
            Expr::Slot(slot) => row.slot(*slot),
            Expr::And(parts) => {
                for part in parts {
                    if !part.eval(row)?.truth() {
                        return Ok(Value::Bool(false));
                    }
                }
                Value::Bool(true)
            }
            Expr::Or(parts) => {
                for part in parts {
                    if part.eval(row)?.truth() {
                        return Ok(Value::Bool(true));
                    }
                }
                Value::Bool(false)
            }
            Expr::Not(inner) => Value::Bool(!inner.eval(row)?.truth()),
            Expr::Compare(how, left, right) => Value::Bool(how.holds(&left.eval(row)?, &right.eval(row)?)),
            Expr::In(inner, list) => {
                let value = inner.eval(row)?;
                Value::Bool(list.iter().any(|item| Comparison::Equal.holds(&value, item)))
            }
            // Most calls have one or two arguments; those need no list on the heap.
            Expr::Call(function, arguments) => match arguments.as_slice() {
                [one] => function.apply(&[one.eval(row)?])?,
                [one, two] => function.apply(&[one.eval(row)?, two.eval(row)?])?,
                more => function.apply(&more.iter().map(|part| part.eval(row)).collect::<Result<Vec<_>, _>>()?)?,
            },
            Expr::Aggregate(_) => return Err(QueryError::query("aggregate functions are not allowed here")),
        })
    }

    pub(crate) fn is_const(&self) -> bool {
        matches!(self, Expr::Const(_))
    }

    /// Calls `look` on this expression and, where it says so, on the parts of it.
    pub(crate) fn walk(&self, look: &mut dyn FnMut(&Expr) -> bool) {
        if !look(self) {
            return;
        }
        match self {
            Expr::Const(_) | Expr::Column(_) | Expr::Slot(_) => {}
            Expr::And(parts) | Expr::Or(parts) | Expr::Call(_, parts) => parts.iter().for_each(|part| part.walk(look)),
            Expr::Not(inner) | Expr::In(inner, _) => inner.walk(look),
            Expr::Compare(_, left, right) => [left, right].into_iter().for_each(|part| part.walk(look)),
            Expr::Aggregate(call) => call.parts().for_each(|part| part.walk(look)),
        }
    }

    pub(crate) fn has_aggregate(&self) -> bool {
        let mut found = false;
        self.walk(&mut |part| {
            found |= matches!(part, Expr::Aggregate(_));
            !found
        });
        found
    }

    /// The expression over groups: keys and aggregates become slots; anything else of the row is an error.
    pub(crate) fn lifted(self, keys: &[Expr], calls: &mut Vec<AggregateCall>) -> Result<Expr, QueryError> {
        if let Some(slot) = keys.iter().position(|key| *key == self) {
            return Ok(Expr::Slot(slot));
        }
        let mut all =
            |parts: Vec<Expr>| parts.into_iter().map(|part| part.lifted(keys, calls)).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Expr::Aggregate(call) => {
                let place = calls.iter().position(|known| *known == *call).unwrap_or_else(|| {
                    calls.push(*call);
                    calls.len() - 1
                });
                Expr::Slot(keys.len() + place)
            }
            Expr::And(parts) => Expr::And(all(parts)?),
            Expr::Or(parts) => Expr::Or(all(parts)?),
            Expr::Call(function, parts) => Expr::Call(function, all(parts)?),
            Expr::Not(inner) => Expr::Not(Box::new(inner.lifted(keys, calls)?)),
            Expr::In(inner, list) => Expr::In(Box::new(inner.lifted(keys, calls)?), list),
            Expr::Compare(how, left, right) => {
                Expr::Compare(how, Box::new(left.lifted(keys, calls)?), Box::new(right.lifted(keys, calls)?))
            }
            Expr::Column(_) => {
                return Err(QueryError::query(
                    "a column is neither under an aggregate function nor in GROUP BY (NOT_AN_AGGREGATE)",
                ));
            }
            same @ (Expr::Const(_) | Expr::Slot(_)) => same,
        })
    }
}
