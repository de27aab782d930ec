//! What runs after the yes: exactly what was approved, in order, once, while the world is as it was shown.

use serde_json::{Value, json};
use wakeman_gateway::{
    act::{
        asked::{Asked, Wish, stage},
        digest,
    },
    ports::{Checks, LastEdit},
};
use wakeman_store::{Commit, Fault as Disk};
use wakeman_types::{DecisionRequest, Outcome, Proposal, ProposalState as S, Proposals, Verdict, Verification};

use crate::{
    actions::sample,
    support::{Fault, World, by, minutes},
};

async fn store(world: &World, proposal: &Proposal) {
    world.commit(Commit::new(world.core.now()).put(proposal)).await;
}

fn output(proposal: &Proposal, step: usize) -> &Value {
    match &proposal.steps[step].outcome {
        Some(Outcome::Done { output }) => output,
        other => panic!("step {step} came to {other:?}"),
    }
}

#[tokio::test]
async fn a_plan_runs_its_steps_in_order_once_and_keeps_every_receipt() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    assert_eq!(world.run().await, 0);
    assert!(world.repo.effects().is_empty(), "nobody said yes yet");
    world.approve(&proposal).await;
    assert_eq!(world.run().await, 0);
    assert_eq!(world.repo.effects(), ["open #483: Revert #482 on wakeman/P-1", "merge #483"]);
    let done = world.proposal(proposal.id).await;
    assert_eq!(done.state, S::Succeeded);
    assert_eq!(output(&done, 0)["number"], 483);
    assert_eq!(
        output(&done, 1),
        &json!({"number": 483, "sha": "merge483"}),
        "the second step used what the first returned"
    );
    for step in &done.steps {
        assert_eq!(step.tries, 1);
        assert_eq!(step.idempotency_key.as_deref(), Some(&*format!("wakeman-proposal: test/P-1/{}", step.number)));
        assert!(step.intended_at <= step.settled_at && step.intended_at.is_some());
    }
    assert_eq!(
        world.events_of(proposal.id).await,
        [
            "proposal.approved",
            "proposal.intent",
            "proposal.step_done",
            "proposal.intent",
            "proposal.step_done",
            "proposal.succeeded"
        ]
    );
    let check: Verification = world.get(proposal.id).await;
    assert_eq!((check.result, check.deadline.since(check.began_at)), (None, minutes(40)));
    world.run().await;
    assert_eq!(world.repo.calls(), 2, "a finished proposal is not touched again");
}

#[tokio::test]
async fn what_changed_since_the_yes_is_named_and_nothing_is_called() {
    let world = World::new().await;
    let revert = world.propose_revert().await;
    world.approve(&revert).await;
    world.repo.state().touched = vec!["web/signup/form.ts".to_owned()];
    world.run_to_end().await;
    let ended = world.proposal(revert.id).await;
    assert_eq!(ended.state, S::Failed);
    assert_eq!(ended.note.as_deref(), Some("web/signup/form.ts was changed since you were shown this"));
    assert!(world.said(&revert.thread).await.last().unwrap().contains("web/signup/form.ts was changed"));

    let flag = world.propose_flag().await;
    world.approve(&flag).await;
    world.flags.state().version = 13;
    *world.flags.edit.lock().unwrap() =
        LastEdit { by: Some("alan".to_owned()), at: Some(world.core.now().plus_ms(-minutes(8))) };
    world.run_to_end().await;
    let ended = world.proposal(flag.id).await;
    let why = "the flag changed since you approved (version 12 → 13, by alan 02:52)";
    assert_eq!(ended.note.as_deref(), Some(why));
    let said = world.said(&flag.thread).await;
    assert!(said.last().unwrap().contains(&format!("→ 🟠 Not run: {why}")), "{said:?}");
    assert_eq!(ended.state, S::Failed);
    assert!(world.repo.effects().is_empty() && world.flags.effects().is_empty());
}

