//! A clock that is far off for a while, and wakeups that are due at the same minute.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use serde_json::json;
use wakeman_gateway::wake::{Briefer, Wake, WakeAnswer, WakeAsk, WakeError};
use wakeman_types::{DAY_MS, HOUR_MS, MINUTE_MS, OccurrenceState as S, Timestamp, WakeupOrder, WakeupRules, Wakeups};

use super::{Night, SIX_HOURS};
use crate::support::{NOW, by};

async fn hourly() -> Night {
    Night::with(json!([{"promptId": "morning-brief", "cron": "0 * * * *"}])).await
}

impl Night {
    /// A start at this time, and some passes.
    async fn start_at(&mut self, at: Timestamp) {
        self.world.clock.set(at);
        self.world.restart().await;
        for _ in 0..4 {
            self.pass().await;
            self.world.clock.advance(45 * MINUTE_MS);
        }
    }

    /// When the next slot runs, as it is shown.
    async fn next(&self) -> Timestamp {
        self.world.desk.wakeups(&by("telegram:1")).await.unwrap()[0].next.unwrap()
    }
}

#[tokio::test]
async fn a_start_long_before_takes_no_row_away_and_leaves_nothing_to_make_up_for() {
    let mut night = hourly().await;
    night.at(HOUR_MS).await;
    // Some hours off, so that there are rows of slots that were missed.
    night.at(7 * HOUR_MS).await;
    let rows = night.rows().await;
    assert_eq!(rows.len(), 7);
    for past in [Timestamp(0), Timestamp(90 * DAY_MS), NOW.plus_ms(-40 * DAY_MS), NOW.plus_ms(-HOUR_MS)] {
        night.start_at(past).await;
        assert_eq!(night.rows().await, rows, "{past:?}");
    }
    night.start_at(Timestamp(0)).await;
    assert!(night.next().await > NOW, "none of its slots lies before it was first seen");
    // The clock is right again: what passed meanwhile has its row, the newest runs, and nothing is said about 1970.
    night.at(9 * HOUR_MS).await;
    let after = night.rows().await;
    assert_eq!((after.len(), &after[..7]), (9, &rows[..]));
    assert_eq!((after[7].state, after[8].state), (S::Missed, S::Ran));
    assert_eq!(night.next().await, NOW.plus_ms(10 * HOUR_MS));
}

#[tokio::test]
async fn a_wakeup_that_was_just_seen_outlives_a_start_long_before() {
    let mut night = hourly().await;
    night.world.clock.set(Timestamp(5));
    night.world.restart().await;
    night.pass().await;
    night.at(HOUR_MS).await;
    assert_eq!(night.became().await.len(), 1, "no flood: {:?}", night.became().await.len());
    // Seen first by a clock that is ahead of the right one: its slots come by the right one.
    let night = hourly().await;
    night.at(-40 * DAY_MS).await;
    night.at(-40 * DAY_MS + HOUR_MS).await;
    assert_eq!(night.rows().await.len(), 1);
}

#[tokio::test]
async fn what_a_clock_a_year_ahead_wrote_off_still_runs_in_its_time() {
    let night = hourly().await;
    night.at(6 * HOUR_MS).await;
    for _ in 0..2 {
        night.at(40 * DAY_MS).await;
    }
    for hour in 7..12 {
        night.at(hour * HOUR_MS - MINUTE_MS).await;
        assert_eq!(night.next().await, NOW.plus_ms(hour * HOUR_MS));
        night.at(hour * HOUR_MS).await;
    }
    let ran =
        night.rows().await.into_iter().filter(|row| row.state == S::Ran).map(|row| row.due_at.since(NOW) / HOUR_MS);
    assert_eq!(ran.collect::<Vec<_>>(), [6, 7, 8, 9, 10, 11, 40 * 24]);
}

/// A model that needs ten minutes for each answer.
struct Slow {
    clock: Arc<crate::support::TestClock>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Briefer for Slow {
    fn brief<'a>(&'a self, _: WakeAsk<'a>) -> BoxFuture<'a, Result<WakeAnswer, WakeError>> {
        Box::pin(async {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            self.clock.advance(10 * MINUTE_MS);
            self.running.fetch_sub(1, Ordering::SeqCst);
            let prompt = "morning-brief/v1".to_owned();
            Ok(WakeAnswer { note: "Fine.".to_owned(), prompt, turn: None, budget: None })
        })
    }
}

#[tokio::test]
async fn who_is_due_at_the_same_minute_is_on_time_behind_a_slow_model() {
    let prompts = ["morning-brief", "night-check", "weekly-review", "release-check", "mine", "tip-generator"];
    let entries: Vec<_> = prompts[..5]
        .iter()
        .chain(&prompts[..1])
        .enumerate()
        .map(|(n, id)| json!({"promptId": id, "cron": format!("{} 9 * * *", n / 5), "late": "skip"}))
        .collect();
    let night = Night::with(json!(entries)).await;
    night.world.finding().await;
    night.world.clock.set(NOW.plus_ms(SIX_HOURS + MINUTE_MS));
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let slow = Arc::new(Slow { clock: night.world.clock.clone(), running, most });
    Wake::new(night.world.core.clone(), Some(slow.clone())).pass().await.unwrap();
    assert_eq!(night.became().await, ["ran told"; 6]);
    assert!((2..=4).contains(&slow.most.load(Ordering::SeqCst)), "{:?} at one time", slow.most);
}

#[tokio::test]
async fn one_that_is_wanted_now_and_paused_or_changed_before_it_ran_says_so() {
    for (change, want) in
        [("pause", "skipped paused by lin"), ("edit", "skipped the wakeup was changed or taken out before it ran")]
    {
        let night = Night::with(json!([])).await;
        let desk = &night.world.desk;
        let (lin, rules) = (by("telegram:2"), WakeupRules::default);
        let add =
            WakeupOrder::Add { when: "daily 05:00 UTC".to_owned(), what: "night-check".to_owned(), rules: rules() };
        let id = desk.order_wakeup(&lin, add).await.unwrap().id;
        night.pass().await;
        desk.order_wakeup(&lin, WakeupOrder::Run { id: id.clone() }).await.unwrap();
        let then = match change {
            "pause" => WakeupOrder::Pause { id },
            _ => WakeupOrder::Edit { id, when: Some("daily 06:00 UTC".to_owned()), rules: rules() },
        };
        desk.order_wakeup(&lin, then).await.unwrap();
        night.pass().await;
        assert_eq!(night.became().await, [want]);
    }
}
