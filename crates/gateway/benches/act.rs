//! What acting costs: from a decision to its receipt, proposals decided and executed a second, and looking through 10,000 open ones.
//!
//! `cargo bench -p wakeman-gateway --bench act` prints one line per figure; `-- open` only that of the open ones. The remote answers at once, so what is measured is ours.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "a benchmark may panic; it shares the fakes of the tests"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use support::World;
use wakeman_gateway::act::{Approved, Executor};
use wakeman_store::Commit;
use wakeman_types::{Proposal, ProposalState, Verdict};

const ALONE: usize = 500;
const TOGETHER: usize = 3_000;
const OPEN: usize = 10_000;
const IN_DOUBT: usize = 1_000;

async fn decide_and_run(world: &World, proposal: &Proposal) -> Duration {
    let begun = Instant::now();
    world.decide("telegram:1", proposal, Verdict::Approve).await.unwrap();
    let stored = world.core.store.get::<Proposal>(&proposal.id.to_string()).await.unwrap().unwrap();
    let approved = Approved::check(&world.core, stored).await.unwrap();
    assert!(Executor::new(world.core.clone()).drive(approved).await.unwrap());
    begun.elapsed()
}

async fn proposals(world: &World, number: usize) -> Vec<Proposal> {
    let mut made = Vec::with_capacity(number);
    for _ in 0..number {
        made.push(world.propose_issue().await);
    }
    made
}

async fn alone() {
    let world = World::new().await;
    let mut took = Vec::new();
    for proposal in proposals(&world, ALONE).await {
        let (sender, called) = std::sync::mpsc::channel();
        world.repo.at_the_next_call(move || sender.send(Instant::now()).unwrap());
        let begun = Instant::now();
        decide_and_run(&world, &proposal).await;
        took.push(called.recv().unwrap().duration_since(begun));
    }
    took.sort();
    println!("decision to durable intent and call: p50 {:?}, p99 {:?}", took[ALONE / 2], took[ALONE * 99 / 100]);
}

async fn together() {
    let world = World::new().await;
    let made = proposals(&world, TOGETHER).await;
    let begun = Instant::now();
    stream::iter(&made)
        .for_each_concurrent(32, |proposal| async { assert!(decide_and_run(&world, proposal).await > Duration::ZERO) })
        .await;
    let rate = TOGETHER as f64 / begun.elapsed().as_secs_f64();
    println!("decided and executed, 32 at a time: {rate:.0}/s");
    assert_eq!(world.repo.effects().len(), TOGETHER);
}

/// Most of what is open waits for something; the rest was interrupted, and the remote, which answers at once, is asked about each.
async fn open_items() {
    let mut world = World::new().await;
    let now = world.core.now();
    let interrupted = proposals(&world, IN_DOUBT).await;
    let mut approved = Vec::with_capacity(IN_DOUBT);
    for proposal in &interrupted {
        let body = proposal.action.arguments["body"].as_str().unwrap().to_owned();
        world.repo.state().issues.push((body, proposal.id.number()));
        approved.push(world.approve(proposal).await);
    }
    let begun = |mut proposal: Proposal| {
        proposal.state = ProposalState::Executing;
        (proposal.steps[0].intended_at, proposal.steps[0].tries) = (Some(now), 1);
        proposal
    };
    let one = approved[0].clone();
    let mut all: Vec<Proposal> = approved.into_iter().map(begun).collect();
    all.extend((0..OPEN - IN_DOUBT).map(|n| {
        let mut waits = begun(one.clone());
        waits.id = wakeman_types::ProposalId::new((100_000 + n) as u64);
        waits.steps[0].not_before = Some(now.plus_ms(60_000));
        waits
    }));
    for chunk in all.chunks(500) {
        let commit = chunk.iter().fold(Commit::new(now), |commit, proposal| commit.put(proposal));
        assert!(world.core.store.commit(commit).await.unwrap().landed());
    }
    world.restart().await;
    let begun = Instant::now();
    let left = world.run().await;
    let took = begun.elapsed();
    println!("{OPEN} open items after a restart, {IN_DOUBT} of them in doubt, asked about and settled: {took:?}");
    assert_eq!(left, OPEN - IN_DOUBT);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // One of them by its name, or all.
        let only = std::env::args().skip(1).find(|word| !word.starts_with('-'));
        let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
        if wanted("alone") {
            alone().await;
        }
        if wanted("together") {
            together().await;
        }
        if wanted("open") {
            open_items().await;
        }
    });
}
