//! When a wakeup speaks at all: its condition, its jitter, and what counts as news to it.

use serde_json::json;
use wakeman_types::DAY_MS;

use super::{Night, SIX_HOURS};
use crate::support::minutes;

#[tokio::test]
async fn a_condition_that_is_not_met_tells_nobody_and_asks_no_model() {
    for (only, open, changed) in [
        ("changed", "skipped nothing changed", "ran told"),
        ("open", "skipped nothing is open", "ran told"),
        ("open-or-changed", "skipped nothing is open and nothing changed", "ran told"),
    ] {
        let night = Night::with(json!([{"promptId": "morning-brief", "timeUtc": "09:00", "only": only}])).await;
        night.at(SIX_HOURS).await;
        assert_eq!((night.became().await, night.said().await), (vec![open.to_owned()], Vec::new()), "{only}");
        night.world.finding().await;
        night.at(SIX_HOURS + DAY_MS).await;
        assert_eq!(night.became().await[1], changed, "{only}");
        // The same finding is open for another day.
        night.at(SIX_HOURS + 2 * DAY_MS).await;
        let third =
            if only == "changed" { "skipped nothing changed" } else { "ran nothing changed; no model was asked" };
        assert_eq!(night.became().await[2], third, "{only}");
    }
}

#[tokio::test]
async fn before_a_release_everything_that_stands_is_told_again() {
    let night = Night::with(json!([{"promptId": "release-check", "timeUtc": "09:00"}])).await;
    night.world.finding().await;
    for day in 0..2 {
        night.at(SIX_HOURS + day * DAY_MS).await;
    }
    assert_eq!(night.became().await, ["ran told", "ran told"]);
    assert!(night.said().await.iter().all(|said| said.contains("F-1")), "{:?}", night.said().await);
}

#[tokio::test]
async fn a_slot_with_jitter_runs_once_within_it_and_is_not_late() {
    let schedule = json!([{"promptId": "morning-brief", "timeUtc": "09:00", "jitter": "30m", "late": "skip"}]);
    let night = Night::with(schedule).await;
    let mut ran_at = Vec::new();
    for day in 0..6 {
        for minute in 0..=31 {
            night.at(SIX_HOURS + day * DAY_MS + minutes(minute)).await;
            if night.rows().await.len() == ran_at.len() + 1 {
                ran_at.push(minute);
            }
        }
    }
    assert!(night.became().await.iter().all(|row| row.starts_with("ran")), "{:?}", night.became().await);
    assert_eq!(ran_at.len(), 6);
    assert!(ran_at.iter().any(|minute| *minute != ran_at[0]), "{ran_at:?}");
}
