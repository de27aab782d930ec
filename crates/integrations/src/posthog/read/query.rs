//! A query that somebody wrote: one statement that reads, with a limit it cannot lift, printed again from its parsed form.

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Value, json};
use sqlparser::ast::{Expr, LimitClause, Query, SetExpr, Statement, Value as Literal};
use wakeman_gateway::ports::{QueryAnswer, QueryRequest};

use crate::{
    http::{At, Failure, short},
    posthog::{
        client::{Purpose, Wire},
        hogql::{Piece, find, parse},
    },
};

/// Rows that are kept of an answer, whatever it holds.
const ROWS_KEPT: usize = 1_001;

#[derive(Debug, Deserialize)]
struct Answer {
    results: Capped,
    #[serde(default)]
    columns: Option<Vec<Value>>,
    #[serde(default, rename = "hasMore")]
    has_more: Option<bool>,
    #[serde(default)]
    last_refresh: Option<String>,
}

/// The first rows of an answer; the rest is read past and never kept.
#[derive(Debug, Default)]
struct Capped {
    rows: Vec<Vec<Value>>,
    more: bool,
}

impl<'de> Deserialize<'de> for Capped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Rows;
        impl<'de> Visitor<'de> for Rows {
            type Value = Capped;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Capped, A::Error> {
                let mut kept = Capped::default();
                while kept.rows.len() < ROWS_KEPT {
                    match from.next_element()? {
                        Some(row) => kept.rows.push(row),
                        None => return Ok(kept),
                    }
                }
                while from.next_element::<IgnoredAny>()?.is_some() {
                    kept.more = true;
                }
                Ok(kept)
            }
        }
        from.deserialize_seq(Rows)
    }
}

pub(super) async fn query(wire: &Wire, request: QueryRequest<'_>) -> Result<QueryAnswer, Failure> {
    let rows_max = request.rows_max.min(ROWS_KEPT - 1);
    // One more than is wanted tells whether there are more.
    let asked = bounded(request.sql, rows_max + 1, request.hidden).map_err(|reason| Failure::Refused {
        status: 400,
        code: String::new(),
        reason,
        remedy: "write exactly one SELECT".to_owned(),
    })?;
    let body = json!({"kind": "HogQLQuery", "query": asked});
    let Answer { results, columns, has_more, last_refresh } = wire.query("asked query", body, Purpose::Ask).await?;
    let Capped { mut rows, more } = results;
    let more = more || rows.len() > rows_max || has_more == Some(true);
    rows.truncate(rows_max);
    let name = |column: Value| column.as_str().map_or_else(|| column.to_string(), str::to_owned);
    Ok(QueryAnswer {
        columns: columns.unwrap_or_default().into_iter().map(name).collect(),
        rows,
        more,
        asked,
        as_of: last_refresh.as_deref().and_then(At::read).map(|at| at.0),
    })
}

/// The query with at most `rows` rows, or why it is not run.
fn bounded(sql: &str, rows: usize, hidden: &[&str]) -> Result<String, String> {
    let mut statements = parse(sql)?;
    let mut all = 0;
    find(&statements, &mut |part| {
        all += u32::from(matches!(part, Piece::Statement));
        false
    });
    let (1, 1, Some(Statement::Query(query))) = (all, statements.len(), statements.pop()) else {
        return Err("not exactly one SELECT".to_owned());
    };
    let mut off = None;
    find(&query, &mut |part| {
        if let Piece::Relation(name) = part {
            let table = name.0.last().map(|part| part.to_string().trim_matches(['`', '"']).to_lowercase());
            off = table.filter(|table| hidden.contains(&table.as_str()));
        }
        off.is_some()
    });
    if let Some(table) = off {
        return Err(format!("table {} is switched off in tools.json", short(&table)));
    }
    limited(*query, rows)
}

fn limited(mut query: Query, rows: usize) -> Result<String, String> {
    let extras = [
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (query.fetch.is_some() || !query.locks.is_empty() || query.for_clause.is_some(), "FETCH or FOR"),
        (!query.pipe_operators.is_empty(), "|>"),
    ];
    if let Some((_, clause)) = extras.iter().find(|(present, _)| *present) {
        return Err(format!("{clause} is not run; leave it out"));
    }
    let plain = matches!(query.body.as_ref(), SetExpr::Select(_));
    match &mut query.limit_clause {
        None if plain => {
            query.limit_clause = Some(limit_clause(rows));
            Ok(query.to_string())
        }
        Some(LimitClause::LimitOffset { limit, limit_by, .. }) if plain && limit_by.is_empty() => {
            if !limit.as_ref().is_some_and(|limit| is_at_most(limit, rows)) {
                *limit = Some(number(rows));
            }
            Ok(query.to_string())
        }
        // A limit of one part of a UNION, or a limit by group, is not one of the whole.
        _ => Ok(format!("SELECT * FROM ({query}) LIMIT {rows}")),
    }
}

