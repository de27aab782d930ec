//! A plan that is approved step by step: each step has a yes of its own, bound to the whole plan's digest.

use serde_json::json;
use wakeman_gateway::act::{Approved, decide};
use wakeman_present::RenderContext;
use wakeman_store::{Commit, Versioned};
use wakeman_types::{
    ClaimedDelivery, DecisionRequest, ErrorKind, GatewayError, Outcome, Proposal, ProposalState as S, Proposals,
    ResolveRequest, ResolvedAs, Severity,
    Verdict::{Approve, Reject},
    Verification, View,
};

use crate::{
    actions::{comment_on_step, plan, sample},
    notify::{routed, sent},
    support::{Fault, World, by, minutes},
};

const TOOLS: &str = r#"{"vercel": {"triggerDeploys": true}}"#;

/// Opens a pull request, comments on it, posts that.
async fn proposed() -> (World, Proposal) {
    let world = World::code_only_with(json!({}), TOOLS).await;
    let steps = vec![sample("open_patch").unwrap(), comment_on_step(1, "number"), sample("post").unwrap()];
    let proposal = world.propose(plan(steps)).await;
    (world, proposal)
}

fn request(proposal: &Proposal, step: Option<u32>) -> DecisionRequest {
    DecisionRequest { decision: Approve, digest: proposal.digest.as_str().to_owned(), reason: None, step }
}

async fn yes(world: &World, who: &str, proposal: &Proposal, step: Option<u32>) -> Result<Proposal, GatewayError> {
    decide(&world.core, &by(who), proposal.id, &request(proposal, step)).await.map_err(GatewayError::from)
}

fn effects(world: &World) -> usize {
    world.repo.effects().len() + world.outside.effects().len()
}

fn card(world: &World, proposal: &Proposal) -> String {
    let context = RenderContext { now: world.core.now(), zone: world.core.zone() };
    wakeman_present::plain(&wakeman_present::proposal_doc(proposal, &context)).replace(proposal.digest.short(), "…")
}

#[tokio::test]
async fn a_plan_step_by_step_runs_no_step_without_its_own_yes() {
    let (mut world, proposal) = proposed().await;
    for step in 1..=3 {
        assert_eq!(yes(&world, "telegram:1", &proposal, Some(step)).await.unwrap().state, S::Approved, "{step}");
        world.clock.advance(minutes(1));
        world.run_to_end().await;
        // However often it looks, and after a restart too.
        world.restart().await;
        world.run_to_end().await;
        assert_eq!(effects(&world), step as usize);
        let after = world.proposal(proposal.id).await;
        assert_eq!(after.digest, proposal.digest);
        if step < 3 {
            assert_eq!((after.state, after.next_step().unwrap().number), (S::Pending, step + 1));
            assert_eq!(after.expires_at, world.core.now().plus_ms(minutes(30)), "a window of its own");
            assert_eq!(world.all::<Verification>().await.len(), 0, "nothing is checked before it is done");
        } else {
            assert_eq!(after.state, S::Succeeded);
        }
    }
    let ended = world.proposal(proposal.id).await;
    let steps: Vec<Option<u32>> = ended.decisions.iter().map(|decision| decision.step).collect();
    assert_eq!(steps, [Some(1), Some(2), Some(3)]);
    assert_eq!(world.repo.effects()[1], "comment on #483", "with what the first step returned");
    let events = world.events_of(proposal.id).await;
    assert_eq!(events.iter().filter(|event| *event == "proposal.paused").count(), 2, "{events:?}");
    // Approved as a whole it runs as a whole.
    let (world, proposal) = proposed().await;
    world.approve(&proposal).await;
    world.run_to_end().await;
    assert_eq!((world.proposal(proposal.id).await.state, effects(&world)), (S::Succeeded, 3));
}

