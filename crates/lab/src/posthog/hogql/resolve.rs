//! From the syntax tree to [`Expr`]: what each name means, operators as functions, constants folded.

mod calls;
mod names;

use std::sync::Arc;

use sqlparser::ast::{self, BinaryOperator, UnaryOperator};

use super::QueryError;
use super::expr::{Comparison, Expr, NoRow};
use super::functions::{built_in, unit_span};
use super::query::{Engine, Names};
use super::value::Value;

/// What a select reads, as far as names go.
pub(super) enum Shape {
    /// No FROM.
    Nothing,
    /// The events, under these names.
    Events(Vec<String>),
    /// A subquery's columns, under this name.
    Rows(Vec<String>, Option<String>),
}

/// Which of two things a bare name means first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefer {
    Column,
    Alias,
}

/// Gives the names of one select their meaning.
pub(super) struct Resolver<'q> {
    pub(super) engine: &'q Engine<'q>,
    pub(super) names: &'q Names,
    pub(super) shape: Shape,
    pub(super) aliases: Vec<(String, &'q ast::Expr)>,
    /// The properties in use; `Column::Property` points here.
    pub(super) properties: Vec<Arc<str>>,
    /// Aliases being resolved, so that one that names itself means the column.
    open: Vec<String>,
}

type Resolved = Result<Expr, QueryError>;

