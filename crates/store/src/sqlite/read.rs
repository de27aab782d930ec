//! Reads of rows, checkpoints and counts.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Row, SqlitePool, sqlite::SqliteRow};

use crate::query::{Cursor, ListQuery, Order, PAGE_LIMIT_MAX};

type Db<T> = Result<T, sqlx::Error>;

const GET: &str = "SELECT id, version, sort_key, body FROM entities WHERE kind = $1 AND id = $2";
const GET_BY_KEY: &str = "SELECT id, version, sort_key, body FROM entities WHERE kind = $1 AND unique_key = $2";
const COUNT: &str = "SELECT COALESCE(SUM(rows), 0) FROM entity_counts WHERE kind = $1";
const COUNT_IN_STATE: &str = "SELECT COALESCE(SUM(rows), 0) FROM entity_counts WHERE kind = $1 AND state = $2";
const CHECKPOINT: &str = "SELECT value FROM checkpoints WHERE name = $1";

/// A row as stored.
pub(crate) struct Found {
    pub id: String,
    pub version: u64,
    pub sort_key: i64,
    pub body: String,
}

impl Found {
    fn from(row: &SqliteRow) -> Db<Self> {
        let version = super::load::unsigned(row, 1)?;
        Ok(Self { id: row.try_get(0)?, version, sort_key: row.try_get(2)?, body: row.try_get(3)? })
    }

    /// Where a page that ends here continues.
    pub fn cursor(&self) -> Cursor {
        Cursor { sort_key: self.sort_key, id: self.id.clone() }
    }
}

pub(crate) async fn get(pool: &SqlitePool, kind: &str, id: &str) -> Db<Option<Found>> {
    one(pool, GET, kind, id).await
}

pub(crate) async fn get_by_key(pool: &SqlitePool, kind: &str, unique_key: &str) -> Db<Option<Found>> {
    one(pool, GET_BY_KEY, kind, unique_key).await
}

async fn one(pool: &SqlitePool, sql: &'static str, kind: &str, value: &str) -> Db<Option<Found>> {
    let row = sqlx::query(sql).bind(kind).bind(value).fetch_optional(pool).await?;
    row.as_ref().map(Found::from).transpose()
}

pub(crate) async fn count(pool: &SqlitePool, kind: &str, state: Option<&str>) -> Db<u64> {
    let query = match state {
        None => sqlx::query(COUNT).bind(kind),
        Some(state) => sqlx::query(COUNT_IN_STATE).bind(kind).bind(state),
    };
    super::load::unsigned(&query.fetch_one(pool).await?, 0)
}

pub(crate) async fn checkpoint(pool: &SqlitePool, name: &str) -> Db<Option<String>> {
    sqlx::query_scalar(CHECKPOINT).bind(name).fetch_optional(pool).await
}

enum Bind<'a> {
    Text(&'a str),
    Number(i64),
}

/// The rows that `query` asks for, and one more if there are more.
pub(crate) async fn list(pool: &SqlitePool, kind: &str, query: &ListQuery) -> Db<Vec<Found>> {
    let (sql, binds) = list_sql(kind, query);
    let mut statement = sqlx::query(AssertSqlSafe(sql));
    for bind in binds {
        statement = match bind {
            Bind::Text(text) => statement.bind(text),
            Bind::Number(number) => statement.bind(number),
        };
    }
    statement.fetch_all(pool).await?.iter().map(Found::from).collect()
}

