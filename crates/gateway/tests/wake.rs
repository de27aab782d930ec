//! Wakeups: every due slot ends as exactly one row, and a brief tells what changed and nothing else.

mod clock;
mod orders;
mod when;

use std::{collections::BTreeMap, sync::Arc};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde_json::{Value, json};
use wakeman_gateway::{
    config::{Plan, parse_wakeup},
    wake::{Wake, WakeError, schedule::due_between},
};
use wakeman_store::Fault as Disk;
use wakeman_types::{
    Channel, DAY_MS, FindingId, Findings, Frontend, HOUR_MS, ListRequest, MINUTE_MS, Message, Occurrence,
    OccurrenceState as S, Thread, Timestamp, WakeupOrder, WakeupRules, Wakeups,
};

use crate::support::{FakeBriefer, NOW, Note, World, by, merge_482, minutes};

/// Runs the passes of one process.
struct Night {
    world: World,
    briefer: Arc<FakeBriefer>,
}

impl Night {
    /// An instance whose `wakeup.json` has this schedule, looked at once at [`NOW`]: Monday 2026-04-20, 03:00 UTC.
    async fn with(schedule: Value) -> Self {
        Self::file(
            json!({"prompts": {"mine": {"title": "My own", "prompt": "How are sign-ups?"}}, "schedule": schedule}),
        )
        .await
    }

    async fn file(file: Value) -> Self {
        let mut world = World::new().await;
        world.restart_with_wakeups(&file).await;
        let night = Self { world, briefer: FakeBriefer::new() };
        night.pass().await;
        night
    }

    async fn morning() -> Self {
        Self::with(json!([{"promptId": "morning-brief", "timeUtc": "09:00"}])).await
    }

    fn wake(&self) -> Wake {
        Wake::new(self.world.core.clone(), Some(self.briefer.clone()))
    }

    async fn pass(&self) {
        self.wake().pass().await.unwrap();
    }

    /// A pass of a process that ends while the model is asked.
    async fn pass_and_die(&self) {
        let wake = self.wake();
        tokio::select! {
            biased;
            result = wake.pass() => panic!("the process did not die: {result:?}"),
            () = self.briefer.died() => {}
        }
    }

    async fn at(&self, ms: i64) {
        self.world.clock.set(NOW.plus_ms(ms));
        self.pass().await;
    }

    async fn rows(&self) -> Vec<Occurrence> {
        self.world.all::<Occurrence>().await
    }

    /// `ran told`, oldest first.
    async fn became(&self) -> Vec<String> {
        self.rows().await.iter().map(|row| format!("{} {}", row.state.name(), row.reason)).collect()
    }

    /// Everything the wakeups said, oldest first.
    async fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        for thread in self.world.all::<Thread>().await {
            if thread.title != "Sign-ups" {
                said.extend(self.world.said(&thread.thread_id).await);
            }
        }
        said
    }
}

const SIX_HOURS: i64 = 6 * HOUR_MS;

#[tokio::test]
async fn where_nothing_changed_that_is_said_and_no_model_is_asked() {
    let night = Night::morning().await;
    night.at(SIX_HOURS).await;
    night.at(SIX_HOURS + DAY_MS).await;
    assert_eq!(night.became().await, ["ran nothing changed; no model was asked"; 2]);
    assert_eq!(night.said().await, ["Nothing changed since 03:00.", "Nothing changed since yesterday 09:00."]);
    assert_eq!(night.briefer.asked(), [""; 0]);
    assert_eq!(night.world.owed().await, 2);
    assert_eq!(night.world.all::<Thread>().await.len(), 1, "one conversation for one wakeup");
}

