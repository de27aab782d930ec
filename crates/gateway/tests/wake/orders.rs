//! What was paused, switched off or changed at run time: each slot that passed still has its one row.

use serde::{Deserialize, Serialize};
use serde_json::json;
use wakeman_gateway::wake::{WakeupOverlay, schedule::put_off};
use wakeman_store::Commit;
use wakeman_types::{
    Admin, DAY_MS, Entity, ErrorKind, HOUR_MS, MINUTE_MS, OccurrenceState as S, Timestamp, WakeupOrder, WakeupRules,
    WakeupView, Wakeups,
};

use super::{Night, SIX_HOURS};
use crate::support::{NOW, by, minutes};

fn pause(id: &str) -> WakeupOrder {
    WakeupOrder::Pause { id: id.to_owned() }
}

fn resume(id: &str) -> WakeupOrder {
    WakeupOrder::Resume { id: id.to_owned() }
}

impl Night {
    async fn hourly() -> (Self, String) {
        let night = Self::with(json!([{"promptId": "morning-brief", "cron": "0 * * * *"}])).await;
        let id = night.views().await[0].id.clone();
        (night, id)
    }

    async fn views(&self) -> Vec<WakeupView> {
        self.world.desk.wakeups(&by("telegram:2")).await.unwrap()
    }

    async fn order(&self, order: WakeupOrder) -> WakeupView {
        self.world.desk.order_wakeup(&by("telegram:2"), order).await.unwrap()
    }

    async fn order_at(&self, ms: i64, order: WakeupOrder) {
        self.world.clock.set(NOW.plus_ms(ms));
        self.order(order).await;
    }
}

#[tokio::test]
async fn every_slot_of_a_pause_is_skipped_and_says_by_whom() {
    let (night, id) = Night::hourly().await;
    night.at(HOUR_MS).await;
    night.order_at(HOUR_MS + MINUTE_MS, pause(&id)).await;
    night.at(2 * HOUR_MS).await;
    night.at(4 * HOUR_MS).await;
    night.order_at(4 * HOUR_MS + MINUTE_MS, resume(&id)).await;
    night.at(5 * HOUR_MS).await;
    let became = night.became().await;
    assert_eq!(became[1..4], ["skipped paused by lin"; 3]);
    assert_eq!(became.len(), 5);
    assert!(became[0].starts_with("ran") && became[4].starts_with("ran"), "{became:?}");
}

#[tokio::test]
async fn a_pause_that_nobody_looked_at_leaves_out_what_lies_in_it_and_nothing_else() {
    let (night, id) = Night::hourly().await;
    // Nothing runs from here on: the orders come in, the passes do not.
    night.order_at(HOUR_MS + MINUTE_MS, pause(&id)).await;
    night.order_at(3 * HOUR_MS + MINUTE_MS, resume(&id)).await;
    night.at(5 * HOUR_MS + MINUTE_MS).await;
    let missed = "missed not running then; a later one was due";
    let became = night.became().await;
    assert_eq!(became[..4], [missed, "skipped paused by lin", "skipped paused by lin", missed]);
    assert!(became.len() == 5 && became[4].starts_with("ran"), "{became:?}");
}

#[tokio::test]
async fn while_it_is_paused_a_slot_from_just_before_does_not_run_either() {
    let (night, id) = Night::hourly().await;
    night.order_at(HOUR_MS + 10_000, pause(&id)).await;
    night.at(HOUR_MS + 30_000).await;
    assert_eq!(night.became().await, ["skipped paused by lin"]);
    assert_eq!(night.briefer.asked(), [""; 0]);
}

#[tokio::test]
async fn a_long_pause_is_written_down_in_steps() {
    let night = Night::with(json!([{"promptId": "morning-brief", "cron": "* * * * *"}])).await;
    let id = night.views().await[0].id.clone();
    night.order(pause(&id)).await;
    // 9 days are 12,960 slots; one look writes at most 40 times 256.
    night.at(9 * 24 * HOUR_MS).await;
    let count = async || night.world.core.store.count::<wakeman_types::Occurrence>(None).await.unwrap();
    assert_eq!(count().await, 40 * 256);
    night.pass().await;
    assert_eq!(count().await, 9 * 24 * 60);
    assert_eq!(night.world.core.store.count::<wakeman_types::Occurrence>(Some("skipped")).await.unwrap(), 12_960);
}

