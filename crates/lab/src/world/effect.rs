//! What an incident does to a metric in one step.

use super::Ending;
use crate::scenario::{Effect, Incident};

/// Mean strength (0–1) of an incident over `[from, to)`: its active part, times the ramp of its onset.
pub(super) fn strength(incident: &Incident, ending: Option<&Ending>, from: i64, to: i64) -> f64 {
    let end = incident.until_ms.unwrap_or(i64::MAX).min(ending.map_or(i64::MAX, |ending| ending.at_ms));
    let (first, last) = (from.max(incident.at_ms), to.min(end));
    if first >= last || from >= to {
        return 0.0;
    }
    let done = |at: i64| ramp_integral((at - incident.at_ms) as f64, incident.onset_ms as f64);
    (done(last) - done(first)) / (to - from) as f64
}

/// Integral from 0 to `age` of a ramp that reaches 1 at `onset`.
fn ramp_integral(age: f64, onset: f64) -> f64 {
    if age < onset { age * age / (2.0 * onset) } else { age - onset / 2.0 }
}

/// What the metric is multiplied by at full strength.
pub(super) fn full_factor(incident: &Incident) -> f64 {
    match incident.effect {
        Effect::Drop => 1.0 - incident.magnitude,
        Effect::Spike | Effect::Shift => incident.magnitude,
        Effect::Flatline => 0.0,
        Effect::NewError | Effect::CiRed | Effect::DeployStuck => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strength_covers_part_steps_onset_and_ends() {
        let mut incident = Incident {
            id: "i".into(),
            at_ms: 100,
            until_ms: Some(400),
            metric: None,
            effect: Effect::Drop,
            magnitude: 0.6,
            onset_ms: 0,
            segment: None,
            cause: None,
            fix: None,
        };
        let ending = Ending { at_ms: 250, by: "github.revert_pr".into() };
        assert_eq!(strength(&incident, None, 0, 100), 0.0);
        assert_eq!(strength(&incident, None, 50, 150), 0.5);
        assert_eq!(strength(&incident, None, 200, 300), 1.0);
        assert_eq!(strength(&incident, Some(&ending), 200, 300), 0.5);
        assert_eq!(strength(&incident, None, 350, 450), 0.5);
        incident.onset_ms = 100;
        assert_eq!(strength(&incident, None, 100, 200), 0.5);
        assert_eq!(strength(&incident, None, 200, 300), 1.0);
        assert!((full_factor(&incident) - 0.4).abs() < 1e-12);
    }
}
