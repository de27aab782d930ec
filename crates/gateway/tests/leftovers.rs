//! What a process that died left behind is settled at once, and a host that hangs holds up nothing but what is meant for it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use futures::future::BoxFuture;
use serde_json::json;
use wakeman_gateway::{
    act::Executor,
    ports::{Clock, FlagFacts, FlagHands, HandsError},
};
use wakeman_store::Commit;
use wakeman_types::{Action, MINUTE_MS, Proposal, ProposalState as S};

use crate::{
    actions::sample,
    support::{TestClock, World},
};

/// How long a call waits for its answer.
const ANSWER_MS: i64 = 20_000;

/// Flags at a host that does not answer for a while. All are off.
struct Hanging {
    clock: Arc<TestClock>,
    hangs: AtomicBool,
    in_vain: AtomicUsize,
    in_flight: Mutex<BTreeMap<String, usize>>,
    /// The most that were in flight, in all and for one flag.
    most: Mutex<(usize, usize)>,
}

impl FlagHands for Hanging {
    fn project(&self) -> &str {
        "1"
    }

    fn flag<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<FlagFacts, HandsError>> {
        Box::pin(async move {
            {
                let mut in_flight = self.in_flight.lock().unwrap();
                *in_flight.entry(key.to_owned()).or_default() += 1;
                let mut most = self.most.lock().unwrap();
                *most = (most.0.max(in_flight.values().sum()), most.1.max(in_flight[key]));
            }
            let until = self.clock.now().plus_ms(ANSWER_MS);
            while self.hangs.load(SeqCst) && self.clock.now() < until {
                tokio::task::yield_now().await;
            }
            *self.in_flight.lock().unwrap().get_mut(key).unwrap() -= 1;
            if self.hangs.load(SeqCst) {
                self.in_vain.fetch_add(1, SeqCst);
                return Err(HandsError::NotDone { reason: "no answer within 20 s".to_owned(), not_before: None });
            }
            Ok(FlagFacts { id: 7, key: key.to_owned(), version: 13, active: false, rollout: Some(1.0) })
        })
    }

    fn set_flag<'a>(&'a self, _: u64, _: u64, _: bool, _: Option<f64>) -> BoxFuture<'a, Result<FlagFacts, HandsError>> {
        Box::pin(async { panic!("what was called before is asked about, not called again") })
    }
}

/// The process died after its intent was committed, and nobody knows what became of the call.
async fn left_behind(world: &World, proposal: &Proposal) {
    let mut left = world.approve(proposal).await;
    let now = world.core.now();
    left.state = S::Executing;
    (left.steps[0].intended_at, left.steps[0].tries) = (Some(now), 1);
    world.commit(Commit::new(now).put(&left)).await;
}

/// Runs of one workflow, issues of which every second was made, and flags, some of them twice.
async fn fifty(world: &World) {
    world.repo.state().run.as_mut().unwrap().attempt = 2;
    for n in 0..50_u64 {
        let proposal = match n % 3 {
            0 => {
                let proposal = world.propose_issue().await;
                let body = proposal.action.arguments["body"].as_str().unwrap().to_owned();
                if n % 2 == 0 {
                    world.repo.state().issues.push((body, 600 + n));
                }
                proposal
            }
            1 => world.propose(sample("rerun").unwrap()).await,
            _ => {
                let key = format!("flag-{}", n % 36);
                let flag = Action {
                    kind: "posthog.set_flag".to_owned(),
                    target: json!({"flag": key}),
                    arguments: json!({"key": key, "active": false, "rollout": null}),
                    revision: json!({"id": 7, "version": 12, "active": true, "rollout": 1.0}),
                };
                world.propose(flag).await
            }
        };
        left_behind(world, &proposal).await;
    }
}

#[tokio::test]
async fn fifty_that_a_crash_left_are_settled_within_a_minute_though_one_host_hangs() {
    let mut world = World::new().await;
    fifty(&world).await;
    world.restart().await;
    let begun = world.core.now();
    let hanging = Arc::new(Hanging {
        clock: world.clock.clone(),
        hangs: AtomicBool::new(true),
        in_vain: AtomicUsize::new(0),
        in_flight: Mutex::default(),
        most: Mutex::default(),
    });
    let mut core = world.core_by(None, world.clock.clone());
    Arc::get_mut(&mut core).unwrap().hands.flags = Some(hanging.clone());
    let executor = Executor::new(core.clone());
    let under_way = async || core.store.count::<Proposal>(Some("executing")).await.unwrap();
    let working = async {
        while executor.pass().await.unwrap() > 0 {
            world.clock.advance(5_000);
        }
    };
    let watching = async {
        for _ in 0..100_000 {
            if under_way().await == 16 {
                break;
            }
        }
        assert_eq!((under_way().await, world.core.now()), (16, begun), "all but the flags, and no time passed");
        world.clock.advance(ANSWER_MS);
        while hanging.in_vain.load(SeqCst) < 8 {
            tokio::task::yield_now().await;
        }
        hanging.hangs.store(false, SeqCst);
    };
    tokio::join!(working, watching);
    assert!(world.core.now().since(begun) <= MINUTE_MS, "{} ms", world.core.now().since(begun));
    assert_eq!(*hanging.most.lock().unwrap(), (8, 1), "so many at once, and no flag twice at once");
    let all = world.all::<Proposal>().await;
    let of = |state: S| all.iter().filter(|proposal| proposal.state == state).count();
    // An issue that the remote does not show may still be coming: nobody but a person can tell.
    assert_eq!((of(S::Succeeded), of(S::NeedsReview)), (42, 8));
    for doubtful in all.iter().filter(|proposal| proposal.state == S::NeedsReview) {
        assert_eq!(doubtful.action.kind, "github.open_issue");
        let said = world.said(&doubtful.thread).await;
        assert!(said.last().is_some_and(|words| words.contains("it is not known")), "{said:?}");
    }
}