#[tokio::test]
async fn a_clock_that_was_ahead_gives_the_slots_of_a_pause_back() {
    let (night, id) = Night::hourly().await;
    night.order_at(MINUTE_MS, pause(&id)).await;
    night.at(4 * HOUR_MS + MINUTE_MS).await;
    assert_eq!(night.rows().await.len(), 4);
    night.order_at(2 * MINUTE_MS, resume(&id)).await;
    night.at(3 * MINUTE_MS).await;
    assert_eq!(night.rows().await.len(), 0, "they are all to come again");
    night.at(HOUR_MS).await;
    assert_eq!(night.rows().await[0].state, S::Ran);
}

#[tokio::test]
async fn a_condition_and_a_jitter_are_set_and_changed_at_run_time() {
    let night = Night::morning().await;
    let rules = |only: Option<&str>, jitter: Option<&str>, late: Option<&str>| WakeupRules {
        only: only.map(Into::into),
        jitter: jitter.map(Into::into),
        late: late.map(Into::into),
    };
    let add = |what: &str| WakeupOrder::Add {
        when: "daily 05:00 UTC".to_owned(),
        what: what.to_owned(),
        rules: rules(Some("changed"), Some("5m"), None),
    };
    let edit = |id: &str, when: Option<&str>, rules: WakeupRules| WakeupOrder::Edit {
        id: id.to_owned(),
        when: when.map(Into::into),
        rules,
    };
    let of = |view: &WakeupView| (view.only.clone().unwrap_or_default(), view.jitter.clone().unwrap_or_default());
    let added = night.order(add("How are sign-ups?")).await;
    assert_eq!(of(&added), ("changed".into(), "5m".into()));
    night.pass().await;
    night.at(3 * HOUR_MS).await;
    assert_eq!(night.became().await, ["skipped nothing changed"]);
    // Only what is named changes, and it stays the same wakeup.
    let changed = night.order(edit(&added.id, None, rules(Some("always"), None, Some("within:2h")))).await;
    assert_eq!((of(&changed), changed.late.as_str()), (("always".into(), "5m".into()), "within:2h"));
    assert_eq!((&changed.id, &changed.cron, &changed.title), (&added.id, &added.cron, &added.title));
    night.at(27 * HOUR_MS).await;
    let rows = night.rows().await;
    let own = rows.iter().filter(|row| row.wakeup_id == added.id).map(|row| row.state);
    assert_eq!(own.collect::<Vec<_>>(), [S::Skipped, S::Ran]);
    // Another time is another wakeup in the place of the first, with its rules.
    let moved = night.order(edit(&added.id, Some("daily 04:00 UTC"), WakeupRules::default())).await;
    assert_eq!((moved.cron.as_deref(), of(&moved)), (Some("0 4 * * *"), of(&changed)));
    let ids: Vec<String> = night.views().await.into_iter().map(|view| view.id).collect();
    assert!(ids.len() == 2 && ids.contains(&moved.id) && !ids.contains(&added.id), "{ids:?}");
}

#[tokio::test]
async fn a_wakeup_of_the_file_is_changed_over_it() {
    let night = Night::morning().await;
    let morning = night.views().await[0].clone();
    let only = WakeupRules { only: Some("open".into()), ..WakeupRules::default() };
    let edit = |when: Option<&str>| WakeupOrder::Edit {
        id: morning.id.clone(),
        when: when.map(Into::into),
        rules: only.clone(),
    };
    let changed = night.order(edit(None)).await;
    assert_eq!((changed.id.as_str(), changed.only.as_deref()), (morning.id.as_str(), Some("open")));
    assert_eq!(changed.origin, "read-only/wakeup.json, changed by lin");
    assert_eq!(night.views().await.len(), 1, "it is the same one");
    let moved = night.order(edit(Some("daily 10:00 UTC"))).await;
    let views = night.views().await;
    let of = |id: &str| views.iter().find(|view| view.id == id).map(|view| (view.enabled, view.origin.clone()));
    assert_eq!(of(&morning.id), Some((false, "read-only/wakeup.json, paused by lin".to_owned())));
    assert_eq!(of(&moved.id), Some((true, "added by lin".to_owned())));
}

