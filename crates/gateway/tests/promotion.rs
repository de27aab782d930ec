//! Who decides: status, promotion, the way back, beginning anew, forgetting.

use serde_json::json;
use wakeman_gateway::{
    act::catalogue::{Readiness, Reconciled, StepContext, class},
    rank::{Given, PolicyRow, PromotionRow, ReactionRecord},
};
use wakeman_present::RenderContext;
use wakeman_ranking::{FEATURES_VERSION, REGISTRY, promotion::Stage, reward::Reaction};
use wakeman_store::{Commit, FIRST_PREVIOUS_LINK, LANE, Seq, Verdict};
use wakeman_types::{
    Admin, Choice, ChoiceRecord, DecisionId, DecisionRequest, Entity, ErrorKind, ExecutionMode, FindingId, HOUR_MS,
    Interruption, MINUTE_MS, OperatorId, Outcome, PolicyOpinion, PromoteRequest, Proposal, ProposalState, Proposals,
    Ranking, Thread, Timestamp, Verdict::Approve,
};

use crate::support::{NOW, World, by};

fn arms(now: f64) -> Vec<Choice> {
    [(Interruption::Now, now), (Interruption::Digest, 1.0 - now), (Interruption::Silent, 0.0)]
        .map(|(arm, propensity)| Choice { arm, propensity })
        .into()
}

fn opinion(policy: &str, now: f64) -> PolicyOpinion {
    let preferred = if now >= 0.5 { Interruption::Now } else { Interruption::Digest };
    PolicyOpinion { policy: policy.to_owned(), preferred, arms: arms(now) }
}

/// `count` decisions an hour apart, the last at `end`; three in five findings are large and useful, the others small and noise. The
/// shadow knows which is which, or has it backwards.
async fn logged(world: &World, count: i64, end: Timestamp, knows: bool) {
    let mut commit = Commit::new(world.core.now());
    for i in 0..count {
        let useful = i % 5 < 3;
        let lints = if useful == knows { 0.97 } else { 0.03 };
        let chosen = if i * 7 % 10 < 6 { Interruption::Now } else { Interruption::Digest };
        let value = |name: &str| match name {
            "severity" => 1.0,
            "effect_size" if useful => 3.0,
            _ => 0.0,
        };
        let at = end.plus_ms(-(count - i) * HOUR_MS);
        let choice = ChoiceRecord {
            id: DecisionId::new(format!("d{}-{i}", end.ms())),
            finding: FindingId::new(9000),
            policy: "rule-v1".to_owned(),
            chosen,
            arms: arms(0.6),
            forced: false,
            explored: false,
            features: REGISTRY.iter().map(|spec| (spec.name.to_owned(), value(spec.name))).collect(),
            seed: 1,
            reason: "large and sure".to_owned(),
            at,
            opinions: vec![opinion("rule-v1", 0.6), opinion("lints-v1", lints)],
            fallback: None,
            features_version: FEATURES_VERSION,
            prompt_version: None,
        };
        let reaction = if useful { Reaction::Useful } else { Reaction::Noise };
        let record = ReactionRecord {
            decision: choice.id.clone(),
            finding: choice.finding,
            operator: OperatorId::new("lin"),
            chosen,
            features: choice.features.iter().map(|(_, value)| *value).collect(),
            reactions: vec![Given { reaction, at }],
            worth: Some(reaction.worth()),
            told_at: at,
        };
        commit = commit.put(&choice).put(&record);
    }
    let _ = world.core.store.commit(commit).await.unwrap();
}

async fn world() -> World {
    World::code_only_with(json!({"monitor": {"alarmBudgetPerWeek": 200}}), "{}").await
}

fn lints() -> PromoteRequest {
    PromoteRequest { policy: "lints-v1".to_owned() }
}