#[tokio::test]
async fn the_card_says_which_step_is_next_and_the_rest_can_be_approved_at_once() {
    let (world, proposal) = proposed().await;
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    let waits = world.proposal(proposal.id).await;
    insta::assert_snapshot!(card(&world, &waits), @r#"
    ⏳ plan
    1. open PR on wakeman/P-1: write web/limit.ts (nobody may have changed these files since)
    2. comment on it: "It broke sign-ups." (54 bytes in all)
    3. post 38 bytes to ops at https[:]//ops.example.com (the address is the one in settings; what it makes of it cannot be checked)
    Undo: by hand.
    Approved by ada 03:00 (step 1) → PR #483 opened 03:00 → step 2 waits for a yes of its own until 03:30
    Needs 1 of: ada, lin, bob · expires 03:30 · digest …
    [ Approve step 2 ] [ Approve the rest ] [ Reject ] [ Details ]
    P-1 for F-1
    "#);
    let said = world.said(&proposal.thread).await;
    assert!(said.last().unwrap().contains("[ Approve step 2 ] [ Approve the rest ]"), "{said:?}");
    yes(&world, "telegram:2", &proposal, None).await.unwrap();
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!((ended.state, effects(&world)), (S::Succeeded, 3));
    let said = world.said(&proposal.thread).await;
    assert!(said.last().unwrap().starts_with("Approved by ada 03:00 (step 1) and lin 03:00 → "), "{said:?}");
}

#[tokio::test]
async fn a_yes_to_a_step_counts_once_and_for_no_other() {
    let (world, proposal) = proposed().await;
    let early = yes(&world, "telegram:1", &proposal, Some(2)).await.unwrap_err();
    assert_eq!(early.message, "P-1: step 1 is next, not step 2; nothing was recorded");
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    // The same button once more, and that of somebody who was slower: the second step needs a word of its own.
    for who in ["telegram:1", "telegram:2"] {
        let again = yes(&world, who, &proposal, Some(1)).await.unwrap_err();
        assert_eq!((again.kind, effects(&world)), (ErrorKind::AlreadyDecided, 1), "{who}");
        assert_eq!(again.message, "P-1: step 2 is next, not step 1; nothing was recorded");
    }
    let wrong = DecisionRequest { digest: "0".repeat(64), ..request(&proposal, Some(2)) };
    let wrong = world.desk.decide(&by("telegram:1"), proposal.id, wrong).await.unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::DigestMismatch);
    assert_eq!(yes(&world, "telegram:3", &proposal, Some(2)).await.unwrap_err().kind, ErrorKind::Forbidden);
    // What was approved is what runs: a step that was changed in between is refused by name.
    let mut tampered = world.proposal(proposal.id).await;
    let kept = tampered.clone();
    tampered.steps[1].action.arguments["body"] = json!("other words");
    world.commit(Commit::new(world.core.now()).put(&tampered)).await;
    let refused = yes(&world, "telegram:1", &proposal, Some(2)).await.unwrap_err();
    assert!(refused.message.contains("arguments"), "{}", refused.message);
    world.commit(Commit::new(world.core.now()).put(&kept)).await;
    world.run_to_end().await;
    assert_eq!((world.proposal(proposal.id).await.state, effects(&world)), (S::Pending, 1));
}

