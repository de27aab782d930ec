//! What it may do by itself: the mode, a halt, mutes, and what runs unattended.

use serde_json::{Value, json};
use wakeman_types::{
    Admin, DAY_MS, ErrorKind, ExecutionMode as M, Findings, Interruption, MINUTE_MS, Principal, Proposal,
    ProposalState as S, Proposals, Verdict::Reject,
};

use crate::support::{Fault, World, by, minutes};

fn unattended(classes: Value) -> Value {
    json!({"runtime": {"executionMode": "execute"}, "execute": {"classes": classes, "perHour": 2}})
}

#[tokio::test]
async fn only_an_owner_sets_the_mode_and_it_survives_a_restart() {
    let mut world = World::new().await;
    for who in ["telegram:2", "telegram:3", "telegram:99", "system:0"] {
        let refused = world.desk.set_mode(&by(who), M::Execute).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Forbidden, "{who}");
    }
    assert_eq!(world.desk.control(&by("telegram:3")).await.unwrap().mode, M::Propose);
    assert!(world.events_of("instance").await.is_empty());
    let set = world.desk.set_mode(&by("discord:1"), M::Observe).await.unwrap();
    assert_eq!((set.mode, set.configured), (M::Observe, M::Propose));
    assert_eq!(set.set.unwrap().by.as_str(), "ada");
    world.desk.set_mode(&by("telegram:1"), M::Observe).await.unwrap();
    assert_eq!(world.events_of("instance").await, ["mode.changed"], "the same again changes nothing");
    world.restart().await;
    let status = world.desk.status(&by("telegram:3")).await.unwrap();
    assert_eq!((status.mode.as_str(), status.mode_set.unwrap().mode), ("observe", M::Observe));
}

#[tokio::test]
async fn in_mode_observe_nothing_is_staged_and_nothing_is_run() {
    let mut world = World::code_only().await;
    let waiting = world.propose_issue().await;
    world.approve(&waiting).await;
    world.desk.set_mode(&by("telegram:1"), M::Observe).await.unwrap();
    world.run().await;
    assert_eq!(world.repo.calls(), 0);
    world.break_the_build();
    world.watch_for(3).await;
    assert_eq!(world.all::<Proposal>().await.len(), 1, "only the one from before");
    world.desk.set_mode(&by("telegram:1"), M::Propose).await.unwrap();
    world.run().await;
    assert_eq!(world.proposal(waiting.id).await.state, S::Succeeded);
}

#[tokio::test]
async fn a_halt_stops_everything_until_an_owner_resumes() {
    let mut world = World::new().await;
    let proposal = world.propose_issue().await;
    world.approve(&proposal).await;
    for who in ["telegram:3", "telegram:99", "api:1"] {
        assert_eq!(world.desk.halt(&by(who), None).await.unwrap_err().kind, ErrorKind::Forbidden, "{who}");
    }
    let halted = world.desk.halt(&by("telegram:2"), Some("odd".into())).await.unwrap();
    assert_eq!(halted.halt.as_ref().unwrap().by.as_str(), "lin");
    let again = world.desk.halt(&by("telegram:4"), None).await.unwrap();
    assert_eq!(again.halt, halted.halt, "who was first stands");
    world.run().await;
    world.restart().await;
    world.run().await;
    assert_eq!(world.repo.calls(), 0, "it survives a restart");
    assert_eq!(world.proposal(proposal.id).await.steps[0].tries, 0);
    assert!(world.decide("telegram:1", &world.propose_flag().await, Reject).await.is_ok(), "a no still counts");
    let refused = world.desk.resume(&by("telegram:2")).await.unwrap_err();
    assert_eq!(refused.message, "Only an owner can resume after a halt. You are lin (approver).");
    world.desk.resume(&by("telegram:1")).await.unwrap();
    world.run().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
    assert_eq!(world.events_of("instance").await, ["halt.set", "halt.lifted"]);
}

#[tokio::test]
async fn a_halt_between_two_steps_stops_the_second() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    world.repo.fail("merge", &[Fault::NotDone]);
    assert_eq!(world.run().await, 1, "opened; the merge is tried again later");
    world.desk.halt(&by("telegram:1"), None).await.unwrap();
    for _ in 0..5 {
        world.clock.advance(MINUTE_MS);
        assert_eq!(world.run().await, 1);
    }
    assert_eq!(world.repo.effects().len(), 1);
    world.desk.resume(&by("telegram:1")).await.unwrap();
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
}

