//! What looking costs with 100,000 findings, threads and proposals stored: lists and single ones as every surface asks for them.
//!
//! `cargo bench -p wakeman-gateway --bench reads` prints one line per figure. The rows are what the watch and the acting store, with
//! causes, a chart's series and a card; one in ten thousand is open, as in an instance of many years.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unused_imports,
    reason = "a benchmark may panic; it shares the fakes of the tests"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{World, by};
use wakeman_store::Commit;
use wakeman_types::{
    Chat, Finding, FindingId, FindingState, Findings, ListRequest, Proposal, ProposalId, ProposalState, Proposals,
    SeriesPoint, Thread, ThreadId,
};

const ROWS: u64 = 100_000;
const FIRST: u64 = 1_000;
const LOOKS: u64 = 400;
/// Twelve hours of a metric.
const POINTS: i64 = 144;

async fn fill(world: &World) {
    world.propose_revert().await;
    let (finding, thread, proposal) = {
        let one = |list: Vec<Finding>| list.into_iter().next().unwrap();
        let finding = one(world.all::<Finding>().await);
        let thread = world.get::<Thread>(&finding.thread).await;
        (finding, thread, world.all::<Proposal>().await.into_iter().next().unwrap())
    };
    for chunk in 0..ROWS / 500 {
        let mut commit = Commit::new(world.core.now());
        for n in (FIRST + chunk * 500)..(FIRST + chunk * 500 + 500) {
            let (mut finding, mut thread, mut proposal) = (finding.clone(), thread.clone(), proposal.clone());
            let at = finding.opened_at.plus_ms(-(n as i64) * 60_000);
            let open = n % 10_000 == 0;
            thread.thread_id = ThreadId::new(format!("thread_old_{n}"));
            (thread.created_at, thread.updated_at) = (at, at);
            finding.id = FindingId::new(n);
            finding.fingerprint = format!("metric:old-{n}");
            finding.thread = thread.thread_id.clone();
            finding.proposal = Some(ProposalId::new(n));
            (finding.since, finding.opened_at, finding.updated_at) = (at, at, at);
            if !open {
                finding.state = FindingState::Resolved { at, how: wakeman_types::Resolution::Recovered };
                proposal.state = ProposalState::Expired;
            }
            finding.series = (0..POINTS)
                .map(|point| SeriesPoint {
                    at: at.plus_ms(point * 300_000),
                    value: 96.0 + point as f64 / 7.0,
                    expected: 96.0,
                    low: 80.0,
                    high: 112.0,
                })
                .collect();
            proposal.id = ProposalId::new(n);
            proposal.finding = Some(finding.id);
            proposal.thread = thread.thread_id.clone();
            commit = commit.put(&finding).put(&thread).put(&proposal);
        }
        world.commit(commit).await;
    }
}

/// Times one kind of look, each for another row.
async fn spread<F: Future>(what: &str, look: impl Fn(u64) -> F) {
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..LOOKS {
        let begun = Instant::now();
        look(FIRST + n * 241 % ROWS).await;
        took.push(begun.elapsed());
    }
    took.sort();
    let at = |share: usize| took[took.len() * share / 100].as_secs_f64() * 1000.0;
    println!("{what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
}

async fn looks(world: &World) {
    let (desk, ada) = (&world.desk, by("telegram:1"));
    let list = |state: Option<&str>| ListRequest { state: state.map(str::to_owned), ..ListRequest::default() };
    for state in [None, Some("open"), Some("resolved")] {
        let what = format!("findings, {}", state.unwrap_or("all"));
        spread(&what, |_| async { assert!(!desk.findings(&ada, list(state)).await.unwrap().items.is_empty()) }).await;
    }
    for state in [None, Some("pending"), Some("expired")] {
        let what = format!("proposals, {}", state.unwrap_or("all"));
        spread(&what, |_| async { assert!(!desk.proposals(&ada, list(state)).await.unwrap().items.is_empty()) }).await;
    }
    spread("threads", |_| async { assert!(!desk.threads(&ada, list(None)).await.unwrap().items.is_empty()) }).await;
    let one = &ada;
    spread("one finding", |n| async move { desk.finding(one, FindingId::new(n)).await.unwrap() }).await;
    spread("why", |n| async move { desk.why(one, FindingId::new(n)).await.unwrap() }).await;
    spread("one proposal", |n| async move { desk.proposal(one, ProposalId::new(n)).await.unwrap() }).await;
    spread("one thread", |n| async move {
        desk.thread(one, &ThreadId::new(format!("thread_old_{n}")), ListRequest::default()).await.unwrap()
    })
    .await;
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new().await;
        fill(&world).await;
        looks(&world).await;
    });
}
