//! The watch over sources that are late, silent, stale or refuse: what cannot be known is unknown, never zero and never fine.

use wakeman_gateway::ports::{Clock, ErrorIssue, SourceError};
use wakeman_store::Fault as Disk;
use wakeman_types::{
    Change, ChangeId, ChangeKind, ChangeRef, ChoiceRecord, ComponentView, Finding, FindingState, HOUR_MS, Interruption,
    MetricId, Proposal, Severity, Subject, Thread, Timestamp,
};

use crate::support::{Incident, NOW, World, merge_482, minutes};

fn limited() -> SourceError {
    SourceError::Limited { reason: "429, throttled".to_owned(), wait_ms: None }
}

/// Sign-ups fall to a third at `from`, for `length` minutes; #482 was merged six minutes before.
pub fn drop_of_sign_ups(world: &World, from: Timestamp, length: i64) {
    let until = from.plus_ms(minutes(length));
    world.product.state().incidents.push(Incident { metric: "signed_up", from, until, factor: 0.3 });
    let at = from.plus_ms(-minutes(6));
    world.code.state().answer.changes = vec![Change { at, ..merge_482() }];
}

fn component(world: &World, name: &str) -> ComponentView {
    world.core.health.components().into_iter().find(|c| c.name == name).unwrap()
}

async fn threads_about_sources(world: &World) -> Vec<Thread> {
    let all = world.all::<Thread>().await;
    all.into_iter().filter(|thread| thread.title.ends_with("as a source")).collect()
}

#[tokio::test]
async fn a_drop_is_found_once_told_at_once_and_over_when_the_numbers_are_back() {
    let mut world = World::new().await;
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(30)), 60);
    world.watch_for(60).await;
    let finding = world.only_finding().await;
    assert_eq!((finding.severity, finding.interruption), (Severity::Critical, Interruption::Now));
    assert_eq!(finding.likely_cause().unwrap().change.label(), "#482");
    assert!((finding.since.ms() - NOW.plus_ms(minutes(30)).ms()).abs() <= minutes(10), "{:?}", finding.since);
    let told = world.all::<ChoiceRecord>().await;
    assert!(told[0].forced && told[0].arms.iter().all(|arm| (arm.arm == Interruption::Now) == (arm.propensity == 1.0)));
    assert_eq!(world.all::<Proposal>().await.len(), 1);
    world.watch_for(75).await;
    assert!(world.only_finding().await.is_over());
    assert!(world.repo.effects().is_empty());
}

#[tokio::test]
async fn events_that_always_arrive_twenty_minutes_late_are_no_drop() {
    let mut world = World::new().await;
    world.product.state().late_ms = minutes(20);
    world.watch_for(90).await;
    assert!(world.all::<Finding>().await.is_empty());
}

#[tokio::test]
async fn a_silent_source_makes_its_findings_unknown_and_is_told_of_twice() {
    let mut world = World::new().await;
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 40);
    world.watch_for(30).await;
    let known = world.only_finding().await;
    assert_eq!(known.unknown_since, None);
    world.product.state().down = Some(limited());
    // The numbers come back in this time, but nobody can see it.
    world.watch_for(7).await;
    assert!(threads_about_sources(&world).await.is_empty(), "a short silence is not worth a word");
    assert!(world.only_finding().await.unknown_since.is_some());
    world.watch_for(60).await;
    let unknown = world.only_finding().await;
    assert!(!unknown.is_over(), "silence is not recovery");
    assert_eq!(unknown.unknown_since, Some(NOW.plus_ms(minutes(30))));
    assert!(!component(&world, "posthog").ok && component(&world, "github").ok);
    let threads = threads_about_sources(&world).await;
    assert_eq!(threads.len(), 1);
    let said = world.said(&threads[0].thread_id).await;
    assert!(said[0].contains("PostHog has not answered"), "{said:?}");
    world.product.state().down = None;
    world.watch_for(25).await;
    assert_eq!(threads_about_sources(&world).await.len(), 2, "once gone, once back");
    let ended = world.only_finding().await;
    assert!(ended.is_over() && ended.unknown_since.is_none(), "{:?}", ended.state);
}