#[tokio::test]
async fn rules_that_are_none_are_refused_with_the_remedy() {
    let night = Night::morning().await;
    let id = night.views().await[0].id.clone();
    let edit = |only: Option<&str>, jitter: Option<&str>| WakeupOrder::Edit {
        id: id.clone(),
        when: None,
        rules: WakeupRules { only: only.map(Into::into), jitter: jitter.map(Into::into), late: None },
    };
    let table = [
        (edit(Some("full-moon"), None), "\"full-moon\" is not a condition; write \"changed\""),
        (edit(None, Some("2h")), "\"2h\" is not a time of at most 1h; write it like \"5m\""),
        (edit(None, None), "say when, or only, jitter or late"),
    ];
    for (order, want) in table {
        let said = night.world.desk.order_wakeup(&by("telegram:2"), order).await.unwrap_err().message;
        assert!(said.contains(want), "{said}");
    }
}

fn edit(id: &str, when: Option<&str>, rules: WakeupRules) -> WakeupOrder {
    WakeupOrder::Edit { id: id.to_owned(), when: when.map(Into::into), rules }
}

fn add(when: &str, what: &str) -> WakeupOrder {
    WakeupOrder::Add { when: when.to_owned(), what: what.to_owned(), rules: WakeupRules::default() }
}

fn jitter(time: &str) -> WakeupRules {
    WakeupRules { jitter: Some(time.to_owned()), ..WakeupRules::default() }
}

#[tokio::test]
async fn what_is_paused_stays_paused_when_it_is_changed() {
    let (night, id) = Night::hourly().await;
    night.order(pause(&id)).await;
    let ada = async |order| night.world.desk.order_wakeup(&by("telegram:1"), order).await.unwrap();
    let changed = ada(edit(&id, None, jitter("5m"))).await;
    assert_eq!((changed.enabled, changed.next), (false, None));
    assert_eq!(changed.origin, "read-only/wakeup.json, changed by ada, paused by lin");
    // Another time is another wakeup, which is paused too.
    let moved = ada(edit(&id, Some("cron 30 * * * *"), WakeupRules::default())).await;
    assert_eq!((moved.enabled, moved.origin.as_str()), (false, "added by ada, paused by lin"));
    night.pass().await;
    night.at(HOUR_MS).await;
    assert!(night.became().await.iter().all(|became| became.starts_with("skipped paused by")));
    assert!(night.order(resume(&moved.id)).await.enabled);
    night.at(2 * HOUR_MS).await;
    let rows = night.rows().await;
    assert!(rows.iter().any(|row| row.wakeup_id == moved.id && row.state == S::Ran), "{rows:?}");
}

#[tokio::test]
async fn a_wakeup_that_is_moved_keeps_its_skip_and_its_past_and_says_what_it_is_called_now() {
    let (night, id) = Night::hourly().await;
    night.at(HOUR_MS).await;
    night.world.clock.set(NOW.plus_ms(HOUR_MS + MINUTE_MS));
    night.order(WakeupOrder::Skip { id: id.clone() }).await;
    let moved = night.order(edit(&id, Some("cron 30 * * * *"), WakeupRules::default())).await;
    assert_eq!(moved.was.as_deref(), Some(id.as_str()));
    assert_eq!(moved.last.as_ref().map(|last| last.wakeup_id.as_str()), Some(moved.id.as_str()), "the slot left out");
    assert_eq!(moved.next, Some(NOW.plus_ms(2 * HOUR_MS + 30 * MINUTE_MS)), "half past one is left out");
    let again = night.order(edit(&moved.id, Some("cron 45 * * * *"), jitter("off"))).await;
    assert_eq!(again.next, Some(NOW.plus_ms(2 * HOUR_MS + 45 * MINUTE_MS)));
    assert!(night.views().await.iter().all(|view| view.was.is_none()), "it is said once");
    let paused = night.order(pause(&again.id)).await;
    assert_eq!((paused.enabled, paused.paused_by.as_deref()), (false, Some("lin")));
    for order in [pause("none-1"), resume("none-1"), WakeupOrder::Run { id: "none-1".to_owned() }] {
        let refused = night.world.desk.order_wakeup(&by("telegram:2"), order).await.unwrap_err();
        assert_eq!(
            (refused.kind, refused.message.as_str()),
            (ErrorKind::NotFound, "there is no wakeup none-1; `wakeups` lists them")
        );
    }
    let slip = add("daily 04:00", "morning-breif");
    let refused = night.world.desk.order_wakeup(&by("telegram:2"), slip).await.unwrap_err();
    assert!(refused.message.contains("did you mean morning-brief?"), "{refused}");
    assert_eq!(night.order(add("daily 04:00", "is the brief there?")).await.prompt_id[..6], *"added-");
}

