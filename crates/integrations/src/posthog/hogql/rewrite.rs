//! A monitor's query, such as `SELECT count() FROM events WHERE event = 'signed_up' AND timestamp > now() - INTERVAL 1 HOUR`, says what
//! to measure over a trailing window. The watcher wants the same measured bucket by bucket: the conjuncts that bound `timestamp` go, ours
//! come, and the value is split into value and weight as its kind wants it.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, GroupByExpr, Query, Select, SelectItem, SetExpr, Statement, TableFactor,
};
use wakeman_types::{MetricKind, Timestamp};

use super::{
    float, instant, parse,
    peel::{aggregate, any, arguments, division, first_aggregate, has_subquery, is_timestamp, peel, reads_clock},
    quoted, start_of,
};
use crate::http::short;

/// A monitor in the pieces that a bucketed query is put together from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::posthog) struct Part {
    value: String,
    weight: String,
    table: String,
    column: String,
    filters: Vec<String>,
}

impl Part {
    /// The query for buckets of `step_ms` in `[from, until)`; rows are `label, bucket, value, weight, server_now`.
    pub(in crate::posthog) fn select(
        &self,
        label: &str,
        from: Timestamp,
        until: Option<Timestamp>,
        step_ms: i64,
    ) -> String {
        let column = &self.column;
        let mut filters = self.filters.clone();
        filters.push(format!("{column} >= {}", instant(from)));
        filters.extend(until.map(|end| format!("{column} < {}", instant(end))));
        format!(
            "SELECT {} AS metric, {} AS bucket, {} AS value, {} AS weight, toUnixTimestamp(now()) AS server_now FROM {} WHERE {} GROUP BY bucket",
            quoted(label),
            start_of(column, step_ms),
            float(&self.value),
            float(&self.weight),
            self.table,
            filters.join(" AND "),
        )
    }
}

/// Reads `query` as one plain SELECT.
fn parse_select(query: &str) -> Result<Select, String> {
    if query.contains('{') {
        return Err("placeholders such as {filters} cannot be watched; write the condition out".to_owned());
    }
    let statements = parse(query)?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err("write exactly one SELECT".to_owned());
    };
    plain_select(query)
}

fn plain_select(query: &Query) -> Result<Select, String> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err("write exactly one SELECT, without UNION".to_owned());
    };
    let extras = [
        (query.with.is_some(), "WITH"),
        (query.order_by.is_some(), "ORDER BY"),
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (query.fetch.is_some() || !query.locks.is_empty() || query.for_clause.is_some(), "FETCH or FOR"),
        (select.distinct.is_some(), "DISTINCT"),
        (select.prewhere.is_some(), "PREWHERE"),
        (select.having.is_some(), "HAVING"),
        (!matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty()), "GROUP BY"),
    ];
    if let Some((_, clause)) = extras.iter().find(|(present, _)| *present) {
        return Err(format!("{clause} cannot be watched; the query must yield one number"));
    }
    // Whatever else the parser knows prints itself.
    let rest = Select { projection: Vec::new(), from: Vec::new(), selection: None, ..select.as_ref().clone() };
    let rest = rest.to_string();
    if rest.trim() != "SELECT" {
        return Err(format!("`{}` cannot be watched; write SELECT … FROM events WHERE …", short(&rest)));
    }
    Ok(select.as_ref().clone())
}

/// Rewrites `query` for `kind`. The error says why it cannot be watched and how to write it instead.
pub(in crate::posthog) fn rewrite(query: &str, kind: MetricKind) -> Result<Part, String> {
    let select = parse_select(query)?;
    let (table, prefix) = events_table(&select)?;
    let measured = measured(&select)?;
    let (value, weight) = split(&measured, kind)?;
    let mut filters = Vec::new();
    for conjunct in conjuncts(select.selection.as_ref()) {
        if has_subquery(conjunct) {
            return Err(format!("the query inside `{}` cannot be watched", short(&conjunct.to_string())));
        }
        if bounds_time(conjunct) {
            continue;
        }
        if reads_clock(conjunct) {
            return Err(format!(
                "`{}` moves with the clock; bound time like `timestamp > now() - INTERVAL 1 HOUR`",
                short(&conjunct.to_string())
            ));
        }
        let loose = matches!(conjunct, Expr::BinaryOp { op: BinaryOperator::Or | BinaryOperator::Xor, .. });
        filters.push(if loose { format!("({conjunct})") } else { conjunct.to_string() });
    }
    Ok(Part { value, weight, table, column: format!("{prefix}timestamp"), filters })
}

/// The FROM clause as it stands and what qualifies its columns: `events`, or `events AS e` and `e.`.
fn events_table(select: &Select) -> Result<(String, String), String> {
    let wrong = || "only `FROM events` can be watched, without joins or samples".to_owned();
    let [source] = select.from.as_slice() else { return Err(wrong()) };
    let mut bare = source.relation.clone();
    let TableFactor::Table { alias, .. } = &mut bare else { return Err(wrong()) };
    let alias = alias.take();
    if !source.joins.is_empty() || bare.to_string() != "events" {
        return Err(wrong());
    }
    let prefix = alias.map(|alias| format!("{}.", alias.name)).unwrap_or_default();
    Ok((source.relation.to_string(), prefix))
}

