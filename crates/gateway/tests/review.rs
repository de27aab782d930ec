//! What only a person can end: a step in doubt; and which of two cards about the same thing counts.

use serde_json::json;
use wakeman_gateway::act::asked::{Asked, Wish, stage};
use wakeman_types::{
    ErrorKind, Finding, Outcome, Proposal, ProposalId, ProposalState as S, Proposals, ResolveRequest, ResolvedAs,
    Verdict::{Approve, Reject},
    Verification,
};

use crate::support::{Fault, World, by, minutes};

fn word(outcome: ResolvedAs) -> ResolveRequest {
    ResolveRequest { outcome, reason: Some("looked at it".to_owned()) }
}

/// An issue whose call got no answer, and of which the remote shows nothing.
async fn in_doubt(applied: bool) -> (World, ProposalId) {
    let world = World::new().await;
    let proposal = world.propose_issue().await;
    world.repo.fail("open_issue", &[Fault::Lost]);
    world.approve(&proposal).await;
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::NeedsReview);
    let said = world.said(&proposal.thread).await;
    let wanted = "Once you have looked, say `resolve P-1 done` or `resolve P-1 failed`";
    assert!(said.last().unwrap().contains(wanted), "{said:?}");
    assert!(!applied);
    (world, proposal.id)
}

#[tokio::test]
async fn a_person_who_looked_ends_the_doubt_and_it_goes_on_from_there() {
    for (found, state) in [(ResolvedAs::Done, S::Succeeded), (ResolvedAs::Failed, S::Failed)] {
        let (world, id) = in_doubt(false).await;
        let calls = world.repo.calls();
        let ended = world.desk.resolve_proposal(&by("telegram:2"), id, word(found)).await.unwrap();
        assert_eq!(ended.state, state);
        assert_eq!(world.run().await, 0);
        assert!(world.repo.calls() >= calls && world.repo.effects().is_empty(), "nothing is called for it");
        assert!(world.events_of(id).await.contains(&"proposal.resolved".to_owned()));
        assert_eq!(
            world.all::<Verification>().await.len(),
            usize::from(found == ResolvedAs::Done),
            "what is done is checked"
        );
        let again = world.desk.resolve_proposal(&by("telegram:1"), id, word(found)).await.unwrap_err();
        assert_eq!(again.kind, ErrorKind::Conflict);
        assert!(again.message.ends_with("there is nothing in doubt about it"), "{}", again.message);
    }
}

#[tokio::test]
async fn only_who_may_approve_it_or_an_owner_ends_a_doubt() {
    let (world, id) = in_doubt(false).await;
    for who in ["telegram:3", "telegram:99", "api:1", "system:0"] {
        let refused = world.desk.resolve_proposal(&by(who), id, word(ResolvedAs::Done)).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Forbidden, "{who}");
    }
    assert_eq!(world.proposal(id).await.state, S::NeedsReview);
    assert!(world.desk.resolve_proposal(&by("cli:1000"), id, word(ResolvedAs::Failed)).await.is_ok());
}

#[tokio::test]
async fn what_the_remote_proves_stands_above_anybodys_word() {
    let world = World::new().await;
    let proposal = world.propose_issue().await;
    world.repo.fail("open_issue", &[Fault::Late]);
    world.approve(&proposal).await;
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::NeedsReview);
    world.repo.land_late();
    let refused =
        world.desk.resolve_proposal(&by("telegram:1"), proposal.id, word(ResolvedAs::Failed)).await.unwrap_err();
    assert_eq!(refused.message, "the remote shows it as done; say `resolve P-1 done`");
    let ended = world.desk.resolve_proposal(&by("telegram:1"), proposal.id, word(ResolvedAs::Done)).await.unwrap();
    let Some(Outcome::Done { output }) = &ended.steps[0].outcome else { panic!("{:?}", ended.steps[0]) };
    assert!(output["number"].is_u64(), "the remote's own answer is kept: {output}");
}

