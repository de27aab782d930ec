//! When people are told: storms, quiet hours, the digest, and what nobody reacted to.

use serde_json::{Value, json};
use wakeman_gateway::{
    act::asked::{Wish, stage},
    notify,
    ports::ErrorIssue,
};
use wakeman_types::{
    Admin, Channel, ClaimedDelivery, DeliveryReport, Finding, Findings, Frontend, HOUR_MS, MINUTE_MS, ProposalState,
    Severity, Timestamp, View,
};

use crate::support::{Fault, NOW, World, by, minutes};

pub(crate) fn issue(n: usize, occurrences: u64) -> ErrorIssue {
    ErrorIssue {
        id: format!("e{n}"),
        name: format!("Error{n}"),
        description: "form is undefined".to_owned(),
        status: "active".to_owned(),
        source: Some(format!("web/part{n}.ts")),
        function: None,
        first_seen: NOW.plus_ms(minutes(1)),
        last_seen: NOW.plus_ms(minutes(20)),
        occurrences,
        volume: Vec::new(),
    }
}

/// A world in which so many errors are new, each so often.
pub(crate) async fn erring(settings: Value, count: usize, occurrences: u64) -> World {
    let mut world = World::with(settings, "{}").await;
    world.tick().await;
    notify::pass(&world.core).await.unwrap();
    world.product.state().errors = (0..count).map(|n| issue(n, occurrences)).collect();
    world.clock.advance(minutes(20));
    world.tick().await;
    world
}

/// Everything that is owed to the chat, sent.
pub(crate) async fn sent(world: &World, chat: &str) -> Vec<ClaimedDelivery> {
    let mut all = Vec::new();
    loop {
        let claimed = world.desk.claim_deliveries(Channel::Telegram, 30_000, 100).await.unwrap();
        if claimed.is_empty() {
            return all;
        }
        for delivery in claimed {
            let report = DeliveryReport::Sent { reference: Some("7".to_owned()) };
            world.desk.confirm_delivery(&delivery.delivery.id, delivery.epoch, report).await.unwrap();
            if delivery.delivery.chat == chat {
                all.push(delivery);
            }
        }
    }
}

pub(crate) fn words(world: &World, delivery: &ClaimedDelivery) -> String {
    let context = wakeman_present::RenderContext { now: world.core.now(), zone: chrono_tz::Tz::UTC };
    wakeman_present::plain(&wakeman_present::doc(&delivery.delivery.view, &context))
}

pub(crate) fn routed(more: Value) -> Value {
    let mut settings = json!({"routes": [{"to": ["telegram"]}], "monitor": {"alarmBudgetPerWeek": 1000}});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

#[tokio::test]
async fn a_storm_of_two_hundred_is_one_message_that_says_so() {
    let mut world = erring(routed(json!({})), 200, 90).await;
    assert_eq!(world.all::<Finding>().await.len(), 200);
    let told = sent(&world, "2").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].delivery.severity, Severity::Critical);
    insta::assert_snapshot!(words(&world, &told[0]), @r"
    🔴 200 findings at once since 03:20 (just now)
    The worst: New error: Error0 in web/part0.ts, 90 times since 03:01 (19 min ago) · F-1
    They are told in this one message; `findings` lists them all.
    ");
    // What comes soon after belongs to it; the same message says so when there are twice as many.
    world.product.state().errors.push(issue(200, 90));
    world.clock.advance(minutes(5));
    world.tick().await;
    assert!(sent(&world, "2").await.is_empty());
    // Ten minutes later it is over: the message is brought up to date, and what comes then is told by itself.
    world.clock.advance(minutes(10));
    notify::pass(&world.core).await.unwrap();
    let last = sent(&world, "2").await;
    assert_eq!((last.len(), last[0].edit.as_deref()), (1, Some("7")), "the same message");
    assert!(words(&world, &last[0]).contains("201 findings"), "{}", words(&world, &last[0]));
    world.product.state().errors.push(issue(201, 90));
    world.tick().await;
    let single = sent(&world, "2").await;
    assert!(single.iter().any(|told| matches!(told.delivery.view, View::Finding(_))), "{single:?}");
}

#[tokio::test]
async fn a_few_are_told_one_by_one() {
    let world = erring(routed(json!({})), 5, 90).await;
    let told = sent(&world, "2").await;
    assert_eq!(told.iter().filter(|told| matches!(told.delivery.view, View::Finding(_))).count(), 5);
}

fn people(quiet: &str) -> Value {
    json!({"operators": [
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "quietHours": [quiet]},
        {"id": "lin", "role": "approver", "principals": ["telegram:2"]},
    ]})
}

