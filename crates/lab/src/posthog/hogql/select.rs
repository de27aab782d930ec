//! One SELECT: its source, conditions, groups, order and columns.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sqlparser::ast::{self, GroupByExpr, OrderBySort, SelectItem, TableFactor};

use super::QueryError;
use super::aggregate::{AggregateCall, Tally};
use super::expr::{Column, Expr, NoRow, Row};
use super::need::{self, Need};
use super::query::{Bounds, Engine, Names, Table, Tail};
use super::resolve::{Prefer, Resolver, Shape};
use super::scan::{Found, Scan};
use super::value::Value;

/// The columns of `SELECT *` from events.
const STAR: [(&str, Column); 5] = [
    ("uuid", Column::Uuid),
    ("event", Column::Event),
    ("properties", Column::Properties),
    ("timestamp", Column::Timestamp),
    ("distinct_id", Column::DistinctId),
];

enum Source {
    Nothing,
    Events,
    Rows(Rc<Table>),
}

struct OrderKey {
    expr: Expr,
    descending: bool,
    nulls_first: bool,
}

/// A select with every name resolved.
struct Plan {
    columns: Vec<String>,
    outputs: Vec<Expr>,
    condition: Option<Expr>,
    keys: Vec<Expr>,
    having: Option<Expr>,
    order: Vec<OrderKey>,
    distinct: bool,
}

/// What comes of it: rows with the values to sort them by.
type Sorted = Vec<(Vec<Value>, Vec<Value>)>;

impl Engine<'_> {
    pub(super) fn select(
        &self,
        select: &ast::Select,
        tail: Tail<'_>,
        names: &Names,
        rows_default: Option<usize>,
    ) -> Result<Table, QueryError> {
        let bounds = self.bounds(tail, rows_default)?;
        let (source, shape) = self.source(select, names)?;
        let mut resolver = Resolver::new(self, names, shape);
        let plan = plan(&mut resolver, select, tail)?;
        let properties = resolver.properties;
        let columns = plan.columns.clone();
        let rows = Runner { engine: self, source, properties: &properties, bounds }.run(plan)?;
        let more = rows.len() > bounds.offset.saturating_add(bounds.limit);
        let rows = rows.into_iter().skip(bounds.offset).take(bounds.limit).collect();
        Ok(Table { columns, rows, more, limit: bounds.limit, offset: bounds.offset })
    }

    fn source(&self, select: &ast::Select, names: &Names) -> Result<(Source, Shape), QueryError> {
        refuse_unsupported(select)?;
        let [from] = select.from.as_slice() else {
            return if select.from.is_empty() {
                Ok((Source::Nothing, Shape::Nothing))
            } else {
                Err(QueryError::query("JOINs are not supported"))
            };
        };
        if !from.joins.is_empty() {
            return Err(QueryError::query("JOINs are not supported"));
        }
        match &from.relation {
            TableFactor::Table { name, alias, args: None, .. } => {
                let name = name.to_string().replace(['`', '"'], "");
                let alias = alias.as_ref().map(|alias| alias.name.value.clone());
                if let Some(table) = names.get(&name) {
                    let known = Some(alias.unwrap_or(name));
                    return Ok((Source::Rows(Rc::clone(table)), Shape::Rows(table.columns.clone(), known)));
                }
                if name != "events" {
                    return Err(QueryError::query(format!("Unknown table `{name}`.")));
                }
                Ok((Source::Events, Shape::Events(alias.into_iter().chain([name]).collect())))
            }
            TableFactor::Derived { subquery, alias, lateral: false, .. } => {
                let table = Rc::new(self.nested(subquery, names)?);
                let alias = alias.as_ref().map(|alias| alias.name.value.clone());
                Ok((Source::Rows(Rc::clone(&table)), Shape::Rows(table.columns.clone(), alias)))
            }
            other => Err(QueryError::query(format!("Unsupported table expression: {other}"))),
        }
    }
}

