//! What a press on an expired card comes to: the very same, drafted afresh, once; or one sentence that says why not.

use std::collections::BTreeSet;

use serde_json::json;
use wakeman_gateway::{
    act::{
        asked::{Asked, Wish, stage},
        catalogue::ALL,
    },
    wake::AddedWakeup,
};
use wakeman_types::{
    Admin, ClaimedDelivery, DecisionRequest, ErrorKind, ExecutionMode, Finding, GatewayError, HOUR_MS, Proposal,
    ProposalId, ProposalState as S, Proposals, Severity,
    Verdict::{Approve, Reject},
    View,
};

use crate::{
    notify::{routed, sent},
    support::{Fault, World, by},
};

async fn ask(world: &World, wish: Wish) -> Asked {
    let thread = world.finding().await.thread;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    stage(&world.core, &ada, &thread, wish, None).await.unwrap()
}

fn request(card: &Proposal) -> DecisionRequest {
    DecisionRequest { decision: Approve, digest: card.digest.as_str().to_owned(), reason: None, step: None }
}

async fn press(world: &World, card: &Proposal) -> GatewayError {
    let refused = world.desk.decide(&by("telegram:1"), card.id, request(card)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Expired);
    assert_eq!(world.proposal(card.id).await.state, S::Expired);
    refused
}

/// Presses twice; the one card that was offered in place of it.
async fn fresh_of(world: &World, card: &Proposal) -> Proposal {
    let fresh = ProposalId::new(card.id.number() + 1);
    for wanted in [
        format!("{} expired; {fresh} is the same, drafted afresh just now: `approve {fresh}`", card.id),
        format!("{} expired; {fresh} took its place and waits for a decision: `approve {fresh}`", card.id),
    ] {
        assert_eq!(press(world, card).await.message, wanted);
    }
    let made = world.proposal(fresh).await;
    assert_eq!((made.state, &made.requested_by, &made.thread), (S::Pending, &card.requested_by, &card.thread));
    assert_eq!(made.card.title, card.card.title);
    made
}