#[tokio::test]
async fn a_halt_while_a_call_is_under_way_records_what_came_of_it_and_stops_there() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    let (core, ada) = (world.core.clone(), by("telegram:1"));
    let (sender, halted) = tokio::sync::oneshot::channel();
    world.repo.at_the_next_call(move || {
        tokio::spawn(async move {
            let who = core.settings.identity(&ada).unwrap();
            let _ = sender.send(wakeman_gateway::modes::halt(&core, &who, None).await);
        });
    });
    world.run().await;
    assert!(halted.await.unwrap().is_ok());
    for _ in 0..3 {
        world.run().await;
    }
    let stopped = world.proposal(proposal.id).await;
    assert!(stopped.steps[0].outcome.is_some(), "the receipt is kept");
    assert!(world.repo.effects().len() <= 2);
}

#[tokio::test]
async fn a_call_that_still_waited_for_its_turn_when_the_halt_came_is_held_and_no_try_is_counted() {
    let world = World::new().await;
    let proposal = world.propose_issue().await;
    world.approve(&proposal).await;
    let gate = world.core.hands.gate.clone();
    world.repo.fail("open_issue", &[Fault::NotDone]);
    world.repo.at_the_next_call(move || gate.set(100, true));
    assert_eq!(world.run().await, 1);
    let held = world.proposal(proposal.id).await;
    assert_eq!((held.steps[0].intended_at, held.steps[0].tries), (None, 0));
    assert!(world.events_of(proposal.id).await.contains(&"proposal.held".to_owned()));
    world.core.hands.gate.set(101, false);
    world.run_to_end().await;
    assert_eq!((world.proposal(proposal.id).await.state, world.repo.effects().len()), (S::Succeeded, 1));
}

#[tokio::test]
async fn what_holds_writes_back_follows_halt_resume_and_mode() {
    let world = World::new().await;
    let gate = world.core.hands.gate.clone();
    let ada = by("telegram:1");
    assert!(!gate.is_shut());
    world.desk.halt(&ada, None).await.unwrap();
    assert!(gate.is_shut());
    world.desk.resume(&ada).await.unwrap();
    assert!(!gate.is_shut());
    world.desk.set_mode(&ada, M::Observe).await.unwrap();
    assert!(gate.is_shut());
    world.desk.set_mode(&ada, M::Propose).await.unwrap();
    assert!(!gate.is_shut());
}

#[tokio::test]
async fn what_the_settings_name_runs_unattended_so_many_times_an_hour_and_is_announced() {
    let world = World::with(unattended(json!(["github.open_issue"])), "{}").await;
    let mut proposals = Vec::new();
    for _ in 0..3 {
        proposals.push(world.propose_issue().await);
    }
    let flag = world.propose_flag().await;
    world.run().await;
    assert_eq!(world.repo.effects().len(), 2, "two an hour");
    let first = world.proposal(proposals[0].id).await;
    assert_eq!(first.decisions[0].operator.as_str(), "system:policy");
    assert_eq!(first.state, S::Succeeded);
    let said = world.said(&first.thread).await;
    assert!(said.iter().any(|text| text.starts_with("Running unattended: ")), "{said:?}");
    assert_eq!(
        world.proposal(proposals[2].id).await.state,
        S::Pending,
        "the third waits for a person, or for the hour"
    );
    assert_eq!(world.proposal(flag.id).await.state, S::Pending, "a flag always waits");
    assert_eq!(world.events_of(first.id).await[0], "proposal.approved");
    world.clock.advance(minutes(20));
    world.run().await;
    assert_eq!(world.repo.effects().len(), 2);
}

