//! One problem, one record: opened, updated, reopened, put off, closed; and the repair that is staged for it.

use futures::future::join_all;
use serde_json::json;
use wakeman_types::{
    CandidateCause, Change, ChangeId, ChangeKind, ChangeRef, ChoiceRecord, DAY_MS, DecisionRequest, ErrorKind, Finding,
    FindingState, Findings, HOUR_MS, Proposal, ProposalState, Proposals, Resolution, Subject, Verdict,
};

use crate::support::{Fault, MERGE_SHA, NOW, World, by, merge_482, minutes};

#[tokio::test]
async fn a_failing_workflow_is_one_finding_with_its_merge_and_one_proposal_until_it_passes() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.watch_for(5).await;
    let finding = world.only_finding().await;
    assert_eq!(finding.likely_cause().unwrap().change.label(), "#482");
    assert_eq!(finding.state, FindingState::Open);
    let proposals = world.all::<Proposal>().await;
    assert_eq!(proposals.len(), 1);
    assert_eq!(finding.proposal, Some(proposals[0].id));
    assert_eq!(proposals[0].card.title, "Revert #482 on acme/app, then merge the revert");
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(3).await;
    let ended = world.only_finding().await;
    assert!(matches!(ended.state, FindingState::Resolved { how: Resolution::Recovered, .. }), "{:?}", ended.state);
    assert_eq!(world.events_of(finding.id).await, ["finding.opened", "finding.resolved"]);
    let said = world.said(&finding.thread).await;
    assert_eq!(said.len(), 4, "the finding, the card, the end, the card withdrawn: {said:?}");
    assert!(world.repo.effects().is_empty(), "nobody approved anything");
}

#[tokio::test]
async fn what_comes_back_within_a_day_is_the_same_finding_and_later_a_new_one() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(1).await;
    world.code.run(3, "broken again", false, world.core.now());
    world.watch_for(2).await;
    let finding = world.only_finding().await;
    assert_eq!((finding.reopened, &finding.state), (1, &FindingState::Open));
    assert_eq!(finding.since, NOW.plus_ms(minutes(1)));
    world.code.run(4, "fixed", true, world.core.now());
    world.watch_for(1).await;
    world.clock.advance(DAY_MS);
    world.code.run(5, "broken", false, world.core.now());
    world.watch_for(1).await;
    let all = world.all::<Finding>().await;
    assert_eq!(all.len(), 2);
    assert!(all[0].is_over() && !all[1].is_over());
}

#[tokio::test]
async fn what_an_operator_closed_stays_closed_until_it_breaks_anew() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let id = world.only_finding().await.id;
    world.desk.resolve(&by("telegram:2"), id).await.unwrap();
    world.code.run(2, "still broken", false, world.core.now().plus_ms(minutes(1)));
    world.watch_for(5).await;
    let closed = world.only_finding().await;
    assert!(matches!(&closed.state, FindingState::Resolved { how: Resolution::Closed { by }, .. } if by == "lin"));
    world.code.run(3, "fixed", true, world.core.now());
    world.watch_for(1).await;
    world.code.run(4, "broken", false, world.core.now());
    world.watch_for(1).await;
    assert_eq!(world.only_finding().await.state, FindingState::Open, "another episode");
}

#[tokio::test]
async fn two_signs_of_one_cause_are_one_finding_and_are_closed_together() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    world.code.deployment(9, MERGE_SHA, "failure", NOW.plus_ms(-minutes(20)));
    world.watch_for(3).await;
    let finding = world.only_finding().await;
    assert_eq!(finding.also.len(), 1);
    assert!(matches!(finding.also[0].subject, Subject::Deployment { .. }));
    assert_eq!(world.all::<Proposal>().await.len(), 1);
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(1).await;
    assert!(!world.only_finding().await.is_over(), "the deployment still stands there failed");
    world.desk.resolve(&by("telegram:1"), finding.id).await.unwrap();
    world.watch_for(3).await;
    assert!(world.only_finding().await.is_over(), "its other sign is no news after that");
}

