//! Did it help? Answered from the numbers that raised the finding, in the same thread.

use wakeman_gateway::ports::SourceError;
use wakeman_types::{
    FindingState, Findings, Proposal, ProposalState as S, Resolution, Verification, VerificationResult as R,
};

use crate::{
    support::{NOW, World, by, minutes},
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