fn refuse_unsupported(select: &ast::Select) -> Result<(), QueryError> {
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

fn plan<'q>(resolver: &mut Resolver<'q>, select: &'q ast::Select, tail: Tail<'q>) -> Result<Plan, QueryError> {
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

/// Runs a resolved select.
struct Runner<'e> {
    engine: &'e Engine<'e>,
    source: Source,
    properties: &'e [std::sync::Arc<str>],
    bounds: Bounds,
}

impl Runner<'_> {
    fn run(&self, mut plan: Plan) -> Result<Vec<Vec<Value>>, QueryError> {
        let parts = plan.outputs.iter().chain(&plan.having).chain(plan.order.iter().map(|key| &key.expr));
        let grouped = !plan.keys.is_empty() || parts.into_iter().any(Expr::has_aggregate);
        let mut rows = if grouped { self.grouped(&mut plan)? } else { self.plain(&plan)? };
        sort(&mut rows, &plan.order);
        let mut rows: Vec<Vec<Value>> = rows.into_iter().map(|(_, row)| row).collect();
        if plan.distinct {
            let mut seen = HashSet::new();
            rows.retain(|row| seen.insert(row.clone()));
        }
        Ok(rows)
    }

    /// Every row of the source that meets the condition; `needs` are all the expressions that will look at it.
    fn visit(
        &self,
        condition: Option<Expr>,
        needs: &[&Expr],
        one_by_one: bool,
        visit: &mut dyn FnMut(Found<'_>) -> Result<bool, QueryError>,
    ) -> Result<(), QueryError> {
        let one = |row: &dyn Row, visit: &mut dyn FnMut(Found<'_>) -> Result<bool, QueryError>| {
            let meets =
                condition.as_ref().map_or(Ok(true), |condition| condition.eval(row).map(|value| value.truth()))?;
            if meets { visit(Found { row, weight: 1, edges: (0, 0) }) } else { Ok(true) }
        };
        match &self.source {
            Source::Nothing => one(&NoRow, visit).map(|_| ()),
            Source::Rows(table) => {
                for row in &table.rows {
                    if !one(&Fields(row), visit)? {
                        break;
                    }
                }
                Ok(())
            }
            Source::Events => {
                let bounded = need::bounded(condition);
                let mut need = Need { single: one_by_one, ..Need::default() };
                needs.iter().copied().chain(&bounded.rest).for_each(|expr| need.take(expr));
                let scan = Scan {
                    world: self.engine.world,
                    now_ms: self.engine.now_ms,
                    from_ms: bounded.from_ms,
                    to_ms: bounded.to_ms,
                    properties: self.properties,
                    need: &need,
                    conditions: &bounded.rest,
                };
                scan.run(visit)
            }
        }
    }

    fn plain(&self, plan: &Plan) -> Result<Sorted, QueryError> {
        let needs: Vec<&Expr> = plan.outputs.iter().chain(plan.order.iter().map(|key| &key.expr)).collect();
        let enough = self.bounds.offset.saturating_add(self.bounds.limit).saturating_add(1);
        let mut rows: Sorted = Vec::new();
        self.visit(plan.condition.clone(), &needs, true, &mut |found| {
            let all = |exprs: &mut dyn Iterator<Item = &Expr>| {
                exprs.map(|expr| expr.eval(found.row)).collect::<Result<Vec<_>, _>>()
            };
            let by = all(&mut plan.order.iter().map(|key| &key.expr))?;
            rows.push((by, all(&mut plan.outputs.iter())?));
            if plan.distinct {
                return Ok(true);
            }
            if plan.order.is_empty() {
                return Ok(rows.len() < enough);
            }
            // Keep only what can still be among the first.
            if rows.len() >= enough.saturating_mul(2).max(100_000) {
                sort(&mut rows, &plan.order);
                rows.truncate(enough);
            }
            Ok(true)
        })?;
        Ok(rows)
    }

    fn grouped(&self, plan: &mut Plan) -> Result<Sorted, QueryError> {
        let mut calls: Vec<AggregateCall> = Vec::new();
        let keys = std::mem::take(&mut plan.keys);
        let mut lift = |expr: Expr| expr.lifted(&keys, &mut calls);
        let outputs = plan.outputs.drain(..).map(&mut lift).collect::<Result<Vec<_>, _>>()?;
        let having = plan.having.take().map(&mut lift).transpose()?;
        for key in &mut plan.order {
            key.expr = lift(std::mem::replace(&mut key.expr, Expr::Const(Value::Null)))?;
        }
        let groups = self.groups(plan.condition.take(), &keys, &calls)?;
        let mut rows = Vec::with_capacity(groups.len());
        for (mut values, tallies) in groups {
            values.extend(tallies.into_iter().zip(&calls).map(|(tally, call)| tally.result(call.kind)));
            let group = Group(&values);
            if having.as_ref().map_or(Ok(true), |having| having.eval(&group).map(|value| value.truth()))? {
                let by = plan.order.iter().map(|key| key.expr.eval(&group)).collect::<Result<_, _>>()?;
                rows.push((by, outputs.iter().map(|output| output.eval(&group)).collect::<Result<_, _>>()?));
            }
        }
        Ok(rows)
    }

    /// The groups in the order they are first met.
    fn groups(
        &self,
        condition: Option<Expr>,
        keys: &[Expr],
        calls: &[AggregateCall],
    ) -> Result<Vec<(Vec<Value>, Vec<Tally>)>, QueryError> {
        let fresh = || calls.iter().map(|call| Tally::new(call.kind)).collect::<Vec<_>>();
        let lifted: Vec<Expr> = calls.iter().map(|call| Expr::Aggregate(Box::new(call.clone()))).collect();
        let needs: Vec<&Expr> = keys.iter().chain(&lifted).collect();
        let mut groups: Vec<(Vec<Value>, Vec<Tally>)> = Vec::new();
        let mut places: HashMap<Vec<Value>, usize> = HashMap::new();
        let mut last = 0;
        let mut key = Vec::with_capacity(keys.len());
        self.visit(condition, &needs, false, &mut |found| {
            key.clear();
            for part in keys {
                key.push(part.eval(found.row)?);
            }
            // Neighbours mostly fall into the same group.
            if groups.get(last).is_none_or(|(known, _)| *known != key) {
                last = *places.entry(key.clone()).or_insert(groups.len());
                if last == groups.len() {
                    groups.push((key.clone(), fresh()));
                }
            }
            for (call, tally) in calls.iter().zip(&mut groups[last].1) {
                tally.add(call, found.row, found.weight, found.edges)?;
            }
            Ok(true)
        })?;
        if keys.is_empty() && groups.is_empty() {
            groups.push((Vec::new(), fresh()));
        }
        Ok(groups)
    }
}

fn sort(rows: &mut Sorted, keys: &[OrderKey]) {
    if keys.is_empty() {
        return;
    }
    rows.sort_by(|(a, _), (b, _)| {
        let pairs = keys.iter().zip(a.iter().zip(b));
        let orders = pairs.map(|(key, (a, b))| {
            let nulls = a.is_null().cmp(&b.is_null());
            if nulls != Ordering::Equal {
                return if key.nulls_first { nulls.reverse() } else { nulls };
            }
            let order = a.sort_order(b);
            if key.descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
}

struct Fields<'r>(&'r [Value]);

impl Row for Fields<'_> {
    fn column(&self, column: Column) -> Value {
        match column {
            Column::Field(at) => self.0[at].clone(),
            _ => Value::Null,
        }
    }

    fn slot(&self, slot: usize) -> Value {
        NoRow.slot(slot)
    }
}

struct Group<'r>(&'r [Value]);

impl Row for Group<'_> {
    fn column(&self, column: Column) -> Value {
        NoRow.column(column)
    }

    fn slot(&self, slot: usize) -> Value {
        self.0[slot].clone()
    }
}