#[tokio::test]
async fn what_begins_more_than_an_hour_apart_is_two_findings_whatever_the_cause() {
    for (apart_ms, findings) in [(HOUR_MS, 1), (HOUR_MS + 1, 2)] {
        let mut world = World::code_only().await;
        world.break_the_build();
        world.tick().await;
        let since = world.only_finding().await.since;
        world.clock.set(since.plus_ms(apart_ms));
        world.code.deployment(9, MERGE_SHA, "failure", since.plus_ms(apart_ms));
        world.tick().await;
        assert_eq!(world.all::<Finding>().await.len(), findings, "{apart_ms} ms apart");
    }
}

#[tokio::test]
async fn what_recovers_by_itself_withdraws_its_card_and_says_so() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(1).await;
    assert!(world.only_finding().await.is_over());
    let withdrawn = world.proposal(proposal.id).await;
    assert_eq!(withdrawn.state, ProposalState::Superseded);
    assert!(world.events_of(proposal.id).await.contains(&"proposal.withdrawn".to_owned()));
    let said = world.said(&proposal.thread).await;
    assert_eq!(said.len(), 4, "finding, card, recovered, withdrawn: {said:?}");
    insta::assert_snapshot!(said[3].lines().next().unwrap(), @"P-1 is withdrawn 03:01, nothing was run: workflow ci passes again");
    let refused = world.decide("telegram:1", &proposal, Verdict::Approve).await.unwrap_err();
    assert_eq!(wakeman_types::GatewayError::from(refused).kind, ErrorKind::AlreadyDecided);
    assert_eq!((world.run().await, world.repo.effects().len()), (0, 0));
    world.code.run(3, MERGE_SHA, false, world.core.now());
    world.watch_for(1).await;
    assert_eq!(world.all::<Proposal>().await.len(), 2, "back again, with a card of its own");
}

#[tokio::test]
async fn what_comes_back_after_the_first_step_did_not_come_back_by_itself() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    let digest = proposal.digest.as_str().to_owned();
    let request = DecisionRequest { decision: Verdict::Approve, digest, reason: None, step: Some(1) };
    world.desk.decide(&by("telegram:1"), proposal.id, request).await.unwrap();
    world.run_to_end().await;
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(1).await;
    let over = world.only_finding().await;
    let how = Resolution::Repaired { proposal: proposal.id };
    assert!(matches!(&over.state, FindingState::Resolved { how: h, .. } if *h == how), "{:?}", over.state);
    let said = world.said(&proposal.thread).await;
    assert!(said.last().unwrap().contains("ended after P-1 ran."), "{said:?}");
    // What is left of it is for people: nothing was withdrawn.
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Pending);
    world.approve(&proposal).await;
    world.run_to_end().await;
    world.watch_for(1).await;
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Verified);
}

#[tokio::test]
async fn what_somebody_closes_takes_its_card_along() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    let finding = world.only_finding().await;
    world.desk.resolve(&by("telegram:1"), finding.id).await.unwrap();
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Superseded);
    let said = world.said(&proposal.thread).await;
    insta::assert_snapshot!(said.last().unwrap().lines().next().unwrap(), @"P-1 is withdrawn 03:00, nothing was run: F-1 was closed by ada");
    let refused = world.decide("telegram:1", &proposal, Verdict::Approve).await.unwrap_err();
    assert_eq!(wakeman_types::GatewayError::from(refused).kind, ErrorKind::AlreadyDecided);
}

#[tokio::test]
async fn an_approval_that_came_first_is_not_withdrawn() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    world.approve(&proposal).await;
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(1).await;
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Approved);
}

#[tokio::test]
async fn a_card_that_another_finding_needs_stays_until_both_are_over() {
    let mut world = World::code_only_with(json!({"approvals": {"default": {"expires": "4h"}}}), "{}").await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(2 * HOUR_MS);
    world.code.deployment(9, MERGE_SHA, "failure", NOW.plus_ms(minutes(41)));
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    world.code.run(2, "fixed", true, world.core.now());
    world.watch_for(1).await;
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Pending);
    world.code.deployment(10, "fixed", "success", world.core.now());
    world.watch_for(1).await;
    assert_eq!(world.proposal(proposal.id).await.state, ProposalState::Superseded);
}