impl<'q> Resolver<'q> {
    pub(super) fn new(engine: &'q Engine<'q>, names: &'q Names, shape: Shape) -> Resolver<'q> {
        Resolver { engine, names, shape, aliases: Vec::new(), properties: Vec::new(), open: Vec::new() }
    }

    pub(super) fn expr(&mut self, expr: &'q ast::Expr, prefer: Prefer) -> Resolved {
        use ast::Expr as E;
        match expr {
            E::Identifier(name) => self.bare(&name.value, prefer),
            E::CompoundIdentifier(parts) => self.path(&parts.iter().map(|part| part.value.clone()).collect::<Vec<_>>()),
            E::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain, prefer),
            E::Nested(inner) => self.expr(inner, prefer),
            E::Value(value) => literal(&value.value),
            E::BinaryOp { left, op, right } => self.binary(left, op, right, prefer),
            E::UnaryOp { op: UnaryOperator::Not, expr } => Ok(folded(Expr::Not(Box::new(self.expr(expr, prefer)?)))?),
            E::UnaryOp { op: UnaryOperator::Minus, expr } => self.call("negate", &[expr], prefer),
            E::UnaryOp { op: UnaryOperator::Plus, expr } => self.expr(expr, prefer),
            E::IsNull(inner) => self.call("isNull", &[inner], prefer),
            E::IsNotNull(inner) => self.call("isNotNull", &[inner], prefer),
            E::IsTrue(inner) | E::IsNotFalse(inner) => self.expr(inner, prefer),
            E::IsFalse(inner) | E::IsNotTrue(inner) => Ok(Expr::Not(Box::new(self.expr(inner, prefer)?))),
            E::InList { expr, list, negated } => self.in_list(expr, list, *negated, prefer),
            E::InSubquery { expr, subquery, negated } => {
                let table = self.engine.nested(subquery, self.names)?;
                let values = table.rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
                self.membership(expr, values, *negated, prefer)
            }
            E::Between { expr, negated, low, high } => {
                let value = self.expr(expr, prefer)?;
                let from = compared(Comparison::GreaterOrEqual, value.clone(), self.expr(low, prefer)?)?;
                let to = compared(Comparison::LessOrEqual, value, self.expr(high, prefer)?)?;
                negated_if(Expr::And(vec![from, to]), *negated)
            }
            E::Like { negated, expr, pattern, any: false, escape_char: None } => {
                negated_if(self.call("like", &[expr, pattern], prefer)?, *negated)
            }
            E::ILike { negated, expr, pattern, any: false, escape_char: None } => {
                negated_if(self.call("ilike", &[expr, pattern], prefer)?, *negated)
            }
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), prefer)
            }
            E::Interval(interval) => self.interval(interval, prefer),
            E::Function(function) => self.function(function, prefer),
            E::Tuple(items) => self.call("tuple", &items.iter().collect::<Vec<_>>(), prefer),
            E::Array(array) => self.call("array", &array.elem.iter().collect::<Vec<_>>(), prefer),
            E::Floor { expr, .. } => self.call("floor", &[expr], prefer),
            E::Ceil { expr, .. } => self.call("ceil", &[expr], prefer),
            E::Trim { expr, trim_what: None, trim_characters: None, .. } => self.call("trim", &[expr], prefer),
            E::Position { expr, r#in } => self.call("position", &[r#in, expr], prefer),
            E::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let parts: Vec<&ast::Expr> =
                    [expr, from].into_iter().chain(substring_for).map(|part| &**part).collect();
                self.call("substring", &parts, prefer)
            }
            E::Cast { expr, data_type, .. } => self.cast(expr, data_type, prefer),
            E::Extract { field, expr, .. } => self.extract(field, expr, prefer),
            E::Subquery(query) => {
                let table = self.engine.nested(query, self.names)?;
                Ok(Expr::Const(
                    table.rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null),
                ))
            }
            other => Err(QueryError::query(format!("Unsupported expression: {other}"))),
        }
    }

    fn binary(&mut self, left: &'q ast::Expr, op: &BinaryOperator, right: &'q ast::Expr, prefer: Prefer) -> Resolved {
        let name = match op {
            BinaryOperator::Plus => "plus",
            BinaryOperator::Minus => "minus",
            BinaryOperator::Multiply => "multiply",
            BinaryOperator::Divide => "divide",
            BinaryOperator::Modulo => "modulo",
            BinaryOperator::StringConcat => "concat",
            _ => {
                let (left, right) = (self.expr(left, prefer)?, self.expr(right, prefer)?);
                return match op {
                    BinaryOperator::And => Ok(conjunction(left, right)),
                    BinaryOperator::Or => Ok(Expr::Or(vec![left, right])),
                    BinaryOperator::Eq => compared(Comparison::Equal, left, right),
                    BinaryOperator::NotEq => compared(Comparison::Unequal, left, right),
                    BinaryOperator::Lt => compared(Comparison::Less, left, right),
                    BinaryOperator::LtEq => compared(Comparison::LessOrEqual, left, right),
                    BinaryOperator::Gt => compared(Comparison::Greater, left, right),
                    BinaryOperator::GtEq => compared(Comparison::GreaterOrEqual, left, right),
                    other => Err(QueryError::query(format!("Unsupported operator: {other}"))),
                };
            }
        };
        self.call(name, &[left, right], prefer)
    }

    fn in_list(&mut self, expr: &'q ast::Expr, list: &'q [ast::Expr], negated: bool, prefer: Prefer) -> Resolved {
        let mut values = Vec::with_capacity(list.len());
        for item in list {
            match self.expr(item, prefer)? {
                // `IN [a, b]` and `IN ((a, b))` mean the items.
                Expr::Const(Value::List(items)) if list.len() == 1 => values.extend(items.iter().cloned()),
                Expr::Const(value) => values.push(value),
                _ => return Err(QueryError::query("IN takes a list of constants")),
            }
        }
        self.membership(expr, values, negated, prefer)
    }

    fn membership(&mut self, expr: &'q ast::Expr, values: Vec<Value>, negated: bool, prefer: Prefer) -> Resolved {
        let value = Box::new(self.expr(expr, prefer)?);
        negated_if(folded(Expr::In(value, values.into()))?, negated)
    }

    fn case(
        &mut self,
        operand: Option<&'q ast::Expr>,
        arms: &'q [ast::CaseWhen],
        otherwise: Option<&'q ast::Expr>,
        prefer: Prefer,
    ) -> Resolved {
        let operand = operand.map(|operand| self.expr(operand, prefer)).transpose()?;
        let mut result = otherwise.map_or(Ok(Expr::Const(Value::Null)), |expr| self.expr(expr, prefer))?;
        for arm in arms.iter().rev() {
            let condition = self.expr(&arm.condition, prefer)?;
            let condition = match &operand {
                Some(operand) => compared(Comparison::Equal, operand.clone(), condition)?,
                None => condition,
            };
            let value = self.expr(&arm.result, prefer)?;
            result = folded(Expr::Call(built_in("if"), vec![condition, value, result]))?;
        }
        Ok(result)
    }

    fn interval(&mut self, interval: &'q ast::Interval, prefer: Prefer) -> Resolved {
        let Expr::Const(value) = self.expr(&interval.value, prefer)? else {
            return Err(QueryError::query("INTERVAL takes a constant"));
        };
        let spelled = value.shown();
        let (count, unit) = match (&interval.leading_field, spelled.split_once(' ')) {
            (Some(unit), _) => (spelled.as_str(), unit.to_string()),
            (None, Some((count, unit))) => (count, unit.trim().to_owned()),
            (None, None) => return Err(QueryError::syntax("mismatched input after INTERVAL expecting a unit of time")),
        };
        let span = count.trim().parse().ok().and_then(|count| unit_span(&unit, count));
        span.map(|span| Expr::Const(Value::Span(span)))
            .ok_or_else(|| QueryError::query(format!("Unsupported interval: {spelled} {unit}")))
    }

    fn cast(&mut self, expr: &'q ast::Expr, kind: &ast::DataType, prefer: Prefer) -> Resolved {
        let kind = kind.to_string().to_lowercase();
        let name = match kind.as_str() {
            name if name.contains("int") => "toInt",
            name if name.contains("float") || name.contains("decimal") || name.contains("double") => "toFloat",
            name if name.contains("datetime") || name.contains("timestamp") => "toDateTime",
            name if name.contains("date") => "toDate",
            name if name.contains("string") || name.contains("char") || name.contains("text") => "toString",
            name if name.contains("bool") => "toBool",
            _ => return Err(QueryError::query(format!("Unsupported type: {kind}"))),
        };
        self.call(name, &[expr], prefer)
    }

    fn extract(&mut self, field: &ast::DateTimeField, expr: &'q ast::Expr, prefer: Prefer) -> Resolved {
        let name = match field.to_string().to_lowercase().as_str() {
            "second" => "toSecond",
            "minute" => "toMinute",
            "hour" => "toHour",
            "day" => "toDayOfMonth",
            "month" => "toMonth",
            "year" => "toYear",
            other => return Err(QueryError::query(format!("Unsupported part of a date: {other}"))),
        };
        self.call(name, &[expr], prefer)
    }
}

