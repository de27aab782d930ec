//! Waits that grow, with chance in them.

use std::time::Duration;

use crate::DiscordOptions;

const LONGEST: Duration = Duration::from_secs(60);

/// Waits between tries: doubled each time, half of it by chance.
pub(crate) struct Backoff {
    first: Duration,
    tries: u32,
    chance: std::sync::Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Backoff {
    pub(crate) fn new(options: &DiscordOptions) -> Self {
        Self { first: options.pace.retry, tries: 0, chance: options.chance.clone() }
    }

    /// How often it waited.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// It worked: begins anew.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries += 1;
        whole.mul_f64(0.5 + 0.5 * (self.chance)().clamp(0.0, 1.0))
    }

    /// Waits; at least as long as was asked for.
    pub(crate) async fn wait(&mut self, asked: Option<Duration>) {
        let wait = self.next().max(asked.unwrap_or_default());
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_differ_by_chance() {
        for (chance, want) in [(0.0, [500, 1_000, 2_000, 4_000]), (1.0, [1_000, 2_000, 4_000, 8_000])] {
            let mut backoff =
                Backoff { first: Duration::from_secs(1), tries: 0, chance: std::sync::Arc::new(move || chance) };
            assert_eq!(want.map(Duration::from_millis), std::array::from_fn(|_| backoff.next()));
            (0..40).for_each(|_| assert!(backoff.next() <= LONGEST));
            assert!(backoff.next() <= LONGEST);
            backoff.reset();
            assert_eq!(backoff.next(), Duration::from_millis(want[0]));
        }
    }
}