#[tokio::test]
async fn a_repair_that_failed_is_proposed_afresh_once() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    for attempt in 1..=2 {
        let all = world.all::<Proposal>().await;
        assert_eq!(all.len(), attempt);
        world.repo.fail("merge", &[Fault::Permanent]);
        world.approve(&all[attempt - 1]).await;
        world.run_to_end().await;
        assert_eq!(world.proposal(all[attempt - 1].id).await.state, ProposalState::Failed);
        world.watch_for(3).await;
    }
    world.watch_for(30).await;
    let all = world.all::<Proposal>().await;
    assert_eq!(all.len(), 2, "and not a third time");
    assert_ne!(all[0].digest, all[1].digest);
    assert_eq!(world.only_finding().await.proposal, Some(all[1].id));
}

#[tokio::test]
async fn a_repair_that_did_not_help_is_followed_by_that_of_the_next_likely_cause() {
    let flag = Change {
        id: ChangeId::new("posthog:flag:1"),
        kind: ChangeKind::Flag,
        reference: ChangeRef::Flag { id: 7, key: "checkout-fast".to_owned(), active: Some(true), rollout: Some(1.0) },
        ..merge_482()
    };
    for (second, none, proposals) in [(0.35, 0.05, 2), (0.05, 0.35, 1)] {
        let mut world = World::code_only().await;
        let mut finding = world.finding().await;
        let cause = |change: Change, probability: f64| CandidateCause { change, probability, reasons: Vec::new() };
        finding.causes = vec![cause(merge_482(), 0.6), cause(flag.clone(), second)];
        finding.none_probability = none;
        world.commit(wakeman_store::Commit::new(NOW).put(&finding)).await;
        world.tick().await;
        let first = world.all::<Proposal>().await.remove(0);
        world.approve(&first).await;
        world.run_to_end().await;
        world.clock.advance(2 * HOUR_MS);
        let found: Proposal = world.proposal(first.id).await;
        let vain = Proposal { state: ProposalState::NotRecovered, state_since: world.core.now(), ..found };
        world.commit(wakeman_store::Commit::new(world.core.now()).put(&vain)).await;
        world.watch_for(5).await;
        let (back, all): (Vec<_>, Vec<_>) =
            world.all::<Proposal>().await.into_iter().partition(|p| p.action.target["follows"] == json!(first.id));
        assert_eq!(back.len(), 1, "the way back is offered, once");
        assert_eq!(back[0].steps[0].action.arguments["number"], 483);
        assert_eq!(all.len(), proposals, "{second}");
        if let Some(next) = all.get(1) {
            assert_eq!(next.action.kind, "posthog.set_flag");
        }
    }
}

#[tokio::test]
async fn findings_of_one_cause_hours_apart_share_one_proposal() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(minutes(20));
    let proposal = world.all::<Proposal>().await.remove(0);
    world.approve(&proposal).await;
    world.run_to_end().await;
    world.clock.advance(2 * HOUR_MS);
    world.code.deployment(9, MERGE_SHA, "failure", NOW.plus_ms(minutes(41)));
    world.tick().await;
    let all = world.all::<Finding>().await;
    assert_eq!(all.len(), 2);
    let reverts = world.all::<Proposal>().await.into_iter().filter(|p| p.steps[0].action.arguments["number"] == 482);
    assert_eq!(reverts.count(), 2, "it ran before that");

    let mut world = World::code_only_with(json!({"approvals": {"default": {"expires": "4h"}}}), "{}").await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(2 * HOUR_MS);
    world.code.deployment(9, MERGE_SHA, "failure", NOW.plus_ms(minutes(41)));
    world.tick().await;
    let all = world.all::<Finding>().await;
    assert_eq!(all.len(), 2);
    assert_eq!(world.all::<Proposal>().await.len(), 1, "still pending: nothing is undone twice");
    assert_eq!(all[0].proposal, all[1].proposal);
}

