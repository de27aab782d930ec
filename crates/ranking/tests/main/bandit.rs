//! The linear bandits against what they are defined to be.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakeman_ranking::bandit::{Bandit, BanditError, Drift, Exploration, LinearBandit, LinearConfig, LinearState};

const UCB: Exploration = Exploration::Ucb { alpha: 0.5 };
const THOMPSON: Exploration = Exploration::Thompson { scale: 0.5 };

fn config(exploration: Exploration) -> LinearConfig {
    LinearConfig { exploration, epsilon: 0.1, ridge: 0.7, gamma: 1.0, drift: None, rewards: (0.0, 1.0) }
}

/// Contexts, arms and rewards that a seed gives.
fn history(seed: u64, arms: usize, dimension: usize, length: usize) -> Vec<(Vec<f64>, usize, f64)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let row = |_| {
        let x: Vec<f64> = (0..dimension).map(|_| random.random_range(-2.0..2.0)).collect();
        (x, random.random_range(0..arms), random.random::<f64>())
    };
    (0..length).map(row).collect()
}

fn taught(config: LinearConfig, arms: usize, dimension: usize, rows: &[(Vec<f64>, usize, f64)]) -> LinearBandit {
    let mut bandit = LinearBandit::new(arms, dimension, config).unwrap();
    rows.iter().for_each(|(x, arm, reward)| bandit.learn(x, *arm, *reward, 1.0).unwrap());
    bandit
}

/// Solves A t = b by Gaussian elimination with pivoting: nothing in common with the crate's way.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs())).unwrap();
        a.swap(i, pivot);
        b.swap(i, pivot);
        for j in (0..n).filter(|j| *j != i) {
            let factor = a[j][i] / a[i][i];
            let above = a[i].clone();
            a[j].iter_mut().zip(above).skip(i).for_each(|(to, from)| *to -= factor * from);
            b[j] -= factor * b[i];
        }
    }
    (0..n).map(|i| b[i] / a[i][i]).collect()
}

