//! The yes and the no: from the right person, to exactly what was shown, once; a refusal changes nothing.

use futures::future::join_all;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha12Rng;
use serde_json::{Value, json};
use wakeman_gateway::{
    act::{DecideError, Executor, decide},
    ports::Clock,
};
use wakeman_store::{Commit, Fault as Disk};
use wakeman_types::{
    DecisionRequest, ErrorKind, GatewayError, Outcome, Proposal, ProposalState as S, Proposals,
    Verdict::{self, Approve, Reject},
};

use crate::support::{World, by, minutes};

/// Asks, and checks that a refusal left everything as it was.
async fn ask(world: &World, who: &str, proposal: &Proposal, digest: &str) -> Result<S, (ErrorKind, String)> {
    let before = world.snapshot(proposal.id).await;
    let request = DecisionRequest { decision: Approve, digest: digest.to_owned(), reason: None, step: None };
    match decide(&world.core, &by(who), proposal.id, &request).await {
        Ok(decided) => Ok(decided.state),
        Err(error) => {
            assert_eq!(world.snapshot(proposal.id).await, before, "{who}: {error}");
            let error = GatewayError::from(error);
            Err((error.kind, error.message))
        }
    }
}

async fn who_may(settings: Value, who: &str) -> Result<S, (ErrorKind, String)> {
    let world = World::with(settings, "{}").await;
    let proposal = world.propose_revert().await;
    ask(&world, who, &proposal, proposal.digest.as_str()).await
}

#[tokio::test]
async fn only_operators_who_may_approve_decide_and_others_are_told_who_can() {
    for who in ["telegram:1", "discord:1", "telegram:2", "cli:1000", "cli:0"] {
        assert_eq!(who_may(json!({}), who).await, Ok(S::Approved), "{who}");
    }
    let (kind, words) = who_may(json!({}), "telegram:3").await.unwrap_err();
    assert_eq!(kind, ErrorKind::Forbidden);
    assert_eq!(words, "Only ada, lin or bob can approve P-1. You are grace (viewer).");
    for stranger in ["telegram:99", "discord:2", "web:1", "api:1", "system:0"] {
        let (kind, words) = who_may(json!({}), stranger).await.unwrap_err();
        assert_eq!(kind, ErrorKind::Forbidden, "{stranger}");
        assert!(words.starts_with(&format!("{stranger} is not an operator")), "{words}");
    }
}

#[tokio::test]
async fn a_list_of_approvers_binds_owners_and_the_local_account_too() {
    let only_lin = json!({"approvals": {"default": {"approvers": ["lin"]}}});
    assert_eq!(who_may(only_lin.clone(), "telegram:2").await, Ok(S::Approved));
    for who in ["telegram:1", "telegram:4", "cli:1000"] {
        let (_, words) = who_may(only_lin.clone(), who).await.unwrap_err();
        assert!(words.starts_with("Only lin can approve P-1."), "{who}: {words}");
    }
}

#[tokio::test]
async fn a_plan_needs_somebody_who_may_do_every_part_of_it() {
    let parts = json!({"approvals": {
        "github.revert_pr": {"approvers": ["ada", "lin"]}, "github.merge_pr": {"approvers": ["lin", "bob"]}
    }});
    assert_eq!(who_may(parts.clone(), "telegram:2").await, Ok(S::Approved));
    for who in ["telegram:1", "telegram:4"] {
        assert_eq!(who_may(parts.clone(), who).await.unwrap_err().0, ErrorKind::Forbidden, "{who}");
    }
    let nobody = json!({"approvals": {
        "github.revert_pr": {"approvers": ["ada"]}, "github.merge_pr": {"approvers": ["lin"]}
    }});
    for who in ["telegram:1", "telegram:2", "cli:1000"] {
        assert_eq!(who_may(nobody.clone(), who).await.unwrap_err().0, ErrorKind::Forbidden, "{who}");
    }
}

#[tokio::test]
async fn the_settings_of_today_decide_and_not_those_of_the_day_the_card_was_drawn() {
    let mut world = World::new().await;
    let proposal = world.propose_revert().await;
    let operators = json!([
        {"id": "ada", "role": "owner", "principals": ["telegram:1"]},
        {"id": "lin", "role": "viewer", "principals": ["telegram:2"]},
        {"id": "bob", "role": "approver", "principals": ["telegram:4"]},
    ]);
    world.restart_with(json!({"operators": operators, "approvals": {"default": {"needed": 2}}})).await;
    let digest = proposal.digest.as_str();
    let refused = ask(&world, "telegram:2", &proposal, digest).await.unwrap_err();
    assert_eq!(refused.1, "Only ada or bob can approve P-1. You are lin (viewer).");
    assert_eq!(ask(&world, "telegram:1", &proposal, digest).await, Ok(S::Pending), "two are needed now");
    assert_eq!(ask(&world, "telegram:4", &proposal, digest).await, Ok(S::Approved));
}

