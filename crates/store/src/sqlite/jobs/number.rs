//! Gives out numbers: F-1, F-2, …

use sqlx::SqliteConnection;

use super::Op;

const NEXT: &str = "INSERT INTO sequences (kind, last) VALUES ($1, 1)
    ON CONFLICT (kind) DO UPDATE SET last = sequences.last + 1 RETURNING last";

/// The next number of a kind.
///
/// Not synced by itself: the commit that uses the number comes later in the same log, and takes it to the disk with it.
pub(crate) struct NextNumber {
    pub kind: String,
}

impl Op for NextNumber {
    type Reply = u64;

    async fn run(&self, conn: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let last: i64 = sqlx::query_scalar(NEXT).bind(&*self.kind).fetch_one(conn).await?;
        u64::try_from(last).map_err(|e| sqlx::Error::Decode(Box::new(e)))
    }
}