/// The one expression that is selected.
fn measured(select: &Select) -> Result<Expr, String> {
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = select.projection.as_slice() else {
        return Err("select exactly one number".to_owned());
    };
    if first_aggregate(expr).is_none() {
        return Err(format!("`{}` is not an aggregate; select e.g. count()", short(&expr.to_string())));
    }
    if reads_clock(expr) || any(expr, is_timestamp) {
        return Err(format!(
            "`{}` compares times; select one window's number, Wakeman compares it with the past itself",
            short(&expr.to_string())
        ));
    }
    if has_subquery(expr) {
        return Err("a query inside the SELECT cannot be watched".to_owned());
    }
    Ok(expr.clone())
}

/// Value and weight as the kind's statistics want them.
fn split(expr: &Expr, kind: MetricKind) -> Result<(String, String), String> {
    match kind {
        MetricKind::Count => Ok((expr.to_string(), "0".to_owned())),
        MetricKind::Duration => {
            let of =
                first_aggregate(expr).ok_or("a duration must be an aggregate, e.g. avg(properties.duration_ms)")?;
            Ok((expr.to_string(), samples(&of)?))
        }
        MetricKind::Ratio => {
            if let Some((above, below)) = division(expr) {
                let above =
                    if matches!(above, Expr::BinaryOp { .. }) { format!("({above})") } else { above.to_string() };
                let value = if matches!(below, Expr::BinaryOp { .. }) {
                    format!("{above} / ({below})")
                } else {
                    format!("{above} / {below}")
                };
                return Ok((value, below.to_string()));
            }
            // The mean of a yes-or-no is a share as well.
            match peel(expr) {
                Expr::Function(of) if aggregate(&of).is_some_and(|(name, _)| name == "avg") => {
                    Ok((of.to_string(), samples(&of)?))
                }
                _ => {
                    Err("a ratio needs a division at the top, e.g. countIf(event = 'b') / countIf(event = 'a')"
                        .to_owned())
                }
            }
        }
    }
}

/// How many events the aggregate is taken over.
fn samples(of: &Function) -> Result<String, String> {
    let conditional = aggregate(of).is_some_and(|(_, conditional)| conditional);
    if !conditional {
        return Ok("count()".to_owned());
    }
    let last = arguments(of).and_then(|all| all.last().map(|condition| condition.to_string()));
    last.map(|condition| format!("countIf({condition})")).ok_or_else(|| format!("`{of}` has no condition"))
}

/// The parts of a condition that all must hold.
fn conjuncts(condition: Option<&Expr>) -> Vec<&Expr> {
    match condition {
        None => Vec::new(),
        Some(Expr::BinaryOp { left, op: BinaryOperator::And, right }) => {
            let mut parts = conjuncts(Some(left));
            parts.extend(conjuncts(Some(right)));
            parts
        }
        Some(Expr::Nested(inner))
            if matches!(inner.as_ref(), Expr::BinaryOp { op: BinaryOperator::And, .. } | Expr::Nested(_)) =>
        {
            conjuncts(Some(inner))
        }
        Some(other) => vec![other],
    }
}

/// Whether this conjunct is a moving bound on `timestamp` and nothing else.
fn bounds_time(conjunct: &Expr) -> bool {
    match conjunct {
        Expr::Nested(inner) => bounds_time(inner),
        Expr::BinaryOp { left, op, right } => {
            let compares =
                matches!(op, BinaryOperator::Gt | BinaryOperator::GtEq | BinaryOperator::Lt | BinaryOperator::LtEq);
            let bound =
                |column: &Expr, bound: &Expr| is_timestamp(column) && reads_clock(bound) && !any(bound, is_timestamp);
            compares && (bound(left, right) || bound(right, left))
        }
        Expr::Between { expr, negated: false, low, high } => {
            is_timestamp(expr) && (reads_clock(low) || reads_clock(high))
        }
        _ => false,
    }
}

/// What a query measures, judged by its form.
pub(in crate::posthog) fn kind_of(query: &str) -> MetricKind {
    let Some(expr) = parse_select(query).ok().and_then(|select| measured(&select).ok()) else {
        return MetricKind::Count;
    };
    if division(&expr)
        .is_some_and(|(above, below)| first_aggregate(&above).is_some() && first_aggregate(&below).is_some())
    {
        return MetricKind::Ratio;
    }
    let averaged = first_aggregate(&expr).filter(|of| {
        aggregate(of)
            .is_some_and(|(name, _)| name == "avg" || name.starts_with("quantile") || name.starts_with("median"))
    });
    let text = averaged.map(|of| of.to_string().to_ascii_lowercase()).unwrap_or_default();
    let timed = ["_ms", "duration", "latency", "elapsed", "load_time", "response_time"];
    if timed.iter().any(|word| text.contains(word)) { MetricKind::Duration } else { MetricKind::Count }
}
