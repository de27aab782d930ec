//! An open anomaly: from the alarm until the metric is back, or until its new level is accepted.

use crate::calibration::Calibration;
use crate::config::Kind;
use crate::onset::away_from_one;
use crate::recent::{Recent, Sum};
use crate::verdict::{Direction, Onset, Trend};
use serde::{Deserialize, Serialize};
use wakeman_types::HOUR_MS;

/// Evidence (log odds) for "as expected" over "still off" that a recovery needs: a thousand to one, for it is asked of every bucket.
const RECOVERY_EVIDENCE: f64 = 7.0;
/// Consecutive buckets back in the band that a recovery needs.
const RECOVERY_BUCKETS: usize = 3;
/// The buckets since the supposed recovery must lie within this score.
const INSIDE: f64 = 1.645;
/// A level that has lasted this long is the new normal.
const ACCEPT_AFTER_MS: i64 = 36 * HOUR_MS;
/// The onset may still be corrected for this many buckets after the alarm.
const ONSET_OPEN_BUCKETS: u32 = 3;
/// Buckets in a row without any sign of the anomaly after which it is closed although it was too small to prove it gone.
const FADED_BUCKETS: u32 = 24;
/// A p-value above this is no sign of it.
const FADED_P: f64 = 0.2;

/// What an episode came to with one more bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Still off.
    Open,
    /// Back in the band since this instant.
    Recovered { since_ms: i64 },
    /// Has lasted so long that it is the new level.
    Accepted,
}

/// The state of an open anomaly.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Episode {
    pub onset: Onset,
    pub direction: Direction,
    /// Observed over expected while it was off.
    ratio: f64,
    /// Log odds that it is over, never below 0; and since when.
    evidence: f64,
    calm_since_ms: i64,
    calm: usize,
    faded: u32,
    age: u32,
}

impl Episode {
    pub(crate) fn open(onset: Onset, sum: &Sum, direction: Direction) -> Self {
        Self {
            onset,
            direction,
            ratio: away_from_one(sum.ratio()),
            evidence: 0.0,
            calm_since_ms: i64::MAX,
            calm: 0,
            faded: 0,
            age: 0,
        }
    }

    /// Whether the onset may still move.
    pub(crate) fn is_young(&self) -> bool {
        self.age <= ONSET_OPEN_BUCKETS && self.calm == 0
    }

    /// Takes in the newest bucket of `recent`. `p_value` is that of its windows.
    pub(crate) fn advance(&mut self, recent: &Recent, kind: Kind, p_value: f64, calibration: &Calibration) -> Outcome {
        self.age += 1;
        let Some(entry) = recent.last().filter(|entry| entry.judged()) else {
            return Outcome::Open;
        };
        let start_ms = recent.start_of(recent.len() - 1);
        self.evidence -= entry.log_likelihood_ratio(kind, self.ratio);
        if self.evidence <= 0.0 {
            (self.evidence, self.calm, self.calm_since_ms) = (0.0, 0, i64::MAX);
            // Only what is off tells how far off it is.
            let off = recent.sum(recent.index_of(self.onset.at_ms), recent.len());
            self.ratio = away_from_one(off.ratio());
        } else {
            self.calm += 1;
            self.calm_since_ms = self.calm_since_ms.min(start_ms);
        }
        self.faded = if p_value > FADED_P { self.faded + 1 } else { 0 };
        if self.is_back(recent, kind, calibration) {
            return Outcome::Recovered { since_ms: self.calm_since_ms };
        }
        if self.faded >= FADED_BUCKETS {
            return Outcome::Recovered { since_ms: start_ms };
        }
        if start_ms - self.onset.at_ms >= ACCEPT_AFTER_MS { Outcome::Accepted } else { Outcome::Open }
    }

    fn is_back(&self, recent: &Recent, kind: Kind, calibration: &Calibration) -> bool {
        if self.calm < RECOVERY_BUCKETS || self.evidence < RECOVERY_EVIDENCE {
            return false;
        }
        let since = recent.sum(recent.index_of(self.calm_since_ms), recent.len());
        calibration.calibrated(0, since.score(kind)).abs() < INSIDE
    }

    /// Compares the newest third with what came before.
    pub(crate) fn trend(&self, recent: &Recent, kind: Kind) -> Trend {
        let (from, end) = (recent.index_of(self.onset.at_ms), recent.len());
        let newest = ((end - from) / 3).clamp(1, 6);
        if end - from < 2 {
            return Trend::Steady;
        }
        let (before, now) = (recent.sum(from, end - newest), recent.sum(end - newest, end));
        let drift = now.score(kind) / (now.known.max(1) as f64).sqrt()
            - before.score(kind) / (before.known.max(1) as f64).sqrt();
        let outward = if self.direction == Direction::Down { -drift } else { drift };
        if outward > 0.7 {
            Trend::Worsening
        } else if outward < -0.7 {
            Trend::Recovering
        } else {
            Trend::Steady
        }
    }
}
