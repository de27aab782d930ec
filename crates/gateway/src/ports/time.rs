//! Time and randomness. Nothing else in the brain knows what time it is or tosses a coin.

use std::sync::Mutex;

use futures::future::BoxFuture;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use wakeman_types::Timestamp;

/// The clock.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
    /// Returns once `now` has reached `at`.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(chrono::Utc::now().timestamp_millis())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        let wait_ms = u64::try_from(at.since(self.now())).unwrap_or(0);
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(wait_ms)))
    }
}

/// Randomness: ids, salts, keys, exploration.
pub trait Random: Send + Sync {
    /// Sixteen random bytes.
    fn bytes16(&self) -> [u8; 16];

    /// A random number.
    fn number(&self) -> u64 {
        let bytes = self.bytes16();
        u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
    }
}

/// A generator seeded once: by the operating system in `run`, by `--seed` in `demo`.
pub struct SystemRandom(Mutex<ChaCha12Rng>);

impl SystemRandom {
    /// Seeded by the operating system: unpredictable.
    pub fn from_os() -> Self {
        Self(Mutex::new(ChaCha12Rng::from_os_rng()))
    }

    /// The same seed gives the same sequence.
    pub fn from_seed(seed: u64) -> Self {
        Self(Mutex::new(ChaCha12Rng::seed_from_u64(seed)))
    }
}

impl Random for SystemRandom {
    fn bytes16(&self) -> [u8; 16] {
        let mut generator = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        generator.random()
    }
}
