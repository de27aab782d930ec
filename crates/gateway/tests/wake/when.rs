//! When a wakeup speaks at all: its condition, its jitter, and what counts as news to it.

use std::collections::BTreeMap;

use serde_json::json;
use wakeman_gateway::{
    Desk,
    brain::Brain,
    config::parse_wakeup,
    wake::{
        Wake, WakeError,
        schedule::{due_between, put_off},
    },
};
use wakeman_types::{Admin, DAY_MS, HOUR_MS, MINUTE_MS, OccurrenceState as S, Wakeups};

use super::{Night, SIX_HOURS, day};
use crate::support::{FakeBriefer, FakeModel, Note, Says, World, by, minutes};

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
async fn every_shipped_brief_is_complete_without_a_model() {
    for (prompt, title) in [
        ("morning-brief", "Morning brief"),
        ("night-check", "Night check"),
        ("weekly-review", "Weekly review"),
        ("release-check", "Before the release"),
    ] {
        let night = Night::with(json!([{"promptId": prompt, "timeUtc": "09:00"}])).await;
        night.world.finding().await;
        night.briefer.next(Note::Fails(WakeError::NoModel));
        night.at(SIX_HOURS).await;
        assert_eq!(
            night.became().await,
            ["ran told from the facts alone: no model is configured; set LITELLM_URL and LITELLM_MASTER_KEY"],
            "{prompt}"
        );
        let facts = "since 03:00\n🔴 F-1 Sign-ups down 57 % since 02:35 (6 h 25 min ago)";
        assert_eq!(night.said().await, [format!("{title} · {facts}")]);
    }
}

#[tokio::test]
async fn money_is_put_aside_before_the_model_of_a_wakeup_is_asked() {
    let night = Night::morning().await;
    night.world.finding().await;
    night.world.clock.set(crate::support::NOW.plus_ms(SIX_HOURS));
    let model = FakeModel::new(vec![Says::Hangs("F-1")]);
    let core = night.world.core_with_model(Some(model.clone()));
    let brain = Brain::new(core.clone());
    let wake = Wake::thinking(core.clone(), brain.clone());
    let mut pass = Box::pin(wake.pass());
    tokio::select! {
        result = &mut pass => panic!("the model hangs: {result:?}"),
        () = model.hung() => {}
    }
    let status = Desk::with_brain(core, brain).status(&by("telegram:1")).await.unwrap();
    let spent = status.model.unwrap();
    assert!(spent.reserved_usd > 0.0, "{spent:?}");
    assert_eq!(night.became().await, ["running under way"]);
    drop(pass);
}

#[tokio::test]
async fn in_the_nights_in_which_clocks_change_a_slot_that_is_put_off_runs_once_at_its_time() {
    let schedule = json!([
        {"promptId": "night-check", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "jitter": "45m"},
        {"promptId": "morning-brief", "cron": "*/30 1-3 * * *", "timezone": "Europe/Berlin", "jitter": "20m", "late": "skip"}
    ]);
    let file = json!({"schedule": schedule});
    let entries = parse_wakeup(&file.to_string(), "f").unwrap().value.schedule;
    for night_of in ["2026-03-29", "2026-10-25"] {
        let mut night = Night::with(json!([])).await;
        let from = day(night_of).plus_ms(-2 * HOUR_MS);
        night.world.clock.set(from);
        night.world.restart_with_wakeups(&file).await;
        night.pass().await;
        let until = from.plus_ms(7 * HOUR_MS);
        while night.world.core.now() < until {
            night.world.clock.advance(MINUTE_MS);
            night.pass().await;
        }
        let ids: BTreeMap<String, String> = night
            .world
            .desk
            .wakeups(&by("telegram:1"))
            .await
            .unwrap()
            .into_iter()
            .map(|v| (v.prompt_id, v.id))
            .collect();
        let rows = night.rows().await;
        let mut wanted = 0;
        for entry in &entries {
            let (plan, id) = (entry.plan.as_ref().unwrap(), &ids[&entry.prompt_id]);
            for slot in due_between(&plan.when, from, until, 100) {
                wanted += 1;
                let row = rows.iter().find(|row| row.wakeup_id == *id && row.due_at == slot).unwrap();
                assert_eq!(row.state, S::Ran, "{night_of} {row:?}");
                let late_ms = row.at.since(slot) - put_off(plan.jitter_ms, id, slot);
                assert!((0..MINUTE_MS).contains(&late_ms), "{night_of} {row:?}: {late_ms}");
            }
        }
        assert_eq!(rows.len(), wanted, "{night_of}");
    }
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

#[tokio::test]
async fn what_a_model_is_told_for_a_brief_is_in_the_zone_of_those_who_hear_it() {
    for (of_lin, wanted) in [("Asia/Tokyo", "11:35"), ("Europe/Berlin", "02:35")] {
        let operators = json!([
            {"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "Asia/Tokyo"},
            {"id": "lin", "role": "owner", "principals": ["telegram:2"], "timezone": of_lin},
        ]);
        let mut world = World::with(json!({"operators": operators, "routes": [{"to": ["telegram"]}]}), "{}").await;
        let schedule = json!({"schedule": [{"promptId": "morning-brief", "timeUtc": "09:00"}]});
        world.restart_with_wakeups(&schedule).await;
        let night = Night { world, briefer: FakeBriefer::new() };
        night.pass().await;
        night.world.finding().await;
        night.at(SIX_HOURS).await;
        let asked = night.briefer.asked().remove(0);
        assert!(asked.contains(wanted), "{of_lin}: {asked}");
    }
}