/// θ and xᵀA⁻¹x of one arm, fitted in one go.
fn refitted(rows: &[(Vec<f64>, usize, f64)], arm: usize, ridge: f64, x: &[f64]) -> (f64, f64) {
    let n = x.len();
    let mut a: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| if i == j { ridge } else { 0.0 }).collect()).collect();
    let mut b = vec![0.0; n];
    for (x, _, reward) in rows.iter().filter(|(_, played, _)| *played == arm) {
        for i in 0..n {
            (0..n).for_each(|j| a[i][j] += x[i] * x[j]);
            b[i] += reward * x[i];
        }
    }
    let dot = |t: Vec<f64>| t.iter().zip(x).map(|(t, x)| t * x).sum();
    (dot(solve(a.clone(), b)), dot(solve(a, x.to_vec())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn incremental_is_refitted(seed: u64, arms in 1usize..7, dimension in 1usize..9, length in 0usize..1400) {
        let rows = history(seed, arms, dimension, length);
        let mut bandit = taught(config(UCB), arms, dimension, &rows);
        let x = &history(seed ^ 1, arms, dimension, 1)[0].0;
        let (means, widths) = bandit.estimates(x).unwrap();
        for arm in 0..arms {
            let (mean, variance) = refitted(&rows, arm, 0.7, x);
            prop_assert!((means[arm] - mean).abs() < 1e-9, "{} {mean}", means[arm]);
            prop_assert!((widths[arm].powi(2) - variance).abs() < 1e-9, "{} {variance}", widths[arm]);
        }
    }

    #[test]
    fn renamed_arms_are_judged_alike(seed: u64, arms in 2usize..9, dimension in 1usize..6, thompson: bool) {
        let rows = history(seed, arms, dimension, 120);
        let mut names: Vec<usize> = (0..arms).collect();
        rand::seq::SliceRandom::shuffle(&mut names[..], &mut ChaCha8Rng::seed_from_u64(seed));
        let renamed: Vec<_> = rows.iter().map(|(x, arm, r)| (x.clone(), names[*arm], *r)).collect();
        let settings = config(if thompson { THOMPSON } else { UCB });
        let (mut one, mut other) =
            (taught(settings, arms, dimension, &rows), taught(settings, arms, dimension, &renamed));
        let x = &history(seed ^ 1, arms, dimension, 1)[0].0;
        let (mut p, mut q) = (vec![0.0; arms], vec![0.0; arms]);
        one.propensities(x, &mut p).unwrap();
        other.propensities(x, &mut q).unwrap();
        for arm in 0..arms {
            prop_assert!((p[arm] - q[names[arm]]).abs() < 1e-12, "{p:?} {q:?} {names:?}");
        }
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12 && p.iter().all(|p| *p >= 0.1 / arms as f64 - 1e-15));
    }

    #[test]
    fn what_was_stored_goes_on_as_if_nothing_had_been(seed: u64, arms in 1usize..6, dimension in 1usize..6, forgets: bool) {
        let settings = LinearConfig {
            gamma: if forgets { 0.99 } else { 1.0 },
            drift: forgets.then_some(Drift::DEFAULT),
            ..config(THOMPSON)
        };
        let rows = history(seed, arms, dimension, 400);
        let mut lived = taught(settings, arms, dimension, &rows[..200]);
        let text = serde_json::to_string(&lived.state()).unwrap();
        let mut restored = LinearBandit::restore(serde_json::from_str::<LinearState>(&text).unwrap()).unwrap();
        let (mut a, mut b) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(seed));
        for (x, arm, reward) in &rows[200..] {
            prop_assert_eq!(lived.choose(x, &mut a).unwrap(), restored.choose(x, &mut b).unwrap());
            lived.learn(x, *arm, *reward, 1.0).unwrap();
            restored.learn(x, *arm, *reward, 1.0).unwrap();
        }
        prop_assert_eq!(lived.state(), restored.state());
    }

    #[test]
    fn a_weight_counts_like_repetition(seed: u64, times in 1u32..5) {
        let rows = history(seed, 2, 3, 40);
        let (mut weighted, mut repeated) = (taught(config(UCB), 2, 3, &[]), taught(config(UCB), 2, 3, &[]));
        for (x, arm, reward) in &rows {
            weighted.learn(x, *arm, *reward, f64::from(times)).unwrap();
            (0..times).for_each(|_| repeated.learn(x, *arm, *reward, 1.0).unwrap());
        }
        let (got, want) = (weighted.estimates(&rows[0].0).unwrap(), repeated.estimates(&rows[0].0).unwrap());
        for arm in 0..2 {
            prop_assert!((got.0[arm] - want.0[arm]).abs() < 1e-9 && (got.1[arm] - want.1[arm]).abs() < 1e-9);
        }
    }

    #[test]
    fn no_stored_state_makes_it_panic(part in 0usize..6, at: usize, value in prop_oneof![Just(f64::NAN), Just(-1.0), Just(1e300), -9.0..9.0]) {
        let mut state = taught(config(UCB), 3, 4, &history(1, 3, 4, 50)).state();
        let bank = &mut state.bank;
        let parts = [&mut bank.inverse, &mut bank.theta, &mut bank.data, &mut bank.moment, &mut bank.inflation];
        match parts.into_iter().nth(part) {
            Some(numbers) => { let n = numbers.len(); numbers[at % n] = value; }
            None => bank.arms = at,
        }
        // Either it is refused by name, or it is sound enough to work with.
        if let Ok(mut bandit) = LinearBandit::restore(state) {
            let _ = bandit.choose(&[0.1, 0.2, 0.3, 0.4], &mut ChaCha8Rng::seed_from_u64(0));
        }
    }
}

