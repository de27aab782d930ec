//! The demo's clock: it stands where the simulated world's stands.

use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::BoxFuture;
use wakeman_gateway::ports::Clock;
use wakeman_types::Timestamp;

/// Moved by the demo after the world moved.
pub struct DemoClock(AtomicI64);

impl DemoClock {
    /// A clock that stands at `at`.
    pub const fn new(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.ms()))
    }

    /// Moves it.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.ms(), Ordering::Relaxed);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }

    /// Nobody waits in a demo: whoever would wait is let go at once and finds the time unchanged.
    fn sleep_until(&self, _at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(tokio::task::yield_now())
    }
}
