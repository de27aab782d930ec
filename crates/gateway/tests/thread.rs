//! One incident from the first sign to the verified repair, as its thread reads at three in the morning.

use wakeman_types::{Change, MINUTE_MS, Proposal, Timestamp};

use crate::support::{Incident, MERGE_SHA, NOW, World, merge_482, minutes};

/// Sign-ups fall to a third until the revert is merged; the merge went out two minutes before.
async fn incident(world: &mut World) -> Proposal {
    world.tick().await;
    let from = NOW.plus_ms(minutes(30));
    let until = Timestamp(i64::MAX);
    world.product.state().incidents.push(Incident { metric: "signed_up", from, until, factor: 0.3 });
    world.code.state().answer.changes = vec![Change { at: from.plus_ms(-minutes(6)), ..merge_482() }];
    world.code.deployment(9, MERGE_SHA, "success", from.plus_ms(-minutes(2)));
    world.watch_for(50).await;
    world.all::<Proposal>().await.remove(0)
}

async fn thread_of(world: &World, proposal: &Proposal) -> String {
    world.said(&proposal.thread).await.join("\n\n----\n\n")
}

#[tokio::test]
async fn an_incident_from_the_finding_to_the_verified_repair() {
    let mut world = World::new().await;
    let proposal = incident(&mut world).await;
    world.approve(&proposal).await;
    world.run_to_end().await;
    let merged = world.core.now().ms() / (5 * MINUTE_MS) * (5 * MINUTE_MS);
    world.product.state().incidents[0].until = Timestamp(merged + minutes(5));
    world.watch_for(45).await;
    assert_eq!(world.proposal(proposal.id).await.state.name(), "verified");
    insta::assert_snapshot!(thread_of(&world, &proposal).await, @r#"
    🔴 signed_up down 68 % since 03:30 (6 min ago)
    19 where 60 were expected (50–70) · steady

    Likely cause, 97 %: #482 "signup: new form", merged 03:24 by lin
      · 6 min before the drop
      · names what broke: signup
    Less likely: none of these 3 %

    [ Useful ] [ Noise ] [ Snooze ] [ Why ]
    F-1

    ----

    ⏳ Revert #482 on acme/app, then merge the revert
    1. open PR on wakeman/P-1 restoring 2 files to before 9c1e0d4 (nothing touched them since)
    2. merge it when its checks pass (head must still be the PR's)
    Undo: revert the revert. Checks afterwards: signed_up back in 50–70 within 40 min.
    Needs 1 of: ada, lin, bob · expires 04:06 · digest d40c0d70635a
    [ Approve ] [ Reject ] [ Details ]
    P-1 for F-1

    ----

    Approved by ada 03:50 → merged 03:50 (PR #483) → to be checked: signed_up back in 50–70 within 40 min
    P-1 for F-1 · Revert #482 on acme/app, then merge the revert

    ----

    Approved by ada 03:50 → merged 03:50 (PR #483) → 🟢 signed_up recovered 04:11, 57 where 60 expected
    P-1 for F-1 · Revert #482 on acme/app, then merge the revert
    "#);
}

#[tokio::test]
async fn an_incident_whose_repair_did_not_help() {
    let mut world = World::new().await;
    let proposal = incident(&mut world).await;
    world.approve(&proposal).await;
    world.run_to_end().await;
    world.watch_for(45).await;
    let said = world.said(&proposal.thread).await;
    insta::assert_snapshot!(said[2..].join("\n\n----\n\n"), @r"
    Approved by ada 03:50 → merged 03:50 (PR #483) → to be checked: signed_up back in 50–70 within 40 min
    P-1 for F-1 · Revert #482 on acme/app, then merge the revert

    ----

    Approved by ada 03:50 → merged 03:50 (PR #483) → 🔴 signed_up not back by 04:30, 204 where 662 expected
    P-1 for F-1 · Revert #482 on acme/app, then merge the revert

    ----

    ⏳ Revert #483 on acme/app, then merge the revert
    1. open PR on wakeman/P-2 restoring 2 files to before merge48 (nothing touched them since)
    2. merge it when its checks pass (head must still be the PR's)
    Undo: revert the revert. Checks afterwards: the merge and its checks pass within 30 min.
    Needs 1 of: ada, lin, bob · expires 05:00 · digest 3b93a8eb5f02
    [ Approve ] [ Reject ] [ Details ]
    P-2
    ");
}

#[tokio::test]
async fn a_silent_source_and_its_return() {
    use wakeman_gateway::ports::SourceError;
    use wakeman_types::Thread;
    let mut world = World::new().await;
    world.tick().await;
    let throttled = SourceError::Limited { reason: "429, throttled".to_owned(), wait_ms: None };
    world.product.state().down = Some(throttled);
    world.watch_for(20).await;
    world.product.state().down = None;
    world.watch_for(10).await;
    let mut said = Vec::new();
    for thread in world.all::<Thread>().await {
        said.extend(world.said(&thread.thread_id).await);
    }
    insta::assert_snapshot!(said.join("\n\n----\n\n"), @r#"
    PostHog has not answered for 8 min (429, throttled, next try 03:16). Its 2 metrics are unknown, not fine.

    ----

    PostHog answers again.
    "#);
}

#[tokio::test]
async fn every_other_end_names_what_happened_and_the_way_on() {
    use crate::support::Fault;
    use wakeman_types::Verdict::{Approve, Reject};
    let mut said = Vec::new();
    for end in ["rejected", "expired", "a file changed", "refused three times", "in doubt", "begun too late"] {
        let world = World::new().await;
        if end == "in doubt" {
            world.repo.state().touched = vec!["web/signup/form.ts".to_owned()];
            world.repo.fail("open_platform_revert", &[Fault::Lost]);
        }
        if end == "refused three times" {
            world.repo.fail("merge", &[Fault::NotDone; 3]);
        }
        let proposal = world.propose_revert().await;
        match end {
            "rejected" => drop(world.decide("telegram:2", &proposal, Reject).await.unwrap()),
            "expired" => {
                world.clock.set(proposal.expires_at);
                wakeman_gateway::act::expire(&world.core, proposal.id).await.unwrap();
            }
            _ => drop(world.decide("telegram:1", &proposal, Approve).await.unwrap()),
        }
        if end == "a file changed" {
            world.repo.state().touched = vec!["web/signup/form.ts".to_owned()];
        }
        if end == "begun too late" {
            world.clock.set(proposal.expires_at.plus_ms(minutes(11)));
        }
        world.run_to_end().await;
        let words = world.said(&proposal.thread).await;
        assert_eq!(words.len(), 1, "{end}: {words:?}");
        said.push(words[0].lines().next().unwrap().to_owned());
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    Rejected by lin 03:00
    P-1 expired at 03:30, nothing was run. Sign-ups are still low.
    Approved by ada 03:00 → 🟠 Not run: web/signup/form.ts was changed since you were shown this
    Approved by ada 03:00 → PR #483 opened 03:00 → 🟠 failed 03:01 at step 2: 502 before it was taken; tried 3 times
    Approved by ada 03:00 → 🟠 it is not known since 03:00 whether it took effect at step 1: GitHub does not show the revert of #482, and it may still appear; look at its pull requests. Once you have looked, say `resolve P-1 done` or `resolve P-1 failed`
    Approved by ada 03:00 → P-1 expired at 03:30, nothing was run. Sign-ups are still low.
    ");
}