/// One arm per state, each of which walks an index in order and stops at the limit; a merge of the arms.
fn list_sql<'a>(kind: &'a str, query: &'a ListQuery) -> (String, Vec<Bind<'a>>) {
    let limit = query.limit.clamp(1, PAGE_LIMIT_MAX) as i64 + 1;
    let direction = match query.order {
        Order::Newest => "DESC",
        Order::Oldest => "ASC",
    };
    let order = format!(" ORDER BY sort_key {direction}, id {direction} LIMIT ");
    let mut binds = Vec::new();
    let states: Vec<Option<&str>> = match &query.states {
        None => vec![None],
        Some(states) if states.is_empty() => return (format!("{COLUMNS} WHERE 0"), binds),
        // A set: a state named twice is one arm.
        Some(states) => states.iter().map(|s| Some(s.as_str())).collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let arms: Vec<String> = states
        .iter()
        .map(|state| {
            let arm = arm_sql(kind, *state, query, &mut binds);
            format!("SELECT * FROM ({arm}{order}{limit})")
        })
        .collect();
    if let [arm] = &*arms {
        return (arm.clone(), binds);
    }
    (format!("SELECT * FROM ({}){order}{limit}", arms.join(" UNION ALL ")), binds)
}

const COLUMNS: &str = "SELECT id, version, sort_key, body FROM entities";

fn arm_sql<'a>(kind: &'a str, state: Option<&'a str>, query: &'a ListQuery, binds: &mut Vec<Bind<'a>>) -> String {
    let index = match (&query.parent, state) {
        // Not by name: a database that is only read may not have it yet.
        (Some(_), Some(_)) => "",
        (Some(_), None) => " INDEXED BY entities_by_parent",
        (None, Some(_)) => " INDEXED BY entities_by_state",
        (None, None) => " INDEXED BY entities_by_sort_key",
    };
    let mut sql = format!("{COLUMNS}{index} WHERE kind = ?");
    binds.push(Bind::Text(kind));
    if let Some(parent) = &query.parent {
        sql.push_str(" AND parent = ?");
        binds.push(Bind::Text(parent));
    }
    if let Some(state) = state {
        sql.push_str(" AND state = ?");
        binds.push(Bind::Text(state));
    }
    for (bound, condition) in [(query.since, " AND sort_key >= ?"), (query.until, " AND sort_key < ?")] {
        if let Some(bound) = bound {
            sql.push_str(condition);
            binds.push(Bind::Number(bound));
        }
    }
    if let Some(cursor) = &query.after {
        sql.push_str(match query.order {
            Order::Newest => " AND (sort_key, id) < (?, ?)",
            Order::Oldest => " AND (sort_key, id) > (?, ?)",
        });
        binds.extend([Bind::Number(cursor.sort_key), Bind::Text(&cursor.id)]);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Store};

    /// However many rows there are, a page must come straight from an index: no walk over a table, and no sorting but of one
    /// page per state where several are merged.
    #[tokio::test]
    async fn every_list_walks_an_index_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wakeman.db");
        Store::open(&path, Options::default()).await.unwrap().close().await;
        let pool = SqlitePool::connect(path.to_str().unwrap()).await.unwrap();
        let cursor = Some(Cursor { sort_key: 5, id: "x".into() });
        let cases = [
            (ListQuery::newest(5), "entities_by_sort_key", 0),
            (ListQuery::oldest(5).after(cursor.clone()), "entities_by_sort_key (kind=? AND (sort_key,id)>(?,?))", 0),
            (ListQuery::newest(5).since(1).until(9), "entities_by_sort_key (kind=? AND sort_key>? AND sort_key<?)", 0),
            (ListQuery::newest(5).state("a"), "entities_by_state (kind=? AND state=?)", 0),
            (
                ListQuery::newest(5).state("a").after(cursor),
                "entities_by_state (kind=? AND state=? AND (sort_key,id)<(?,?))",
                0,
            ),
            (ListQuery::newest(5).parent("p"), "entities_by_parent (kind=? AND parent=?)", 0),
            (
                ListQuery::oldest(5).parent("p").state("a"),
                "entities_by_parent_and_state (kind=? AND parent=? AND state=?)",
                0,
            ),
            (ListQuery::newest(5).state("a").state("b"), "entities_by_state (kind=? AND state=?)", 2),
        ];
        for (query, index, sorts) in cases {
            let (sql, _) = list_sql("finding", &query);
            let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let rows = explain.fetch_all(&pool).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>(3)).collect();
            let plan = plan.join("; ");
            assert!(plan.contains(&format!("USING INDEX {index}")), "{query:?}: {plan}");
            assert!(plan.matches("TEMP B-TREE FOR ORDER BY").count() <= sorts, "{query:?}: {plan}");
        }
    }
}