#[tokio::test]
async fn policy_says_yes_to_nothing_that_is_not_plainly_allowed() {
    let class = json!(["github.open_issue"]);
    let two = json!({"approvals": {"github.open_issue": {"needed": 2}}});
    let mut strict = unattended(class.clone());
    strict.as_object_mut().unwrap().extend(two.as_object().unwrap().clone());
    let mut proposing = unattended(class.clone());
    proposing["runtime"]["executionMode"] = json!("propose");
    for (what, settings) in [("needs two", strict), ("mode propose", proposing), ("no class", unattended(json!([])))] {
        let world = World::with(settings, "{}").await;
        let proposal = world.propose_issue().await;
        world.run().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::Pending, "{what}");
        assert_eq!(world.repo.calls(), 0, "{what}");
    }
    // Asked for in a conversation: it may be the wish of a text that a model read.
    let world = World::with(unattended(class), "{}").await;
    for asker in ["telegram:1", "system:1"] {
        let mut proposal = world.propose_issue().await;
        proposal.requested_by = by(asker);
        world.commit(wakeman_store::Commit::new(world.core.now()).put(&proposal)).await;
        world.run().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::Pending, "{asker}");
    }
}

#[tokio::test]
async fn what_policy_approved_does_not_begin_after_the_mode_changed() {
    let world = World::with(unattended(json!(["github.open_issue"])), "{}").await;
    let proposal = world.propose_issue().await;
    assert_eq!(wakeman_gateway::modes::decide_unattended(&world.core).await.unwrap(), 1);
    world.desk.set_mode(&by("telegram:1"), M::Propose).await.unwrap();
    world.run().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!((ended.state, world.repo.calls()), (S::Failed, 0));
    assert_eq!(ended.note.as_deref(), Some("it was to run unattended, but the mode is no longer execute"));
}

#[tokio::test]
async fn a_muted_subject_is_kept_and_tells_nobody() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.watch_for(3).await;
    let finding = world.only_finding().await;
    let owed = world.owed().await;
    assert_eq!(world.desk.mute(&by("telegram:3"), finding.id, None).await.unwrap_err().kind, ErrorKind::Forbidden);
    let mute = world.desk.mute(&by("telegram:2"), finding.id, Some(minutes(60))).await.unwrap();
    let mut other = World::code_only().await;
    other.commit(wakeman_store::Commit::new(other.core.now()).put(&mute)).await;
    other.break_the_build();
    other.watch_for(3).await;
    let muted = other.only_finding().await;
    assert_eq!((muted.interruption, other.owed().await), (Interruption::Silent, 0));
    assert!(owed > 0 && other.all::<Proposal>().await.is_empty(), "nor is anybody asked about it");
    assert_eq!(world.desk.status(&by("telegram:1")).await.unwrap().mutes, 1);
    world.clock.advance(minutes(61));
    assert_eq!(world.desk.status(&by("telegram:1")).await.unwrap().mutes, 0, "it ends by itself");
    for wrong in [minutes(1) - 1, 30 * DAY_MS + 1] {
        let refused = world.desk.mute(&by("telegram:2"), finding.id, Some(wrong)).await.unwrap_err();
        assert_eq!(refused.message, "a mute lasts 1m to 30d, without a duration a week; write it like 2h or 7d");
    }
    // Nobody gave an end: it has one all the same.
    let mute = world.desk.mute(&by("telegram:2"), finding.id, None).await.unwrap();
    assert_eq!((mute.until, mute.subject.as_str()), (Some(world.core.now().plus_ms(7 * DAY_MS)), "Workflow ci"));
    world.desk.unmute(&by("telegram:2"), finding.id).await.unwrap();
    assert!(world.desk.control(&by("telegram:3")).await.unwrap().mutes.is_empty());
}

#[tokio::test]
async fn no_stranger_and_no_part_of_wakeman_itself_changes_anything() {
    let world = World::new().await;
    let proposal = world.propose_flag().await;
    let before = world.snapshot(proposal.id).await;
    for who in [Principal::system(), by("telegram:99"), by("api:1"), by("web:1")] {
        assert!(world.desk.set_mode(&who, M::Execute).await.is_err());
        assert!(world.desk.halt(&who, None).await.is_err());
        assert!(world.desk.resume(&who).await.is_err());
        assert!(world.desk.mute(&who, proposal.finding.unwrap(), None).await.is_err());
        assert!(world.desk.unmute(&who, proposal.finding.unwrap()).await.is_err());
        let digest = proposal.digest.as_str().to_owned();
        let request = wakeman_types::DecisionRequest { decision: Reject, digest, reason: None, step: None };
        assert!(world.desk.decide(&who, proposal.id, request).await.is_err());
    }
    assert_eq!(world.snapshot(proposal.id).await, before);
}