#[test]
fn choices_come_as_often_as_the_propensities_say() {
    for exploration in [UCB, THOMPSON, Exploration::Greedy] {
        let mut bandit = taught(config(exploration), 4, 3, &history(5, 4, 3, 30));
        let x = [0.4, -0.2, 1.0];
        let mut want = [0.0; 4];
        bandit.propensities(&x, &mut want).unwrap();
        let (mut counts, mut random) = ([0.0; 4], ChaCha8Rng::seed_from_u64(9));
        let n = 40_000;
        (0..n).for_each(|_| counts[bandit.choose(&x, &mut random).unwrap()] += 1.0);
        for (count, p) in counts.iter().zip(want) {
            let sigma = (p * (1.0 - p) / f64::from(n)).sqrt();
            let got = count / f64::from(n);
            assert!((got - p).abs() < 4.0 * sigma + 1e-9, "{exploration:?}: {got} where {p} was said");
        }
    }
}

#[test]
fn what_cannot_be_is_named() {
    let mut bandit = taught(config(UCB), 3, 2, &[]);
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut said = Vec::new();
    let mut refused = |error: Result<(), BanditError>| said.push(error.unwrap_err().to_string());
    refused(bandit.choose(&[1.0], &mut random).map(drop));
    refused(bandit.choose(&[1.0, f64::NAN], &mut random).map(drop));
    refused(bandit.propensities(&[1.0, 0.0], &mut [0.0; 2]));
    refused(bandit.learn(&[1.0, 0.0], 3, 0.5, 1.0));
    refused(bandit.learn(&[1.0, 0.0], 0, 1.5, 1.0));
    refused(bandit.learn(&[1.0, 0.0], 0, f64::NAN, 1.0));
    refused(bandit.learn(&[1.0, 0.0], 0, 0.5, 0.0));
    refused(LinearBandit::new(3, 2, LinearConfig { ridge: 0.0, ..config(UCB) }).map(drop));
    refused(LinearBandit::new(3, 2, LinearConfig { gamma: 1.5, ..config(UCB) }).map(drop));
    refused(LinearBandit::new(0, 2, config(UCB)).map(drop));
    assert_eq!(
        said,
        [
            "the context has 1 values where this policy takes 2; use a policy of that dimension",
            "value 1 of the context is NaN; give a finite number",
            "2 values were given for 3 arms; give one for each",
            "there is no arm 3; this policy has 3 (from 0)",
            "the reward is 1.5; it must be a number from 0 to 1",
            "the reward is NaN; it must be a number from 0 to 1",
            "the weight of an observation is 0; it must be above 0 and at most 1000",
            "`ridge` is 0; it must be a number above 0",
            "`gamma` is 1.5; it must be above 0 and at most 1",
            "there is no arm 0; this policy has 0 (from 0)",
        ]
    );
    let untouched = taught(config(UCB), 3, 2, &[]).state();
    assert_eq!(bandit.state(), untouched, "what was refused taught nothing");
}

#[test]
fn a_corrupt_state_is_named() {
    type Spoil = fn(&mut LinearState);
    let table: [(&str, Spoil); 9] = [
        ("`version` is 9 where 1 is known", |s| s.bank.version = 9),
        ("`data` is NaN at 2", |s| s.bank.data[2] = f64::NAN),
        ("`data` is arm 0 is not positive definite", |s| s.bank.data[0] = -50.0),
        ("`inverse` is arm 1 differs by", |s| s.bank.inverse[1] += 0.1),
        ("`theta` is 7 numbers where 8 belong", |s| s.bank.theta.truncate(7)),
        ("`moment` is 6 numbers for 900 arms of dimension 2", |s| s.bank.arms = 900),
        ("`inflation` is below 1", |s| s.bank.inflation[0] = 0.5),
        ("`watch` is not 3 sums from 0", |s| s.watch = wakeman_ranking::bandit::DriftWatch::new(2)),
        ("`config` is `epsilon` is 2; it must be from 0 to 1", |s| s.config.epsilon = 2.0),
    ];
    for (want, spoil) in table {
        let mut state = taught(config(UCB), 3, 2, &history(3, 3, 2, 40)).state();
        spoil(&mut state);
        let said = LinearBandit::restore(state).unwrap_err().to_string();
        assert!(said.contains(want) && said.ends_with("reset the policy, or restore the row from a backup"), "{said}");
    }
}
