//! Tip policies are promoted by the same mechanism: the same conditions, by share of the choices, the same way back.

use serde_json::json;
use wakeman_gateway::rank::{Given, PromotionRow, TipItem, TipOpinion, TipRecord};
use wakeman_present::RenderContext;
use wakeman_ranking::{promotion::Stage, reward::Reaction, tip::TipContext};
use wakeman_store::Commit;
use wakeman_types::{
    ErrorKind, HOUR_MS, OperatorId, PromoteRequest, Proposal, ProposalState, Ranking, Timestamp, Tip, TipId, TipKind,
};

use crate::support::{NOW, World, by};

fn item(about: &str, priority: f64) -> TipItem {
    let context = TipContext {
        local_hour: 9.0,
        weekday: 2,
        overdue: false,
        age_days: 4.0,
        priority,
        completion_rate: None,
        preferred_hour: None,
        open_items: 2,
        acceptance_rate: None,
        hours_to_react: None,
    };
    TipItem { about: about.to_owned(), context }
}

/// `count` tips of two items an hour apart, the last at `end`; of high priority is what is useful, in three of five the first of the two.
/// `egreedy-v1` prefers the first; `egreedy-v2` what is useful, or what is not.
async fn shown(world: &World, count: i64, end: Timestamp, knows: bool) {
    let mut commit = Commit::new(world.core.now());
    for i in 0..count {
        let useful = usize::from(i % 5 >= 3);
        let chosen = usize::from(i * 7 % 10 >= 6);
        let preferred = if knows { useful } else { 1 - useful };
        let opinion = |policy: &str, preferred: usize, first: f64| TipOpinion {
            policy: policy.to_owned(),
            preferred,
            propensities: vec![first, 1.0 - first],
        };
        let reaction = if chosen == useful { Reaction::Useful } else { Reaction::Noise };
        let at = end.plus_ms(-i * HOUR_MS);
        let tip = Tip {
            id: TipId::new(u64::try_from(end.ms() / HOUR_MS - i).unwrap()),
            kind: TipKind::Pull,
            about: format!("#{chosen}"),
            title: "a pull request stands still".to_owned(),
            body: "Merge or close it.".to_owned(),
            finding: None,
            proposal: None,
            url: None,
            prompt_version: None,
            policy: "egreedy-v1".to_owned(),
            propensity: if chosen == 0 { 0.6 } else { 0.4 },
            explored: false,
            at,
            worth: Some(reaction.worth()),
        };
        commit = commit.put(&TipRecord {
            tip,
            operator: OperatorId::new("lin"),
            items: [0, 1].map(|at| item(&format!("#{at}"), f64::from(u8::from(at == useful)))).into(),
            chosen,
            opinions: vec![
                opinion("egreedy-v1", 0, 0.6),
                opinion("linucb-v1", 0, 0.6),
                opinion("egreedy-v2", preferred, if preferred == 0 { 0.97 } else { 0.03 }),
            ],
            seed: 1,
            reactions: vec![Given { reaction, at }],
            silent: false,
            propensities: Vec::new(),
            features_version: 1,
        });
    }
    let _ = world.core.store.commit(commit).await.unwrap();
}

async fn world() -> World {
    World::code_only_with(json!({"monitor": {"alarmBudgetPerWeek": 200}}), "{}").await
}

fn asked(policy: &str) -> PromoteRequest {
    PromoteRequest { policy: policy.to_owned() }
}

