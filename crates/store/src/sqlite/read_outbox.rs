//! Reads of the outbox.

use sqlx::{AssertSqlSafe, Row, SqlitePool, sqlite::SqliteRow};
use wakeman_types::Timestamp;

use crate::outbox::{OutboxItem, OutboxState};

use super::{
    jobs::{CLAIMABLE, HEADS},
    load::unsigned,
};

type Db<T> = Result<T, sqlx::Error>;

const COLUMNS: &str =
    "SELECT id, position, channel, chat, state, attempts, in_doubt, not_before_ms, created_ms, updated_ms,
    body, receipt, reason FROM outbox ";
const NEXT_DUE: &str = "SELECT MIN(CASE o.state WHEN 'leased' THEN o.lease_until_ms ELSE o.not_before_ms END)
    FROM heads CROSS JOIN outbox AS o ON o.position = heads.position";
const COUNT: &str = "SELECT COUNT(*) FROM outbox WHERE state = $1";

/// Whether a claim now would find anything.
pub(crate) async fn claimable(pool: &SqlitePool, channel: &str, now: Timestamp) -> Db<bool> {
    let query = sqlx::query(AssertSqlSafe([HEADS, CLAIMABLE].concat()));
    Ok(query.bind(channel).bind(now.ms()).bind(1i64).fetch_optional(pool).await?.is_some())
}

/// When the next message of `channel` becomes claimable; in the past if one is now.
pub(crate) async fn next_due(pool: &SqlitePool, channel: &str) -> Db<Option<Timestamp>> {
    let query = sqlx::query_scalar(AssertSqlSafe([HEADS, NEXT_DUE].concat()));
    let due: Option<i64> = query.bind(channel).fetch_one(pool).await?;
    Ok(due.map(Timestamp::from_ms))
}

pub(crate) async fn get(pool: &SqlitePool, id: &str) -> Db<Option<OutboxItem>> {
    let query = sqlx::query(AssertSqlSafe([COLUMNS, "WHERE id = $1"].concat()));
    query.bind(id).fetch_optional(pool).await?.as_ref().map(item).transpose()
}

/// Messages in `state`, in the order of sending, after position `after`.
pub(crate) async fn list(pool: &SqlitePool, state: OutboxState, after: i64, limit: usize) -> Db<Vec<OutboxItem>> {
    let query =
        sqlx::query(AssertSqlSafe([COLUMNS, "WHERE state = $1 AND position > $2 ORDER BY position LIMIT $3"].concat()));
    let query = query.bind(state.as_str()).bind(after).bind(limit as i64);
    query.fetch_all(pool).await?.iter().map(item).collect()
}

pub(crate) async fn count(pool: &SqlitePool, state: OutboxState) -> Db<u64> {
    unsigned(&sqlx::query(COUNT).bind(state.as_str()).fetch_one(pool).await?, 0)
}

fn item(row: &SqliteRow) -> Db<OutboxItem> {
    let json = |text: &str| serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)));
    let state: &str = row.try_get(4)?;
    let receipt: Option<&str> = row.try_get(11)?;
    let time = |index: usize| row.try_get(index).map(Timestamp::from_ms);
    Ok(OutboxItem {
        id: row.try_get(0)?,
        position: row.try_get(1)?,
        channel: row.try_get(2)?,
        chat: row.try_get(3)?,
        state: state.parse().map_err(|e: String| sqlx::Error::Decode(e.into()))?,
        attempts: u32::try_from(unsigned(row, 5)?).unwrap_or(u32::MAX),
        in_doubt: row.try_get::<i64, _>(6)? != 0,
        not_before: time(7)?,
        created_at: time(8)?,
        updated_at: time(9)?,
        body: json(row.try_get(10)?)?,
        receipt: receipt.map(json).transpose()?,
        reason: row.try_get(12)?,
    })
}
