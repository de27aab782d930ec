//! One SELECT: its source, conditions, groups, order and columns.

mod plan;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use sqlparser::ast::{self, TableFactor};

use super::QueryError;
use super::aggregate::{AggregateCall, Tally};
use super::expr::{Column, Expr, NoRow, Row};
use super::need::{self, Need};
use super::query::{Bounds, Engine, Names, Table, Tail};
use super::resolve::{Resolver, Shape};
use super::scan::{Found, Scan};
use super::value::Value;
use plan::{OrderKey, Plan, plan, refuse_unsupported};

enum Source {
    Nothing,
    Events,
    Rows(Rc<Table>),
}

/// What comes of it: rows with the values to sort them by.
type Sorted = Vec<(Vec<Value>, Vec<Value>)>;

/// Groups: their keys and what their aggregates have seen.
type Groups = Vec<(Vec<Value>, Vec<Tally>)>;

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
    fn groups(&self, condition: Option<Expr>, keys: &[Expr], calls: &[AggregateCall]) -> Result<Groups, QueryError> {
        let fresh = || calls.iter().map(|call| Tally::new(call.kind)).collect::<Vec<_>>();
        let lifted: Vec<Expr> = calls.iter().map(|call| Expr::Aggregate(Box::new(call.clone()))).collect();
        let needs: Vec<&Expr> = keys.iter().chain(&lifted).collect();
        let mut groups: Groups = Vec::new();
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