fn limit_clause(rows: usize) -> LimitClause {
    LimitClause::LimitOffset { limit: Some(number(rows)), offset: None, limit_by: Vec::new() }
}

fn number(rows: usize) -> Expr {
    Expr::value(Literal::Number(rows.to_string(), false))
}

fn is_at_most(limit: &Expr, rows: usize) -> bool {
    let Expr::Value(value) = limit else { return false };
    let Literal::Number(digits, _) = &value.value else { return false };
    digits.parse::<usize>().is_ok_and(|limit| limit <= rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_gets_a_limit_that_it_cannot_lift() {
        let longest = format!("SELECT 1{}", " + 1".repeat(300));
        for (sql, want) in [
            ("SELECT event FROM events", "SELECT event FROM events LIMIT 501"),
            ("select event from events limit 10;", "SELECT event FROM events LIMIT 10"),
            ("SELECT event FROM events LIMIT 1000000", "SELECT event FROM events LIMIT 501"),
            ("SELECT event FROM events LIMIT 9 * 9", "SELECT event FROM events LIMIT 501"),
            ("SELECT event FROM events LIMIT 10 OFFSET 5", "SELECT event FROM events LIMIT 10 OFFSET 5"),
            ("SELECT 1 UNION ALL SELECT 2 LIMIT 9", "SELECT * FROM (SELECT 1 UNION ALL SELECT 2 LIMIT 9) LIMIT 501"),
            ("SELECT a FROM events LIMIT 3 BY b", "SELECT * FROM (SELECT a FROM events LIMIT 3 BY b) LIMIT 501"),
            (
                "WITH x AS (SELECT 1 LIMIT 5000000) SELECT * FROM x",
                "WITH x AS (SELECT 1 LIMIT 5000000) SELECT * FROM x LIMIT 501",
            ),
            (
                "SELECT properties.$browser, quantile(0.95)(toFloat(properties.load_ms)) FROM events WHERE timestamp > now() - INTERVAL 7 DAY GROUP BY 1",
                "SELECT properties.$browser, quantile(0.95)(toFloat(properties.load_ms)) FROM events WHERE timestamp > now() - INTERVAL 7 DAY GROUP BY 1 LIMIT 501",
            ),
            ("SELECT 'a;b\\'; DROP' -- x\n", "SELECT 'a;b\\'; DROP' LIMIT 501"),
            (&longest, &format!("{longest} LIMIT 501")),
        ] {
            assert_eq!(bounded(sql, 501, &[]).as_deref(), Ok(want), "{sql}");
        }
    }

    #[test]
    fn what_is_not_one_reading_query_is_not_run() {
        for (sql, want) in [
            ("SELECT 1; SELECT 2", "not exactly one SELECT"),
            ("SELECT 1; DROP TABLE events", "not exactly one SELECT"),
            ("DELETE FROM events", "not exactly one SELECT"),
            ("INSERT INTO events SELECT 1", "not exactly one SELECT"),
            ("ALTER TABLE events DELETE WHERE 1", "not a query that can be read"),
            ("", "not exactly one SELECT"),
            ("SELECT 1 FROM events SETTINGS max_rows_to_read = 0", "SETTINGS is not run"),
            ("SELECT 1 FROM events FORMAT CSV", "FORMAT is not run"),
            ("SELECT (((", "not a query that can be read"),
            (&format!("SELECT 1{}", " + 1".repeat(5_000)), "it has 5000 operators"),
            (&format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(500)), "it has 500 operators"),
            (&format!("SELECT {}1", "NOT ".repeat(299)), "not a query that can be read"),
            ("SELECT * FROM logs", "table logs is switched off"),
            ("SELECT * FROM (SELECT 1 FROM posthog.`Logs`)", "table logs is switched off"),
            ("WITH x AS (SELECT * FROM logs) SELECT 1 FROM x", "table logs is switched off"),
        ] {
            let said = bounded(sql, 501, &["logs"]).expect_err(sql);
            assert!(said.starts_with(want), "{sql}: {said}");
        }
        let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(bounded(&deep, 501, &[]).is_err());
    }

    #[test]
    fn rows_beyond_those_that_are_kept_are_read_past() {
        let rows = "[1,\"x\"],".repeat(100_000);
        let body = format!("{{\"results\":[{}]}}", rows.trim_end_matches(','));
        let answer: Answer = serde_json::from_str(&body).expect("an answer");
        assert_eq!((answer.results.rows.len(), answer.results.more), (ROWS_KEPT, true));
    }
}