#[tokio::test]
async fn the_past_of_a_wakeup_is_found_under_each_name_it_had() {
    let (night, id) = Night::hourly().await;
    night.at(HOUR_MS).await;
    let moved = night.order(edit(&id, Some("cron 30 * * * *"), WakeupRules::default())).await;
    let again = night.order(edit(&moved.id, Some("cron 45 * * * *"), WakeupRules::default())).await;
    assert_eq!(again.last.map(|last| (last.wakeup_id, last.due_at)), Some((id, NOW.plus_ms(HOUR_MS))));
}

#[tokio::test]
async fn a_wakeup_that_is_moved_to_where_the_same_is_already_leaves_one() {
    let night = Night::with(json!([])).await;
    let four = night.order(add("daily 04:00 UTC", "night-check")).await;
    let five = night.order(add("daily 05:00 UTC", "night-check")).await;
    assert_eq!(night.order(edit(&four.id, Some("daily 05:00 UTC"), WakeupRules::default())).await.id, five.id);
    let left: Vec<String> = night.views().await.into_iter().map(|view| view.id).collect();
    assert_eq!(left, [five.id]);
}

/// A night with one wakeup at 09:00 that is put off, and the first of its slots that is put off by more than ten minutes.
async fn put_off_by_ten(late: &str) -> (Night, Timestamp, Timestamp) {
    let schedule = json!([{"promptId": "morning-brief", "timeUtc": "09:00", "jitter": "30m", "late": late}]);
    let night = Night::with(schedule).await;
    let id = night.views().await[0].id.clone();
    let mut slots = (2..).map(|day| NOW.plus_ms(SIX_HOURS + day * DAY_MS));
    let put_off = |slot: &Timestamp| put_off(minutes(30), &id, *slot);
    let slot = slots.find(|slot| put_off(slot) > minutes(10)).unwrap();
    let runs_at = slot.plus_ms(put_off(&slot));
    (night, slot, runs_at)
}

#[tokio::test]
async fn a_slot_that_is_put_off_is_the_next_until_it_ran() {
    let (night, slot, runs_at) = put_off_by_ten("run").await;
    let id = night.views().await[0].id.clone();
    let at = async |at: Timestamp| night.at(at.since(NOW)).await;
    at(slot.plus_ms(-minutes(1))).await;
    let rows = night.rows().await.len();
    at(slot.plus_ms(minutes(5))).await;
    assert_eq!(night.views().await[0].next, Some(runs_at), "it did not run yet");
    assert_eq!(night.world.desk.status(&by("telegram:1")).await.unwrap().next_wakeup, Some(runs_at));
    // Whoever skips the next one means that one.
    let order = WakeupOrder::Skip { id: id.clone() };
    assert!(night.order(order).await.next.unwrap() > slot.plus_ms(DAY_MS), "the day after");
    at(runs_at.plus_ms(minutes(1))).await;
    let all = night.rows().await;
    assert_eq!((all.len(), all[rows].due_at, all[rows].reason.as_str()), (rows + 1, slot, "skipped by lin"));
    at(slot.plus_ms(DAY_MS + HOUR_MS)).await;
    assert_eq!(night.rows().await[rows + 1].state, S::Ran);
}