#[tokio::test]
async fn a_source_that_wishes_to_be_left_alone_for_an_hour_is_told_of_meanwhile() {
    let mut world = World::new().await;
    world.tick().await;
    let peace = || SourceError::Limited { reason: "429".to_owned(), wait_ms: Some(HOUR_MS) };
    world.product.state().down = Some(peace());
    world.code.state().down = Some(peace());
    world.watch_for(7).await;
    assert!(threads_about_sources(&world).await.is_empty());
    world.watch_for(40).await;
    let mut told: Vec<String> = threads_about_sources(&world).await.into_iter().map(|thread| thread.title).collect();
    told.sort();
    assert_eq!(told, ["GitHub as a source", "PostHog as a source"], "each once");
}

#[tokio::test]
async fn an_outage_does_not_make_the_watch_slower_afterwards() {
    let mut world = World::new().await;
    world.product.state().late_ms = minutes(1);
    world.watch_for(30).await;
    world.product.state().down = Some(limited());
    world.watch_for(50).await;
    world.product.state().down = None;
    world.watch_for(12).await;
    drop_of_sign_ups(&world, world.core.now(), 200);
    world.watch_for(20).await;
    assert!(matches!(world.only_finding().await.subject, Subject::Metric { .. }));
}

#[tokio::test]
async fn one_silent_source_does_not_silence_the_other() {
    let mut world = World::new().await;
    world.product.state().down = Some(limited());
    world.break_the_build();
    world.watch_for(3).await;
    assert!(matches!(world.only_finding().await.subject, Subject::Run { .. }));

    let mut world = World::new().await;
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 200);
    world.code.state().down = Some(SourceError::Unavailable { reason: "502".to_owned() });
    world.watch_for(30).await;
    assert!(matches!(world.only_finding().await.subject, Subject::Metric { .. }));
}

#[tokio::test]
async fn a_silent_code_host_leaves_its_findings_unknown_too() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    world.code.run(2, "fixed", true, NOW);
    world.code.state().down = Some(SourceError::Unavailable { reason: "502".to_owned() });
    world.watch_for(20).await;
    let unknown = world.only_finding().await;
    assert_eq!((unknown.is_over(), unknown.unknown_since), (false, Some(NOW)));
    world.code.state().down = None;
    world.watch_for(11).await;
    let ended = world.only_finding().await;
    assert_eq!((ended.is_over(), ended.unknown_since), (true, None));
}

#[tokio::test]
async fn a_source_whose_clock_stands_still_is_silent() {
    let mut world = World::new().await;
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 25);
    world.watch_for(30).await;
    assert!(!world.only_finding().await.is_over());
    world.product.state().frozen_at = Some(world.core.now());
    world.watch_for(60).await;
    let unknown = world.only_finding().await;
    assert!(!unknown.is_over() && unknown.unknown_since.is_some());
    assert!(component(&world, "posthog").detail.contains("stale"), "{:?}", component(&world, "posthog"));
    world.product.state().frozen_at = None;
    world.watch_for(30).await;
    assert!(world.only_finding().await.is_over());
}

#[tokio::test]
async fn a_source_whose_clock_was_ahead_once_is_believed_again() {
    let mut world = World::new().await;
    world.watch_for(10).await;
    let histories = |world: &World| {
        let long_ago = world.core.now().plus_ms(-20 * 24 * HOUR_MS);
        world.product.state().ranges.iter().filter(|(from, _)| *from < long_ago).count()
    };
    let first = histories(&world);
    // Milliseconds for seconds: nobody judges the buckets of the next thousand years, and the look after it goes on.
    world.product.state().ahead_ms = 400_000 * 24 * HOUR_MS;
    world.watch_for(1).await;
    assert!(!component(&world, "posthog").ok);
    world.product.state().ahead_ms = 0;
    world.watch_for(2).await;
    assert!(component(&world, "posthog").ok && histories(&world) == first, "{:?}", component(&world, "posthog"));
    // An hour can be true; what comes after it is not stale for an hour.
    world.product.state().ahead_ms = HOUR_MS;
    world.watch_for(1).await;
    world.product.state().ahead_ms = 0;
    world.watch_for(3).await;
    assert!(component(&world, "posthog").ok && histories(&world) > first, "{:?}", component(&world, "posthog"));
    drop_of_sign_ups(&world, world.core.now().plus_ms(minutes(25)), 40);
    world.watch_for(50).await;
    assert!(!world.only_finding().await.is_over());
}

#[tokio::test]
async fn a_metric_that_is_refused_is_named_and_the_others_go_on() {
    let mut world = World::new().await;
    let refused = (MetricId::new("checkout_done"), "unknown event".to_owned());
    world.product.state().refused = vec![refused];
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 200);
    world.watch_for(30).await;
    assert!(matches!(&world.only_finding().await.subject, Subject::Metric { name, .. } if name == "signed_up"));
    let health = component(&world, "posthog");
    assert!(health.ok && health.detail.contains("checkout_done cannot be read: unknown event"), "{}", health.detail);
}