#[tokio::test]
async fn a_plan_goes_on_after_the_doubt_unless_its_window_is_long_over() {
    for (late, state) in [(false, S::Succeeded), (true, S::Failed)] {
        let world = World::new().await;
        world.repo.state().touched = vec!["web/signup/form.ts".to_owned()];
        let proposal = world.propose_revert().await;
        world.repo.fail("open_platform_revert", &[Fault::Late]);
        world.approve(&proposal).await;
        world.run_to_end().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::NeedsReview);
        world.repo.land_late();
        if late {
            world.clock.advance(minutes(60));
        }
        world.desk.resolve_proposal(&by("telegram:1"), proposal.id, word(ResolvedAs::Done)).await.unwrap();
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, state, "{:?}", ended.note);
        assert_eq!(world.repo.effects().len(), if late { 1 } else { 2 });
    }
}

async fn ask(world: &World, wish: Wish, finding: Option<&Finding>) -> Asked {
    let thread = world.finding().await.thread;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    stage(&world.core, &ada, &thread, wish, finding.cloned()).await.unwrap()
}

fn flag(active: bool, rollout: Option<f64>) -> Wish {
    Wish::Flag { key: "checkout-fast".to_owned(), active, rollout }
}

#[tokio::test]
async fn a_newer_card_about_the_same_takes_the_place_of_the_older() {
    let world = World::new().await;
    let Asked::Staged(first) = ask(&world, flag(false, None), None).await else { panic!() };
    let Asked::Staged(other) = ask(&world, Wish::Issue { title: "Look".into(), body: "here".into() }, None).await
    else {
        panic!()
    };
    let Asked::Staged(second) = ask(&world, flag(true, Some(0.5)), None).await else { panic!() };
    let older = world.proposal(first).await;
    assert_eq!((older.state, older.note.as_deref()), (S::Superseded, Some("P-3 takes its place")));
    assert_eq!(world.proposal(other).await.state, S::Pending, "what is about something else stays");
    assert_eq!(world.proposal(second).await.state, S::Pending);
    for decision in [Approve, Reject] {
        let refused = world.decide("telegram:1", &older, decision).await.unwrap_err();
        assert_eq!(refused.to_string(), "P-1 no longer waits for a decision: P-3 takes its place");
    }
    assert!(world.said(&older.thread).await.last().unwrap().contains("P-1 is withdrawn"), "its card settles");
    assert_eq!(world.events_of(first).await, ["proposal.shown", "proposal.superseded"]);
    world.run_to_end().await;
    assert!(world.flags.effects().is_empty());
    // The same again is not a newer card.
    assert_eq!(ask(&world, flag(true, Some(0.5)), None).await, Asked::Waits(second));
}

#[tokio::test]
async fn the_same_is_all_of_it_and_not_its_title_alone() {
    let world = World::new().await;
    let issue = |body: &str| Wish::Issue { title: "Look".into(), body: body.into() };
    let patch = |text: &str, body: &str| Wish::Patch {
        files: vec![("web/limit.ts".into(), Some(text.into()))],
        title: "Raise the limit".into(),
        body: body.into(),
    };
    let wishes = [issue("here"), issue("here, and there"), patch("2", "So."), patch("3", "So."), patch("2", "Else.")];
    let mut ids = Vec::new();
    for wish in &wishes {
        let asked = ask(&world, wish.clone(), None).await;
        let Asked::Staged(id) = asked else { panic!("{wish:?}: {asked:?}") };
        assert_eq!(world.proposal(id).await.state, S::Pending);
        ids.push(id);
    }
    for (wish, id) in wishes.into_iter().zip(ids) {
        assert_eq!(ask(&world, wish, None).await, Asked::Waits(id));
    }
}