#[tokio::test]
async fn the_first_failing_commit_is_suspected_however_many_follow() {
    let mut world = World::code_only_with(json!({"runtime": {"executionMode": "observe"}}), "{}").await;
    world.code.run(1, "old", false, NOW.plus_ms(-minutes(90)));
    world.code.run(2, "good", true, NOW.plus_ms(-minutes(60)));
    world.code.state().answer.changes = vec![crate::support::merge_482()];
    world.code.run(3, MERGE_SHA, false, NOW.plus_ms(-minutes(25)));
    world.code.run(4, "later", false, NOW.plus_ms(-minutes(5)));
    world.tick().await;
    let finding = world.only_finding().await;
    assert_eq!((finding.since, finding.occurrences), (NOW.plus_ms(-minutes(25)), 2), "in a row");
    assert_eq!(finding.likely_cause().unwrap().change.label(), "#482");
    assert!(matches!(finding.subject, Subject::Run { run: 4, .. }), "the newest is where to look");
}

#[tokio::test]
async fn a_deployment_is_stuck_after_twenty_minutes_and_over_when_one_succeeds() {
    let mut world = World::code_only().await;
    world.code.deployment(9, "abc", "in_progress", NOW);
    world.tick().await;
    world.watch_for(20).await;
    assert!(world.all::<Finding>().await.is_empty());
    world.watch_for(2).await;
    assert!(!world.only_finding().await.is_over());
    world.code.deployment(10, "abd", "in_progress", world.core.now());
    world.watch_for(1).await;
    assert!(!world.only_finding().await.is_over(), "the next one has not arrived yet");
    world.code.deployment(11, "abd", "success", world.core.now());
    world.watch_for(1).await;
    assert!(world.only_finding().await.is_over());
}

#[tokio::test]
async fn a_deployment_of_another_year_is_stuck_once_it_was_seen_that_long() {
    let mut world = World::code_only().await;
    world.code.deployment(9, "abc", "in_progress", NOW.plus_ms(-minutes(525_600)));
    world.watch_for(20).await;
    assert!(world.all::<Finding>().await.is_empty(), "their clock is not ours");
    world.watch_for(3).await;
    assert!(!world.only_finding().await.is_over());
}

#[tokio::test]
async fn a_jump_of_the_clock_makes_no_deployment_stuck_but_a_failed_one_counts_at_once() {
    let mut world = World::code_only().await;
    world.code.deployment(9, "abc", "in_progress", NOW);
    world.tick().await;
    world.clock.advance(minutes(30));
    world.tick().await;
    assert!(world.all::<Finding>().await.is_empty(), "seen late once");
    world.code.deployment(10, "abd", "in_progress", NOW.plus_ms(minutes(5)));
    world.watch_for(1).await;
    assert!(world.all::<Finding>().await.is_empty(), "another one, seen late once");
    world.code.state().answer.deployments[0].status = "success".to_owned();
    world.watch_for(1).await;
    assert!(world.all::<Finding>().await.is_empty());
    world.code.deployment(11, "abe", "failure", world.core.now());
    world.tick().await;
    assert!(!world.only_finding().await.is_over());
}

#[tokio::test]
async fn a_snooze_is_quiet_until_its_end_and_then_speaks_again() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let finding = world.only_finding().await;
    let before = world.said(&finding.thread).await.len();
    let until = world.core.now().plus_ms(HOUR_MS);
    world.desk.snooze(&by("telegram:2"), finding.id, HOUR_MS).await.unwrap();
    world.clock.set(until.plus_ms(-minutes(2)));
    world.watch_for(1).await;
    let asleep = world.only_finding().await;
    assert_eq!(asleep.state, FindingState::Snoozed { by: "lin".to_owned(), until });
    let said = world.said(&finding.thread).await;
    assert!(said[before..].iter().all(|words| !words.contains("Workflow")), "{said:?}");
    world.watch_for(1).await;
    assert_eq!(world.only_finding().await.state, FindingState::Open);
    assert!(world.events_of(finding.id).await.contains(&"finding.escalated".to_owned()));
}

