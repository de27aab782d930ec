//! Whole queries: WITH, UNION ALL, subqueries, and the limits PostHog sets.

use std::collections::HashSet;
use std::rc::Rc;

use sqlparser::ast::{self, LimitClause, OrderByKind, SetExpr, SetOperator, SetQuantifier};

use super::QueryError;
use super::value::Value;
use crate::World;

/// Rows of a SELECT that names no LIMIT.
pub(super) const ROWS_DEFAULT: usize = 100;
/// Rows of a SELECT at most.
const ROWS_MAX: usize = 50_000;

/// An answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
    /// Whether rows were left out because of a limit.
    pub(crate) more: bool,
    pub(crate) limit: usize,
    pub(crate) offset: usize,
}

impl Table {
    /// ClickHouse's type of each column, from its first value that is not NULL.
    pub(crate) fn types(&self) -> Vec<String> {
        let of = |at: usize| self.rows.iter().map(|row| &row[at]).find(|value| !value.is_null());
        (0..self.columns.len()).map(|at| of(at).map_or("Nullable(Nothing)".to_owned(), Value::type_name)).collect()
    }
}

/// What queries run against.
pub(super) struct Engine<'w> {
    pub(super) world: &'w World,
    pub(super) now_ms: i64,
}

/// The named subqueries in reach.
#[derive(Clone, Default)]
pub(super) struct Names {
    known: Vec<(String, Rc<Table>)>,
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<&Rc<Table>> {
        self.known.iter().rev().find(|(known, _)| known == name).map(|(_, table)| table)
    }
}

/// ORDER BY and LIMIT, which belong to the last SELECT of a union.
#[derive(Clone, Copy, Default)]
pub(super) struct Tail<'q> {
    pub(super) order: &'q [ast::OrderByExpr],
    limit: Option<&'q LimitClause>,
}

/// Limits worked out.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) limit: usize,
    pub(super) offset: usize,
}

impl Engine<'_> {
    pub(super) fn top(&self, query: &ast::Query) -> Result<Table, QueryError> {
        self.query(query, &Names::default(), Some(ROWS_DEFAULT))
    }

    /// A query within another: no limit but its own.
    pub(super) fn nested(&self, query: &ast::Query, names: &Names) -> Result<Table, QueryError> {
        self.query(query, names, None)
    }

    fn query(&self, query: &ast::Query, names: &Names, rows_default: Option<usize>) -> Result<Table, QueryError> {
        let mut names = names.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let table = self.nested(&cte.query, &names)?;
            names.known.push((cte.alias.name.value.clone(), Rc::new(table)));
        }
        if query.fetch.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err(QueryError::syntax("mismatched input after the query, expecting <EOF>"));
        }
        let tail = Tail { order: order_of(query)?, limit: query.limit_clause.as_ref() };
        self.set(&query.body, tail, &names, rows_default)
    }

    fn set(
        &self,
        body: &SetExpr,
        tail: Tail<'_>,
        names: &Names,
        rows_default: Option<usize>,
    ) -> Result<Table, QueryError> {
        match body {
            SetExpr::Select(select) => self.select(select, tail, names, rows_default),
            SetExpr::Query(query) if tail.order.is_empty() && tail.limit.is_none() => {
                self.query(query, names, rows_default)
            }
            SetExpr::Query(_) => Err(QueryError::syntax("ORDER BY and LIMIT belong inside the parentheses")),
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } => {
                let first = self.set(left, Tail::default(), names, rows_default)?;
                let second = self.set(right, tail, names, rows_default)?;
                united(first, second, *set_quantifier == SetQuantifier::All)
            }
            SetExpr::SetOperation { op, .. } => Err(QueryError::query(format!("{op} is not supported"))),
            other => Err(QueryError::syntax(format!("mismatched input '{other}' expecting SELECT"))),
        }
    }

    pub(super) fn bounds(&self, tail: Tail<'_>, rows_default: Option<usize>) -> Result<Bounds, QueryError> {
        let (limit, offset) = match tail.limit {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
            Some(_) => return Err(QueryError::query("LIMIT BY is not supported")),
        };
        let whole = |part: Option<&ast::Expr>| part.map(whole_number).transpose();
        // Only the outermost SELECTs are limited unasked.
        let most = if rows_default.is_some() { ROWS_MAX } else { usize::MAX };
        let limit = whole(limit)?.or(rows_default).unwrap_or(usize::MAX).min(most);
        Ok(Bounds { limit, offset: whole(offset)?.unwrap_or(0) })
    }
}

fn order_of(query: &ast::Query) -> Result<&[ast::OrderByExpr], QueryError> {
    match query.order_by.as_ref().map(|order| &order.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(parts)) => Ok(parts),
        Some(OrderByKind::All(_)) => Err(QueryError::query("ORDER BY ALL is not supported")),
    }
}

fn whole_number(expr: &ast::Expr) -> Result<usize, QueryError> {
    expr.to_string().parse().map_err(|_| QueryError::query(format!("LIMIT and OFFSET take whole numbers, not {expr}")))
}

fn united(mut first: Table, second: Table, all: bool) -> Result<Table, QueryError> {
    if first.columns.len() != second.columns.len() {
        let (a, b) = (first.columns.len(), second.columns.len());
        return Err(QueryError::query(format!(
            "UNION ALL of selects with {a} and {b} columns; they must be equal in number"
        )));
    }
    first.rows.extend(second.rows);
    if !all {
        let mut seen = HashSet::new();
        first.rows.retain(|row| seen.insert(row.clone()));
    }
    Ok(Table { more: first.more || second.more, limit: second.limit, offset: second.offset, ..first })
}
