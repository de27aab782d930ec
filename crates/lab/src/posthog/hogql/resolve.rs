//! From the syntax tree to [`Expr`]: what each name means, operators as functions, constants folded.

use std::sync::Arc;

use sqlparser::ast::{
    self, AccessExpr, BinaryOperator, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments,
};
use sqlparser::ast::{Subscript, UnaryOperator};

use super::QueryError;
use super::aggregate::{AggregateCall, kind_of};
use super::expr::{Column, Comparison, Expr, NoRow};
use super::functions::{built_in, named, unit_span};
use super::query::{Engine, Names};
use super::value::Value;
use crate::time::DAY_MS;

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
    /// The properties in use; [`Column::Property`] points here.
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

    fn bare(&mut self, name: &str, prefer: Prefer) -> Resolved {
        let alias = self.aliases.iter().find(|(alias, _)| alias == name).map(|(_, expr)| *expr);
        let usable = alias.filter(|_| !self.open.iter().any(|open| open == name));
        if prefer == Prefer::Alias
            && let Some(expr) = usable
        {
            return self.alias(name, expr);
        }
        match (self.column(std::slice::from_ref(&name.to_owned())), usable) {
            (Some(column), _) => Ok(column),
            (None, Some(expr)) => self.alias(name, expr),
            (None, None) => Err(QueryError::query(format!("Unable to resolve field: {name}"))),
        }
    }

    fn alias(&mut self, name: &str, expr: &'q ast::Expr) -> Resolved {
        self.open.push(name.to_owned());
        let resolved = self.expr(expr, Prefer::Column);
        self.open.pop();
        resolved
    }

    fn path(&mut self, parts: &[String]) -> Resolved {
        self.column(parts).ok_or_else(|| QueryError::query(format!("Unable to resolve field: {}", parts.join("."))))
    }

    fn column(&mut self, parts: &[String]) -> Option<Expr> {
        match &self.shape {
            Shape::Nothing => None,
            Shape::Rows(columns, alias) => {
                let rest = match parts {
                    [first, rest @ ..] if !rest.is_empty() && alias.as_ref() == Some(first) => rest,
                    all => all,
                };
                let [name] = rest else { return None };
                columns.iter().position(|column| column == name).map(|at| Expr::Column(Column::Field(at)))
            }
            Shape::Events(aliases) => {
                let rest = match parts {
                    [first, rest @ ..] if !rest.is_empty() && aliases.contains(first) => rest,
                    all => all,
                };
                self.event_column(&rest.to_vec())
            }
        }
    }

    fn event_column(&mut self, parts: &[String]) -> Option<Expr> {
        let words: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(Expr::Column(match words.as_slice() {
            ["event"] => Column::Event,
            ["timestamp" | "created_at" | "inserted_at"] => Column::Timestamp,
            ["distinct_id"] => Column::DistinctId,
            ["person_id"] | ["person", "id"] => Column::PersonId,
            ["uuid"] => Column::Uuid,
            ["properties"] => Column::Properties,
            ["issue_id"] => self.property("$exception_issue_id"),
            ["$session_id"] => self.property("$session_id"),
            ["properties", key] => self.property(key),
            ["properties", ..] | ["person", "properties", ..] => return Some(Expr::Const(Value::Null)),
            ["elements_chain"] => return Some(Expr::Const(Value::text(""))),
            ["team_id"] => return Some(Expr::Const(Value::Int(1))),
            _ => return None,
        }))
    }

    fn property(&mut self, key: &str) -> Column {
        let known = self.properties.iter().position(|known| &**known == key);
        Column::Property(known.unwrap_or_else(|| {
            self.properties.push(key.into());
            self.properties.len() - 1
        }))
    }

    /// `properties['key']`, `e.properties.key`, `list[1]`.
    fn access(&mut self, root: &'q ast::Expr, chain: &'q [AccessExpr], prefer: Prefer) -> Resolved {
        let mut path = match root {
            ast::Expr::Identifier(name) => vec![name.value.clone()],
            ast::Expr::CompoundIdentifier(parts) => parts.iter().map(|part| part.value.clone()).collect(),
            _ => Vec::new(),
        };
        let known = path.len();
        for step in chain {
            match step {
                AccessExpr::Dot(ast::Expr::Identifier(name)) => path.push(name.value.clone()),
                AccessExpr::Subscript(Subscript::Index { index: ast::Expr::Value(value) }) => {
                    let key = value.value.clone().into_string();
                    path.extend(key);
                }
                _ => {}
            }
        }
        if known > 0 && path.len() == known + chain.len() {
            return self.path(&path);
        }
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return Err(QueryError::query("Unsupported access to a field"));
        };
        self.call("arrayElement", &[root, index], prefer)
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

    fn call(&mut self, name: &'static str, arguments: &[&'q ast::Expr], prefer: Prefer) -> Resolved {
        let function = built_in(name);
        let arguments = arguments.iter().map(|argument| self.expr(argument, prefer)).collect::<Result<Vec<_>, _>>()?;
        function.check_arguments(arguments.len())?;
        folded(Expr::Call(function, arguments))
    }

    fn function(&mut self, call: &'q ast::Function, prefer: Prefer) -> Resolved {
        let name = call.name.to_string().replace(['`', '"'], "");
        if call.over.is_some() || call.filter.is_some() || !call.within_group.is_empty() {
            return Err(QueryError::query(format!(
                "Unsupported clause of {name}(...): window functions are not available"
            )));
        }
        let (arguments, distinct) = arguments_of(&call.args)?;
        let (parameters, _) = arguments_of(&call.parameters)?;
        if let Some(value) = self.clock(&name, arguments.len()) {
            return Ok(Expr::Const(value));
        }
        let mut resolved = Vec::with_capacity(arguments.len());
        for argument in arguments.into_iter().flatten() {
            resolved.push(self.expr(argument, prefer)?);
        }
        let parameter = match parameters.first() {
            Some(Some(expr)) => match self.expr(expr, prefer)? {
                Expr::Const(value) => value.number(),
                _ => None,
            },
            _ => None,
        };
        if let Some(aggregate) = aggregate(&name, parameter, &resolved, distinct)? {
            return Ok(Expr::Aggregate(Box::new(aggregate)));
        }
        if let Some(comparison) = comparison_of(&name)
            && resolved.len() == 2
        {
            let right = resolved.pop().unwrap_or(Expr::Const(Value::Null));
            return compared(comparison, resolved.pop().unwrap_or(Expr::Const(Value::Null)), right);
        }
        let function =
            named(&name).ok_or_else(|| QueryError::query(format!("Unsupported function call '{name}(...)'")))?;
        function.check_arguments(resolved.len())?;
        folded(match function.name {
            "and" => Expr::And(resolved),
            "or" => Expr::Or(resolved),
            _ => Expr::Call(function, resolved),
        })
    }

    /// The functions that ask for the time.
    fn clock(&self, name: &str, arguments: usize) -> Option<Value> {
        let today = self.engine.now_ms.div_euclid(DAY_MS);
        match (name.to_lowercase().as_str(), arguments) {
            ("now" | "now64" | "current_timestamp", 0 | 1) => Some(Value::Time(self.engine.now_ms)),
            ("today" | "current_date", 0) => Some(Value::Date(today)),
            ("yesterday", 0) => Some(Value::Date(today - 1)),
            _ => None,
        }
    }
}