#[tokio::test]
async fn when_a_flag_was_edited_is_told_in_the_zone_of_those_who_hear_of_it() {
    let ada = json!([{"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "Asia/Tokyo"}]);
    let settings = json!({"operators": ada, "runtime": {"channels": ["telegram"]}});
    let world = World::with(settings, "{}").await;
    let flag = world.propose_flag().await;
    world.approve(&flag).await;
    world.flags.state().version = 13;
    *world.flags.edit.lock().unwrap() = LastEdit { by: None, at: Some(world.core.now().plus_ms(-minutes(8))) };
    world.run_to_end().await;
    let why = "the flag changed since you approved (version 12 → 13, at 11:52)";
    assert_eq!(world.proposal(flag.id).await.note.as_deref(), Some(why));
}

#[tokio::test]
async fn a_merge_takes_only_the_head_that_was_shown() {
    let world = World::new().await;
    world.repo.fail("merge", &[Fault::NotDone]);
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    assert_eq!(world.run().await, 1);
    world.repo.state().pulls.get_mut(&483).unwrap().head_sha = "f00dfeedcafe".to_owned();
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.state, S::Failed);
    assert!(ended.note.unwrap().contains("#483 has a new head"));
    assert_eq!(world.repo.effects().len(), 1, "opened, not merged");
}

#[tokio::test]
async fn it_waits_for_checks_and_then_merges_but_not_for_more_than_an_hour() {
    for (passes, state) in [(true, S::Succeeded), (false, S::Failed)] {
        let world = World::new().await;
        let proposal = world.propose_revert().await;
        world.approve(&proposal).await;
        // The revert is opened in the first pass; its checks are pending from then on.
        world.repo.fail("merge", &[Fault::NotDone]);
        assert_eq!(world.run().await, 1);
        world.repo.state().pulls.get_mut(&483).unwrap().checks = Checks::Pending;
        world.clock.advance(minutes(1));
        assert_eq!(world.run().await, 1);
        let waiting = world.proposal(proposal.id).await;
        assert_eq!(waiting.steps[1].waiting_for.as_deref(), Some("the checks of #483"));
        if passes {
            world.clock.advance(minutes(20));
            world.repo.state().pulls.get_mut(&483).unwrap().checks = Checks::Passed;
        }
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, state, "{:?}", ended.note);
        assert_eq!(world.repo.effects().len(), if passes { 2 } else { 1 });
        if !passes {
            assert_eq!(ended.note.as_deref(), Some("it waited an hour for the checks of #483"));
        }
    }
}

#[tokio::test]
async fn a_yes_that_waits_for_checks_is_bound_by_its_wait_and_not_by_the_window_of_the_card() {
    for (away, state) in [(false, S::Succeeded), (true, S::Expired)] {
        let world = World::new().await;
        let proposal = world.propose_revert().await;
        let digest = proposal.digest.as_str().to_owned();
        for step in [1, 2] {
            let request =
                DecisionRequest { decision: Verdict::Approve, digest: digest.clone(), reason: None, step: Some(step) };
            world.desk.decide(&by("telegram:1"), proposal.id, request).await.unwrap();
            world.repo.state().pulls.entry(483).and_modify(|pull| pull.checks = Checks::Pending);
            world.run().await;
        }
        assert_eq!(world.run().await, 1);
        // Its window and the grace behind it are over, and it is looked at all the time; or it is not, for as long.
        if away {
            world.clock.advance(minutes(50));
        }
        for _ in 0..if away { 0 } else { 50 } {
            world.clock.advance(minutes(1));
            assert_eq!(world.run().await, 1);
        }
        assert_eq!(world.proposal(proposal.id).await.state, S::Approved);
        world.repo.state().pulls.get_mut(&483).unwrap().checks = Checks::Passed;
        world.clock.advance(minutes(1));
        world.run().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, state, "{:?}", ended.note);
        assert_eq!(world.repo.effects().len(), if away { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_fresh_pull_request_without_checks_waits_until_they_would_have_begun() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    world.repo.fail("merge", &[Fault::NotDone]);
    world.run().await;
    {
        let mut state = world.repo.state();
        state.pulls.get_mut(&483).unwrap().checks = Checks::None;
    }
    world.clock.advance(minutes(1));
    assert_eq!(world.run().await, 1);
    let waiting = world.proposal(proposal.id).await;
    assert_eq!(waiting.steps[1].waiting_for.as_deref(), Some("the checks of #483 to begin"));
    assert_eq!(world.repo.effects().len(), 1, "opened, not merged");
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
    assert!(world.core.now().since(proposal.created_at) < minutes(5));
}

#[tokio::test]
async fn hours_in_which_nobody_looked_do_not_count_as_waited() {
    let world = World::with(json!({"approvals": {"default": {"expires": "12h"}}}), "{}").await;
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    world.repo.fail("merge", &[Fault::NotDone]);
    world.run().await;
    world.repo.state().pulls.get_mut(&483).unwrap().checks = Checks::Pending;
    world.clock.advance(minutes(1));
    assert_eq!(world.run().await, 1);
    // Halted, or the machine was off.
    world.clock.advance(minutes(300));
    assert_eq!(world.run().await, 1, "{:?}", world.proposal(proposal.id).await.note);
    world.repo.state().pulls.get_mut(&483).unwrap().checks = Checks::Passed;
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
}

#[tokio::test]
async fn once_it_closes_no_further_step_is_begun() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    let executor = std::sync::Arc::new(wakeman_gateway::act::Executor::new(world.core.clone()));
    let closing = executor.clone();
    world.repo.at_the_next_call(move || closing.close());
    assert_eq!(executor.pass().await.unwrap(), 1);
    assert_eq!(world.repo.effects().len(), 1, "the call that was under way is recorded, the next is not made");
    assert!(world.proposal(proposal.id).await.steps[0].outcome.is_some());
    world.run_to_end().await;
    assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
}

#[tokio::test]
async fn what_was_shown_for_another_repository_is_not_done_in_this_one() {
    let mut world = World::new().await;
    let proposal = world.propose_issue().await;
    world.approve(&proposal).await;
    world.restart_with(json!({"github": {"repository": "acme/web"}})).await;
    world.run().await;
    let ended = world.proposal(proposal.id).await;
    let wanted = "it was shown for acme/app, and acme/web is watched now; make a new proposal";
    assert_eq!((ended.state, ended.note.as_deref(), world.repo.calls()), (S::Failed, Some(wanted), 0));
}

#[tokio::test]
async fn what_was_shown_for_another_project_is_not_done_in_this_one() {
    for call in ["set_flag", "annotate", "set_error_status", "rollback"] {
        let settings = json!({"vercel": {"projectId": "1"}});
        let world = World::with(settings, r#"{"vercel": {"triggerDeploys": true}}"#).await;
        let mut action = match call {
            "set_flag" => world.propose_flag().await.action,
            _ => sample(call).unwrap(),
        };
        for (project, state) in [("2", S::Failed), ("1", S::Succeeded)] {
            action.target["project"] = json!(project);
            let proposal = world.propose(action.clone()).await;
            world.approve(&proposal).await;
            world.run_to_end().await;
            let ended = world.proposal(proposal.id).await;
            assert_eq!(ended.state, state, "{call}: {:?}", ended.note);
            let wanted = "it was shown for 2, and 1 is watched now; make a new proposal";
            assert_eq!(ended.note.as_deref(), (state == S::Failed).then_some(wanted), "{call}");
        }
        assert_eq!(world.flags.effects().len() + world.outside.effects().len(), 1, "{call}");
    }
}

#[tokio::test]
async fn cards_for_posthog_name_the_project_and_the_digest_holds_it() {
    let world = World::new().await;
    let ada = world.core.settings.identity(&by("telegram:1")).unwrap();
    let thread = world.finding().await.thread;
    for wish in [
        Wish::Flag { key: "checkout-fast".into(), active: false, rollout: None },
        Wish::FlagOffAndAnnotate { key: "checkout-fast".into() },
        Wish::Annotate { content: "the sale begins".into() },
        Wish::ErrorStatus { issue: "e1".into(), status: "resolved".into() },
    ] {
        let Asked::Staged(id) = stage(&world.core, &ada, &thread, wish.clone(), None).await.unwrap() else {
            panic!("{wish:?}")
        };
        let card = world.proposal(id).await;
        assert!(card.card.steps.iter().all(|step| step.text.ends_with(" in project 1")), "{:?}", card.card.steps);
        let mut other = card.action.clone();
        other.target["project"] = json!("2");
        assert_ne!(digest("test", &other), card.digest);
    }
}

#[tokio::test]
async fn failed_checks_end_it_at_once() {
    let world = World::new().await;
    world.repo.fail("merge", &[Fault::NotDone]);
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    world.run().await;
    world.repo.state().pulls.get_mut(&483).unwrap().checks = Checks::Failed;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!((ended.state, ended.note.as_deref()), (S::Failed, Some("the checks of #483 failed")));
}

#[tokio::test]
async fn what_is_stored_must_be_what_was_approved_to_the_last_field() {
    type Change = fn(&mut Proposal);
    let tamper: [(&str, Change); 6] = [
        ("the action's arguments", |p| p.action.arguments["key"] = json!("kill-switch")),
        ("the action's target", |p| p.action.target["flag"] = json!("kill-switch")),
        ("the action's revision", |p| p.action.revision["version"] = json!(13)),
        ("the action's kind", |p| p.action.kind = "github.open_issue".to_owned()),
        ("the step that would run", |p| p.steps[0].action.arguments["active"] = json!(true)),
        ("one step more", |p| p.steps.push(p.steps[0].clone())),
    ];
    for (what, change) in tamper {
        let world = World::new().await;
        let proposal = world.propose_flag().await;
        let mut stored = world.approve(&proposal).await;
        change(&mut stored);
        store(&world, &stored).await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, S::Failed, "{what}");
        assert!(ended.note.unwrap().contains("was changed after it was approved"), "{what}");
        assert!(world.flags.effects().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_state_without_the_decisions_behind_it_runs_nothing() {
    let world = World::new().await;
    let mut proposal = world.propose_flag().await;
    proposal.state = S::Approved;
    store(&world, &proposal).await;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(
        (ended.state, ended.note.as_deref()),
        (S::Failed, Some("P-1 has 0 of 1 approvals by the settings as they are now"))
    );
    assert!(world.flags.effects().is_empty());
}

#[tokio::test]
async fn what_was_approved_begins_within_ten_minutes_of_its_window_or_never() {
    for (late, state) in [(minutes(10), S::Succeeded), (minutes(10) + 1, S::Expired)] {
        let mut world = World::new().await;
        let proposal = world.propose_revert().await;
        world.approve(&proposal).await;
        world.clock.set(proposal.expires_at.plus_ms(late));
        world.restart().await;
        world.run_to_end().await;
        assert_eq!(world.proposal(proposal.id).await.state, state, "{late} ms after its window");
        assert_eq!(world.repo.effects().is_empty(), state == S::Expired);
    }
}

#[tokio::test]
async fn what_began_and_has_no_call_outstanding_goes_on_within_ten_minutes_of_its_window_or_never() {
    // (the proposal, a call that was turned away, what had taken effect, how long nobody looked)
    for (revert, call, done, away, runs) in [
        (false, "open_issue", 0, minutes(9), true),
        (false, "open_issue", 0, minutes(600), false),
        (true, "merge", 1, minutes(600), false),
    ] {
        let mut world = World::new().await;
        let proposal = if revert { world.propose_revert().await } else { world.propose_issue().await };
        world.clock.set(proposal.expires_at.plus_ms(-1));
        world.approve(&proposal).await;
        world.repo.fail(call, &[Fault::NotDone]);
        world.run().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::Executing);
        world.clock.advance(away);
        world.restart().await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, if runs { S::Succeeded } else { S::Failed }, "{call}: {:?}", ended.note);
        assert_eq!(world.repo.effects().len(), done + usize::from(runs), "{call}");
        if !runs {
            assert!(ended.note.unwrap().starts_with("its window closed before "), "{call}");
        }
    }
}

#[tokio::test]
async fn a_call_that_never_arrived_is_not_repeated_a_night_later() {
    for (away, runs) in [(minutes(5), true), (minutes(600), false)] {
        let mut world = World::new().await;
        let proposal = world.propose_revert().await;
        world.approve(&proposal).await;
        world.repo.fail("merge", &[Fault::DiesBefore]);
        world.run_and_die().await;
        world.clock.advance(away);
        world.restart().await;
        world.run_to_end().await;
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, if runs { S::Succeeded } else { S::Failed }, "{:?}", ended.note);
        assert_eq!(world.repo.effects().len(), 1 + usize::from(runs));
    }
}

#[tokio::test]
async fn a_yes_of_somebody_who_may_not_any_more_begins_nothing() {
    let mut world = World::new().await;
    let proposal = world.propose_issue().await;
    world.decide("telegram:2", &proposal, Verdict::Approve).await.unwrap();
    let operators = json!([{"id": "ada", "role": "owner", "principals": ["telegram:1"]},
        {"id": "lin", "role": "viewer", "principals": ["telegram:2"]}]);
    world.restart_with(json!({"operators": operators})).await;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.note.as_deref(), Some("P-1 has 0 of 1 approvals by the settings as they are now"));
    assert!(world.repo.effects().is_empty());
}

#[tokio::test]
async fn a_record_that_is_done_and_never_began_goes_to_a_person() {
    use wakeman_types::Outcome;
    let world = World::new().await;
    let proposal = world.propose_issue().await;
    let mut stored = world.approve(&proposal).await;
    stored.steps[0].outcome = Some(Outcome::Done { output: json!({"number": 90}) });
    store(&world, &stored).await;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.state, S::NeedsReview, "{:?}", ended.note);
    assert!(matches!(ended.steps[0].outcome, Some(Outcome::Unknown { .. })) && world.repo.effects().is_empty());
}