#[tokio::test]
async fn an_approval_is_for_the_digest_that_was_shown_by_at_least_twelve_digits() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    let digest = proposal.digest.as_str().to_owned();
    let other = if digest.starts_with('0') { "1" } else { "0" };
    let table = [
        (digest[..11].to_owned(), false),
        (String::new(), false),
        (format!("{}{}", &digest[..63], if digest.ends_with('0') { '1' } else { '0' }), false),
        (format!("{other}{}", &digest[1..12]), false),
        (format!("{digest}0"), false),
        (digest[1..].to_owned(), false),
        (digest[..12].to_uppercase(), true),
    ];
    for (given, good) in table {
        let got = ask(&world, "telegram:1", &proposal, &given).await;
        let want = if good { Ok(S::Approved) } else { Err(ErrorKind::DigestMismatch) };
        assert_eq!(got.map_err(|(kind, _)| kind), want, "{given}");
    }
}

#[tokio::test]
async fn only_a_pending_proposal_can_be_decided() {
    let world = World::new().await;
    for state in S::ALL {
        let proposal = world.propose_issue().await;
        world.commit(Commit::new(world.core.now()).put(&Proposal { state, ..proposal.clone() })).await;
        let got = ask(&world, "telegram:1", &proposal, proposal.digest.as_str()).await.map_err(|(kind, _)| kind);
        let want = match state {
            S::Pending => Ok(S::Approved),
            S::Expired => Err(ErrorKind::Expired),
            _ => Err(ErrorKind::AlreadyDecided),
        };
        assert_eq!(got, want, "{state:?}");
    }
}

#[tokio::test]
async fn the_window_closes_on_the_millisecond() {
    for (left_ms, want) in [(1, Ok(S::Approved)), (0, Err(ErrorKind::Expired)), (-1, Err(ErrorKind::Expired))] {
        let world = World::new().await;
        let proposal = world.propose_revert().await;
        world.clock.set(proposal.expires_at.plus_ms(-left_ms));
        let got = ask(&world, "telegram:1", &proposal, proposal.digest.as_str()).await;
        assert_eq!(got.map_err(|(kind, _)| kind), want, "{left_ms} ms left");
    }
}

#[tokio::test]
async fn two_approvals_come_from_two_people_however_many_accounts_one_of_them_has() {
    let world = World::with(json!({"approvals": {"default": {"needed": 2}}}), "{}").await;
    let proposal = world.propose_revert().await;
    let digest = proposal.digest.as_str();
    assert_eq!(ask(&world, "telegram:1", &proposal, digest).await, Ok(S::Pending));
    let (kind, words) = ask(&world, "discord:1", &proposal, digest).await.unwrap_err();
    assert_eq!(kind, ErrorKind::AlreadyDecided);
    assert_eq!(words, "P-1 already has your approval; it needs 1 more from: lin or bob");
    assert_eq!(world.run().await, 0);
    assert!(world.repo.effects().is_empty(), "one of two is not enough");
    assert_eq!(ask(&world, "telegram:2", &proposal, digest).await, Ok(S::Approved));
    assert_eq!(world.proposal(proposal.id).await.approvals(), 2);
}

#[tokio::test]
async fn a_yes_counts_by_the_settings_of_today_and_an_account_once_whoever_has_it() {
    let two = |operators: Value| json!({"operators": operators, "approvals": {"default": {"needed": 2}}});
    let lin = |role: &str, principals: &[&str]| json!({"id": "lin", "role": role, "principals": principals});
    let bob = |principals: &[&str]| json!({"id": "bob", "role": "approver", "principals": principals});
    let ada = json!({"id": "ada", "role": "owner", "principals": ["telegram:1"]});
    let before = two(json!([ada, lin("approver", &["telegram:2"]), bob(&["telegram:4"])]));
    for (after, second) in [
        // Who said yes may not any more; or the account that said it is another's now, who says it again.
        (json!([ada, lin("viewer", &["telegram:2"]), bob(&["telegram:4"])]), "telegram:4"),
        (json!([ada, bob(&["telegram:2", "telegram:4"])]), "telegram:2"),
        (json!([ada, bob(&["telegram:2", "telegram:4"])]), "telegram:4"),
    ] {
        let mut world = World::with(before.clone(), "{}").await;
        let proposal = world.propose_issue().await;
        let digest = proposal.digest.as_str();
        assert_eq!(ask(&world, "telegram:2", &proposal, digest).await, Ok(S::Pending));
        world.restart_with(two(after.clone())).await;
        assert_eq!(ask(&world, second, &proposal, digest).await, Ok(S::Pending), "{after}");
        assert_eq!(ask(&world, "telegram:1", &proposal, digest).await, Ok(S::Approved), "{after}");
    }
}

