//! Looking into expressions: which functions and columns they use, and what is left when rounding and zero guards are taken off.

use sqlparser::ast::{BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value};

use super::walk::{Piece, find};

/// Aggregates of HogQL without their suffixes (`If`, `Distinct`, …), lower case.
const AGGREGATES: [&str; 22] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "any",
    "anylast",
    "uniq",
    "uniqexact",
    "uniqcombined",
    "uniqhll12",
    "median",
    "medianexact",
    "quantile",
    "quantileexact",
    "quantiletiming",
    "quantiletdigest",
    "quantileexactlow",
    "stddevpop",
    "stddevsamp",
    "varpop",
    "varsamp",
];

/// Functions whose value depends on when they are called.
const CLOCKS: [&str; 9] = [
    "now",
    "now64",
    "nowinblock",
    "today",
    "yesterday",
    "current_timestamp",
    "current_date",
    "utctimestamp",
    "currentdate",
];

/// The function's name as it is written, without what qualifies it.
pub(super) fn name_of(function: &Function) -> String {
    function.name.0.last().map(|part| part.to_string()).unwrap_or_default()
}

/// The arguments, if all of them are plain expressions.
pub(super) fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else { return Some(Vec::new()) };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// The aggregate's name without suffix, lower case, and whether it takes a condition as its last argument.
pub(super) fn aggregate(function: &Function) -> Option<(String, bool)> {
    let name = name_of(function).to_ascii_lowercase();
    let mut bare = name.as_str();
    let mut conditional = false;
    loop {
        if AGGREGATES.contains(&bare) {
            return Some((bare.to_owned(), conditional));
        }
        let shorter = [("if", true), ("distinct", false), ("ornull", false), ("ordefault", false), ("merge", false)]
            .into_iter()
            .find_map(|(suffix, condition)| bare.strip_suffix(suffix).map(|rest| (rest, condition)));
        let (rest, condition) = shorter?;
        bare = rest;
        conditional |= condition;
    }
}

/// The first aggregate in the expression.
pub(super) fn first_aggregate(expr: &Expr) -> Option<Function> {
    find_function(expr, |function| aggregate(function).is_some())
}

/// Whether the expression depends on when it is evaluated.
pub(super) fn reads_clock(expr: &Expr) -> bool {
    let called = find_function(expr, |function| CLOCKS.contains(&name_of(function).to_ascii_lowercase().as_str()));
    called.is_some()
}

/// Whether there is a query inside the expression.
pub(super) fn has_subquery(expr: &Expr) -> bool {
    any(expr, |inner| matches!(inner, Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. }))
}

/// Whether this is the column `timestamp`, plain or qualified.
pub(super) fn is_timestamp(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(name) => name.value == "timestamp",
        Expr::CompoundIdentifier(names) => {
            names.len() == 2 && names[1].value == "timestamp" && names[0].value != "properties"
        }
        Expr::Nested(inner) => is_timestamp(inner),
        _ => false,
    }
}

/// Whether any part of the expression satisfies `wanted`.
pub(super) fn any(expr: &Expr, wanted: impl Fn(&Expr) -> bool) -> bool {
    find(expr, &mut |part| matches!(part, Piece::Expression(inner) if wanted(inner)))
}

fn find_function(expr: &Expr, wanted: impl Fn(&Function) -> bool) -> Option<Function> {
    let mut found = None;
    find(expr, &mut |part| match part {
        Piece::Expression(Expr::Function(function)) if wanted(function) => {
            found = Some(function.clone());
            true
        }
        _ => false,
    });
    found
}

/// Takes off what only formats the number: parentheses, `round`, guards against division by zero, a factor of 100.
/// A bucket without a denominator is left out later, so the guards are not needed.
pub(super) fn peel(expr: &Expr) -> Expr {
    match expr {
        Expr::Nested(inner) => peel(inner),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } if is_hundred(right) => peel(left),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } if is_hundred(left) => peel(right),
        Expr::Function(function) => peel_call(function).map_or_else(|| expr.clone(), |inner| peel(&inner)),
        other => other.clone(),
    }
}

fn peel_call(function: &Function) -> Option<Expr> {
    let inner = arguments(function)?;
    match (name_of(function).to_ascii_lowercase().as_str(), inner.as_slice()) {
        ("round" | "floor" | "ceil" | "tofloat" | "todecimal", [first, ..]) => Some((*first).clone()),
        ("ifnull" | "coalesce" | "nullif", [first, second]) if is_literal(second) => Some((*first).clone()),
        ("if", [_, then, other]) if is_literal(then) => Some((*other).clone()),
        ("if", [_, then, other]) if is_literal(other) => Some((*then).clone()),
        _ => None,
    }
}

/// The two sides of a division at the top, each without its guards.
pub(super) fn division(expr: &Expr) -> Option<(Expr, Expr)> {
    match peel(expr) {
        Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => Some((peel(&left), peel(&right))),
        Expr::Function(function) if name_of(&function).eq_ignore_ascii_case("divide") => {
            match arguments(&function)?.as_slice() {
                [left, right] => Some((peel(left), peel(right))),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..) | Value::Null))
}

fn is_hundred(expr: &Expr) -> bool {
    let Expr::Value(value) = expr else { return false };
    matches!(&value.value, Value::Number(digits, _) if digits.to_string().parse() == Ok(100.0_f64))
}
