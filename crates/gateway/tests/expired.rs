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
    DecisionRequest, ErrorKind, ExecutionMode, Finding, GatewayError, HOUR_MS, Proposal, ProposalId,
    ProposalState as S, Proposals, Verdict::Approve,
};

use crate::support::{World, by};

async fn ask(world: &World, wish: Wish) -> Asked {
    let thread = world.finding().await.thread;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    stage(&world.core, &ada, &thread, wish, None).await.unwrap()
}

async fn press(world: &World, card: &Proposal) -> GatewayError {
    let request =
        DecisionRequest { decision: Approve, digest: card.digest.as_str().to_owned(), reason: None, step: None };
    let refused = world.desk.decide(&by("telegram:1"), card.id, request).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Expired);
    assert_eq!(world.proposal(card.id).await.state, S::Expired);
    refused
}

/// Presses twice; the one card that was offered in place of it.
async fn fresh_of(world: &World, card: &Proposal) -> Proposal {
    let fresh = ProposalId::new(card.id.number() + 1);
    let wanted = format!("{} expired; {fresh} is the same, drafted afresh just now: `approve {fresh}`", card.id);
    for _ in 0..2 {
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
    assert_eq!(press(&world, &made).await.message, press(&world, &old).await.message.replace("P-1", "P-2"));
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
