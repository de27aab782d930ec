//! Did it help? Answered from the numbers that raised the finding, in the same thread.

use serde_json::json;
use wakeman_gateway::{
    act::asked::{Asked, Wish, stage},
    ports::{Checks, PullFacts, RunStatus, SourceError},
};
use wakeman_types::{
    FindingState, Findings, Proposal, ProposalState as S, Resolution, Verification, VerificationResult as R,
};

use crate::{
    support::{Fault, NOW, World, by, minutes},
    watch::drop_of_sign_ups,
};

/// A broken build whose revert was approved and has just been merged.
async fn repaired() -> (World, Proposal) {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let proposal = world.all::<Proposal>().await.remove(0);
    world.approve(&proposal).await;
    world.run_to_end().await;
    let proposal = world.proposal(proposal.id).await;
    assert_eq!(proposal.state, S::Succeeded);
    world.tick().await;
    assert_eq!(result(&world, &proposal).await, None, "nothing is known yet");
    (world, proposal)
}

async fn result(world: &World, proposal: &Proposal) -> Option<R> {
    world.get::<Verification>(proposal.id).await.result
}

#[tokio::test]
async fn a_repair_that_helped_is_verified_in_its_thread_and_ends_the_finding() {
    let (mut world, proposal) = repaired().await;
    world.watch_for(10).await;
    world.code.run(2, "merge483", true, world.core.now());
    world.watch_for(1).await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Verified);
    assert_eq!(result(&world, &proposal).await, Some(R::Recovered));
    let finding = world.only_finding().await;
    let how = Resolution::Repaired { proposal: proposal.id };
    assert!(matches!(&finding.state, FindingState::Resolved { how: h, .. } if *h == how));
    assert_eq!(finding.thread, proposal.thread);
    let said = world.said(&finding.thread).await;
    assert_eq!(said.len(), 4, "finding, card, what ran, what came of it: {said:?}");
    world.watch_for(40).await;
    assert_eq!(world.said(&finding.thread).await.len(), 4, "said once");
}

#[tokio::test]
async fn a_repair_that_did_not_help_is_said_at_its_deadline_and_not_before() {
    let (mut world, proposal) = repaired().await;
    let deadline = world.get::<Verification>(proposal.id).await.deadline;
    world.clock.set(deadline.plus_ms(-1));
    world.tick().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
    world.clock.set(deadline);
    world.tick().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::NotRecovered);
    assert!(!world.only_finding().await.is_over());
}

#[tokio::test]
async fn a_check_whose_source_is_silent_is_unknown_and_never_recovered() {
    let (mut world, proposal) = repaired().await;
    world.code.run(2, "merge483", true, world.core.now());
    world.code.state().down = Some(SourceError::Unavailable { reason: "502".to_owned() });
    world.watch_for(45).await;
    assert_eq!(result(&world, &proposal).await, Some(R::Unknown));
    let after = world.proposal(proposal.id).await;
    assert_eq!(after.state, S::Succeeded, "neither verified nor not");
    assert_eq!(after.note.as_deref(), Some("the check could not be made: its source did not answer"));
    assert!(!world.only_finding().await.is_over());
    // It answers again: what could not be checked is checked then, and said.
    world.code.state().down = None;
    world.watch_for(30).await;
    assert_eq!(result(&world, &proposal).await, Some(R::Recovered));
    let after = world.proposal(proposal.id).await;
    assert_eq!((after.state, after.note), (S::Verified, None));
    assert!(world.only_finding().await.is_over());
}

#[tokio::test]
async fn numbers_from_before_the_repair_do_not_say_that_it_did_not_help() {
    let mut world = World::new().await;
    world.product.state().late_ms = minutes(50);
    world.tick().await;
    drop_of_sign_ups(&world, NOW.plus_ms(minutes(5)), 600);
    world.watch_for(90).await;
    let proposal = world.all::<Proposal>().await.remove(0);
    world.approve(&proposal).await;
    world.run_to_end().await;
    world.watch_for(45).await;
    assert_eq!(result(&world, &proposal).await, Some(R::Unknown), "the newest are from before it");
}

#[tokio::test]
async fn a_finding_that_somebody_closed_does_not_make_the_check_pass() {
    let (mut world, proposal) = repaired().await;
    let finding = world.only_finding().await;
    world.desk.resolve(&by("telegram:1"), finding.id).await.unwrap();
    world.watch_for(5).await;
    assert_eq!(result(&world, &proposal).await, None);
    world.watch_for(40).await;
    assert_eq!(result(&world, &proposal).await, Some(R::NotRecovered));
}

#[tokio::test]
async fn a_check_outlives_a_restart() {
    let (mut world, proposal) = repaired().await;
    world.clock.advance(minutes(5));
    world.restart().await;
    world.code.run(2, "merge483", true, world.core.now());
    world.tick().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Verified);
}