#[tokio::test]
async fn after_an_outage_a_late_slot_gives_way_to_one_that_is_put_off() {
    let (night, slot, runs_at) = put_off_by_ten("run").await;
    let at = async |at: Timestamp| night.at(at.since(NOW)).await;
    // Nothing ran since the start, and it begins again while today's is put off.
    at(slot.plus_ms(minutes(5))).await;
    let became = night.became().await;
    assert!(became.iter().all(|row| row == "missed not running then; a later one was due"), "{became:?}");
    at(runs_at.plus_ms(minutes(1))).await;
    let rows = night.rows().await;
    assert_eq!((rows.len(), rows[became.len()].due_at), (became.len() + 1, slot));
    assert_eq!(rows[became.len()].state, S::Ran);
}

#[tokio::test]
async fn lateness_counts_from_when_a_slot_would_have_run() {
    for (late, minutes_late, want) in [
        ("within:20m", 20, "ran"),
        ("within:20m", 21, "missed 21 min late, and `late` is \"within:20m\" for it"),
        ("skip", 2, "ran"),
        ("skip", 3, "skipped 3 min late, and `late` is \"skip\" for it"),
        ("run", 600, "ran"),
    ] {
        let (night, _, runs_at) = put_off_by_ten(late).await;
        night.at(runs_at.plus_ms(minutes(minutes_late)).since(NOW)).await;
        let became = night.became().await;
        assert!(became.last().unwrap().starts_with(want), "{late} {minutes_late}: {became:?}");
        assert!(became[..became.len() - 1].iter().all(|row| row.starts_with("missed")), "{became:?}");
    }
}

#[tokio::test]
async fn jitter_is_taken_off_at_run_time_and_in_the_file() {
    let schedule = json!([{"promptId": "morning-brief", "timeUtc": "09:00", "jitter": "1h"}]);
    for off in ["off", "0m", "0"] {
        let night = Night::with(schedule.clone()).await;
        let id = night.views().await[0].id.clone();
        let changed = night.order(edit(&id, None, jitter(off))).await;
        assert_eq!((changed.jitter, changed.next), (None, Some(NOW.plus_ms(SIX_HOURS))), "{off}");
        let night = Night::with(json!([{"promptId": "morning-brief", "timeUtc": "09:00", "jitter": off}])).await;
        assert_eq!(night.views().await[0].next, Some(NOW.plus_ms(SIX_HOURS)), "{off}");
    }
}

#[tokio::test]
async fn no_more_than_two_hundred_wakeups_are_added() {
    let night = Night::morning().await;
    let first = night.order(add("daily 04:00 UTC", "night-check")).await;
    let row = night.world.all::<WakeupOverlay>().await.remove(0);
    let rows = (1..200).map(|number| WakeupOverlay { id: format!("added-{number}"), ..row.clone() });
    let commit = rows.fold(Commit::new(NOW), |commit, row| commit.put(&row));
    night.world.commit(commit).await;
    let over = night.world.desk.order_wakeup(&by("telegram:2"), add("daily 05:00 UTC", "night-check")).await;
    let said = over.unwrap_err().message;
    assert!(said.starts_with("200 wakeups are set at run time, and no more can be; `wakeups edit` one"), "{said}");
    // What is there is still changed.
    let moved = night.order(edit(&first.id, Some("daily 05:00 UTC"), WakeupRules::default())).await;
    assert!(night.order(pause(&moved.id)).await.origin.ends_with("paused by lin"));
}

/// What a pause was, before it said since when.
#[derive(Clone, Serialize, Deserialize)]
struct Before {
    id: String,
    paused: bool,
    added: Option<()>,
    by: String,
    principal: String,
    at: Timestamp,
}

impl Entity for Before {
    const KIND: &'static str = "wakeup_overlay";

    fn entity_id(&self) -> String {
        self.id.clone()
    }

    fn sort_key(&self) -> i64 {
        self.at.ms()
    }
}

#[tokio::test]
async fn a_pause_that_an_earlier_version_wrote_holds_until_it_is_resumed() {
    let (night, id) = Night::hourly().await;
    let row =
        Before { id: id.clone(), paused: true, added: None, by: "bob".into(), principal: "telegram:4".into(), at: NOW };
    night.world.commit(Commit::new(NOW).put(&row)).await;
    night.at(HOUR_MS).await;
    assert_eq!(night.became().await, ["skipped paused by bob"]);
    night.order(resume(&id)).await;
    night.at(2 * HOUR_MS).await;
    assert_eq!(night.rows().await[1].state, S::Ran);
}
