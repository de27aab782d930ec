//! Erasure and retention.

use sqlx::SqliteConnection;

use crate::{
    commit::Durability,
    journal::{Erase, LANE},
    query::Purge,
};

use super::Op;

const ERASE_SUBJECT: &str = "UPDATE journal SET payload = NULL, salt = NULL
    WHERE subject = $1 AND (payload IS NOT NULL OR salt IS NOT NULL)";
const ERASE_SEQ: &str = "UPDATE journal SET payload = NULL, salt = NULL
    WHERE lane = $1 AND seq = $2 AND (payload IS NOT NULL OR salt IS NOT NULL)";
const ERASE_BEFORE: &str = "UPDATE journal SET payload = NULL, salt = NULL
    WHERE at_ms < $1 AND (payload IS NOT NULL OR salt IS NOT NULL)";

/// Turns journal payloads into tombstones; how many.
pub(crate) struct ErasePayloads(pub Erase);

impl Op for ErasePayloads {
    type Reply = u64;
    const DURABILITY: Durability = Durability::Full;
    const SCRUBS: bool = true;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        match &self.0 {
            Erase::Subject(subject) => {
                Ok(sqlx::query(ERASE_SUBJECT).bind(&**subject).execute(conn).await?.rows_affected())
            }
            Erase::Before(at) => Ok(sqlx::query(ERASE_BEFORE).bind(at.ms()).execute(conn).await?.rows_affected()),
            Erase::Seqs(seqs) => {
                let mut erased = 0;
                for seq in seqs {
                    let query = sqlx::query(ERASE_SEQ).bind(LANE as i64).bind(seq.0 as i64);
                    erased += query.execute(&mut *conn).await?.rows_affected();
                }
                Ok(erased)
            }
        }
    }
}

const PURGE_ROWS: &str = "DELETE FROM entities WHERE rowid IN (
    SELECT rowid FROM entities WHERE kind = $1 AND sort_key < $2 ORDER BY sort_key LIMIT $3)";
const PURGE_ROWS_IN_STATE: &str = "DELETE FROM entities WHERE rowid IN (
    SELECT rowid FROM entities WHERE kind = $1 AND sort_key < $2 AND state = $4 ORDER BY sort_key LIMIT $3)";
const PURGE_OUTBOX: &str = "DELETE FROM outbox WHERE position IN (
    SELECT position FROM outbox WHERE is_open = 0 AND updated_ms < $1 ORDER BY position LIMIT $2)";

/// Removes what is past its retention, at most `limit` of it; how many.
pub(crate) struct PurgeRows {
    pub purge: Purge,
    pub limit: usize,
}

impl Op for PurgeRows {
    type Reply = u64;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let limit = i64::try_from(self.limit).unwrap_or(i64::MAX);
        let query = match &self.purge {
            Purge::Rows { kind, state: None, sort_key_below } => {
                sqlx::query(PURGE_ROWS).bind(&**kind).bind(*sort_key_below).bind(limit)
            }
            Purge::Rows { kind, state: Some(state), sort_key_below } => {
                sqlx::query(PURGE_ROWS_IN_STATE).bind(&**kind).bind(*sort_key_below).bind(limit).bind(&**state)
            }
            Purge::Outbox { updated_before_ms } => sqlx::query(PURGE_OUTBOX).bind(*updated_before_ms).bind(limit),
        };
        Ok(query.execute(conn).await?.rows_affected())
    }
}

/// Nothing but the emptying of the write-ahead log that follows it.
pub(crate) struct Scrub;

impl Op for Scrub {
    type Reply = ();
    const SCRUBS: bool = true;

    async fn run(&self, _: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        Ok(())
    }
}
