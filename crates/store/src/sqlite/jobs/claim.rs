//! Claims the messages that are due, one per chat, and ends the claims of who is gone.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use wakeman_types::Timestamp;

use crate::{commit::Durability, outbox::ClaimedDelivery};

use super::super::load::unsigned;
use super::Op;

/// The first open message of every chat of channel `$1`: hops from chat to chat along the index, so that a chat with a
/// long queue costs no more than a short one.
pub(crate) const HEADS: &str = "WITH RECURSIVE heads(position) AS (
    SELECT (SELECT position FROM outbox WHERE is_open = 1 AND channel = $1 ORDER BY chat, position LIMIT 1)
    UNION ALL
    SELECT (SELECT later.position FROM outbox AS later
            WHERE later.is_open = 1 AND later.channel = $1
              AND later.chat > (SELECT chat FROM outbox WHERE position = heads.position)
            ORDER BY later.chat, later.position LIMIT 1)
    FROM heads WHERE heads.position IS NOT NULL) ";

/// Those of [`HEADS`] that may be claimed at `$2`, at most `$3`, oldest first.
pub(crate) const CLAIMABLE: &str = "SELECT o.position FROM heads CROSS JOIN outbox AS o ON o.position = heads.position
    WHERE (o.state = 'pending' AND o.not_before_ms <= $2) OR (o.state = 'leased' AND o.lease_until_ms <= $2)
    ORDER BY o.position LIMIT $3";

/// A lapsed lease leaves the message in doubt: it may have gone out.
const TAKE: &str = "UPDATE outbox SET in_doubt = CASE WHEN state = 'leased' THEN 1 ELSE in_doubt END,
    state = 'leased', attempts = attempts + 1, lease_epoch = lease_epoch + 1, lease_holder = $4, lease_until_ms = $5,
    updated_ms = $2 WHERE position IN (";
const RETURNING: &str = ") RETURNING position, id, channel, chat, body, attempts, lease_epoch, in_doubt, created_ms";

/// Takes at most `limit` due messages of `channel` for `holder`.
pub(crate) struct Claim {
    pub channel: String,
    pub holder: String,
    pub lease_ms: i64,
    pub now: Timestamp,
    pub limit: usize,
}

impl Op for Claim {
    type Reply = Vec<ClaimedDelivery>;
    /// A claim that is forgotten would hide that the message may have gone out.
    const DURABILITY: Durability = Durability::Full;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<Self::Reply, sqlx::Error> {
        let until = self.now.plus_ms(self.lease_ms);
        let sql = [HEADS, TAKE, CLAIMABLE, RETURNING].concat();
        let query = sqlx::query(AssertSqlSafe(sql)).bind(&*self.channel).bind(self.now.ms());
        let query = query.bind(i64::try_from(self.limit).unwrap_or(i64::MAX)).bind(&*self.holder).bind(until.ms());
        let mut claimed = Vec::new();
        for row in query.fetch_all(conn).await? {
            let body: &str = row.try_get(4)?;
            let delivery = ClaimedDelivery {
                id: row.try_get(1)?,
                channel: row.try_get(2)?,
                chat: row.try_get(3)?,
                body: serde_json::from_str(body).map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
                attempt: u32::try_from(unsigned(&row, 5)?).unwrap_or(u32::MAX),
                epoch: unsigned(&row, 6)?,
                lease_until: until,
                in_doubt: row.try_get::<i64, _>(7)? != 0,
                created_at: Timestamp::from_ms(row.try_get(8)?),
            };
            claimed.push((row.try_get::<i64, _>(0)?, delivery));
        }
        // The order of RETURNING is not promised.
        claimed.sort_by_key(|(position, _)| *position);
        Ok(claimed.into_iter().map(|(_, delivery)| delivery).collect())
    }
}

const LAPSE: &str = "UPDATE outbox SET lease_until_ms = $2
    WHERE is_open = 1 AND channel = $1 AND state = 'leased' AND lease_until_ms > $2";

/// Ends every claim on `channel` now; how many those were.
pub(crate) struct Lapse {
    pub channel: String,
    pub now: Timestamp,
}

impl Op for Lapse {
    type Reply = u64;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(LAPSE).bind(&*self.channel).bind(self.now.ms());
        Ok(query.execute(conn).await?.rows_affected())
    }
}