#[tokio::test]
async fn a_credential_without_the_scope_for_errors_still_watches_the_metrics() {
    let mut world = World::new().await;
    world.product.state().errors_down = Some(SourceError::Denied {
        reason: "403 on errors".to_owned(),
        remedy: "give the key the scope error_tracking:read".to_owned(),
    });
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 200);
    world.watch_for(30).await;
    assert!(matches!(world.only_finding().await.subject, Subject::Metric { .. }));
    let health = component(&world, "posthog");
    assert!(health.ok && health.detail.contains("error_tracking:read"), "{}", health.detail);
}

#[tokio::test]
async fn errors_that_are_not_as_agreed_are_unknown_alone() {
    let mut world = World::new().await;
    world.tick().await;
    let reason = "error query: missing field `status`".to_owned();
    world.product.state().errors_down = Some(SourceError::Shape { reason });
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 200);
    world.watch_for(30).await;
    assert!(matches!(world.only_finding().await.subject, Subject::Metric { .. }));
    let health = component(&world, "posthog");
    assert!(health.ok && health.detail.contains("errors cannot be read: error query: missing field"), "{health:?}");
}

#[tokio::test]
async fn a_restart_in_the_middle_keeps_the_finding_and_sees_its_end() {
    let mut world = World::new().await;
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 60);
    world.watch_for(30).await;
    let before = world.only_finding().await;
    world.restart().await;
    world.watch_for(5).await;
    let after = world.only_finding().await;
    assert_eq!((after.id, after.reopened, after.proposal), (before.id, 0, before.proposal));
    world.watch_for(20).await;
    world.restart().await;
    world.watch_for(60).await;
    assert!(world.only_finding().await.is_over());
    assert_eq!(world.all::<Proposal>().await.len(), 1);
}

#[tokio::test]
async fn an_error_that_is_new_and_repeats_is_found_and_followed_over_a_restart() {
    let mut world = World::new().await;
    let issue = |last: i64, occurrences| ErrorIssue {
        id: "e1".to_owned(),
        name: "TypeError".to_owned(),
        description: "form is undefined".to_owned(),
        status: "active".to_owned(),
        source: Some("web/signup/form.ts".to_owned()),
        function: None,
        first_seen: NOW.plus_ms(minutes(1)),
        last_seen: NOW.plus_ms(minutes(last)),
        occurrences,
        volume: Vec::new(),
    };
    world.tick().await;
    world.product.state().errors = vec![issue(20, 90)];
    world.clock.advance(minutes(20));
    world.tick().await;
    let found = world.only_finding().await;
    assert!(matches!(found.subject, Subject::Error { .. }));
    world.restart().await;
    world.watch_for(3).await;
    assert_eq!(world.only_finding().await.id, found.id);
    world.clock.advance(HOUR_MS);
    world.watch_for(1).await;
    assert!(world.only_finding().await.is_over(), "quiet for an hour");
}

/// The flag checkout-fast rolled out to everybody at `at`.
fn checkout_fast(at: Timestamp) -> Change {
    Change {
        id: ChangeId::new("posthog:flag:7:12"),
        kind: ChangeKind::Flag,
        at,
        live_at: None,
        title: "checkout-fast: rollout to 100 %".to_owned(),
        author: Some("alan".to_owned()),
        url: None,
        reference: ChangeRef::Flag { id: 7, key: "checkout-fast".to_owned(), active: Some(true), rollout: Some(1.0) },
        files: Vec::new(),
    }
}

#[tokio::test]
async fn a_full_disk_costs_neither_the_finding_nor_the_flag_edit_that_explains_it() {
    let mut world = World::new().await;
    world.tick().await;
    let from = NOW.plus_ms(minutes(5));
    let until = from.plus_ms(minutes(300));
    world.product.state().incidents.push(Incident { metric: "checkout_done", from, until, factor: 0.4 });
    world.product.state().split = Some([300.0, 60.0, 300.0, 298.0]);
    world.product.state().flag_changes = vec![checkout_fast(NOW.plus_ms(minutes(1)))];
    // Longer than edits are read back for.
    for _ in 0..40 {
        world.clock.advance(minutes(1));
        world.core.store.fail_next(Disk::Full);
        let told = world.watch.tick().await.unwrap_err().to_string();
        assert!(told.contains("no room left"), "{told}");
    }
    assert!(world.all::<Change>().await.is_empty() && world.all::<Finding>().await.is_empty());
    world.watch_for(2).await;
    let finding = world.only_finding().await;
    assert_eq!(finding.likely_cause().unwrap().change.label(), "flag checkout-fast");
    assert_eq!(world.all::<Proposal>().await[0].action.kind, "posthog.set_flag");
}

