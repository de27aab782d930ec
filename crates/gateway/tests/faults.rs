//! Every way a call can end badly, for every action: each step takes effect at most once, and what is not known is not repeated.

use serde_json::json;
use wakeman_types::{Outcome, Proposal, ProposalState as S};

use crate::{
    actions::sample,
    support::{Fault, World, minutes},
};

/// The actions by the call that is made to fail.
const CALLS: [&str; 13] = [
    "open_revert",
    "merge",
    "set_flag",
    "open_platform_revert",
    "open_issue",
    "open_patch",
    "comment",
    "rerun",
    "annotate",
    "set_error_status",
    "rollback",
    "promote",
    "post",
];

/// Whether asking the remote proves that nothing happened, or a repeat is harmless.
fn provable(call: &str) -> bool {
    ["open_revert", "merge", "set_flag", "open_patch", "set_error_status", "rollback", "promote"].contains(&call)
}

/// Whether the remote can be asked at all what became of the call.
fn can_be_asked(call: &str) -> bool {
    call != "post"
}

/// A world with an approved proposal whose `call` comes to these faults.
async fn approved(call: &'static str, faults: &[Fault]) -> (World, Proposal) {
    let world = World::with(json!({}), r#"{"vercel": {"triggerDeploys": true}}"#).await;
    if call == "open_platform_revert" {
        world.repo.state().touched = vec!["web/signup/form.ts".to_owned()];
    }
    let proposal = match call {
        "set_flag" => world.propose_flag().await,
        "open_issue" => world.propose_issue().await,
        other if sample(other).is_some() => world.propose(sample(other).unwrap()).await,
        _ => world.propose_revert().await,
    };
    world.repo.fail(call, faults);
    world.flags.fail(call, faults);
    world.outside.fail(call, faults);
    world.approve(&proposal).await;
    (world, proposal)
}

/// What took effect; fails if anything did twice.
fn effects(world: &World) -> Vec<String> {
    let all: Vec<String> =
        world.repo.effects().into_iter().chain(world.flags.effects()).chain(world.outside.effects()).collect();
    let mut kinds: Vec<&str> = all.iter().map(|effect| effect.split(['#', ' ']).next().unwrap()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), all.len(), "something was done twice: {all:?}");
    all
}

/// How many effects the whole proposal has when it succeeds.
fn whole(call: &str) -> usize {
    if ["open_revert", "merge", "open_platform_revert"].contains(&call) { 2 } else { 1 }
}

