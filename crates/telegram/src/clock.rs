//! Time, as the adapter needs it.

use futures::future::BoxFuture;
use wakeman_types::Timestamp;

/// What time it is, and waiting.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
    /// Returns after `ms` milliseconds.
    fn sleep(&self, ms: i64) -> BoxFuture<'_, ()>;
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, ms: i64) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(ms.max(0).unsigned_abs())))
    }
}