#[tokio::test]
async fn a_card_or_a_step_that_was_rewritten_while_it_waits_is_not_approved() {
    type Change = fn(&mut Proposal);
    let rewritten: [(&str, Change); 5] = [
        ("card.title was", |p| p.card.title = "Nothing at all".to_owned()),
        ("card.undo was", |p| p.card.undo = "none needed".to_owned()),
        ("card.steps", |p| p.card.steps.clear()),
        ("step 1 is marked as begun", |p| p.steps[0].intended_at = Some(p.created_at)),
        ("step 1 is marked as begun", |p| p.steps[0].outcome = Some(Outcome::Done { output: json!({}) })),
    ];
    for (words, change) in rewritten {
        let world = World::new().await;
        let proposal = world.propose_revert().await;
        let mut stored = proposal.clone();
        change(&mut stored);
        world.commit(Commit::new(world.core.now()).put(&stored)).await;
        let (kind, said) = ask(&world, "telegram:1", &proposal, proposal.digest.as_str()).await.unwrap_err();
        assert_eq!(kind, ErrorKind::DigestMismatch);
        assert!(said.starts_with("P-1 is not what was shown: ") && said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn one_no_ends_it_even_after_a_yes_and_is_said_in_the_thread() {
    let world = World::with(json!({"approvals": {"default": {"needed": 2}}}), "{}").await;
    let proposal = world.propose_revert().await;
    world.decide("telegram:1", &proposal, Approve).await.unwrap();
    assert_eq!(world.decide("telegram:2", &proposal, Reject).await.unwrap().state, S::Rejected);
    let (kind, words) = ask(&world, "telegram:4", &proposal, proposal.digest.as_str()).await.unwrap_err();
    assert_eq!((kind, words.as_str()), (ErrorKind::AlreadyDecided, "P-1 was already rejected by lin at 03:00"));
    assert_eq!(world.run().await, 0);
    assert!(world.repo.effects().is_empty());
    let said = world.said(&proposal.thread).await;
    assert!(said.last().unwrap().contains("Rejected by lin"), "{said:?}");
}

#[tokio::test]
async fn a_second_press_is_told_who_was_first_and_when() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.approve(&proposal).await;
    world.clock.advance(minutes(5));
    let (_, words) = ask(&world, "telegram:2", &proposal, proposal.digest.as_str()).await.unwrap_err();
    assert_eq!(words, "P-1 was already approved by ada at 03:00");
    let no = world.decide("telegram:2", &proposal, Reject).await;
    assert!(matches!(no, Err(DecideError::AlreadyDecided { .. })));
    world.run_to_end().await;
    let (_, words) = ask(&world, "telegram:2", &proposal, proposal.digest.as_str()).await.unwrap_err();
    assert_eq!(words, "P-1 was already approved by ada at 03:00");
}

#[tokio::test]
async fn a_refusal_tells_times_in_the_zone_of_the_one_who_asked() {
    let operators = json!([
        {"id": "ada", "role": "owner", "principals": ["telegram:1"], "timezone": "Europe/Berlin"},
        {"id": "lin", "role": "approver", "principals": ["telegram:2"]},
    ]);
    let settings = json!({"operators": operators, "ui": {"timezone": "Asia/Tokyo"}});
    let world = World::with(settings, "{}").await;
    let (late, done) = (world.propose_revert().await, world.propose_revert().await);
    world.approve(&done).await;
    world.clock.set(late.expires_at);
    for (who, decided, expired) in [("telegram:1", "05:00", "05:30"), ("telegram:2", "12:00", "12:30")] {
        let (_, words) = ask(&world, who, &done, done.digest.as_str()).await.unwrap_err();
        assert_eq!(words, format!("P-2 was already approved by ada at {decided}"));
        let (_, words) = ask(&world, who, &late, late.digest.as_str()).await.unwrap_err();
        assert_eq!(words, format!("P-1 expired at {expired}; nothing was run, ask for a new proposal"));
    }
}

#[tokio::test]
async fn with_a_full_disk_nothing_is_approved_but_no_still_works() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.core.store.fail_next(Disk::Full);
    let failed = GatewayError::from(world.decide("telegram:1", &proposal, Approve).await.unwrap_err());
    assert_eq!(failed.kind, ErrorKind::Storage);
    assert_eq!(world.proposal(proposal.id).await.state, S::Pending);
    world.core.store.fail_next(Disk::Full);
    assert_eq!(world.decide("telegram:1", &proposal, Reject).await.unwrap().state, S::Rejected);
    assert_eq!(world.proposal(proposal.id).await.state, S::Rejected);
}

#[tokio::test]
async fn a_press_on_an_expired_card_offers_a_fresh_one_and_a_no_does_not() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.clock.set(proposal.expires_at);
    let request =
        |decision| DecisionRequest { decision, digest: proposal.digest.as_str().to_owned(), reason: None, step: None };
    let no = world.desk.decide(&by("telegram:1"), proposal.id, request(Reject)).await.unwrap_err();
    assert_eq!(no.kind, ErrorKind::Expired);
    assert_eq!(world.all::<Proposal>().await.len(), 1, "a no asks for nothing new");
    let yes = world.desk.decide(&by("telegram:1"), proposal.id, request(Approve)).await.unwrap_err();
    assert_eq!(yes.kind, ErrorKind::Expired);
    assert_eq!(yes.message, "P-1 expired; P-2 is the same, drafted afresh just now: `approve P-2`");
    let again = world.desk.decide(&by("telegram:2"), proposal.id, request(Approve)).await.unwrap_err();
    assert_eq!(again.message, "P-1 expired; P-2 took its place and waits for a decision: `approve P-2`");
    assert_eq!(world.proposal(proposal.id).await.state, S::Expired);
    let all = world.all::<Proposal>().await;
    assert_eq!(all.len(), 2);
    assert_eq!(world.approve(&all[1]).await.state, S::Approved);
    world.run_to_end().await;
    assert_eq!(world.repo.effects().len(), 2, "{:?}", world.repo.effects());
}

