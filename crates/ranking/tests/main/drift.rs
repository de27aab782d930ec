//! The best arm switches halfway; and the same where it does not.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakeman_ranking::PolicyId;
use wakeman_ranking::bandit::{Bandit, Drift, LinearBandit, LinearConfig};

const ROUNDS: usize = 4000;
const ARMS: usize = 5;
const SEEDS: std::ops::Range<u64> = 0..12;

/// Mean reward of the second half, over seeds. Arm 0 pays 0.8 and the others 0.3; from halfway on, if it switches, arm 3 does.
fn second_half(drift: Option<Drift>, gamma: f64, switches: bool) -> f64 {
    let mut total = 0.0;
    for seed in SEEDS {
        let settings = LinearConfig { drift, gamma, ..PolicyId::LinucbV1.config().unwrap() };
        let mut bandit = LinearBandit::new(ARMS, 6, settings).unwrap();
        let (mut world, mut draw) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(seed ^ 99));
        for round in 0..ROUNDS {
            let mut x = [1.0; 6];
            x[1..].iter_mut().for_each(|v| *v = world.random_range(-0.7..0.7));
            let best = if switches && round >= ROUNDS / 2 { 3 } else { 0 };
            let arm = bandit.choose(&x, &mut draw).unwrap();
            let reward = f64::from(u8::from(world.random::<f64>() < if arm == best { 0.8 } else { 0.3 }));
            bandit.learn(&x, arm, reward, 1.0).unwrap();
            total += if round >= ROUNDS / 2 { reward } else { 0.0 };
        }
    }
    total / (SEEDS.count() * ROUNDS / 2) as f64
}

#[test]
fn an_abrupt_switch_is_followed_and_calm_costs_nothing() {
    let drift = PolicyId::LinucbV1.config().unwrap().drift;
    let followed = second_half(drift, 1.0, true);
    assert!(followed >= 0.75, "second half {followed}");
    let cost = second_half(None, 1.0, false) - second_half(drift, 1.0, false);
    assert!(cost <= 0.005, "no-switch cost {cost}");
}

#[test]
fn forgetting_alone_follows_too() {
    let (forgetting, clinging) = (second_half(None, 0.995, true), second_half(None, 1.0, true));
    assert!(forgetting >= 0.61, "{forgetting}, without {clinging}");
}