#[tokio::test]
async fn whatever_a_call_comes_to_each_step_takes_effect_at_most_once() {
    use Fault as F;
    for call in CALLS {
        // (what happens to the call, whether the end is known to be good without the remote's proof)
        let asked = can_be_asked(call);
        let table = [(F::NotDone, true), (F::Applied, asked), (F::Late, asked), (F::Lost, provable(call))];
        for (fault, good) in table {
            let (world, proposal) = approved(call, &[fault]).await;
            world.run().await;
            world.repo.land_late();
            world.flags.land_late();
            world.outside.land_late();
            world.run_to_end().await;
            let ended = world.proposal(proposal.id).await;
            let want = if good { S::Succeeded } else { S::NeedsReview };
            assert_eq!(ended.state, want, "{call} {fault:?}: {:?}", ended.note);
            if good {
                assert_eq!(effects(&world).len(), whole(call), "{call} {fault:?}");
            } else {
                let happened = usize::from(matches!(fault, F::Applied | F::Late));
                assert_eq!(effects(&world).len(), happened, "{call} {fault:?}");
                assert!(matches!(ended.steps[0].outcome, Some(Outcome::Unknown { .. })));
            }
        }
        for fault in [F::Permanent, F::Precondition] {
            let (world, proposal) = approved(call, &[fault]).await;
            world.run_to_end().await;
            let ended = world.proposal(proposal.id).await;
            assert_eq!(ended.state, S::Failed, "{call} {fault:?}");
            assert_eq!(effects(&world).len(), usize::from(call == "merge"), "{call} {fault:?}: the rest is stopped");
            assert!(ended.note.is_some());
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_around_a_call_goes_on_with_the_remotes_word() {
    for call in CALLS {
        for fault in [Fault::DiesBefore, Fault::DiesAfter] {
            let (mut world, proposal) = approved(call, &[fault]).await;
            world.run_and_die().await;
            let left = world.proposal(proposal.id).await;
            assert_eq!(left.state, S::Executing, "{call} {fault:?}");
            assert!(left.steps.iter().any(|step| step.intended_at.is_some() && step.outcome.is_none()));
            world.clock.advance(minutes(2));
            world.restart().await;
            world.run_to_end().await;
            let ended = world.proposal(proposal.id).await;
            let good = fault == Fault::DiesAfter && can_be_asked(call) || provable(call);
            assert_eq!(ended.state, if good { S::Succeeded } else { S::NeedsReview }, "{call} {fault:?}");
            let want = if good { whole(call) } else { usize::from(fault == Fault::DiesAfter) };
            assert_eq!(effects(&world).len(), want, "{call} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_again_and_again_still_does_it_once() {
    let faults = [Fault::DiesAfter, Fault::DiesBefore];
    let (mut world, proposal) = approved("merge", &faults).await;
    world.repo.fail("open_revert", &[Fault::DiesBefore]);
    for _ in 0..2 {
        world.run_and_die().await;
        world.clock.advance(minutes(1));
        world.restart().await;
    }
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
    assert_eq!(effects(&world), ["open #483: Revert #482 on wakeman/P-1", "merge #483"]);
}

#[tokio::test]
async fn an_effect_that_arrives_after_it_was_asked_for_again_counts_as_done() {
    for call in CALLS.into_iter().filter(|call| provable(call)) {
        let (world, proposal) = approved(call, &[Fault::Late, Fault::Overtaken]).await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, S::Succeeded, "{call}: {:?}", ended.note);
        assert_eq!(effects(&world).len(), whole(call), "{call}");
    }
}

#[tokio::test]
async fn an_effect_that_arrives_after_it_was_given_to_a_person_is_the_only_one() {
    for call in CALLS.into_iter().filter(|call| !provable(call)) {
        let (world, proposal) = approved(call, &[Fault::Late]).await;
        world.run_to_end().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::NeedsReview);
        world.repo.land_late();
        world.outside.land_late();
        world.clock.advance(minutes(60));
        world.run().await;
        assert_eq!(effects(&world).len(), 1, "{call}");
        let said = world.said(&proposal.thread).await;
        let why = if can_be_asked(call) { "may still appear" } else { "cannot be asked" };
        assert!(said.last().unwrap().contains(why), "{said:?}");
    }
}

#[tokio::test]
async fn what_certainly_did_nothing_is_tried_three_times_and_no_more() {
    for call in CALLS {
        let (world, proposal) = approved(call, &[Fault::NotDone; 9]).await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, S::Failed, "{call}");
        assert_eq!(ended.note.as_deref(), Some("502 before it was taken; tried 3 times"), "{call}");
        let step = ended.steps.iter().find(|step| matches!(step.outcome, Some(Outcome::Failed { .. }))).unwrap();
        assert_eq!(step.tries, 3, "{call}");
    }
}

#[tokio::test]
async fn a_remote_that_says_nothing_for_an_hour_leaves_it_to_a_person() {
    let (world, proposal) = approved("merge", &[Fault::Applied]).await;
    world.run().await;
    world.repo.fail("pull", &[Fault::NotDone; 500]);
    for _ in 0..130 {
        world.clock.advance(minutes(1) / 2);
        world.run().await;
    }
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.state, S::NeedsReview, "{:?}", ended.note);
    assert_eq!(effects(&world).len(), 2);
}