async fn wishes(world: &World) -> Vec<Wish> {
    let friday = AddedWakeup {
        prompt_id: None,
        title: "Friday look".to_owned(),
        prompt: "What changed this week?".to_owned(),
        time_utc: None,
        cron: Some("0 16 * * 5".to_owned()),
        timezone: None,
        late: None,
        only: None,
        jitter: None,
    };
    let open = wakeman_gateway::ports::PullFacts {
        number: 484,
        open: true,
        merged: false,
        merge_sha: None,
        ..world.repo.state().pulls[&482].clone()
    };
    world.repo.state().pulls.insert(484, open);
    vec![
        Wish::Flag { key: "checkout-fast".into(), active: false, rollout: None },
        Wish::FlagOffAndAnnotate { key: "checkout-fast".into() },
        Wish::Revert { number: 482 },
        Wish::Merge { number: 484 },
        Wish::Rerun { run: 71 },
        Wish::Issue { title: "Look".into(), body: "here".into() },
        Wish::Comment { number: 482, body: "It broke sign-ups.".into() },
        Wish::Mode { mode: ExecutionMode::Execute },
        Wish::Mute { finding: Box::new(world.finding().await), for_ms: Some(48 * HOUR_MS) },
        Wish::AddWakeup { added: friday },
        Wish::Patch {
            files: vec![("web/limit.ts".into(), Some("export const LIMIT = 2;\n".into()))],
            title: "Raise the limit".into(),
            body: "So.".into(),
        },
        Wish::Annotate { content: "the sale begins".into() },
        Wish::ErrorStatus { issue: "e1".into(), status: "resolved".into() },
        Wish::Rollback,
        Wish::Deployment { id: "dpl_1".into() },
        Wish::Webhook {
            name: "ops".into(),
            payload: serde_json::from_str(r#"{"text": "sign-ups are back"}"#).unwrap(),
        },
    ]
}

#[tokio::test]
async fn what_was_asked_for_and_expired_is_offered_afresh_from_the_world_of_now() {
    let world = World::with(json!({}), r#"{"vercel": {"triggerDeploys": true}}"#).await;
    let mut kinds = BTreeSet::new();
    for wish in wishes(&world).await {
        let asked = ask(&world, wish.clone()).await;
        let Asked::Staged(id) = asked else { panic!("{wish:?}: {asked:?}") };
        let old = world.proposal(id).await;
        world.clock.set(old.expires_at);
        let made = fresh_of(&world, &old).await;
        let steps = |card: &Proposal| card.steps.iter().map(|step| step.action.kind.clone()).collect::<Vec<_>>();
        assert_eq!(steps(&made), steps(&old));
        kinds.extend(steps(&made));
        assert_eq!(world.decide("telegram:1", &made, Approve).await.unwrap().state, S::Approved);
    }
    // Promotions need a log that proves them; theirs is with the promotions.
    let missing: Vec<&str> = ALL.iter().map(|class| class.kind()).filter(|kind| !kinds.contains(*kind)).collect();
    assert_eq!(missing, ["wakeman.promote_policy"]);
}

#[tokio::test]
async fn the_fresh_card_of_a_finding_is_the_same_action_whatever_is_likeliest_now() {
    let world = World::new().await;
    // The finding blames #482; the card was about a flag.
    let old = world.propose_flag().await;
    world.flags.state().version = 13;
    world.clock.set(old.expires_at);
    let refused = press(&world, &old).await;
    assert_eq!(refused.message, "P-1 expired; P-2 is the same, drafted afresh just now: `approve P-2`");
    let made = world.proposal(ProposalId::new(2)).await;
    assert_eq!(made.action.kind, "posthog.set_flag");
    assert_eq!((&made.action.arguments, &made.finding), (&old.action.arguments, &old.finding));
    assert_eq!(made.action.revision["version"], 13, "from the world of now");
    assert!(made.card.check.starts_with("sign-ups back in"), "{}", made.card.check);
    let finding: Finding = world.get(old.finding.unwrap()).await;
    assert_eq!(finding.proposal, Some(made.id));
    // That one expires too: a press on the first offers the third.
    world.clock.set(made.expires_at);
    let third = press(&world, &made).await.message;
    assert_eq!(third, "P-2 expired; P-3 is the same, drafted afresh just now: `approve P-3`");
    let first = press(&world, &old).await.message;
    assert_eq!(first, "P-1 expired; P-3 took its place and waits for a decision: `approve P-3`");
    assert_eq!(world.all::<Proposal>().await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_drafted_again_says_why_and_leaves_room_for_another_repair() {
    let world = World::with(json!({}), r#"{"vercel": {"triggerDeploys": true}}"#).await;
    let old = world.propose_flag().await;
    world.clock.set(old.expires_at);
    world.flags.state().active = false;
    let refused = press(&world, &old).await.message;
    assert_eq!(refused, "P-1 expired and is not offered again: flag checkout-fast is off already");
    let finding: Finding = world.get(old.finding.unwrap()).await;
    assert_eq!(finding.proposal, None);
    let Asked::Staged(id) = ask(&world, Wish::Rollback).await else { panic!() };
    let old = world.proposal(id).await;
    world.clock.set(old.expires_at);
    world.outside.state().production = "dpl_3".to_owned();
    let refused = press(&world, &old).await.message;
    let why = "production does not show dpl_2 any more, so this would be another rollback";
    assert_eq!(refused, format!("{id} expired and is not offered again: {why}"));
    assert_eq!(world.all::<Proposal>().await.len(), 2);
}

#[tokio::test]
async fn a_fresh_card_is_as_loud_as_its_finding_whose_message_offers_it() {
    let mut world = World::code_only_with(routed(json!({})), "{}").await;
    world.break_the_build();
    world.tick().await;
    let told = sent(&world, "2").await;
    assert!(told.iter().any(|sent| matches!(sent.delivery.view, View::Finding(_))), "{told:?}");
    let old = world.all::<Proposal>().await.remove(0);
    let critical = Finding { severity: Severity::Critical, ..world.only_finding().await };
    world.commit(wakeman_store::Commit::new(world.core.now()).put(&critical)).await;
    world.clock.set(old.expires_at);
    press(&world, &old).await;
    let offers = |sent: &ClaimedDelivery| match &sent.delivery.view {
        View::Finding(view) if sent.edit.is_some() => Some(view.proposal),
        _ => None,
    };
    let told = sent(&world, "2").await;
    let fresh = told.iter().find(|sent| matches!(&sent.delivery.view, View::Proposal(p) if p.proposal.id != old.id));
    assert_eq!(fresh.map(|sent| sent.delivery.severity), Some(Severity::Critical), "{told:?}");
    let edits: Vec<_> = told.iter().filter_map(offers).collect();
    assert_eq!(edits, [Some(ProposalId::new(2))], "and not the one that expired");
    // Where the same cannot be drafted any more, nothing is offered there.
    let made = world.proposal(ProposalId::new(2)).await;
    world.clock.set(made.expires_at);
    world.repo.state().pulls.get_mut(&482).unwrap().merged = false;
    let refused = press(&world, &made).await.message;
    assert!(refused.starts_with("P-2 expired and is not offered again: "), "{refused}");
    let edits: Vec<_> = sent(&world, "2").await.iter().filter_map(offers).collect();
    assert_eq!(edits, [None]);
}

#[tokio::test]
async fn a_press_on_a_card_whose_like_is_under_way_says_how_that_stands() {
    let world = World::new().await;
    let issue = Wish::Issue { title: "Look".into(), body: "here".into() };
    let Asked::Staged(first) = ask(&world, issue.clone()).await else { panic!() };
    let first = world.proposal(first).await;
    world.clock.set(first.expires_at);
    wakeman_gateway::act::expire(&world.core, first.id).await.unwrap();
    // Asked for anew, before anybody presses.
    let Asked::Staged(second) = ask(&world, issue).await else { panic!() };
    let stands = async |words: &str| {
        let wanted = format!("{} expired; {second} took its place{words}", first.id);
        assert_eq!(press(&world, &first).await.message, wanted);
    };
    stands(&format!(" and waits for a decision: `approve {second}`")).await;
    world.approve(&world.proposal(second).await).await;
    stands(" and is approved").await;
    let approved = world.proposal(second).await;
    let begun = Proposal { state: S::Executing, ..approved.clone() };
    world.commit(wakeman_store::Commit::new(world.core.now()).put(&begun)).await;
    stands(" and is being run").await;
    world.commit(wakeman_store::Commit::new(world.core.now()).put(&approved)).await;
    world.repo.fail("open_issue", &[Fault::Lost]);
    world.run_to_end().await;
    stands(&format!(", and it is not known whether that took effect: look at `proposal {second}`")).await;
}

#[tokio::test]
async fn what_keeps_a_card_from_being_offered_for_a_while_takes_nothing_from_its_finding() {
    let world = World::new().await;
    let old = world.propose_flag().await;
    world.clock.set(old.expires_at);
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(world.propose_issue().await);
    }
    let refused = press(&world, &old).await.message;
    let why = "10 proposals wait for a decision already; those come first; press again later";
    assert_eq!(refused, format!("P-1 expired and cannot be offered again now: {why}"));
    world.decide("telegram:1", &others[0], Reject).await.unwrap();
    world.desk.set_mode(&by("telegram:1"), ExecutionMode::Observe).await.unwrap();
    let refused = press(&world, &old).await.message;
    let why = "the mode is observe, in which nothing is proposed; press again later";
    assert_eq!(refused, format!("P-1 expired and cannot be offered again now: {why}"));
    let finding: Finding = world.get(old.finding.unwrap()).await;
    assert_eq!(finding.proposal, Some(old.id), "no other repair takes its place meanwhile");
    world.desk.set_mode(&by("telegram:1"), ExecutionMode::Propose).await.unwrap();
    let fresh = press(&world, &old).await.message;
    assert_eq!(fresh, "P-1 expired; P-12 is the same, drafted afresh just now: `approve P-12`");
    let finding: Finding = world.get(old.finding.unwrap()).await;
    assert_eq!(finding.proposal, Some(ProposalId::new(12)));
}

#[tokio::test]
async fn what_was_approved_and_not_run_is_offered_afresh_to_who_may_approve_it() {
    let world = World::new().await;
    let old = world.propose_flag().await;
    let refused = world.desk.renew(&by("telegram:3"), old.id).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (ErrorKind::Forbidden, "Only ada, lin or bob can approve P-1. You are grace (viewer).")
    );
    assert_eq!(world.desk.renew(&by("telegram:1"), old.id).await.unwrap().proposal.id, old.id, "it waits itself");
    world.approve(&old).await;
    world.flags.state().version = 13;
    world.run().await;
    assert_eq!(world.proposal(old.id).await.state, S::Failed);
    assert_eq!(world.flags.effects().len(), 0);
    for _ in 0..2 {
        let fresh = world.desk.renew(&by("telegram:1"), old.id).await.unwrap().proposal;
        assert_eq!((fresh.id, fresh.state), (ProposalId::new(2), S::Pending), "asked twice, offered once");
        assert_eq!(fresh.action.revision["version"], 13, "from the world of now");
        assert_eq!(fresh.action.arguments, old.action.arguments);
    }
    // What was run is not: that is for a person to look at.
    let fresh = world.proposal(ProposalId::new(2)).await;
    world.approve(&fresh).await;
    world.run_to_end().await;
    for (id, why) in [(1, "P-2 took its place and is succeeded"), (2, "it is succeeded")] {
        let refused = world.desk.renew(&by("telegram:1"), ProposalId::new(id)).await.unwrap_err();
        assert_eq!(
            (refused.kind, refused.message),
            (ErrorKind::Conflict, format!("P-{id} is not offered again: {why}"))
        );
    }
    assert_eq!(world.all::<Proposal>().await.len(), 2);
}

#[tokio::test]
async fn a_record_that_was_rewritten_is_not_offered_afresh_as_the_same() {
    let world = World::new().await;
    let old = world.propose_flag().await;
    let mut rewritten = old.clone();
    rewritten.action.arguments["active"] = json!(true);
    world.commit(wakeman_store::Commit::new(world.core.now()).put(&rewritten)).await;
    world.clock.set(old.expires_at);
    let refused = world.desk.renew(&by("telegram:1"), old.id).await.unwrap_err();
    assert!(refused.message.starts_with("P-1 is not offered again: its record is not what was shown"), "{refused:?}");
    assert_eq!(world.all::<Proposal>().await.len(), 1);
}
