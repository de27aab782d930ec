//! Writes what a plan decided, inside the batch's transaction.

use sqlx::SqliteConnection;

use crate::{journal::LANE, plan::Plan};

use super::multi::Multi;

type Db<T> = Result<T, sqlx::Error>;

const DELETE: &str = "DELETE FROM entities WHERE kind = $1 AND id = $2";
const RELEASE_KEY: &str = "UPDATE entities SET unique_key = NULL WHERE kind = $1 AND id = $2";
static UPSERT: Multi = Multi::new(
    "INSERT INTO entities (kind, id, version, state, parent, sort_key, unique_key, updated_ms, body) VALUES ",
    "(?,?,?,?,?,?,?,?,?)",
    " ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, state = excluded.state, \
     parent = excluded.parent, sort_key = excluded.sort_key, unique_key = excluded.unique_key, \
     updated_ms = excluded.updated_ms, body = excluded.body",
);
static APPEND: Multi = Multi::new(
    "INSERT INTO journal (lane, seq, at_ms, type, actor, subject, payload_digest, previous_link, link, payload, salt) \
     VALUES ",
    "(?,?,?,?,?,?,?,?,?,?,?)",
    "",
);
static SEND: Multi = Multi::new(
    "INSERT INTO outbox (id, channel, chat, state, is_open, attempts, in_doubt, not_before_ms, lease_epoch, \
     lease_until_ms, created_ms, updated_ms, body) VALUES ",
    "(?,?,?,'pending',1,0,0,?,0,0,?,?,?)",
    "",
);
const SETTLE: &str = "UPDATE outbox SET state = $2, is_open = $3, attempts = $4, not_before_ms = $5, updated_ms = $6, \
     receipt = $7, reason = $8, lease_holder = NULL WHERE id = $1";
const CHECKPOINT: &str = "INSERT INTO checkpoints (name, value, updated_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_ms = excluded.updated_ms";

/// Writes all of `plan`.
pub(super) async fn flush(conn: &mut SqliteConnection, plan: &Plan<'_>) -> Db<()> {
    entities(conn, plan).await?;
    for (mut query, entries) in APPEND.each(&plan.entries) {
        for entry in entries {
            let event = entry.event;
            query = query.bind(LANE as i64).bind(entry.seq as i64).bind(entry.at_ms);
            query = query.bind(&*event.event_type).bind(&*event.actor).bind(&*event.subject);
            query = query.bind(&event.digest[..]).bind(&entry.previous[..]).bind(&entry.link[..]);
            query = query.bind(&*event.payload).bind(&event.salt[..]);
        }
        query.execute(&mut *conn).await?;
    }
    outbox(conn, plan).await?;
    for (name, (value, at_ms)) in &plan.checkpoints {
        sqlx::query(CHECKPOINT).bind(*name).bind(*value).bind(*at_ms).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn entities(conn: &mut SqliteConnection, plan: &Plan<'_>) -> Db<()> {
    for (sql, entities) in [(DELETE, &plan.deletes), (RELEASE_KEY, &plan.released_keys)] {
        for entity in entities {
            sqlx::query(sql).bind(&*entity.kind).bind(&*entity.id).execute(&mut *conn).await?;
        }
    }
    for (mut query, upserts) in UPSERT.each(&plan.upserts) {
        for upsert in upserts {
            let row = upsert.row;
            let body = row.body().map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
            query = query.bind(&*row.entity.kind).bind(&*row.entity.id).bind(upsert.version as i64);
            query = query.bind(row.state.as_deref()).bind(row.parent.as_deref()).bind(row.sort_key);
            query = query.bind(row.unique_key.as_deref()).bind(upsert.at_ms).bind(body);
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn outbox(conn: &mut SqliteConnection, plan: &Plan<'_>) -> Db<()> {
    for (mut query, sends) in SEND.each(&plan.sends) {
        for (send, at_ms) in sends {
            query = query.bind(&*send.id).bind(&*send.channel).bind(&*send.chat).bind(send.not_before_ms);
            query = query.bind(*at_ms).bind(*at_ms).bind(&*send.body);
        }
        query.execute(&mut *conn).await?;
    }
    for (id, slot) in &plan.settles {
        let query = sqlx::query(SETTLE).bind(*id).bind(slot.state.as_str()).bind(i64::from(slot.state.is_open()));
        let query = query.bind(i64::from(slot.attempts)).bind(slot.not_before_ms).bind(slot.updated_ms);
        query.bind(slot.receipt.as_deref()).bind(slot.reason.as_deref()).execute(&mut *conn).await?;
    }
    Ok(())
}
