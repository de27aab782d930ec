//! Calls: scalar functions, aggregates, and the functions that ask for the time.

use sqlparser::ast::{self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::super::QueryError;
use super::super::aggregate::{AggregateCall, Kind, kind_of};
use super::super::expr::{Comparison, Expr};
use super::super::functions::{built_in, named};
use super::super::value::Value;
use super::{Prefer, Resolved, Resolver, compared, folded};
use crate::time::DAY_MS;

impl<'q> Resolver<'q> {
    pub(super) fn call(&mut self, name: &'static str, arguments: &[&'q ast::Expr], prefer: Prefer) -> Resolved {
        let function = built_in(name);
        let arguments = arguments.iter().map(|argument| self.expr(argument, prefer)).collect::<Result<Vec<_>, _>>()?;
        function.check_arguments(arguments.len())?;
        folded(Expr::Call(function, arguments))
    }

    pub(super) fn function(&mut self, call: &'q ast::Function, prefer: Prefer) -> Resolved {
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
        (Kind::Count, true, 1) => (Kind::Uniq, 1),
        (Kind::Count, false, 1) => (kind, 1),
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
