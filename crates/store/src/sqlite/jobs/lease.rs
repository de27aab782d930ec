//! Takes, keeps and gives back leases.

use sqlx::SqliteConnection;
use wakeman_types::Timestamp;

use crate::{commit::Durability, lease::Lease};

use super::super::load::unsigned;
use super::Op;

const TAKE: &str = "INSERT INTO leases (name, holder, epoch, expires_ms) VALUES ($1, $2, 1, $3)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, epoch = leases.epoch + 1, expires_ms = excluded.expires_ms
    WHERE leases.expires_ms <= $4 OR leases.holder = excluded.holder
    RETURNING epoch";
const KEEP: &str = "UPDATE leases SET expires_ms = $3 WHERE name = $1 AND epoch = $2 AND holder <> ''";
const GIVE_BACK: &str = "UPDATE leases SET expires_ms = 0, holder = '' WHERE name = $1 AND epoch = $2 AND holder <> ''";

/// Takes a lease that is free, lapsed, or the holder's own.
pub(crate) struct Acquire {
    pub name: String,
    pub holder: String,
    pub ttl_ms: i64,
    pub now: Timestamp,
}

impl Op for Acquire {
    type Reply = Option<Lease>;
    /// An epoch that is forgotten could be given out twice.
    const DURABILITY: Durability = Durability::Full;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<Self::Reply, sqlx::Error> {
        let expires_at = self.now.plus_ms(self.ttl_ms);
        let query = sqlx::query(TAKE).bind(&*self.name).bind(&*self.holder).bind(expires_at.ms()).bind(self.now.ms());
        let Some(row) = query.fetch_optional(conn).await? else { return Ok(None) };
        let epoch = unsigned(&row, 0)?;
        Ok(Some(Lease { name: self.name.clone(), holder: self.holder.clone(), epoch, expires_at }))
    }
}

/// Prolongs a lease that nobody has taken over.
pub(crate) struct Renew {
    pub lease: Lease,
    pub ttl_ms: i64,
    pub now: Timestamp,
}

impl Op for Renew {
    type Reply = Option<Lease>;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<Self::Reply, sqlx::Error> {
        let expires_at = self.now.plus_ms(self.ttl_ms);
        let query = sqlx::query(KEEP).bind(&*self.lease.name).bind(self.lease.epoch as i64).bind(expires_at.ms());
        let kept = query.execute(conn).await?.rows_affected() == 1;
        Ok(kept.then(|| Lease { expires_at, ..self.lease.clone() }))
    }
}

/// Gives a lease back before it expires.
pub(crate) struct Release {
    pub lease: Lease,
}

impl Op for Release {
    type Reply = bool;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<Self::Reply, sqlx::Error> {
        let query = sqlx::query(GIVE_BACK).bind(&*self.lease.name).bind(self.lease.epoch as i64);
        Ok(query.execute(conn).await?.rows_affected() == 1)
    }
}
