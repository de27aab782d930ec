//! A SELECT with every name resolved: its columns, condition, groups and order.

use sqlparser::ast::{self, GroupByExpr, OrderBySort, SelectItem};

use super::super::QueryError;
use super::super::expr::{Column, Expr};
use super::super::query::Tail;
use super::super::resolve::{Prefer, Resolver, Shape};
use super::super::value::Value;

/// The columns of `SELECT *` from events.
const STAR: [(&str, Column); 5] = [
    ("uuid", Column::Uuid),
    ("event", Column::Event),
    ("properties", Column::Properties),
    ("timestamp", Column::Timestamp),
    ("distinct_id", Column::DistinctId),
];

/// One part of an ORDER BY.
pub(super) struct OrderKey {
    pub(super) expr: Expr,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

/// A select with every name resolved.
pub(super) struct Plan {
    pub(super) columns: Vec<String>,
    pub(super) outputs: Vec<Expr>,
    pub(super) condition: Option<Expr>,
    pub(super) keys: Vec<Expr>,
    pub(super) having: Option<Expr>,
    pub(super) order: Vec<OrderKey>,
    pub(super) distinct: bool,
}

pub(super) fn refuse_unsupported(select: &ast::Select) -> Result<(), QueryError> {
    let clauses = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "INTO"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.named_window.is_empty(), "WINDOW"),
        (select.qualify.is_some(), "QUALIFY"),
        (matches!(select.distinct, Some(ast::Distinct::On(_))), "DISTINCT ON"),
    ];
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, clause)) => Err(QueryError::query(format!("{clause} is not supported"))),
        None => Ok(()),
    }
}

/// Resolves all parts of a select.
pub(super) fn plan<'q>(
    resolver: &mut Resolver<'q>,
    select: &'q ast::Select,
    tail: Tail<'q>,
) -> Result<Plan, QueryError> {
    for item in &select.projection {
        if let SelectItem::ExprWithAlias { expr, alias } = item {
            resolver.aliases.push((alias.value.clone(), expr));
        }
    }
    let mut columns = Vec::new();
    let mut outputs = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                columns.push(name_of(expr));
                outputs.push(resolver.expr(expr, Prefer::Column)?);
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                columns.push(alias.value.clone());
                outputs.push(resolver.expr(expr, Prefer::Column)?);
            }
            SelectItem::Wildcard(_) => {
                for (name, column) in star(&resolver.shape) {
                    columns.push(name);
                    outputs.push(Expr::Column(column));
                }
            }
            other => return Err(QueryError::query(format!("Unsupported column: {other}"))),
        }
    }
    let condition = select.selection.as_ref().map(|expr| resolver.expr(expr, Prefer::Column)).transpose()?;
    if condition.as_ref().is_some_and(Expr::has_aggregate) {
        return Err(QueryError::query("Aggregate functions are not allowed in WHERE (ILLEGAL_AGGREGATION)"));
    }
    let keys = match &select.group_by {
        GroupByExpr::Expressions(parts, modifiers) if modifiers.is_empty() => {
            parts.iter().map(|part| placed(resolver, part, &outputs)).collect::<Result<_, _>>()?
        }
        GroupByExpr::All(modifiers) if modifiers.is_empty() => {
            outputs.iter().filter(|output| !output.has_aggregate()).cloned().collect()
        }
        _ => return Err(QueryError::query("GROUP BY with modifiers is not supported")),
    };
    let having = select.having.as_ref().map(|expr| resolver.expr(expr, Prefer::Alias)).transpose()?;
    let mut order = Vec::new();
    for part in tail.order {
        order.push(OrderKey {
            expr: placed(resolver, &part.expr, &outputs)?,
            descending: matches!(part.options.sort, Some(OrderBySort::Desc)),
            nulls_first: part.options.nulls_first == Some(true),
        });
    }
    let distinct = matches!(select.distinct, Some(ast::Distinct::Distinct));
    Ok(Plan { columns, outputs, condition, keys, having, order, distinct })
}

/// An expression of GROUP BY or ORDER BY; a number is the place of a column.
fn placed<'q>(resolver: &mut Resolver<'q>, part: &'q ast::Expr, outputs: &[Expr]) -> Result<Expr, QueryError> {
    match resolver.expr(part, Prefer::Alias)? {
        Expr::Const(Value::Int(place)) if matches!(part, ast::Expr::Value(_)) => usize::try_from(place)
            .ok()
            .and_then(|place| outputs.get(place.checked_sub(1)?))
            .cloned()
            .ok_or_else(|| QueryError::query(format!("Positional argument out of bounds: {place}"))),
        expr => Ok(expr),
    }
}

fn star(shape: &Shape) -> Vec<(String, Column)> {
    match shape {
        Shape::Nothing => Vec::new(),
        Shape::Events(_) => STAR.iter().map(|(name, column)| ((*name).to_owned(), *column)).collect(),
        Shape::Rows(columns, _) => {
            columns.iter().enumerate().map(|(at, name)| (name.clone(), Column::Field(at))).collect()
        }
    }
}

/// The name PostHog gives a column without an alias.
fn name_of(expr: &ast::Expr) -> String {
    match expr {
        ast::Expr::Identifier(name) => name.value.clone(),
        ast::Expr::CompoundIdentifier(parts) => parts.last().map_or_else(String::new, |part| part.value.clone()),
        other => other.to_string(),
    }
}
