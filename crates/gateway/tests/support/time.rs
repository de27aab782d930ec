//! A clock that stands still until a test moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::BoxFuture;
use wakeman_gateway::ports::Clock;
use wakeman_types::Timestamp;

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.ms()))
    }

    pub fn set(&self, to: Timestamp) {
        self.0.store(to.ms(), Ordering::SeqCst);
    }

    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        self.0.fetch_max(at.ms(), Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }
}

/// A clock that stands still for ever: nothing ever takes too long.
pub struct StillClock(pub Timestamp);

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        if at <= self.0 { Box::pin(std::future::ready(())) } else { Box::pin(std::future::pending()) }
    }
}
