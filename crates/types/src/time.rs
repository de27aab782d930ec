//! Instants. The only clock is the gateway's port; here a time is a plain number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since the Unix epoch, UTC. Serialises as a JSON integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Builds an instant from Unix milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Builds an instant from Unix seconds (saturating).
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Unix milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later (saturating).
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved by `ms` milliseconds (saturating).
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The start of the `step_ms` interval this instant lies in (UTC aligned, saturating).
    pub const fn floor_to(self, step_ms: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(step_ms)))
    }
}

/// One minute in milliseconds.
pub const MINUTE_MS: i64 = 60_000;
/// One hour in milliseconds.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// One day in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_from_outside_makes_a_time_overflow(a: i64, b: i64, step in 1..=i64::MAX) {
            let (x, y) = (Timestamp::from_secs(a), Timestamp(b));
            prop_assert_eq!(i128::from(x.ms()), (i128::from(a) * 1000).clamp(i64::MIN.into(), i64::MAX.into()));
            for (later, earlier) in [(x, y), (y, x)] {
                let exact = i128::from(later.ms()) - i128::from(earlier.ms());
                prop_assert_eq!(i128::from(later.since(earlier)), exact.clamp(i64::MIN.into(), i64::MAX.into()));
            }
            prop_assert_eq!(i128::from(y.plus_ms(a).ms()), (i128::from(a) + i128::from(b)).clamp(i64::MIN.into(), i64::MAX.into()));
            prop_assert!(y.floor_to(step) <= y);
        }
    }
}