/// The arguments, `None` for `*`, and whether they are DISTINCT.
fn arguments_of(arguments: &FunctionArguments) -> Result<(Vec<Option<&ast::Expr>>, bool), QueryError> {
    let FunctionArguments::List(list) = arguments else { return Ok((Vec::new(), false)) };
    if !list.clauses.is_empty() {
        return Err(QueryError::query("Unsupported clause in a function's arguments"));
    }
    let argument = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Ok(Some(expr)),
        &FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => Ok(None),
        other => Err(QueryError::query(format!("Unsupported argument: {other}"))),
    };
    let all = list.args.iter().map(argument).collect::<Result<_, _>>()?;
    Ok((all, list.duplicate_treatment == Some(DuplicateTreatment::Distinct)))
}

fn aggregate(
    name: &str,
    parameter: Option<f64>,
    arguments: &[Expr],
    distinct: bool,
) -> Result<Option<AggregateCall>, QueryError> {
    let lower = name.to_lowercase();
    let conditional = lower.strip_suffix("if").and_then(|base| kind_of(base, parameter));
    let Some((kind, takes)) = kind_of(&lower, parameter).or(conditional) else { return Ok(None) };
    let is_conditional = kind_of(&lower, parameter).is_none();
    if arguments.iter().any(Expr::has_aggregate) {
        return Err(QueryError::query(format!("Aggregation '{name}' cannot be nested inside another aggregation")));
    }
    let mut arguments = arguments.to_vec();
    let condition = if is_conditional { arguments.pop() } else { None };
    if is_conditional && condition.is_none() {
        return Err(QueryError::query(format!("Aggregation '{name}' expects a condition")));
    }
    let (kind, takes) = match (kind, distinct, arguments.len()) {
        (super::aggregate::Kind::Count, true, 1) => (super::aggregate::Kind::Uniq, 1),
        (super::aggregate::Kind::Count, false, 1) => (kind, 1),
        _ => (kind, takes),
    };
    if arguments.len() != takes {
        let found = arguments.len();
        return Err(QueryError::query(format!("Aggregation '{name}' expects {takes} arguments, found {found}")));
    }
    Ok(Some(AggregateCall { kind, arguments, condition }))
}

fn comparison_of(name: &str) -> Option<Comparison> {
    Some(match name {
        "equals" => Comparison::Equal,
        "notEquals" => Comparison::Unequal,
        "less" => Comparison::Less,
        "lessOrEquals" => Comparison::LessOrEqual,
        "greater" => Comparison::Greater,
        "greaterOrEquals" => Comparison::GreaterOrEqual,
        _ => return None,
    })
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