#[tokio::test]
async fn the_finding_of_the_older_card_points_at_the_newer() {
    let world = World::new().await;
    let finding = world.finding().await;
    let Asked::Staged(first) = ask(&world, flag(false, None), Some(&finding)).await else { panic!() };
    assert_eq!(world.get::<Finding>(finding.id).await.proposal, Some(first));
    let Asked::Staged(second) = ask(&world, Wish::Revert { number: 482 }, Some(&finding)).await else { panic!() };
    assert_eq!(world.proposal(first).await.state, S::Superseded, "one finding has one repair that waits");
    assert_eq!(world.get::<Finding>(finding.id).await.proposal, Some(second));
    let approved = world.decide("telegram:1", &world.proposal(second).await, Approve).await.unwrap();
    assert_eq!(approved.state, S::Approved);
}

#[tokio::test]
async fn where_the_requester_may_not_approve_somebody_else_must() {
    let settings = json!({"approvals": {"posthog.set_flag": {"requesterMayApprove": false}}});
    let world = World::with(settings, "{}").await;
    let Asked::Staged(id) = ask(&world, flag(false, None), None).await else { panic!() };
    let proposal = world.proposal(id).await;
    for account in ["telegram:1", "discord:1"] {
        let before = world.snapshot(id).await;
        let refused = world.decide(account, &proposal, Approve).await.unwrap_err().to_string();
        let wanted = "You asked for P-1, so you cannot approve it (approvals.posthog.set_flag.requesterMayApprove). lin or bob can.";
        assert_eq!(refused, wanted, "{account}");
        assert_eq!(world.snapshot(id).await, before);
    }
    assert_eq!(world.decide("telegram:2", &proposal, Approve).await.unwrap().state, S::Approved);
    // Without the setting, who asked for it may approve it, so that nobody who is alone is locked out; and a no always counts.
    let world = World::new().await;
    let Asked::Staged(id) = ask(&world, flag(false, None), None).await else { panic!() };
    assert_eq!(world.approve(&world.proposal(id).await).await.state, S::Approved);
}

#[tokio::test]
async fn on_another_channel_than_that_of_approvals_a_yes_is_refused_and_the_card_goes_there() {
    let settings = json!({
        "routes": [{"minSeverity": "info", "to": ["cli"]}],
        "approvals": {"posthog.set_flag": {"channel": "telegram"}},
    });
    let world = World::with(settings, "{}").await;
    let Asked::Staged(id) = ask(&world, flag(false, None), None).await else { panic!() };
    let proposal = world.proposal(id).await;
    let refused = world.decide("cli:1000", &proposal, Approve).await.unwrap_err().to_string();
    assert_eq!(refused, "P-1 is approved on telegram, not on cli; nothing was recorded");
    let owed = world.core.store.claim("telegram", "test", 60_000, world.core.now(), 10).await.unwrap();
    let mut chats: Vec<&str> = owed.iter().map(|owed| owed.chat.as_str()).collect();
    chats.sort_unstable();
    assert_eq!(chats, ["1", "2", "4"], "to those who may approve, and nobody else");
    assert_eq!(world.decide("telegram:4", &proposal, Approve).await.unwrap().state, S::Approved);
    // A no makes things safer: it counts from everywhere.
    let Asked::Staged(id) = ask(&world, flag(true, Some(0.2)), None).await else { panic!() };
    let again: Proposal = world.proposal(id).await;
    assert_eq!(world.decide("cli:1000", &again, Reject).await.unwrap().state, S::Rejected);
}

#[tokio::test]
async fn parts_that_want_different_channels_are_named_with_the_way_out() {
    let settings =
        json!({"approvals": {"posthog.set_flag": {"channel": "telegram"}, "posthog.annotate": {"channel": "discord"}}});
    let world = World::with(settings, "{}").await;
    let wish = Wish::FlagOffAndAnnotate { key: "checkout-fast".to_owned() };
    let Asked::Staged(id) = ask(&world, wish, None).await else { panic!() };
    for account in ["telegram:1", "discord:1"] {
        let refused = world.decide(account, &world.proposal(id).await, Approve).await.unwrap_err().to_string();
        let wanted = "the parts of P-1 must be approved on different channels, so nobody can approve it; give them one `channel` \
                      under approvals in read-only/settings.json";
        assert_eq!(refused, wanted, "{account}");
    }
}