#[tokio::test]
async fn a_brief_tells_what_changed_once_with_the_models_note_apart() {
    let night = Night::morning().await;
    night.world.propose_revert().await;
    let world = &night.world;
    world.commit(wakeman_store::Commit::new(NOW).put(&merge_482())).await;
    world.core.health.failed("posthog", "429");
    night.briefer.next(Note::Says("F-1 first: it is still falling.\nhttps://evil.example/x"));
    night.at(SIX_HOURS).await;
    let said = night.said().await;
    insta::assert_snapshot!(said[0], @r"
Morning brief · since 03:00
🔴 F-1 Sign-ups down 57 % since 02:35 (6 h 25 min ago)
⏳ P-1 Revert #482 on acme/app, then merge the revert: waits until 03:30
PostHog has not answered yet (429): what it would say is unknown, not fine.
1 change: #482 signup: new form

Model's note:
  F-1 first: it is still falling.
  https[:]//evil.example/x
");
    assert_eq!(night.became().await, ["ran told"]);
    assert_eq!(night.briefer.asked().len(), 1);
    assert!(night.briefer.asked()[0].starts_with(&format!("morning-brief · {} · Morning brief", NOW.ms())));
    let claimed = world.desk.claim_deliveries(Channel::Cli, 60_000, 9).await.unwrap();
    let view = serde_json::to_value(&claimed.last().unwrap().delivery.view).unwrap();
    assert_eq!((&view["view"], &view["prompt"]), (&json!("brief"), &json!("morning-brief/v1")));
    let stored = world.all::<Message>().await;
    assert!(stored.iter().any(|message| message.extra.get("promptVersion") == Some(&json!("morning-brief/v1"))));
    // Told once: the next morning has only what is new then.
    world.core.health.succeeded("posthog", world.core.now(), "");
    world.desk.resolve(&by("telegram:1"), FindingId::new(1)).await.unwrap();
    night.at(SIX_HOURS + DAY_MS).await;
    insta::assert_snapshot!(night.said().await[1], @r"
    Morning brief · since yesterday 09:00
    ⚪ F-1 Sign-ups: closed by ada yesterday 09:00
    P-1 Revert #482 on acme/app, then merge the revert: superseded yesterday 09:00
    PostHog answers again.

    Model's note:
      Fine.
    ");
}

#[tokio::test]
async fn without_a_model_or_its_budget_the_facts_are_told_with_the_reason() {
    let night = Night::with(json!([
        {"promptId": "morning-brief", "timeUtc": "09:00"}, {"promptId": "mine", "timeUtc": "09:30"}
    ]))
    .await;
    night.world.finding().await;
    night.briefer.next(Note::Fails(WakeError::NoModel));
    night.at(SIX_HOURS).await;
    night.briefer.next(Note::Fails(WakeError::Budget("today's budget of $5.00 is spent until midnight".into())));
    night.at(SIX_HOURS + 30 * MINUTE_MS).await;
    assert_eq!(
        night.became().await,
        [
            "ran told from the facts alone: no model is configured; set LITELLM_URL and LITELLM_MASTER_KEY",
            "ran told from the facts alone: today's budget of $5.00 is spent until midnight",
        ]
    );
    assert!(night.briefer.asked()[1].starts_with("How are sign-ups?"));
    let mut said = night.said().await;
    said.sort();
    insta::assert_snapshot!(said.join("\n--\n"), @r"
Morning brief · since 03:00
🔴 F-1 Sign-ups down 57 % since 02:35 (6 h 25 min ago)
--
My own · since 03:00
🔴 F-1 Sign-ups down 57 % since 02:35 (6 h 55 min ago)
No model's note: today's budget of $5.00 is spent until midnight.
");
}

#[tokio::test]
async fn a_late_slot_goes_by_its_rule() {
    let table: [(&str, i64, &str); 9] = [
        ("run", 0, "ran"),
        ("run", 600, "ran"),
        ("skip", 1, "ran"),
        ("skip", 3, "skipped 3 min late, and `late` is \"skip\" for it"),
        ("skip", 600, "skipped 10 h late, and `late` is \"skip\" for it"),
        ("within:30m", 29, "ran"),
        ("within:30m", 30, "ran"),
        ("within:30m", 31, "missed 31 min late, and `late` is \"within:30m\" for it"),
        ("within:12h", 600, "ran"),
    ];
    for (late, minutes_late, want) in table {
        let night = Night::with(json!([{"promptId": "morning-brief", "timeUtc": "09:00", "late": late}])).await;
        night.at(SIX_HOURS + minutes(minutes_late)).await;
        let became = night.became().await;
        assert_eq!(became.len(), 1, "{late} {minutes_late}");
        assert!(became[0].starts_with(want), "{late} {minutes_late}: {became:?}");
    }
}

#[tokio::test]
async fn of_several_slots_that_passed_at_most_the_newest_runs() {
    let mut night = Night::with(json!([{"promptId": "morning-brief", "cron": "0 */6 * * *"}])).await;
    night.world.clock.advance(2 * DAY_MS + HOUR_MS);
    night.world.restart().await;
    night.pass().await;
    let rows = night.rows().await;
    let states: Vec<S> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [[S::Missed; 7].as_slice(), &[S::Ran]].concat());
    assert_eq!(rows[0].reason, "not running then; a later one was due");
    night.pass().await;
    assert_eq!(night.rows().await.len(), 8, "a second look adds nothing");
}

#[tokio::test]
async fn thousands_of_slots_that_passed_are_each_written_down() {
    let night = Night::with(json!([{"promptId": "morning-brief", "cron": "*/2 * * * *", "late": "within:10m"}])).await;
    night.at(31 * HOUR_MS).await;
    let page = night.world.core.store.count::<Occurrence>(None).await.unwrap();
    assert_eq!(page, 31 * 30);
    assert_eq!(night.world.core.store.count::<Occurrence>(Some("ran")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_new_a_returning_and_a_paused_entry_never_run_what_was_before() {
    let entry = json!([{"promptId": "morning-brief", "cron": "0 * * * *"}]);
    let mut night = Night::with(entry.clone()).await;
    night.at(HOUR_MS).await;
    assert_eq!(night.rows().await.len(), 1, "the slot at 03:00 was there before the entry");
    // Out of the file for five hours, then back.
    night.world.restart_with_wakeups(&json!({})).await;
    night.at(3 * HOUR_MS).await;
    night.world.restart_with_wakeups(&json!({"schedule": entry})).await;
    night.at(6 * HOUR_MS).await;
    assert_eq!(night.rows().await.len(), 1);
    night.at(7 * HOUR_MS).await;
    assert_eq!(night.rows().await.len(), 2);
    // Switched off for three, which are written down, then on.
    night.world.restart_with_wakeups(&json!({"enabled": false, "schedule": entry})).await;
    night.at(10 * HOUR_MS).await;
    night.world.restart_with_wakeups(&json!({"schedule": entry})).await;
    night.at(10 * HOUR_MS + MINUTE_MS).await;
    let off = vec!["skipped wakeups are switched off"; 3];
    assert_eq!(night.became().await[2..], off);
    night.at(11 * HOUR_MS).await;
    assert_eq!(night.became().await.len(), 6);
    assert!(night.became().await[5].starts_with("ran"));
}

#[tokio::test]
async fn a_run_that_a_restart_cut_is_repeated_once_if_its_rule_allows() {
    // (rule, how often it is cut, minutes off, what becomes of it)
    let table = [
        ("run", 1, 600, "ran told"),
        ("within:1h", 1, 30, "ran told"),
        ("within:1h", 1, 120, "missed interrupted by a restart"),
        ("skip", 1, 1, "ran told"),
        ("skip", 1, 30, "missed interrupted by a restart"),
        ("run", 2, 1, "missed interrupted by a restart"),
    ];
    for (late, cuts, off, want) in table {
        let mut night = Night::with(json!([{"promptId": "morning-brief", "timeUtc": "09:00", "late": late}])).await;
        night.world.finding().await;
        night.world.clock.set(NOW.plus_ms(SIX_HOURS));
        for _ in 0..cuts {
            night.briefer.next(Note::Dies);
            night.pass_and_die().await;
            assert_eq!(night.became().await, ["running under way"]);
            night.world.restart().await;
        }
        night.world.clock.advance(minutes(off));
        night.pass().await;
        night.pass().await;
        assert_eq!(night.became().await, [want], "{late} {cuts} {off}");
        assert_eq!(night.said().await.len(), usize::from(want.starts_with("ran")), "{late} {cuts} {off}");
    }
}

#[tokio::test]
async fn a_run_that_was_cut_and_whose_entry_is_gone_is_missed() {
    let mut night = Night::morning().await;
    night.world.finding().await;
    night.world.clock.set(NOW.plus_ms(SIX_HOURS));
    night.briefer.next(Note::Dies);
    night.pass_and_die().await;
    night.world.restart_with_wakeups(&json!({})).await;
    night.pass().await;
    assert_eq!(night.became().await, ["missed interrupted by a restart"]);
}

#[tokio::test]
async fn a_disk_that_refuses_at_any_step_leaves_one_row_and_one_message() {
    for fault in [Disk::Full, Disk::Fsync, Disk::Busy] {
        for step in ["first seen", "claim", "end"] {
            for restart in [false, true] {
                let mut world = World::new().await;
                let file = json!({"schedule": [{"promptId": "morning-brief", "timeUtc": "09:00"}]});
                world.restart_with_wakeups(&file).await;
                let mut night = Night { world, briefer: FakeBriefer::new() };
                if step == "first seen" {
                    night.world.core.store.fail_next(fault);
                    night.wake().pass().await.unwrap_err();
                }
                night.pass().await;
                night.world.finding().await;
                night.world.clock.set(NOW.plus_ms(SIX_HOURS));
                match step {
                    "claim" => night.world.core.store.fail_next(fault),
                    "end" => night.briefer.next(Note::ThenDisk(fault, night.world.core.store.clone())),
                    _ => {}
                }
                assert_eq!(night.wake().pass().await.is_err(), step != "first seen", "{fault:?} {step}");
                if restart {
                    night.world.restart().await;
                }
                night.pass().await;
                night.pass().await;
                assert_eq!(night.became().await, ["ran told"], "{fault:?} {step} {restart}");
                assert_eq!(night.said().await.len(), 1, "{fault:?} {step} {restart}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_entry_is_shown_with_its_problem_and_the_others_run() {
    let night = Night::with(json!([
        {"promptId": "morning-brief", "cron": "61 * * * *"},
        {"promptId": "mine", "cron": "0 9 * * *", "timezone": "Mars/Olympus"},
        {"promptId": "nix", "timeUtc": "09:00"},
        {"promptId": "mine", "timeUtc": "09:00"}
    ]))
    .await;
    night.at(SIX_HOURS).await;
    assert_eq!(night.rows().await.len(), 1);
    let views = night.world.desk.wakeups(&by("telegram:3")).await.unwrap();
    let problems: Vec<&str> = views.iter().map(|view| view.problem.as_deref().unwrap_or("-")).collect();
    insta::assert_snapshot!(problems.join("\n"), @r#"
read-only/wakeup.json: line 1, schedule[0].cron: "61 * * * *" is not a cron pattern; write it like "0 9 * * 1-5"
read-only/wakeup.json: line 1, schedule[1].timezone: "Mars/Olympus" is not a timezone; write it like "Europe/Berlin"
read-only/wakeup.json: line 1, schedule[2].promptId: "nix" is not a prompt of this file; add it to prompts
-
"#);
    let context = wakeman_present::RenderContext::new(night.world.core.now(), chrono_tz::UTC);
    let table = wakeman_present::plain(&wakeman_present::wakeups_table(&views, &context));
    insta::assert_snapshot!(table.lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
morning-brief-906e56 · Morning brief · 61 * * * * UTC · – · never · –
mine-9f10ed · My own · 0 9 * * * Mars/Olympus · – · never · –
nix-1a51a8 · nix · 09:00 UTC · – · never · –
mine-349119 · My own · 09:00 UTC · – · tomorrow 09:00 · ran 09:00
read-only/wakeup.json: line 1, schedule[0].cron: "61 * * * *" is not a cron pattern; write it like "0 9 * * 1-5"
"#);
    let history = night.world.desk.wakeup_history(&by("telegram:3"), ListRequest::default()).await.unwrap();
    insta::assert_snapshot!(
        wakeman_present::plain(&wakeman_present::occurrences_table(&history.items, &context))
            .replace(history.items[0].thread_id.as_ref().unwrap().as_str(), "thread"),
        @"09:00 · mine · ran · nothing changed; no model was asked · thread"
    );
    night.world.desk.wakeups(&by("telegram:99")).await.unwrap_err();
}

#[tokio::test]
async fn the_daily_wakeup_runs_once_a_date_whatever_the_clock_does() {
    let night = Night::morning().await;
    // Forward three days and back; back within the day and forward again; back before the entry was seen.
    let jumps =
        [SIX_HOURS, 4 * HOUR_MS, SIX_HOURS + 5, SIX_HOURS + 3 * DAY_MS, SIX_HOURS + MINUTE_MS, -DAY_MS, SIX_HOURS];
    for jump in jumps {
        night.at(jump).await;
        night.at(jump + 1).await;
    }
    for hour in 0..24 * 5 {
        night.at(SIX_HOURS + hour * HOUR_MS).await;
    }
    let mut ran: BTreeMap<i64, u32> = BTreeMap::new();
    for row in night.rows().await {
        let date = row.due_at.floor_to(DAY_MS).since(NOW.floor_to(DAY_MS)) / DAY_MS;
        assert_eq!(row.state, S::Ran, "{row:?}");
        *ran.entry(date).or_default() += 1;
    }
    assert_eq!(ran, (0..5).map(|day| (day, 1)).collect());
}

/// The schedules of the random nights: UTC, both kinds of daylight saving, half an hour of it, a leap day, every rule for late slots.
fn schedules() -> Value {
    json!([
        {"promptId": "morning-brief", "timeUtc": "09:00"},
        {"promptId": "night-check", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "late": "within:2h"},
        {"promptId": "mine", "cron": "*/30 1-3 * * *", "timezone": "America/New_York", "late": "skip"},
        {"promptId": "mine", "cron": "15 2 * * *", "timezone": "Australia/Lord_Howe"},
        {"promptId": "mine", "cron": "0 12 29 2 *", "timezone": "Asia/Kathmandu"}
    ])
}

/// Days on which something is odd: clocks go forward and back in each zone, and a leap day. UTC.
const ODD_DAYS: [&str; 6] = ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01", "2026-04-05", "2028-02-28"];

fn day(text: &str) -> Timestamp {
    let date: chrono::NaiveDate = text.parse().unwrap();
    Timestamp::from_ms(date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_millis())
}

/// One step of a random night: the clock moves as clocks do, or is put forward or back; the process ends, or goes on.
async fn step(night: &mut Night, random: &mut ChaCha12Rng) {
    let moved = match random.random_range(0..20) {
        0 => random.random_range(-30 * HOUR_MS..0),
        1 => random.random_range(0..3 * DAY_MS),
        2..6 => random.random_range(0..6 * HOUR_MS),
        _ => random.random_range(0..40 * MINUTE_MS),
    };
    night.world.clock.advance(moved);
    match random.random_range(0..12) {
        0 => night.world.restart().await,
        1 => {
            night.briefer.next(Note::Dies);
            let wake = night.wake();
            tokio::select! {
                biased;
                result = wake.pass() => result.unwrap(),
                () = night.briefer.died() => {}
            }
            night.world.restart().await;
        }
        2 => {
            night.world.core.store.fail_next([Disk::Full, Disk::Busy, Disk::Fsync][random.random_range(0..3)]);
            let _ = night.wake().pass().await;
            // Meets the fault if the pass had nothing to write.
            let _ = night.world.core.store.commit(wakeman_store::Commit::new(NOW).put(&merge_482())).await;
        }
        _ => {}
    }
    if random.random_range(0..8) == 0 {
        night.world.finding().await;
    }
    // A death that no run has met is over before the look that counts.
    night.briefer = FakeBriefer::new();
    night.pass().await;
}

#[tokio::test]
async fn every_slot_that_passed_has_exactly_one_row_through_every_random_night() {
    let plans: Vec<Plan> = parse_wakeup(
        &json!({"prompts": {"mine": {"title": "M", "prompt": "?"}}, "schedule": schedules()}).to_string(),
        "f",
    )
    .unwrap()
    .value
    .schedule
    .into_iter()
    .map(|entry| entry.plan.unwrap())
    .collect();
    for (seed, odd) in ODD_DAYS.into_iter().enumerate() {
        let mut random = ChaCha12Rng::seed_from_u64(seed as u64);
        let mut night = Night::with(schedules()).await;
        night.world.clock.set(day(odd).plus_ms(-6 * HOUR_MS));
        // The entries are seen at the start of the odd day: as if the file had been written then.
        night.world.restart_with_wakeups(&json!({})).await;
        night.pass().await;
        let file = json!({"prompts": {"mine": {"title": "M", "prompt": "?"}}, "schedule": schedules()});
        night.world.restart_with_wakeups(&file).await;
        night.pass().await;
        let (seen, mut lowest) = (night.world.core.now(), night.world.core.now());
        let mut passed: Vec<(usize, Timestamp)> = Vec::new();
        for _ in 0..60 {
            let before = night.world.core.now();
            step(&mut night, &mut random).await;
            let now = night.world.core.now();
            lowest = lowest.min(now);
            for (index, plan) in plans.iter().enumerate() {
                passed.extend(due_between(&plan.when, before, now, 5_000).into_iter().map(|slot| (index, slot)));
            }
            // What a clock that was put back behind the first look passes there is none of theirs.
            passed.retain(|(_, slot)| *slot > seen);
            check(&night, &passed, now, lowest).await;
        }
    }
}

/// Every slot that the clock passed and that is not ahead of it again has one row that ended; nothing else has one.
async fn check(night: &Night, passed: &[(usize, Timestamp)], now: Timestamp, lowest: Timestamp) {
    let views = night.world.desk.wakeups(&by("telegram:1")).await.unwrap();
    let rows = night.rows().await;
    let mut by_slot: BTreeMap<(String, i64), &Occurrence> = BTreeMap::new();
    for row in &rows {
        assert_ne!(row.state, S::Running, "{row:?}");
        assert!(row.due_at > lowest && !row.reason.is_empty(), "{row:?}");
        assert!(by_slot.insert((row.wakeup_id.clone(), row.due_at.ms()), row).is_none(), "{row:?} is there twice");
    }
    for (index, slot) in passed.iter().filter(|(_, slot)| *slot <= now) {
        let key = (views[*index].id.clone(), slot.ms());
        assert!(by_slot.contains_key(&key), "{key:?} of {:?} has no row at {now:?}", views[*index].cron);
    }
    let said: usize = night.said().await.len();
    let ran = rows.iter().filter(|row| row.state == S::Ran).count();
    assert_eq!(said, ran, "one message for each run");
}

#[tokio::test]
async fn what_an_operator_orders_of_a_wakeup_holds_and_the_file_stays_as_it_is() {
    let night = Night::morning().await;
    let desk = &night.world.desk;
    let lin = by("telegram:2");
    let order = |order: WakeupOrder| desk.order_wakeup(&lin, order);
    let add = |when: &str, what: &str| WakeupOrder::Add {
        when: when.to_owned(),
        what: what.to_owned(),
        rules: WakeupRules::default(),
    };
    let added = order(add("daily 05:00 UTC", "night-check")).await.unwrap();
    assert_eq!(
        (added.cron.as_deref(), added.prompt_id.as_str(), added.enabled),
        (Some("0 5 * * *"), "night-check", true)
    );
    assert_eq!(added.origin, "added by lin");
    let own = order(add("daily 05:30 UTC", "How are sign-ups?")).await.unwrap();
    assert_eq!(own.title, "How are sign-ups?");
    night.pass().await;
    // The next slot of the file's own is skipped, and the one after it is not.
    let morning = desk.wakeups(&lin).await.unwrap()[0].id.clone();
    order(WakeupOrder::Skip { id: morning.clone() }).await.unwrap();
    order(WakeupOrder::Pause { id: own.id.clone() }).await.unwrap();
    order(WakeupOrder::Run { id: added.id.clone() }).await.unwrap();
    night.at(MINUTE_MS / 2).await;
    night.at(7 * HOUR_MS).await;
    let mut became: Vec<String> = night
        .rows()
        .await
        .iter()
        .map(|row| format!("{} {} {}", row.prompt_id, row.state.name(), row.due_at.ms() - NOW.ms()))
        .collect();
    became.sort();
    let hours = |n: i64| n * HOUR_MS;
    let want = [
        format!("{} skipped {}", own.prompt_id, hours(2) + HOUR_MS / 2),
        format!("morning-brief skipped {}", hours(6)),
        "night-check ran 0".to_owned(),
        format!("night-check ran {}", hours(2)),
    ];
    assert_eq!(became, want);
    night.at(31 * HOUR_MS).await;
    let ran = night.rows().await.into_iter().filter(|row| row.prompt_id == "morning-brief" && row.state == S::Ran);
    assert_eq!(ran.map(|row| row.due_at.ms() - NOW.ms()).collect::<Vec<_>>(), [hours(30)]);
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused_with_the_reason() {
    let night = Night::morning().await;
    let desk = &night.world.desk;
    let morning = desk.wakeups(&by("telegram:1")).await.unwrap()[0].id.clone();
    let pause = || WakeupOrder::Pause { id: morning.clone() };
    let viewer = desk.order_wakeup(&by("telegram:3"), pause()).await.unwrap_err();
    assert_eq!(viewer.message, "Only an approver or owner can set a wakeup. You are grace (viewer).");
    let ada = by("telegram:1");
    let strange = WakeupOrder::Run { id: "nothing".to_owned() };
    assert_eq!(
        desk.order_wakeup(&ada, strange).await.unwrap_err().message,
        "there is no wakeup nothing; `wakeups` lists them"
    );
    let never = WakeupOrder::Add {
        when: "sometimes".to_owned(),
        what: "morning-brief".to_owned(),
        rules: WakeupRules::default(),
    };
    assert!(
        desk.order_wakeup(&ada, never)
            .await
            .unwrap_err()
            .message
            .starts_with("\"sometimes\" is not a time; write it like")
    );
    desk.order_wakeup(&ada, pause()).await.unwrap();
    let paused = desk.order_wakeup(&ada, WakeupOrder::Run { id: morning.clone() }).await.unwrap_err();
    assert!(paused.message.ends_with(&format!("`wakeups resume {morning}` lets it run again")), "{}", paused.message);
}