#[tokio::test]
async fn in_quiet_hours_only_the_critical_comes_and_the_rest_is_told_when_they_end() {
    // It is 03:00; thirty an hour is a warning.
    let mut world = erring(routed(people("22:00-07:00")), 1, 10).await;
    assert_eq!(sent(&world, "1").await.len(), 0);
    world.product.state().errors.push(ErrorIssue { first_seen: world.core.now(), ..issue(1, 900) });
    world.clock.advance(minutes(5));
    world.tick().await;
    let critical = sent(&world, "1").await;
    assert!(critical.iter().all(|told| told.delivery.severity == Severity::Critical) && !critical.is_empty());
    world.clock.set(Timestamp::from_ms(NOW.ms() + 4 * HOUR_MS - 1));
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty());
    world.clock.advance(1);
    notify::pass(&world.core).await.unwrap();
    let digest = sent(&world, "1").await;
    assert_eq!(digest.len(), 1);
    insta::assert_snapshot!(words(&world, &digest[0]), @r"
    ⚪ 1 finding since 03:00 that could wait
    1. New error: Error0 in web/part0.ts, 10 times since 03:01 (3 h 59 min ago) · in quiet hours · F-1
    ");
    world.clock.advance(10 * HOUR_MS);
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty(), "told once; a digest with nothing in it is none");
}

#[tokio::test]
async fn what_could_wait_is_told_once_a_day_at_the_operators_hour() {
    // Without an alarm budget a warning waits.
    let settings = json!({"routes": [{"to": ["telegram"]}], "monitor": {"alarmBudgetPerWeek": 0, "digestAt": "09:30"}});
    let world = erring(settings, 2, 10).await;
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "2").await.is_empty());
    world.clock.set(Timestamp::from_ms(NOW.ms() + 6 * HOUR_MS + 30 * MINUTE_MS - 1));
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "2").await.is_empty());
    world.clock.advance(1);
    for _ in 0..2 {
        notify::pass(&world.core).await.unwrap();
    }
    let digest = sent(&world, "2").await;
    assert_eq!(digest.len(), 1);
    insta::assert_snapshot!(words(&world, &digest[0]), @r"
    ⚪ 2 findings since 03:00 that could wait
    1. New error: Error0 in web/part0.ts, 10 times since 03:01 (6 h 29 min ago) · alarm budget spent · F-1
    2. New error: Error1 in web/part1.ts, 10 times since 03:01 (6 h 29 min ago) · alarm budget spent · F-2
    ");
}

#[tokio::test]
async fn what_nobody_reacted_to_is_told_once_more_and_on_the_fallback_too() {
    let routes = json!([{"to": ["telegram"], "fallback": ["cli"], "escalateAfter": "15m"}]);
    for reacts in [false, true] {
        let world = erring(json!({"routes": routes, "monitor": {"alarmBudgetPerWeek": 10}}), 1, 90).await;
        let first = sent(&world, "2").await;
        let finding = world.only_finding().await;
        if reacts {
            world.desk.acknowledge(&by("telegram:2"), finding.id).await.unwrap();
            let marked = sent(&world, "2").await;
            assert!(marked.iter().all(|told| told.edit.is_some()), "{marked:?}");
        }
        world.clock.advance(minutes(15) - 1);
        notify::pass(&world.core).await.unwrap();
        let early = sent(&world, "2").await;
        assert!(early.is_empty(), "{early:?}");
        world.clock.advance(1);
        for _ in 0..2 {
            notify::pass(&world.core).await.unwrap();
        }
        let again = sent(&world, "2").await;
        let on_fallback = world.desk.claim_deliveries(Channel::Cli, 30_000, 100).await.unwrap();
        if reacts {
            assert!(again.is_empty() && on_fallback.is_empty());
            continue;
        }
        assert_eq!((again.len(), on_fallback.len()), (1, 1), "{first:?}");
        assert!(words(&world, &again[0]).contains("Told once more: nobody has reacted yet."));
    }
}

/// Half an hour into ada's night, which ends at seven.
async fn broken_before_the_night(more: Value) -> World {
    let mut settings = routed(people("04:00-07:00"));
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut world = World::code_only_with(settings, "{}").await;
    notify::pass(&world.core).await.unwrap();
    world.break_the_build();
    world.tick().await;
    world.clock.set(NOW.plus_ms(HOUR_MS + minutes(30)));
    notify::pass(&world.core).await.unwrap();
    world
}

fn morning(world: &World) {
    world.clock.set(NOW.plus_ms(4 * HOUR_MS));
}

#[tokio::test]
async fn what_recovers_in_quiet_hours_is_told_when_they_end() {
    let mut world = broken_before_the_night(json!({})).await;
    assert!(sent(&world, "1").await.iter().any(|told| matches!(told.delivery.view, View::Finding(_))));
    world.code.run(2, crate::support::MERGE_SHA, true, world.core.now());
    world.tick().await;
    assert!(world.only_finding().await.is_over());
    let told = sent(&world, "1").await;
    assert!(told.iter().all(|told| !matches!(told.delivery.view, View::Recovery(_))), "{told:?}");
    morning(&world);
    notify::pass(&world.core).await.unwrap();
    let told = sent(&world, "1").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(words(&world, &told[0]).contains("over by now · F-1"), "{}", words(&world, &told[0]));
}