/// The principals of a race; two of them are one person.
const RACERS: [&str; 8] =
    ["telegram:1", "discord:1", "telegram:2", "telegram:4", "cli:1000", "cli:1001", "telegram:3", "telegram:99"];

#[tokio::test]
async fn in_many_races_exactly_one_decision_ends_it_and_at_most_one_execution_follows() {
    // All ten thousand with the whole crash matrix; some of them in every run of the tests.
    let races = if std::env::var("WAKEMAN_CRASH_MATRIX").is_ok_and(|value| value == "all") { 10_000 } else { 400 };
    let world = World::new().await;
    let mut executed = 0;
    for seed in 0..races {
        let mut chance = ChaCha12Rng::seed_from_u64(seed);
        let proposal = world.propose_issue().await;
        let mut racers = RACERS;
        racers.shuffle(&mut chance);
        let racers = &racers[..chance.random_range(2..=8)];
        let words: Vec<(&str, Verdict)> =
            racers.iter().map(|who| (*who, if chance.random_bool(0.7) { Approve } else { Reject })).collect();
        // Through the trait, as every surface does.
        let decisions = words.iter().map(|(who, verdict)| {
            let (digest, who) = (proposal.digest.as_str().to_owned(), by(who));
            let request = DecisionRequest { decision: *verdict, digest, reason: None, step: None };
            let (desk, id) = (&world.desk, proposal.id);
            async move { desk.decide(&who, id, request).await }
        });
        let (executors, results) = tokio::join!(
            join_all((0..2).map(|_| async { Executor::new(world.core.clone()).pass().await })),
            join_all(decisions)
        );
        assert!(executors.iter().all(Result::is_ok));
        world.run_to_end().await;
        let may = racers.iter().filter(|who| !["telegram:3", "telegram:99"].contains(who)).count();
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, may.min(1), "seed {seed}: {words:?}");
        let after = world.proposal(proposal.id).await;
        assert_eq!(after.decisions.len(), won, "seed {seed}");
        executed += usize::from(after.state == S::Succeeded);
        assert_eq!(world.repo.effects().len(), executed, "seed {seed}: {:?}", after.state);
    }
    let races = races as usize;
    assert!((races / 4..races * 9 / 10).contains(&executed), "both ends were seen: {executed}");
    println!("races: {races} run, {executed} executed, each at most once");
}

#[tokio::test]
async fn the_clock_of_a_decision_is_the_one_of_the_instance() {
    let world = World::new().await;
    let proposal = world.propose_revert().await;
    world.clock.advance(1234);
    let decided = world.approve(&proposal).await;
    assert_eq!(decided.decisions[0].at, world.clock.now());
    assert_eq!(decided.state_since, world.clock.now());
    assert_eq!(world.events_of(proposal.id).await, ["proposal.approved"]);
}
