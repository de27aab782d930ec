//! Did the users who have a flag fare differently from the others?

use super::FlagSplit;
use crate::tails::normal_tail;

/// Events below this before the onset are too few to compare.
const EVENTS_MIN: f64 = 10.0;
/// Who had less than this part of the later share of events before the onset got the flag in between.
const SHARE_GROWN: f64 = 0.5;

impl FlagSplit {
    /// The comparison from event counts `[exposed before, exposed after, others before, others after]` over equal windows.
    /// `None`: too few events to say anything, or so few of those before the onset had the flag that it was given to people only then:
    /// more of their events is more of them.
    ///
    /// # Source
    /// Wald test on the log of the ratio of two Poisson rate ratios; half an event is added where a count may be zero.
    pub fn of_counts([exposed_before, exposed_after, other_before, other_after]: [f64; 4]) -> Option<Self> {
        if !(exposed_before >= EVENTS_MIN && other_before >= EVENTS_MIN) {
            return None;
        }
        let share = |exposed: f64, other: f64| exposed / (exposed + other).max(1.0);
        if share(exposed_before, other_before) < SHARE_GROWN * share(exposed_after, other_after) {
            return None;
        }
        let log = ((exposed_after + 0.5) / exposed_before).ln() - ((other_after + 0.5) / other_before).ln();
        let variance =
            1.0 / (exposed_after + 0.5) + 1.0 / exposed_before + 1.0 / (other_after + 0.5) + 1.0 / other_before;
        Some(Self {
            exposed_ratio: exposed_after / exposed_before,
            unexposed_ratio: other_after / other_before,
            p_value: (2.0 * normal_tail(log.abs() / variance.sqrt())).min(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_among_the_exposed_only_is_no_chance_and_an_even_one_is() {
        let hit = FlagSplit::of_counts([500.0, 200.0, 500.0, 495.0]).unwrap();
        assert!(hit.p_value < 1e-6 && hit.exposed_ratio < 0.5 && hit.unexposed_ratio > 0.9, "{hit:?}");
        let even = FlagSplit::of_counts([500.0, 250.0, 500.0, 260.0]).unwrap();
        assert!(even.p_value > 0.2, "{even:?}");
        assert_eq!(FlagSplit::of_counts([5.0, 1.0, 500.0, 500.0]), None);
        assert_eq!(FlagSplit::of_counts([20.0, 200.0, 980.0, 200.0]), None, "switched on two minutes before");
        assert_eq!(FlagSplit::of_counts([f64::NAN, 1.0, 500.0, 500.0]), None);
    }
}