#[tokio::test]
async fn a_promotion_is_refused_with_what_fails_and_by_how_much() {
    let world = world().await;
    let ada = by("telegram:1");
    let refused = world.desk.promote(&ada, lints()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let nothing = "lints-v1 is not promoted: nothing is known yet of what it would bring; at least 100 decisions that somebody rated are needed \
                   (`feedback F-12 useful`, or `noise`)";
    assert_eq!(refused.message, nothing);
    logged(&world, 60, NOW, false).await;
    let few = world.desk.promote(&ada, lints()).await.unwrap_err();
    let worth = "lints-v1 is not promoted: not proven better: by what is known the gain may be as low as -";
    assert!(few.message.starts_with(worth), "{few}");
    assert!(few.message.contains("too little evidence: worth ") && few.message.contains(", 100 are needed"), "{few}");
    logged(&world, 600, NOW, false).await;
    let worse = world.desk.promote(&ada, lints()).await.unwrap_err();
    assert!(worse.message.contains("not proven better"), "{worse}");
    for (who, policy, words) in [
        ("telegram:3", "lints-v1", "Only an approver or owner can propose a promotion. You are grace (viewer)."),
        (
            "telegram:1",
            "linucb-v1",
            "linucb-v1 leaves nothing to chance, so its own log could never show that it is worse; promote egreedy-v2 instead",
        ),
        ("telegram:1", "linrff-v1", "linrff-v1 is for replay on files and decides nothing here"),
        ("telegram:1", "egreedy-v1", "egreedy-v1 is what others are promoted over; `ranking rollback` goes back to it"),
        ("telegram:1", "rule-v1", "rule-v1 is what others are promoted over; `ranking rollback` goes back to it"),
        (
            "telegram:1",
            "best-v9",
            "`best-v9` is not a policy; there are rule-v1, lints-v1, linucb-v1, egreedy-v1, egreedy-v2 and linrff-v1",
        ),
    ] {
        let asked = PromoteRequest { policy: policy.to_owned() };
        assert_eq!(world.desk.promote(&by(who), asked).await.unwrap_err().message, words);
    }
    assert!(world.all::<PromotionRow>().await.is_empty() && world.all::<Proposal>().await.is_empty());
    assert!(world.all::<Thread>().await.is_empty(), "what is refused opens no conversation");
    assert_eq!(world.desk.rollback(&ada).await.unwrap_err().message, "nothing is promoted; rule-v1 decides");
    world.desk.set_mode(&ada, ExecutionMode::Observe).await.unwrap();
    let observing = world.desk.promote(&ada, lints()).await.unwrap_err();
    assert_eq!(observing.message, "the mode is observe, in which nothing is proposed");
}

/// Proposed by an approver, approved by the owner, run.
async fn promote(world: &World) -> Proposal {
    let shown = world.desk.promote(&by("telegram:2"), lints()).await.unwrap().proposal;
    world.approve(&shown).await;
    world.run_to_end().await;
    world.proposal(shown.id).await
}

#[tokio::test]
async fn a_promotion_that_holds_is_a_card_that_only_an_owner_approves() {
    let world = world().await;
    logged(&world, 600, NOW, true).await;
    let shown = world.desk.promote(&by("telegram:2"), lints()).await.unwrap().proposal;
    assert!(world.all::<PromotionRow>().await.is_empty(), "proposing begins nothing");
    let context = RenderContext { now: world.core.now(), zone: world.core.zone() };
    let card = wakeman_present::plain(&wakeman_present::proposal_doc(&shown, &context));
    insta::assert_snapshot!(card.replace(shown.digest.short(), "<digest>"), @r"
    ⏳ Let lints-v1 decide what interrupts, 10 % first
    1. let lints-v1 decide one in ten of what is open to choice (better by at least 0.110; evidence enough: worth 361 decisions; agrees with the active policy in 60 % of decisions; would interrupt 100.0 times a week, 200.0 are allowed)
    2. then one in two, then all, while it is no worse (critical findings, quiet hours and the alarm budget bind it as before)
    Undo: say `ranking rollback`; it goes back by itself once it is surely worse. Checks afterwards: the policies decide as set within 1 min.
    Needs 1 of: ada · expires 03:30 · digest <digest>
    [ Approve ] [ Reject ] [ Details ]
    P-1
    ");
    assert_eq!(world.desk.promote(&by("telegram:1"), lints()).await.unwrap().proposal.id, shown.id, "it waits already");
    let refused = world.decide("telegram:2", &shown, Approve).await.unwrap_err();
    assert_eq!(refused.to_string(), "Only ada can approve P-1. You are lin (approver).");
    world.approve(&shown).await;
    world.run_to_end().await;
    let ended = world.proposal(shown.id).await;
    assert_eq!(ended.state, ProposalState::Succeeded, "{:?}", ended.note);
    let row = world.all::<PromotionRow>().await.remove(0);
    assert_eq!((row.stage, row.by.as_str(), row.proposal), (Stage::Tenth, "ada", Some(shown.id)));
    let again = world.desk.promote(&by("telegram:1"), lints()).await.unwrap_err();
    assert_eq!(again.message, "lints-v1 is promoted already, at stage tenth");
}

#[tokio::test]
async fn an_expired_promotion_is_offered_afresh_with_what_the_log_shows_now() {
    let world = world().await;
    logged(&world, 600, NOW, true).await;
    let shown = world.desk.promote(&by("telegram:2"), lints()).await.unwrap().proposal;
    world.clock.set(shown.expires_at);
    let digest = shown.digest.as_str().to_owned();
    let request = DecisionRequest { decision: Approve, digest, reason: None, step: None };
    let refused = world.desk.decide(&by("telegram:1"), shown.id, request).await.unwrap_err();
    assert_eq!(refused.message, "P-1 expired; P-2 is the same, drafted afresh just now: `approve P-2`");
    let fresh = world.all::<Proposal>().await.remove(1);
    assert_eq!((fresh.state, &fresh.requested_by), (ProposalState::Pending, &shown.requested_by));
    assert_eq!(fresh.action.arguments, shown.action.arguments);
}

#[tokio::test]
async fn what_no_longer_holds_when_it_would_begin_is_refused_by_how_much() {
    let mut world = world().await;
    logged(&world, 600, NOW, true).await;
    let shown = world.desk.promote(&by("telegram:2"), lints()).await.unwrap().proposal;
    world.approve(&shown).await;
    // Since it was shown, the log turned against it.
    world.clock.advance(MINUTE_MS);
    logged(&world, 3000, world.core.now(), false).await;
    world.run_to_end().await;
    let ended = world.proposal(shown.id).await;
    assert_eq!(ended.state, ProposalState::Failed);
    let note = ended.note.unwrap();
    assert!(
        note.starts_with("lints-v1 is not promoted: not proven better: by what is known the gain may be as low as -"),
        "{note}"
    );
    assert!(world.all::<PromotionRow>().await.is_empty() && world.events_of("lints-v1").await.is_empty());
    world.restart().await;
    world.run_to_end().await;
    assert!(world.all::<PromotionRow>().await.is_empty());
}

#[tokio::test]
async fn a_promotion_goes_on_while_it_proves_itself_and_is_rolled_back_when_it_is_worse() {
    let mut world = world().await;
    logged(&world, 600, NOW, true).await;
    promote(&world).await;
    world.clock.advance(201 * HOUR_MS);
    logged(&world, 200, world.core.now(), true).await;
    world.tick().await;
    assert_eq!(world.all::<PromotionRow>().await[0].stage, Stage::Half);
    world.clock.advance(601 * HOUR_MS);
    logged(&world, 600, world.core.now(), false).await;
    let owed = world.owed().await;
    world.tick().await;
    assert!(world.all::<PromotionRow>().await.is_empty() && world.owed().await > owed, "everybody is told");
    let events = world.events_of("lints-v1").await;
    assert_eq!(events, ["ranking.promoted", "ranking.advanced", "ranking.rolled_back"]);
}

#[tokio::test]
async fn what_was_good_for_long_and_turns_is_neither_offered_nor_kept() {
    let mut world = world().await;
    logged(&world, 600, NOW, true).await;
    promote(&world).await;
    for stage in [Stage::Half, Stage::Whole] {
        world.clock.advance(101 * HOUR_MS);
        logged(&world, 100, world.core.now(), true).await;
        world.tick().await;
        assert_eq!(world.all::<PromotionRow>().await[0].stage, stage);
    }
    world.clock.advance(401 * HOUR_MS);
    logged(&world, 400, world.core.now(), true).await;
    world.tick().await;
    let good = world.desk.ranking(&by("telegram:3")).await.unwrap().policies[1].bound.clone().unwrap();
    assert!(good.lower > 0.0 && world.all::<PromotionRow>().await.len() == 1, "{good:?}");
    world.clock.advance(301 * HOUR_MS);
    logged(&world, 300, world.core.now(), false).await;
    world.tick().await;
    assert!(world.all::<PromotionRow>().await.is_empty(), "its stage began long before it turned");
    let bad = world.desk.promote(&by("telegram:1"), lints()).await.unwrap_err();
    assert!(bad.message.contains("nothing is known yet") && bad.message.contains("when it was rolled back"), "{bad}");
}

#[tokio::test]
async fn a_reset_takes_the_proof_and_the_promotion_with_it() {
    let mut world = World::code_only_with(json!({"monitor": {"alarmBudgetPerWeek": 200}}), "{}").await;
    world.break_the_build();
    world.tick().await;
    let id = world.only_finding().await.id;
    let ada = by("telegram:1");
    world.desk.feedback(&by("telegram:2"), id, true).await.unwrap();
    world.clock.advance(601 * HOUR_MS);
    logged(&world, 600, world.core.now(), true).await;
    let shown = world.desk.promote(&by("telegram:2"), lints()).await.unwrap().proposal;
    world.clock.advance(MINUTE_MS);
    world.desk.reset_ranking(&ada, None).await.unwrap();
    world.approve(&shown).await;
    world.run_to_end().await;
    let note = world.proposal(shown.id).await.note.unwrap();
    assert!(note.starts_with("lints-v1 is not promoted:"), "{note}");
    assert!(note.contains("count, when what it had learnt was reset"), "{note}");
    let before = world.all::<Proposal>().await.len();
    let refused = world.desk.promote(&ada, lints()).await.unwrap_err();
    assert!(refused.message.contains("nothing is known yet"), "{refused}");
    assert_eq!(world.all::<Proposal>().await.len(), before);
    world.clock.advance(601 * HOUR_MS);
    logged(&world, 600, world.core.now(), true).await;
    promote(&world).await;
    assert_eq!(world.all::<PromotionRow>().await.len(), 1);
    world.clock.advance(MINUTE_MS);
    world.desk.reset_ranking(&ada, None).await.unwrap();
    assert!(world.all::<PromotionRow>().await.is_empty(), "in the same commit");
    assert!(world.events_of("lints-v1").await.ends_with(&["ranking.rolled_back".to_owned()]));
    assert!(world.desk.promote(&ada, lints()).await.is_err(), "the old decisions prove nothing any more");
}

#[tokio::test]
async fn after_a_crash_in_between_it_began_once_and_what_was_rolled_back_stays_so() {
    // Neither row nor receipt landed; the row did; it did and an owner took it back before the restart.
    for (landed, taken_back) in [(false, false), (true, false), (true, true)] {
        let mut world = world().await;
        logged(&world, 600, NOW, true).await;
        let shown = world.desk.promote(&by("telegram:2"), lints()).await.unwrap().proposal;
        let mut approved = world.approve(&shown).await;
        if landed {
            world.run_to_end().await;
        }
        if taken_back {
            world.desk.rollback(&by("telegram:1")).await.unwrap();
        }
        approved.state = ProposalState::Executing;
        approved.steps[0].intended_at = Some(world.core.now());
        approved.steps[0].tries = 1;
        world.commit(Commit::durable(world.core.now()).put(&approved)).await;
        world.restart().await;
        world.run_to_end().await;
        let ended = world.proposal(shown.id).await;
        assert_eq!(ended.state, ProposalState::Succeeded, "{landed} {taken_back}: {:?}", ended.note);
        assert_eq!(world.all::<PromotionRow>().await.len(), usize::from(!taken_back));
        let begun = world.events_of("lints-v1").await.into_iter().filter(|event| event == "ranking.promoted").count();
        assert_eq!(begun, 1, "{landed} {taken_back}");
    }
}

#[tokio::test]
async fn its_undo_takes_back_that_very_promotion_and_no_later_one() {
    let world = world().await;
    logged(&world, 600, NOW, true).await;
    let ended = promote(&world).await;
    let class = class("wakeman.promote_policy").unwrap();
    let Some(Outcome::Done { output }) = &ended.steps[0].outcome else { panic!("{ended:?}") };
    let undo = class.undo(&ended.action, output).unwrap();
    class.check(&undo).unwrap();
    assert_eq!(class.card(&undo, String::new()).title, "Take the promotion of lints-v1 back");
    let step = |number| StepContext {
        core: &world.core,
        hands: &world.core.hands,
        proposal: ended.id,
        number,
        action: &undo,
        drafted_at: Timestamp(0),
        waiting_since: None,
        now: world.core.now(),
    };
    assert_eq!(class.ready(step(1)).await.unwrap(), Readiness::Ready);
    class.run(step(1)).await.unwrap();
    assert!(world.all::<PromotionRow>().await.is_empty());
    assert!(matches!(class.reconcile(step(1)).await.unwrap(), Reconciled::Done(_)), "the journal names it");
    assert!(class.undo(&undo, &json!({"begun": null})).is_none(), "what took back is not taken back by itself");
    world.clock.advance(601 * HOUR_MS);
    logged(&world, 600, world.core.now(), true).await;
    promote(&world).await;
    let refused = class.ready(step(1)).await.unwrap_err();
    assert!(refused.to_string().contains("it was promoted anew since"), "{refused}");
}

#[tokio::test]
async fn a_promotion_that_cannot_be_read_is_none_and_the_next_takes_its_place() {
    let world = world().await;
    logged(&world, 600, NOW, true).await;
    promote(&world).await;
    world.commit(Commit::new(NOW).put(&Broken)).await;
    let view = world.desk.ranking(&by("telegram:3")).await.unwrap();
    assert_eq!(view.stage, "shadow");
    let notice =
        "the stored promotion over rule-v1 cannot be read, so rule-v1 decides; `wakeman ranking promote` begins anew";
    assert_eq!(view.notice.as_deref(), Some(notice));
    world.clock.advance(HOUR_MS);
    promote(&world).await;
    assert_eq!(world.all::<PromotionRow>().await[0].stage, Stage::Tenth);
}

/// A row in the place of the promotion.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Broken;

impl Entity for Broken {
    const KIND: &'static str = "promotion";

    fn entity_id(&self) -> String {
        "interrupt".to_owned()
    }

    fn sort_key(&self) -> i64 {
        0
    }
}

#[tokio::test]
async fn the_status_lists_every_policy() {
    let world = world().await;
    logged(&world, 100, NOW, true).await;
    let view = world.desk.ranking(&by("telegram:3")).await.unwrap();
    let names: Vec<(&str, &str)> = view.policies.iter().map(|p| (p.id.as_str(), p.role.as_str())).collect();
    let all = [
        ("rule-v1", "active"),
        ("lints-v1", "shadow"),
        ("linucb-v1", "available"),
        ("egreedy-v1", "active"),
        ("egreedy-v2", "shadow"),
        ("linrff-v1", "available"),
    ];
    assert_eq!(names, all);
    let (rule, lints) = (&view.policies[0], &view.policies[1]);
    assert_eq!((rule.decisions, lints.decisions, lints.scored, lints.rewards), (100, 0, 100, 100));
    assert!(lints.mean_reward > rule.mean_reward && lints.regret < rule.regret);
    assert!((lints.agreement.unwrap() - 0.6).abs() < 1e-9 && lints.ess.unwrap() > 20.0);
    let bound = lints.bound.clone().unwrap();
    assert!(bound.lower <= bound.estimate && bound.estimate <= bound.upper && bound.rounds == 100);
    assert!(!lints.reward_history.is_empty() && !lints.agreement_history.is_empty());
}

#[tokio::test]
async fn resetting_begins_anew_and_forgetting_erases() {
    let mut world = World::code_only().await;
    world.break_the_build();
    world.tick().await;
    let id = world.only_finding().await.id;
    let (ada, lin) = (by("telegram:1"), OperatorId::new("lin"));
    let heard = world.desk.feedback(&by("telegram:2"), id, false).await.unwrap();
    assert_eq!(heard.not_learnt, None);
    let learnt = world.all::<PolicyRow>().await.remove(0);
    let refused = world.desk.reset_ranking(&by("telegram:2"), None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Forbidden);
    world.clock.advance(HOUR_MS);
    assert_eq!(world.desk.reset_ranking(&ada, Some(lin.clone())).await.unwrap(), 1);
    let fresh = world.all::<PolicyRow>().await.remove(0);
    assert!(fresh.rewards == 0 && fresh.state != learnt.state);
    let old = world.desk.feedback(&by("telegram:2"), id, true).await.unwrap();
    assert_eq!(old.not_learnt.as_deref(), Some("it was told before what is learnt of you was reset"));
    let said = wakeman_present::feedback_line(&old, true);
    assert_eq!(
        said,
        "F-1 noted as useful, but nothing is learnt from it: it was told before what is learnt of you was reset."
    );
    assert_eq!(world.all::<PolicyRow>().await, [fresh], "what was told before the reset no longer counts");
    assert_eq!(world.desk.forget(&by("telegram:2"), lin.clone()).await.unwrap_err().kind, ErrorKind::Forbidden);
    let gone = world.desk.forget(&ada, lin.clone()).await.unwrap();
    assert_eq!((gone.reactions, gone.states), (1, 1));
    assert!(world.all::<PolicyRow>().await.is_empty() && world.all::<ReactionRecord>().await.is_empty());
    let entries = world.core.store.journal(LANE, Seq(0), 1000).await.unwrap();
    let rewarded: Vec<_> = entries.iter().filter(|entry| entry.event_type == "ranking.rewarded").collect();
    assert!(rewarded.len() == 2 && rewarded.iter().all(|entry| entry.payload.is_none()));
    // The journal says which, before it was done.
    let places: Vec<u64> = rewarded.iter().map(|entry| entry.seq.0).collect();
    let named: Vec<_> = entries.iter().filter(|entry| entry.event_type == "operator.forgetting").collect();
    assert_eq!(named.len(), 1);
    assert_eq!((named[0].actor.as_str(), named[0].subject.as_str()), ("ada", "lin"));
    assert_eq!(named[0].payload.as_ref().unwrap()["entries"], json!(places));
    let verdict = world.core.store.verify_journal(LANE, Seq(1), FIRST_PREVIOUS_LINK).await.unwrap();
    assert!(matches!(verdict, Verdict::Verified { .. }), "{verdict:?}");
    assert_eq!(world.desk.forget(&ada, lin).await.unwrap_err().kind, ErrorKind::NotFound);
}