#[tokio::test]
async fn without_a_durable_intent_no_call_is_made() {
    for fault in [Disk::Full, Disk::Fsync, Disk::Busy] {
        let world = World::new().await;
        let proposal = world.propose_flag().await;
        world.approve(&proposal).await;
        world.core.store.fail_next(fault);
        assert_eq!(world.run().await, 1, "{fault:?}: it is still under way");
        assert!(world.flags.effects().is_empty(), "{fault:?}");
        world.run_to_end().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded, "{fault:?}");
        assert_eq!(world.flags.effects().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_receipt_that_could_not_be_written_is_asked_for_and_nothing_is_done_twice() {
    for fault in [Disk::Full, Disk::Fsync, Disk::Busy] {
        let world = World::new().await;
        let proposal = world.propose_issue().await;
        world.approve(&proposal).await;
        let store = world.core.store.clone();
        world.repo.at_the_next_call(move || store.fail_next(fault));
        assert_eq!(world.run().await, 1, "{fault:?}: it is still under way");
        assert_eq!(world.repo.effects().len(), 1);
        assert_eq!(world.proposal(proposal.id).await.state, S::Executing);
        world.run_to_end().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded, "{fault:?}");
        assert_eq!(world.repo.calls(), 1, "{fault:?}: found by its marker");
    }
}

#[tokio::test]
async fn a_remote_that_asks_to_wait_is_left_alone_until_then() {
    let world = World::new().await;
    let proposal = world.propose_flag().await;
    world.flags.fail("set_flag", &[Fault::NotDone]);
    world.approve(&proposal).await;
    world.run().await;
    let waiting = world.proposal(proposal.id).await;
    let until = waiting.steps[0].not_before.unwrap();
    assert_eq!(until, world.core.now().plus_ms(20_000));
    world.clock.set(until.plus_ms(-1));
    assert_eq!(world.run().await, 1);
    assert_eq!(world.proposal(proposal.id).await.steps[0].tries, 1, "not yet");
    world.clock.set(until);
    assert_eq!(world.run().await, 0);
    assert_eq!(world.proposal(proposal.id).await.steps[0].tries, 2);
}

#[tokio::test]
async fn one_proposal_that_fails_does_not_keep_the_others_from_running() {
    let world = World::new().await;
    let (first, second) = (world.propose_revert().await, world.propose_flag().await);
    world.approve(&first).await;
    world.approve(&second).await;
    world.repo.fail("pull", &[Fault::Permanent]);
    world.run_to_end().await;
    assert_eq!(world.proposal(first.id).await.state, S::Failed);
    assert_eq!(world.proposal(second.id).await.state, S::Succeeded);
}

#[tokio::test]
async fn two_executors_on_one_begun_step_take_effect_once() {
    use wakeman_gateway::act::Executor;
    for seed in 0..20 {
        let mut world = World::new().await;
        let proposal = world.propose_revert().await;
        world.approve(&proposal).await;
        world.repo.fail("open_revert", &[Fault::DiesBefore]);
        world.run_and_die().await;
        assert!(world.proposal(proposal.id).await.steps[0].intended_at.is_some(), "begun, and nobody knows how far");
        world.restart().await;
        world.clock.advance(minutes(1));
        let (one, two) = (Executor::new(world.core.clone()), Executor::new(world.core.clone()));
        let (first, second) = if seed % 2 == 0 {
            tokio::join!(one.pass(), two.pass())
        } else {
            let (second, first) = tokio::join!(two.pass(), one.pass());
            (first, second)
        };
        assert!(first.is_ok() && second.is_ok());
        world.run_to_end().await;
        assert_eq!(world.proposal(proposal.id).await.state, S::Succeeded);
        // The loser of the race may ask again for what is idempotent by its branch; it takes effect once.
        assert_eq!(world.repo.effects().len(), 2, "one opens, one merges: {:?}", world.repo.effects());
    }
}

#[tokio::test]
async fn a_clock_that_jumps_and_a_machine_that_sleeps_run_nothing_twice_and_nothing_late() {
    // (jump between yes and first pass, jump while the call is in doubt, does it run)
    for (first, second, runs) in [
        (minutes(-90), minutes(0), true),
        (minutes(0), minutes(-90), true),
        (minutes(0), minutes(480), true),
        (minutes(480), minutes(0), false),
        (minutes(480), minutes(-480), false),
    ] {
        let world = World::new().await;
        let proposal = world.propose_flag().await;
        world.approve(&proposal).await;
        world.flags.fail("set_flag", &[Fault::Applied]);
        world.clock.advance(first);
        world.run().await;
        world.clock.advance(second);
        for _ in 0..200 {
            if world.run().await == 0 {
                break;
            }
            world.clock.advance(minutes(1));
        }
        let ended = world.proposal(proposal.id).await;
        assert_eq!(ended.state, if runs { S::Succeeded } else { S::Expired }, "{first} {second}: {:?}", ended.note);
        assert_eq!(world.flags.effects().len(), usize::from(runs), "{first} {second}");
    }
}