#[tokio::test]
async fn a_flag_whose_users_are_the_ones_affected_is_proposed_to_be_turned_off() {
    let mut world = World::new().await;
    world.tick().await;
    let from = NOW.plus_ms(minutes(30));
    let until = from.plus_ms(minutes(300));
    world.product.state().incidents.push(Incident { metric: "checkout_done", from, until, factor: 0.4 });
    world.product.state().split = Some([300.0, 60.0, 300.0, 298.0]);
    world.product.state().flag_changes = vec![checkout_fast(from.plus_ms(-minutes(3)))];
    world.watch_for(60).await;
    let proposal = world.all::<Proposal>().await.remove(0);
    assert_eq!(proposal.action.kind, "posthog.set_flag");
    assert_eq!(proposal.card.title, "Turn flag checkout-fast off");
    assert!(world.flags.effects().is_empty());
    world.approve(&proposal).await;
    world.run_to_end().await;
    assert_eq!(world.flags.effects(), ["checkout-fast off"]);
}

#[tokio::test]
async fn a_proposal_expires_in_the_watch_and_says_so() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    world.clock.set(proposal.expires_at.plus_ms(-1));
    world.tick().await;
    assert_eq!(world.proposal(proposal.id).await.state.name(), "pending");
    world.clock.advance(1);
    world.tick().await;
    assert_eq!(world.proposal(proposal.id).await.state.name(), "expired");
    assert!(world.said(&proposal.thread).await.last().unwrap().contains("expired"));
    assert!(matches!(world.only_finding().await.state, FindingState::Open));
}

#[tokio::test]
async fn a_history_that_breaks_off_goes_on_with_the_piece_that_failed() {
    let events: Vec<String> = (0..11).map(|n| format!("event_{n}")).chain(["signed_up".to_owned()]).collect();
    let mut world = World::with(serde_json::json!({"posthog": {"events": events}}), "{}").await;
    // The clock, then the first piece; the second fails.
    world.product.state().fails_after = Some(2);
    world.tick().await;
    assert!(!component(&world, "posthog").ok);
    assert_eq!(world.product.state().ranges.len(), 1);
    world.product.state().fails_after = None;
    world.watch_for(5).await;
    assert!(component(&world, "posthog").ok);
    let ranges = world.product.state().ranges.clone();
    assert!(ranges.iter().filter(|(_, until)| until.is_some()).count() > 1, "in pieces: {ranges:?}");
    let open = ranges.iter().position(|(_, until)| until.is_none()).unwrap();
    for pair in ranges[..=open].windows(2) {
        assert_eq!(pair[0].1, Some(pair[1].0), "nothing twice, nothing left out");
    }
    drop_of_sign_ups(&world, world.clock.now(), 60);
    world.watch_for(30).await;
    assert!(matches!(world.only_finding().await.subject, Subject::Metric { .. }), "and what is normal was learnt");
}

#[tokio::test]
async fn what_happened_in_an_outage_of_days_is_unknown_and_no_drop() {
    let mut world = World::new().await;
    world.tick().await;
    world.product.state().down = Some(limited());
    world.clock.advance(4 * 24 * HOUR_MS);
    world.tick().await;
    world.product.state().down = None;
    world.watch_for(90).await;
    assert!(world.all::<Finding>().await.is_empty(), "{:?}", world.all::<Finding>().await);
}

#[tokio::test]
async fn a_metric_that_is_answered_again_did_not_stand_still_meanwhile() {
    let mut world = World::new().await;
    world.tick().await;
    let words = "Unknown table".to_owned();
    world.product.state().refused = vec![(MetricId::new("signed_up"), words)];
    world.watch_for(20).await;
    world.clock.advance(12 * HOUR_MS);
    world.watch_for(20).await;
    world.product.state().refused.clear();
    world.watch_for(60).await;
    assert!(world.all::<Finding>().await.is_empty(), "{:?}", world.all::<Finding>().await);
}