fn compared(how: Comparison, left: Expr, right: Expr) -> Resolved {
    folded(Expr::Compare(how, Box::new(left), Box::new(right)))
}

fn negated_if(expr: Expr, negated: bool) -> Resolved {
    if negated { folded(Expr::Not(Box::new(expr))) } else { Ok(expr) }
}

/// One flat list instead of a tower of twos.
fn conjunction(left: Expr, right: Expr) -> Expr {
    let parts = [left, right].into_iter().flat_map(|side| match side {
        Expr::And(parts) => parts,
        other => vec![other],
    });
    Expr::And(parts.collect())
}

/// Evaluates what does not depend on a row.
fn folded(expr: Expr) -> Resolved {
    let constant = match &expr {
        Expr::Call(_, parts) => parts.iter().all(Expr::is_const),
        Expr::Compare(_, left, right) => left.is_const() && right.is_const(),
        Expr::Not(inner) | Expr::In(inner, _) => inner.is_const(),
        _ => false,
    };
    if constant { expr.eval(&NoRow).map(Expr::Const) } else { Ok(expr) }
}

fn literal(value: &ast::Value) -> Resolved {
    use ast::Value as V;
    Ok(Expr::Const(match value {
        V::Number(digits, _) => {
            let digits = digits.replace('_', "");
            let whole = digits.parse().map(Value::Int).ok();
            let number = whole.or_else(|| digits.parse().map(Value::Float).ok());
            number.ok_or_else(|| QueryError::syntax(format!("{digits} is not a number")))?
        }
        V::SingleQuotedString(text) => Value::text(text.as_str()),
        V::Boolean(yes) => Value::Bool(*yes),
        V::Null => Value::Null,
        other => return Err(QueryError::syntax(format!("mismatched input {other}"))),
    }))
}