#[tokio::test]
async fn who_hears_of_warnings_only_gets_the_nights_warnings_too() {
    for route in [
        json!({"to": ["telegram"], "minSeverity": "warning"}),
        // No digest otherwise: what could wait is not for this route, what was withheld is.
        json!({"to": ["telegram"], "kinds": ["finding", "proposal"]}),
    ] {
        let mut settings = routed(people("22:00-07:00"));
        settings["routes"] = json!([route]);
        let world = erring(settings, 1, 10).await;
        notify::pass(&world.core).await.unwrap();
        assert!(sent(&world, "1").await.is_empty());
        morning(&world);
        notify::pass(&world.core).await.unwrap();
        let told = sent(&world, "1").await;
        assert!(told.len() == 1 && words(&world, &told[0]).contains("in quiet hours · F-1"), "{route}: {told:?}");
    }
}

#[tokio::test]
async fn what_is_told_once_more_waits_until_somebody_may_be_disturbed() {
    let mut settings = routed(json!({"operators": [
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "quietHours": ["22:00-07:00"]},
    ]}));
    settings["routes"] = json!([{"to": ["telegram"], "escalateAfter": "15m"}]);
    let world = erring(settings, 1, 10).await;
    world.clock.advance(minutes(16));
    notify::pass(&world.core).await.unwrap();
    assert!(sent(&world, "1").await.is_empty());
    morning(&world);
    notify::pass(&world.core).await.unwrap();
    let told: Vec<String> = sent(&world, "1").await.iter().map(|told| words(&world, told)).collect();
    let interrupted = world.only_finding().await.interruption == wakeman_types::Interruption::Now;
    assert_eq!(told.iter().any(|told| told.contains("Told once more")), interrupted, "{told:?}");
}

#[tokio::test]
async fn what_wakeman_says_of_itself_in_quiet_hours_is_kept_until_they_end() {
    let world = broken_before_the_night(json!({})).await;
    sent(&world, "1").await;
    world.desk.halt(&by("telegram:2"), Some("looking".to_owned())).await.unwrap();
    assert!(sent(&world, "1").await.is_empty());
    morning(&world);
    notify::pass(&world.core).await.unwrap();
    notify::pass(&world.core).await.unwrap();
    let told: Vec<String> = sent(&world, "1").await.iter().map(|told| words(&world, told)).collect();
    assert_eq!(told.iter().filter(|told| told.contains("looking")).count(), 1, "{told:?}");
}

/// A message that waits, as another version wrote it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct OfAnotherVersion {
    channel: wakeman_types::Channel,
    chat: String,
    id: String,
    at: i64,
    body: Value,
}

impl wakeman_types::Entity for OfAnotherVersion {
    const KIND: &'static str = "held";

    fn entity_id(&self) -> String {
        self.id.clone()
    }

    fn sort_key(&self) -> i64 {
        self.at
    }
}

#[tokio::test]
async fn what_waited_and_cannot_be_read_counts_as_undelivered() {
    let world = broken_before_the_night(json!({})).await;
    sent(&world, "1").await;
    let (channel, chat) = (wakeman_types::Channel::Telegram, "1".to_owned());
    let body = json!({"view": {"kind": "of a later version"}});
    let held = OfAnotherVersion { channel, chat, id: "d-other".to_owned(), at: 1, body };
    world.commit(wakeman_store::Commit::new(world.core.now()).insert(&held)).await;
    let undelivered = async || world.desk.status_now().await.unwrap().undelivered;
    let before = undelivered().await;
    morning(&world);
    notify::pass(&world.core).await.unwrap();
    let told = sent(&world, "1").await;
    assert!(told.iter().all(|told| told.delivery.id.as_str() != "d-other"), "{told:?}");
    assert_eq!(undelivered().await, before + 1);
}

#[tokio::test]
async fn what_needs_a_person_and_what_somebody_asked_for_waits_for_no_quiet_hours() {
    let world = World::with(routed(people("22:00-07:00")), "{}").await;
    let lin = world.core.settings.identity(&by("telegram:2")).unwrap();
    let thread = world.finding().await.thread;
    let wish = Wish::Flag { key: "checkout-fast".to_owned(), active: false, rollout: None };
    stage(&world.core, &lin, &thread, wish, None).await.unwrap();
    let card = sent(&world, "1").await;
    assert!(card.iter().any(|told| matches!(told.delivery.view, View::Proposal(_))), "{card:?}");

    let issue = world.propose_issue().await;
    world.repo.fail("open_issue", &[Fault::Lost]);
    world.approve(&issue).await;
    world.run_to_end().await;
    assert_eq!(world.proposal(issue.id).await.state, ProposalState::NeedsReview);
    let told = sent(&world, "1").await;
    assert!(told.iter().any(|told| words(&world, told).contains("resolve P-2 done")), "{told:?}");
}
