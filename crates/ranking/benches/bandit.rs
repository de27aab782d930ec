//! One decision and one update of each linear policy, ten arms. `cargo bench -p wakeman-ranking --bench bandit`

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use divan::{Bencher, black_box};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakeman_ranking::bandit::{Bandit, Exploration, LinearBandit, LinearConfig};

const ARMS: usize = 10;
const DIMENSIONS: [usize; 3] = [5, 12, 64];

/// Shows allocations beside the times: there are none.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A bandit that has seen a thousand rewards, and contexts to go on with.
fn seasoned(dimension: usize, exploration: Exploration) -> (LinearBandit, Vec<Vec<f64>>, ChaCha8Rng) {
    let config = LinearConfig { exploration, epsilon: 0.0, ridge: 1.0, gamma: 1.0, drift: None, rewards: (0.0, 1.0) };
    let mut bandit = LinearBandit::new(ARMS, dimension, config).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let contexts: Vec<Vec<f64>> =
        (0..256).map(|_| (0..dimension).map(|_| random.random_range(-1.0..1.0)).collect()).collect();
    for context in contexts.iter().cycle().take(1000) {
        let arm = bandit.choose(context, &mut random).unwrap();
        bandit.learn(context, arm, f64::from(u8::from(context[0] > 0.0)), 1.0).unwrap();
    }
    (bandit, contexts, random)
}

fn decide(bencher: Bencher<'_, '_>, dimension: usize, exploration: Exploration) {
    let (mut bandit, contexts, mut random) = seasoned(dimension, exploration);
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 1) % contexts.len();
        bandit.choose(black_box(&contexts[at]), &mut random).unwrap()
    });
}

#[divan::bench(args = DIMENSIONS)]
fn decide_linucb(bencher: Bencher<'_, '_>, dimension: usize) {
    decide(bencher, dimension, Exploration::Ucb { alpha: 0.3 });
}

#[divan::bench(args = DIMENSIONS)]
fn decide_greedy(bencher: Bencher<'_, '_>, dimension: usize) {
    decide(bencher, dimension, Exploration::Greedy);
}

#[divan::bench(args = DIMENSIONS)]
fn decide_thompson(bencher: Bencher<'_, '_>, dimension: usize) {
    decide(bencher, dimension, Exploration::Thompson { scale: 0.3 });
}

#[divan::bench(args = DIMENSIONS)]
fn update(bencher: Bencher<'_, '_>, dimension: usize) {
    let (mut bandit, contexts, _) = seasoned(dimension, Exploration::Greedy);
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 1) % contexts.len();
        bandit.learn(black_box(&contexts[at]), at % ARMS, 0.5, 1.0).unwrap();
    });
}
