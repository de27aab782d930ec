//! Reads what a batch needs to be decided, inside its transaction.

use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::{
    journal::LANE,
    plan::{Head, Known, Needs, OutboxSlot, Stored},
};

use super::multi::Multi;

type Db<T> = Result<T, sqlx::Error>;

static ENTITIES: Multi = Multi::new(
    "WITH wanted(kind, id) AS (VALUES ",
    "(?,?)",
    ") SELECT e.kind, e.id, e.version, e.unique_key FROM wanted CROSS JOIN entities AS e \
     ON e.kind = wanted.kind AND e.id = wanted.id",
);
static OWNERS: Multi = Multi::new(
    "WITH wanted(kind, unique_key) AS (VALUES ",
    "(?,?)",
    ") SELECT e.kind, e.unique_key, e.id FROM wanted CROSS JOIN entities AS e \
     ON e.kind = wanted.kind AND e.unique_key = wanted.unique_key",
);
static MESSAGES: Multi = Multi::new(
    "WITH wanted(id) AS (VALUES ",
    "(?)",
    ") SELECT o.id, o.state, o.attempts, o.lease_epoch, o.not_before_ms, o.updated_ms, o.receipt, o.reason \
     FROM wanted CROSS JOIN outbox AS o ON o.id = wanted.id",
);
const LEASE: &str = "SELECT epoch FROM leases WHERE name = $1";
const HEAD: &str = "SELECT seq, link FROM journal WHERE lane = $1 ORDER BY seq DESC LIMIT 1";

/// Everything in `needs`, as it is now.
pub(super) async fn load(conn: &mut SqliteConnection, needs: &Needs<'_>) -> Db<Known> {
    let mut known = Known { head: head(conn).await?, ..Known::default() };
    let entities: Vec<_> = needs.entities.iter().map(|e| (&*e.kind, e.id.as_str())).collect();
    for (mut query, rows) in ENTITIES.covering(&entities) {
        for (kind, id) in rows {
            query = query.bind(kind).bind(id);
        }
        for row in query.fetch_all(&mut *conn).await? {
            let (kind, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let stored = Stored { version: unsigned(&row, 2)?, unique_key: row.try_get(3)? };
            known.entities.insert(crate::EntityRef::new(kind, id), stored);
        }
    }
    let keys: Vec<_> = needs.unique_keys.iter().copied().collect();
    for (mut query, rows) in OWNERS.covering(&keys) {
        for (kind, key) in rows {
            query = query.bind(kind).bind(key);
        }
        for row in query.fetch_all(&mut *conn).await? {
            known.owners.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
    }
    let messages: Vec<_> = needs.messages.iter().copied().collect();
    for (mut query, rows) in MESSAGES.covering(&messages) {
        for id in rows {
            query = query.bind(id);
        }
        for row in query.fetch_all(&mut *conn).await? {
            known.messages.insert(row.try_get(0)?, message(&row)?);
        }
    }
    for name in &needs.leases {
        if let Some(row) = sqlx::query(LEASE).bind(*name).fetch_optional(&mut *conn).await? {
            known.leases.insert((*name).to_owned(), unsigned(&row, 0)?);
        }
    }
    Ok(known)
}

/// The journal's newest entry.
async fn head(conn: &mut SqliteConnection) -> Db<Head> {
    let Some(row) = sqlx::query(HEAD).bind(LANE as i64).fetch_optional(conn).await? else {
        return Ok(Head::default());
    };
    let link: &[u8] = row.try_get(1)?;
    let link = link.try_into().map_err(|_| sqlx::Error::Decode("the newest journal link is not 32 bytes".into()))?;
    Ok(Head { seq: unsigned(&row, 0)?, link })
}

fn message(row: &SqliteRow) -> Db<OutboxSlot> {
    let state: &str = row.try_get(1)?;
    Ok(OutboxSlot {
        state: state.parse().map_err(|e: String| sqlx::Error::Decode(e.into()))?,
        attempts: u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
        epoch: unsigned(row, 3)?,
        not_before_ms: row.try_get(4)?,
        updated_ms: row.try_get(5)?,
        receipt: row.try_get(6)?,
        reason: row.try_get(7)?,
        changed: false,
    })
}

/// A column that the store only ever writes from a `u64`.
pub(super) fn unsigned(row: &SqliteRow, index: usize) -> Db<u64> {
    let value: i64 = row.try_get(index)?;
    u64::try_from(value).map_err(|e| sqlx::Error::ColumnDecode { index: index.to_string(), source: Box::new(e) })
}