#[tokio::test]
async fn two_people_say_yes_to_each_step_where_settings_want_two() {
    let settings = json!({"approvals": {"default": {"needed": 2}}});
    let world = World::code_only_with(settings, TOOLS).await;
    let proposal = world.propose(plan(vec![sample("rerun").unwrap(), sample("post").unwrap()])).await;
    // Lin trusts all of it, ada only its first step.
    yes(&world, "telegram:2", &proposal, None).await.unwrap();
    yes(&world, "discord:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    let waits = world.proposal(proposal.id).await;
    assert_eq!((waits.state, waits.approvals(), effects(&world)), (S::Pending, 1, 1));
    let counted = yes(&world, "telegram:2", &proposal, Some(2)).await.unwrap_err();
    assert_eq!(counted.message, "P-1 already has your approval; it needs 1 more from: ada or bob");
    yes(&world, "telegram:1", &proposal, Some(2)).await.unwrap();
    world.run_to_end().await;
    assert_eq!((world.proposal(proposal.id).await.state, effects(&world)), (S::Succeeded, 2));
}

#[tokio::test]
async fn what_is_left_of_a_plan_can_be_declined_expires_and_is_offered_afresh() {
    let (world, proposal) = proposed().await;
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    let no = world.decide("telegram:2", &proposal, Reject).await.unwrap();
    assert_eq!(no.state, S::Rejected);
    let said = world.said(&proposal.thread).await;
    assert!(said.last().unwrap().contains("Rejected by lin 03:00, the rest was not run"), "{said:?}");

    let (world, proposal) = proposed().await;
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    let waits = world.proposal(proposal.id).await;
    world.clock.set(waits.expires_at);
    let late = world.desk.decide(&by("telegram:1"), proposal.id, request(&proposal, Some(2))).await.unwrap_err();
    assert_eq!(late.message, "P-1 expired; P-2 is what was left of it, drafted afresh just now: `approve P-2`");
    let said = world.said(&proposal.thread).await.join("\n");
    assert!(said.contains("P-1 expired at 03:30, nothing more was run."), "{said}");
    let left = world.all::<Proposal>().await.remove(1);
    assert_eq!((left.state, left.steps.len(), left.finding), (S::Pending, 2, proposal.finding));
    assert_eq!(left.action.arguments["steps"][0]["arguments"]["number"], 483, "what the first step returned is in it");
    world.approve(&left).await;
    world.run_to_end().await;
    assert_eq!((world.proposal(left.id).await.state, effects(&world)), (S::Succeeded, 3), "no step ran twice");
}

#[tokio::test]
async fn a_process_that_dies_around_a_step_goes_on_to_the_next_card_and_no_further() {
    for fault in [Fault::DiesBefore, Fault::DiesAfter] {
        let (mut world, proposal) = proposed().await;
        world.repo.fail("open_patch", &[fault]);
        yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
        world.run_and_die().await;
        world.clock.advance(minutes(2));
        world.restart().await;
        world.run_to_end().await;
        let waits = world.proposal(proposal.id).await;
        assert_eq!((waits.state, effects(&world)), (S::Pending, 1), "{fault:?}");
        assert_eq!(waits.next_step().unwrap().number, 2);
    }
    // It died after the outcome was recorded and before the card was.
    let (mut world, proposal) = proposed().await;
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    let waits = world.proposal(proposal.id).await;
    world.commit(Commit::new(world.core.now()).put(&Proposal { state: S::Executing, ..waits })).await;
    world.restart().await;
    world.run_to_end().await;
    assert_eq!((world.proposal(proposal.id).await.state, effects(&world)), (S::Pending, 1));
    // A state without the decisions behind it begins nothing.
    let mut forged = world.proposal(proposal.id).await;
    forged.decisions.clear();
    forged.state = S::Executing;
    forged.steps[1].intended_at = Some(world.core.now());
    let version = world.core.store.get::<Proposal>("P-1").await.unwrap().unwrap().version;
    assert!(Approved::check(&world.core, Versioned { value: forged, version }).await.is_err());
}

#[tokio::test]
async fn a_step_that_fails_ends_the_plan_and_one_in_doubt_goes_on_to_the_next_card() {
    let (world, proposal) = proposed().await;
    world.repo.fail("open_patch", &[Fault::Permanent]);
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    assert_eq!((world.proposal(proposal.id).await.state, effects(&world)), (S::Failed, 0));

    let world = World::code_only_with(json!({}), TOOLS).await;
    let proposal = world.propose(plan(vec![sample("comment").unwrap(), sample("post").unwrap()])).await;
    world.repo.fail("comment", &[Fault::Lost]);
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::NeedsReview);
    // Found out long after the window: the next step has one of its own anyway.
    world.clock.advance(minutes(120));
    let word = ResolveRequest { outcome: ResolvedAs::Done, reason: None };
    world.desk.resolve_proposal(&by("telegram:1"), proposal.id, word).await.unwrap();
    world.run_to_end().await;
    let waits = world.proposal(proposal.id).await;
    assert_eq!((waits.state, waits.next_step().unwrap().number, effects(&world)), (S::Pending, 2, 0));
    assert_eq!(waits.expires_at, world.core.now().plus_ms(minutes(30)));
    assert!(matches!(waits.steps[0].outcome, Some(Outcome::Done { .. })));
}

#[tokio::test]
async fn the_card_of_the_next_step_is_as_loud_as_its_finding() {
    let world = World::code_only_with(routed(json!({})), TOOLS).await;
    let proposal = world.propose(plan(vec![sample("comment").unwrap(), sample("post").unwrap()])).await;
    let finding: wakeman_types::Finding = world.get(proposal.finding.unwrap()).await;
    assert_eq!(finding.severity, Severity::Critical);
    yes(&world, "telegram:1", &proposal, Some(1)).await.unwrap();
    world.run_to_end().await;
    let told = sent(&world, "2").await;
    let cards: Vec<_> = told.iter().filter(|sent| matches!(sent.delivery.view, View::Proposal(_))).collect();
    let waits = |card: &ClaimedDelivery| card.delivery.key.as_deref() == Some("proposal:P-1#step2");
    assert!(cards.iter().any(|card| waits(card)), "{cards:?}");
    assert!(cards.iter().all(|card| card.delivery.severity == Severity::Critical), "{cards:?}");
}