#[tokio::test]
async fn a_tip_policy_is_promoted_by_the_same_conditions_and_a_card() {
    let world = world().await;
    let (ada, lin) = (by("telegram:1"), by("telegram:2"));
    let refused = world.desk.promote(&lin, asked("egreedy-v2")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    let nothing = "egreedy-v2 is not promoted: nothing is known yet of what it would bring; at least 100 decisions that somebody rated are \
                   needed (`feedback T-1 useful`, or `noise`)";
    assert_eq!(refused.message, nothing);
    shown(&world, 600, NOW, true).await;
    let proposal = world.desk.promote(&lin, asked("egreedy-v2")).await.unwrap().proposal;
    assert!(world.all::<PromotionRow>().await.is_empty(), "proposing begins nothing");
    let context = RenderContext { now: world.core.now(), zone: world.core.zone() };
    let card = wakeman_present::plain(&wakeman_present::proposal_doc(&proposal, &context));
    insta::assert_snapshot!(card.replace(proposal.digest.short(), "<digest>"), @r"
    ⏳ Let egreedy-v2 choose the tips, 10 % first
    1. let egreedy-v2 choose one tip in ten (better by at least 0.380; evidence enough: worth 361 decisions; agrees with the active policy in 60 % of decisions; would interrupt 0.0 times a week, 200.0 are allowed)
    2. then one in two, then all, while it is no worse (each operator is shown their own tips as before)
    Undo: say `ranking rollback`; it goes back by itself once it is surely worse. Checks afterwards: the policies decide as set within 1 min.
    Needs 1 of: ada · expires 03:30 · digest <digest>
    [ Approve ] [ Reject ] [ Details ]
    P-1
    ");
    world.approve(&proposal).await;
    world.run_to_end().await;
    let ended = world.proposal(proposal.id).await;
    assert_eq!(ended.state, ProposalState::Succeeded, "{:?}", ended.note);
    let row = world.all::<PromotionRow>().await.remove(0);
    assert_eq!((row.policy.as_str(), row.stage, row.proposal), ("egreedy-v2", Stage::Tenth, Some(proposal.id)));
    let again = world.desk.promote(&ada, asked("egreedy-v2")).await.unwrap_err();
    assert_eq!(again.message, "egreedy-v2 is promoted already, at stage tenth");
    // What interrupts is another matter: nothing is promoted there, and its conditions are its own.
    let other = world.desk.promote(&ada, asked("lints-v1")).await.unwrap_err();
    assert!(other.message.starts_with("lints-v1 is not promoted: nothing is known yet"), "{other}");
    let view = world.desk.ranking(&ada).await.unwrap();
    assert_eq!((view.stage.as_str(), view.tip_stage.as_str()), ("shadow", "tenth"));
    let of = |id: &str| view.policies.iter().find(|policy| policy.id == id).unwrap();
    assert_eq!((of("egreedy-v1").share, of("egreedy-v2").share, of("rule-v1").share), (0.9, 0.1, 1.0));
    assert_eq!((of("egreedy-v2").role.as_str(), of("linucb-v1").role.as_str()), ("active", "available"));
    let bound = of("egreedy-v2").bound.clone().unwrap();
    assert!(bound.against == "egreedy-v1" && bound.lower > 0.0 && bound.rounds == 600, "{bound:?}");
}

/// Proposed by an approver, approved by the owner, run.
async fn promoted(world: &World) -> Proposal {
    shown(world, 600, NOW, true).await;
    let proposal = world.desk.promote(&by("telegram:2"), asked("egreedy-v2")).await.unwrap().proposal;
    world.approve(&proposal).await;
    world.run_to_end().await;
    world.proposal(proposal.id).await
}

#[tokio::test]
async fn a_promoted_tip_policy_goes_on_while_it_proves_itself_and_is_rolled_back_when_it_is_worse() {
    let mut world = world().await;
    promoted(&world).await;
    world.clock.advance(201 * HOUR_MS);
    shown(&world, 200, world.core.now(), true).await;
    world.tick().await;
    assert_eq!(world.all::<PromotionRow>().await[0].stage, Stage::Half);
    world.clock.advance(601 * HOUR_MS);
    shown(&world, 600, world.core.now(), false).await;
    let owed = world.owed().await;
    world.tick().await;
    assert!(world.all::<PromotionRow>().await.is_empty() && world.owed().await > owed, "everybody is told");
    let events = world.events_of("egreedy-v2").await;
    assert_eq!(events, ["ranking.promoted", "ranking.advanced", "ranking.rolled_back"]);
}

#[tokio::test]
async fn tips_of_a_staged_policy_are_logged_with_the_probability_over_both_and_rollback_ends_it() {
    let mut world = world().await;
    promoted(&world).await;
    world.break_the_build();
    world.tick().await;
    world.clock.advance(10 * 60_000);
    let tip = world.desk.tip(&by("telegram:1")).await.unwrap().tip.unwrap();
    let record = world.all::<TipRecord>().await.into_iter().find(|record| record.tip.id == tip.id).unwrap();
    let mixed = record.opinions[0].propensities.iter().zip(&record.opinions[2].propensities);
    let mixed: Vec<f64> = mixed.map(|(active, promoted)| 0.9 * active + 0.1 * promoted).collect();
    assert_eq!((record.propensities.as_slice(), tip.propensity), (mixed.as_slice(), mixed[record.chosen]));
    assert!(["egreedy-v1", "egreedy-v2"].contains(&tip.policy.as_str()));
    let back = world.desk.rollback(&by("telegram:1")).await.unwrap();
    assert_eq!(wakeman_present::rolled_back_line(&back), "egreedy-v2 is rolled back; egreedy-v1 decides.");
    assert!(world.all::<PromotionRow>().await.is_empty());
    let nothing = world.desk.rollback(&by("telegram:1")).await.unwrap_err();
    assert_eq!(nothing.message, "nothing is promoted; rule-v1 decides");
}