/// What ada asks for without a finding, approved and run.
async fn asked(wish: Wish) -> (World, Proposal) {
    let world = World::code_only_with(json!({}), r#"{"vercel": {"triggerDeploys": true}}"#).await;
    let open =
        PullFacts { number: 484, open: true, merged: false, merge_sha: None, ..world.repo.state().pulls[&482].clone() };
    world.repo.state().pulls.insert(484, open);
    let thread = world.finding().await.thread;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    let staged = stage(&world.core, &ada, &thread, wish, None).await.unwrap();
    let Asked::Staged(id) = staged else { panic!("{staged:?}") };
    world.approve(&world.proposal(id).await).await;
    world.run_to_end().await;
    let ran = world.proposal(id).await;
    assert_eq!(ran.state, S::Succeeded, "{:?}", ran.note);
    (world, ran)
}

fn flag_off() -> Wish {
    Wish::Flag { key: "checkout-fast".into(), active: false, rollout: None }
}

fn issue() -> Wish {
    Wish::Issue { title: "Look".into(), body: "here".into() }
}

/// What was asked for, what becomes of it, what the check says, and in which words.
type Row = (Wish, fn(&World), R, &'static str);

fn as_it_is(_: &World) {}

async fn checked(table: impl IntoIterator<Item = Row>) {
    for (wish, change, result, words) in table {
        let (mut world, ran) = asked(wish.clone()).await;
        change(&world);
        world.watch_for(1).await;
        let early = self::result(&world, &ran).await;
        assert!(early.is_none() || early == Some(R::Recovered), "{wish:?}: {early:?} before its time");
        world.watch_for(31).await;
        assert_eq!(self::result(&world, &ran).await, Some(result), "{wish:?}");
        let state = match result {
            R::Recovered => S::Verified,
            R::NotRecovered => S::NotRecovered,
            R::Unknown => S::Succeeded,
        };
        assert_eq!(world.proposal(ran.id).await.state, state, "{wish:?}");
        let said = world.said(&ran.thread).await.join("\n");
        assert!(said.contains(words), "{wish:?}: {said}");
    }
}

#[tokio::test]
async fn whatever_repairs_no_finding_is_checked_by_asking_the_remote_whether_it_is_as_meant() {
    let table: [Row; 10] = [
        (Wish::Merge { number: 484 }, as_it_is, R::Recovered, "the merge and its checks pass within 30 min"),
        (
            Wish::Merge { number: 484 },
            |w| w.repo.state().checks = Some(Checks::Failed),
            R::NotRecovered,
            "the checks of the merge of #484 failed",
        ),
        (
            Wish::Merge { number: 484 },
            |w| w.repo.state().checks = Some(Checks::Pending),
            R::Unknown,
            "the checks of the merge of #484 had not finished",
        ),
        (Wish::Merge { number: 484 }, |w| w.repo.state().checks = Some(Checks::None), R::Recovered, ""),
        (Wish::Revert { number: 482 }, as_it_is, R::Recovered, "the merge and its checks pass within 30 min"),
        (issue(), as_it_is, R::Recovered, "the issue is there within 5 min"),
        (issue(), |w| w.repo.state().issues.clear(), R::NotRecovered, "GitHub does not show the issue"),
        (
            Wish::Comment { number: 482, body: "So.".into() },
            as_it_is,
            R::Recovered,
            "the comment is there within 5 min",
        ),
        (
            Wish::Comment { number: 482, body: "So.".into() },
            |w| w.repo.fail("comment_by_marker", &[Fault::NotDone; 50]),
            R::Unknown,
            "the check could not be made",
        ),
        (
            Wish::Patch { files: vec![("a.ts".into(), Some("1".into()))], title: "A".into(), body: "B".into() },
            |w| w.repo.state().pulls.get_mut(&485).unwrap().open = false,
            R::NotRecovered,
            "#485 was opened and somebody closed it",
        ),
    ];
    checked(table).await;
}

#[tokio::test]
async fn flags_notes_errors_production_and_runs_are_looked_at_again() {
    let table: [Row; 10] = [
        (
            Wish::Annotate { content: "the sale begins".into() },
            as_it_is,
            R::Recovered,
            "the note is there within 5 min",
        ),
        (
            Wish::Annotate { content: "the sale begins".into() },
            |w| w.outside.state().annotations.clear(),
            R::NotRecovered,
            "PostHog does not show the annotation",
        ),
        (flag_off(), as_it_is, R::Recovered, "the flag is as set within 5 min"),
        (flag_off(), |w| w.flags.state().active = true, R::NotRecovered, "the flag is on for everyone"),
        (
            Wish::ErrorStatus { issue: "e1".into(), status: "resolved".into() },
            |w| w.outside.state().status = "active".to_owned(),
            R::NotRecovered,
            "the error is active",
        ),
        (Wish::Rollback, as_it_is, R::Recovered, "production shows it within 10 min"),
        (
            Wish::Deployment { id: "dpl_3".into() },
            |w| w.outside.state().production = "dpl_9".to_owned(),
            R::NotRecovered,
            "production shows dpl_9",
        ),
        (
            Wish::Rerun { run: 71 },
            |w| w.repo.state().run.as_mut().unwrap().status = RunStatus::Passed,
            R::Recovered,
            "the run passes within 30 min",
        ),
        (Wish::Rerun { run: 71 }, as_it_is, R::Unknown, "run 71 had not finished"),
        (
            Wish::Rerun { run: 71 },
            |w| w.repo.state().run.as_mut().unwrap().status = RunStatus::Failed,
            R::NotRecovered,
            "run 71 did not pass",
        ),
    ];
    checked(table).await;
}

#[tokio::test]
async fn what_nobody_can_be_asked_about_says_so_when_it_is_done() {
    let payload = serde_json::from_str(r#"{"text": "sign-ups are back"}"#).unwrap();
    let (mut world, ran) = asked(Wish::Webhook { name: "ops".into(), payload }).await;
    let said = world.said(&ran.thread).await;
    world.watch_for(10).await;
    assert!(world.all::<Verification>().await.is_empty());
    let wanted = "Approved by ada 03:00 → posted to ops 03:00; whether it arrived there cannot be checked → done";
    assert!(said.last().unwrap().starts_with(wanted), "{said:?}");
    assert!(said.first().unwrap().contains("what it makes of it cannot be checked"), "{said:?}");
}
