//! The demo's clock: it stands where the simulated world's stands.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

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

/// The clock of the model adapter: tells the demo's time, but waits as long as it says, because a model is not simulated.
pub struct WaitingClock(pub Arc<DemoClock>);

impl Clock for WaitingClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let wait_ms = u64::try_from(at.since(self.now())).unwrap_or(0);
        Box::pin(tokio::time::sleep(Duration::from_millis(wait_ms)))
    }
}
