//! Random walks over everything that can happen to proposals: nothing ever runs without its approvals, and nothing twice.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde_json::json;
use wakeman_gateway::act;
use wakeman_types::{
    Proposal, ProposalId, ProposalState as S,
    Verdict::{Approve, Reject},
};

use crate::support::{Fault, World, minutes};

const PEOPLE: [&str; 6] = ["telegram:1", "discord:1", "telegram:2", "telegram:4", "telegram:3", "telegram:99"];
const FAULTS: [Fault; 6] =
    [Fault::NotDone, Fault::Permanent, Fault::Lost, Fault::Applied, Fault::Late, Fault::DiesAfter];

async fn one_step(world: &mut World, chance: &mut ChaCha12Rng, proposals: &[Proposal]) {
    let any = &proposals[chance.random_range(0..proposals.len())];
    match chance.random_range(0..9) {
        0..=2 => {
            let who = PEOPLE[chance.random_range(0..PEOPLE.len())];
            let _ = world.decide(who, any, if chance.random_bool(0.85) { Approve } else { Reject }).await;
        }
        3 => world.repo.fail("open_issue", &[FAULTS[chance.random_range(0..FAULTS.len())]]),
        4 => world.clock.advance(minutes(chance.random_range(0..12))),
        5 => world.repo.land_late(),
        6 => act::expire(&world.core, any.id).await.unwrap(),
        7 if chance.random_bool(0.3) => world.restart().await,
        _ => world.run_or_die().await,
    }
}

async fn holds(world: &World, ids: &[ProposalId]) {
    let effects = world.repo.effects();
    for id in ids {
        let proposal = world.proposal(*id).await;
        let title = format!(": {}", proposal.action.arguments["title"].as_str().unwrap());
        let done = effects.iter().filter(|effect| effect.ends_with(&title)).count();
        assert!(done <= 1, "{id} took effect {done} times");
        if done == 1 {
            assert!(proposal.approvals() >= 2, "{id} ran with {} approvals", proposal.approvals());
            assert!(proposal.steps[0].intended_at.is_some(), "{id} ran without an intent");
            assert!(!matches!(proposal.state, S::Pending | S::Rejected | S::Expired | S::Approved), "{id}");
        }
        if proposal.state == S::Succeeded {
            assert_eq!(done, 1, "{id} says that it succeeded");
        }
    }
}

#[tokio::test]
async fn no_walk_ever_runs_anything_unapproved_or_twice() {
    let mut ran = 0;
    for seed in 0..24 {
        let mut chance = ChaCha12Rng::seed_from_u64(seed);
        let mut world = World::with(json!({"approvals": {"default": {"needed": 2}}}), "{}").await;
        let mut proposals = Vec::new();
        for _ in 0..4 {
            proposals.push(world.propose_issue().await);
        }
        let ids: Vec<ProposalId> = proposals.iter().map(|proposal| proposal.id).collect();
        for _ in 0..50 {
            one_step(&mut world, &mut chance, &proposals).await;
            holds(&world, &ids).await;
        }
        ran += world.repo.effects().len();
    }
    assert!(ran >= 10, "the walks got somewhere: {ran}");
}
