//! Reads and verification of the journal.

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Row, SqlitePool, sqlite::SqliteRow};
use wakeman_types::Timestamp;

use crate::{
    commit::Seq,
    journal::{BadEntry, ChainVerifier, FIRST_PREVIOUS_LINK, JournalEntry, JournalHead, RawEntry, Verdict},
};

use super::load::unsigned;

type Db<T> = Result<T, sqlx::Error>;

const COLUMNS: &str =
    "SELECT lane, seq, at_ms, type, actor, subject, payload_digest, previous_link, link, payload, salt
    FROM journal ";
const FROM_SEQ: &str = "WHERE lane = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
const OF_SUBJECT: &str = "WHERE subject = $1 AND lane = $2 AND seq >= $3 ORDER BY seq LIMIT $4";
const HEAD: &str = "SELECT seq, link FROM journal WHERE lane = $1 ORDER BY seq DESC LIMIT 1";

/// Entries verified per read transaction: a longer one would keep the write-ahead log from being emptied.
const VERIFY_CHUNK: usize = 20_000;

pub(crate) async fn entries(pool: &SqlitePool, lane: u64, from: Seq, limit: usize) -> Db<Vec<JournalEntry>> {
    let query = sqlx::query(AssertSqlSafe([COLUMNS, FROM_SEQ].concat()));
    let query = query.bind(lane as i64).bind(from.0 as i64).bind(limit as i64);
    query.fetch_all(pool).await?.iter().map(entry).collect()
}

pub(crate) async fn entries_of(
    pool: &SqlitePool,
    subject: &str,
    lane: u64,
    from: Seq,
    limit: usize,
) -> Db<Vec<JournalEntry>> {
    let query = sqlx::query(AssertSqlSafe([COLUMNS, OF_SUBJECT].concat()));
    let query = query.bind(subject).bind(lane as i64).bind(from.0 as i64).bind(limit as i64);
    query.fetch_all(pool).await?.iter().map(entry).collect()
}

fn entry(row: &SqliteRow) -> Db<JournalEntry> {
    let hex_of = |index: usize| row.try_get::<&[u8], _>(index).map(hex::encode);
    let payload: Option<&str> = row.try_get(9)?;
    let salt: Option<&[u8]> = row.try_get(10)?;
    Ok(JournalEntry {
        lane: unsigned(row, 0)?,
        seq: Seq(unsigned(row, 1)?),
        at: Timestamp::from_ms(row.try_get(2)?),
        event_type: row.try_get(3)?,
        actor: row.try_get(4)?,
        subject: row.try_get(5)?,
        payload_digest: hex_of(6)?,
        previous_link: hex_of(7)?,
        link: hex_of(8)?,
        payload: payload.map(serde_json::from_str).transpose().map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
        salt: salt.map(TryInto::try_into).transpose().map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
    })
}

pub(crate) async fn head(pool: &SqlitePool, lane: u64) -> Db<JournalHead> {
    let Some(row) = sqlx::query(HEAD).bind(lane as i64).fetch_optional(pool).await? else {
        return Ok(JournalHead { lane, seq: Seq(0), link: FIRST_PREVIOUS_LINK.to_owned() });
    };
    Ok(JournalHead { lane, seq: Seq(unsigned(&row, 0)?), link: hex::encode(row.try_get::<&[u8], _>(1)?) })
}

/// Checks every entry from `from` on over the stored bytes.
pub(crate) async fn verify(pool: &SqlitePool, lane: u64, from: Seq, previous_link: &str) -> Db<Verdict> {
    let mut verifier = match ChainVerifier::new(lane, from, previous_link) {
        Ok(verifier) => verifier,
        Err(bad) => return Ok(Verdict::FirstBad(bad)),
    };
    let sql: std::sync::Arc<str> = [COLUMNS, FROM_SEQ].concat().into();
    loop {
        let query = sqlx::query(AssertSqlSafe(std::sync::Arc::clone(&sql))).bind(lane as i64);
        let mut rows = query.bind(verifier.next_seq() as i64).bind(VERIFY_CHUNK as i64).fetch(pool);
        let mut read = 0;
        while let Some(row) = rows.try_next().await? {
            if let Err(bad) = check(&mut verifier, &row) {
                return Ok(Verdict::FirstBad(bad));
            }
            read += 1;
        }
        if read < VERIFY_CHUNK {
            return Ok(verifier.finish());
        }
    }
}

fn check(verifier: &mut ChainVerifier, row: &SqliteRow) -> Result<(), BadEntry> {
    let raw = raw(row).map_err(|_| verifier.bad("was changed: a field has the wrong type"))?;
    verifier.push_raw(&raw)
}

fn raw(row: &SqliteRow) -> Db<RawEntry<'_>> {
    Ok(RawEntry {
        seq: unsigned(row, 1)?,
        at_ms: row.try_get(2)?,
        event_type: row.try_get(3)?,
        actor: row.try_get(4)?,
        subject: row.try_get(5)?,
        payload_digest: row.try_get(6)?,
        previous_link: row.try_get(7)?,
        link: row.try_get(8)?,
        payload: row.try_get(9)?,
        salt: row.try_get(10)?,
    })
}
