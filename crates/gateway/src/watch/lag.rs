//! How late a metric's events arrive. A bucket is judged only when it is complete: late data is not a drop.
//!
//! Learnt from the source itself: whenever a bucket still grew after it ended, the metric is at least that late.

use wakeman_types::{HOUR_MS, MINUTE_MS};

/// Waited after the end of every bucket.
const MARGIN_MS: i64 = 30_000;
/// Assumed until enough polls have shown how it is.
const CAUTION_MS: i64 = 10 * MINUTE_MS;
/// Time of observation after which the caution ends.
const LEARN_MS: i64 = 20 * MINUTE_MS;
/// Lateness that is not seen again is believed half as much after this time: one bad hour must not delay the watch for good.
const HALF_LIFE_MS: i64 = 12 * HOUR_MS;
/// More than this is an outage, not lateness.
const LAG_MS_MAX: i64 = 3 * HOUR_MS;
/// A bucket that ended longer ago than this is complete, whatever the metric's lateness.
pub(super) const SETTLED_MS: i64 = LAG_MS_MAX + MARGIN_MS;

/// The lateness of one metric.
#[derive(Debug, Clone, Default)]
pub struct Lag {
    seen_ms: i64,
    first_poll_ms: Option<i64>,
    last_poll_ms: Option<i64>,
    /// How long it is from one poll to the next when nothing is wrong.
    usual_gap_ms: Option<i64>,
}

impl Lag {
    /// Starts from the age of the newest event at the first look: newer buckets may be late, not empty.
    pub fn start(&mut self, newest_event_age_ms: i64, step_ms: i64) {
        if newest_event_age_ms > 2 * step_ms {
            self.seen_ms = (newest_event_age_ms + step_ms).min(LAG_MS_MAX);
        }
    }

    /// Records a poll at `now_ms` in which the bucket that ended at `end_ms` had grown since the last poll. When in between it grew
    /// is not known; after an outage it counts as if it had been asked for again as soon as usual.
    pub fn grew(&mut self, end_ms: i64, now_ms: i64) {
        let Some(last) = self.last_poll_ms.filter(|last| end_ms <= *last) else { return };
        let gap = (now_ms - last).min(self.usual_gap_ms.unwrap_or(i64::MAX));
        self.seen_ms = self.seen_ms.max((last - end_ms + gap).min(LAG_MS_MAX));
    }

    /// Records the end of a poll.
    pub fn polled(&mut self, now_ms: i64) {
        self.first_poll_ms.get_or_insert(now_ms);
        let gap = self.last_poll_ms.map_or(0, |last| now_ms - last);
        if gap > 0 {
            // A long gap is believed by and by, a short one at once.
            self.usual_gap_ms = Some(self.usual_gap_ms.map_or(gap, |usual| gap.min(2 * usual)));
            self.seen_ms = (self.seen_ms as f64 * 0.5_f64.powf(gap as f64 / HALF_LIFE_MS as f64)) as i64;
        }
        self.last_poll_ms = Some(now_ms);
    }

    /// Whether a bucket that ended at `end_ms` can be taken as complete at `now_ms`, the source's own time.
    pub fn is_complete(&self, end_ms: i64, now_ms: i64) -> bool {
        let learnt = self.first_poll_ms.is_some_and(|first| now_ms - first >= LEARN_MS);
        let wait = if learnt { self.seen_ms } else { self.seen_ms.max(CAUTION_MS) };
        now_ms >= end_ms + wait + MARGIN_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: i64 = 5 * MINUTE_MS;

    #[test]
    fn a_metric_in_time_is_judged_half_a_minute_after_each_bucket_once_known() {
        let mut lag = Lag::default();
        lag.polled(0);
        assert!(!lag.is_complete(0, MINUTE_MS), "cautious at first");
        lag.polled(LEARN_MS);
        assert!(lag.is_complete(LEARN_MS, LEARN_MS + MARGIN_MS));
        assert!(!lag.is_complete(LEARN_MS, LEARN_MS + MARGIN_MS - 1));
    }

    #[test]
    fn a_bucket_that_grew_late_makes_later_ones_wait() {
        let mut lag = Lag::default();
        for minute in 0..=20 {
            lag.polled(minute * MINUTE_MS);
        }
        lag.grew(8 * MINUTE_MS, 21 * MINUTE_MS);
        assert!(!lag.is_complete(10 * MINUTE_MS, 23 * MINUTE_MS));
        assert!(lag.is_complete(10 * MINUTE_MS, 24 * MINUTE_MS));
    }

    #[test]
    fn an_outage_is_no_lateness_and_a_late_hour_is_forgotten_by_and_by() {
        let mut lag = Lag::default();
        for minute in 0..=20 {
            lag.polled(minute * MINUTE_MS);
        }
        lag.grew(20 * MINUTE_MS, 60 * MINUTE_MS);
        lag.polled(60 * MINUTE_MS);
        assert!(lag.is_complete(60 * MINUTE_MS, 61 * MINUTE_MS + MARGIN_MS), "forty minutes nobody looked");
        lag.start(40 * MINUTE_MS, STEP);
        assert!(!lag.is_complete(60 * MINUTE_MS, 100 * MINUTE_MS));
        lag.polled(60 * MINUTE_MS + 2 * HALF_LIFE_MS);
        let end = 60 * MINUTE_MS + 2 * HALF_LIFE_MS;
        assert!(!lag.is_complete(end, end + 10 * MINUTE_MS) && lag.is_complete(end, end + 12 * MINUTE_MS));
    }

    #[test]
    fn an_empty_tail_at_the_first_look_is_late_and_not_a_drop() {
        let mut lag = Lag::default();
        lag.start(40 * MINUTE_MS, STEP);
        lag.polled(0);
        assert!(!lag.is_complete(-40 * MINUTE_MS, 0));
        assert!(lag.is_complete(-46 * MINUTE_MS, 0));
    }
}