#[tokio::test]
async fn an_operators_word_counts_once_and_only_while_it_is_not_over() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let id = world.only_finding().await.id;
    let lin = by("telegram:2");
    let mine = world.desk.acknowledge(&lin, id).await.unwrap();
    assert!(matches!(&mine.state, FindingState::Acknowledged { by, .. } if by == "lin"));
    let events = world.events_of(id).await.len();
    assert_eq!(world.desk.acknowledge(&lin, id).await.unwrap(), mine);
    assert_eq!(world.events_of(id).await.len(), events, "saying it twice changes nothing");
    for bad in [0, -1, 30 * DAY_MS + 1] {
        assert_eq!(world.desk.snooze(&lin, id, bad).await.unwrap_err().kind, ErrorKind::Invalid, "{bad}");
    }
    assert_eq!(world.desk.acknowledge(&by("telegram:99"), id).await.unwrap_err().kind, ErrorKind::Forbidden);
    world.desk.resolve(&lin, id).await.unwrap();
    world.desk.resolve(&lin, id).await.unwrap();
    assert_eq!(world.desk.acknowledge(&lin, id).await.unwrap_err().kind, ErrorKind::AlreadyDecided);
    assert_eq!(world.desk.snooze(&lin, id, HOUR_MS).await.unwrap_err().kind, ErrorKind::AlreadyDecided);
}

#[tokio::test]
async fn many_at_once_all_get_their_word_in() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let id = world.only_finding().await.id;
    let people = ["telegram:1", "telegram:2", "telegram:4", "cli:1000"];
    let (desk, people) = (&world.desk, people.map(by));
    let words = (0..12).map(|n| desk.snooze(&people[n % 4], id, HOUR_MS + n as i64));
    let failed: Vec<_> = join_all(words).await.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(world.events_of(id).await.iter().filter(|e| *e == "finding.snoozed").count(), 12);
}

#[tokio::test]
async fn nothing_is_staged_where_the_mode_or_the_tools_do_not_allow_it() {
    let observe = json!({"runtime": {"executionMode": "observe"}});
    let no_pulls = r#"{"github": {"createPullRequests": false}}"#;
    let no_branches = r#"{"github": {"pushBranches": false}}"#;
    for (settings, tools) in [(observe, "{}"), (json!({}), no_pulls), (json!({}), no_branches)] {
        let mut world = World::code_only_with(settings, tools).await;
        world.break_the_build();
        world.watch_for(3).await;
        assert_eq!(world.only_finding().await.proposal, None, "{tools}");
        assert!(world.all::<Proposal>().await.is_empty(), "{tools}");
        if tools != "{}" {
            let shown = world.desk.finding(&by("telegram:1"), world.only_finding().await.id).await.unwrap();
            assert_eq!(shown.repair, None, "no button for what cannot be done");
        }
    }
}

#[tokio::test]
async fn a_repair_that_could_not_be_read_is_staged_later_and_one_that_cannot_work_never() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.repo.fail("pull", &[Fault::NotDone]);
    world.tick().await;
    assert!(world.all::<Proposal>().await.is_empty());
    world.watch_for(3).await;
    assert_eq!(world.all::<Proposal>().await.len(), 1);

    let mut world = World::code_only().await;
    world.break_the_build();
    world.repo.fail("pull", &[Fault::Permanent]);
    world.watch_for(10).await;
    assert!(world.all::<Proposal>().await.is_empty());
}

#[tokio::test]
async fn how_it_was_told_is_on_record_with_the_chances_of_each_way() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let finding = world.only_finding().await;
    let record = world.all::<ChoiceRecord>().await.remove(0);
    assert_eq!((record.finding, record.chosen), (finding.id, finding.interruption));
    let sum: f64 = record.arms.iter().map(|arm| arm.propensity).sum();
    assert!((sum - 1.0).abs() < 1e-12, "{:?}", record.arms);
    assert!(record.arms.iter().any(|arm| arm.arm == record.chosen && arm.propensity > 0.0));
    let why = world.desk.why(&by("telegram:3"), finding.id).await.unwrap();
    assert_eq!((why.policy, why.reason), (record.policy, record.reason));
    let shown = world.desk.proposal(&by("telegram:3"), finding.proposal.unwrap()).await.unwrap();
    assert_eq!(shown.proposal.finding, Some(finding.id));
}
