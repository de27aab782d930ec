//! Replays on tables.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakeman_ranking::PolicyId;
use wakeman_ranking::backtest::{RewardTable, play};

/// Four classes by the signs of two coordinates, and a third that means nothing; one class is commoner.
fn quadrants(rows: usize, shuffled: bool) -> RewardTable {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (mut contexts, mut rewards) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let x: [f64; 3] = [random.random_range(-1.0..1.6), random.random_range(-1.0..1.6), random.random()];
        let other: [f64; 2] = [random.random_range(-1.0..1.6), random.random_range(-1.0..1.6)];
        let of = if shuffled { &other[..] } else { &x[..2] };
        let class = usize::from(of[0] > 0.0) + 2 * usize::from(of[1] > 0.0);
        contexts.extend([x[0] * 1000.0, x[1] - 500.0, x[2]]);
        rewards.extend((0..4).map(|arm| f64::from(u8::from(arm == class))));
    }
    RewardTable::new((0..4).map(|a| a.to_string()).collect(), 3, contexts, rewards).unwrap()
}

const LEARNERS: [PolicyId; 5] =
    [PolicyId::LinucbV1, PolicyId::LintsV1, PolicyId::EgreedyV1, PolicyId::EgreedyV2, PolicyId::LinrffV1];

#[test]
fn every_learner_learns_whatever_the_units() {
    let table = quadrants(2500, false);
    for policy in LEARNERS {
        let replay = play(&table, policy, 1).unwrap();
        let want = if policy == PolicyId::LinrffV1 { 0.88 } else { 0.7 };
        assert!(replay.mean_reward > want, "{policy} {}", replay.mean_reward);
        assert!(replay.mean_reward > replay.best_constant_reward + 0.2);
        assert_eq!((replay.rows, replay.arms, replay.dimension, replay.stretches.len()), (2500, 4, 3, 20));
    }
}

#[test]
fn nothing_is_learnt_where_there_is_nothing_to_learn() {
    let table = quadrants(2500, true);
    for policy in LEARNERS {
        let replay = play(&table, policy, 2).unwrap();
        let more = replay.mean_reward - replay.best_constant_reward;
        assert!(more <= 0.02, "{policy} looks ahead: {more}");
    }
}

#[test]
fn the_same_seed_replays_and_another_orders_otherwise() {
    let table = quadrants(300, false);
    for policy in LEARNERS {
        assert_eq!(play(&table, policy, 7).unwrap(), play(&table, policy, 7).unwrap());
        assert_ne!(play(&table, policy, 7).unwrap().stretches, play(&table, policy, 8).unwrap().stretches);
    }
    assert_eq!(
        play(&table, PolicyId::RuleV1, 1).unwrap_err().to_string(),
        "rule-v1 judges findings by fixed rules and cannot play a file; take one that learns, like linucb-v1"
    );
}

#[test]
fn files_that_cannot_be_are_named_with_the_line() {
    let table = [
        ("", "line 1: there are no rows; give at least one below the header"),
        ("x_0,r_a,r_b\n", "line 1: there are no rows; give at least one below the header"),
        (
            "a,r_a\n1,2",
            "line 1: there is no column x_*; the header needs context columns x_* and a reward column r_<arm> for each arm",
        ),
        (
            "x_0,y\n1,2",
            "line 1: there is no column r_<arm>; the header needs context columns x_* and a reward column r_<arm> for each arm",
        ),
        ("x_0,x_0,r_a\n1,2,1", "line 1: the column `x_0` is there twice; rename one"),
        ("x_0,r_a\n1,0\n\n1\n", "line 4: 1 fields where the header has 2; complete the row or remove it"),
        ("x_0,r_a\n1,0\nNaN,1\n", "line 3: `x_0` is \"NaN\"; give a finite number"),
        ("x_0,r_a\n1,\n", "line 2: `r_a` is \"\"; give a finite number"),
        ("x_0,r_a\n1,2\n", "line 2: `r_a` is 2; scale rewards to lie from 0 to 1"),
    ];
    for (text, want) in table {
        assert_eq!(RewardTable::parse(text, 8000).unwrap_err().to_string(), want);
    }
    let windows = "\u{feff}x_0, \"x_1\",note,r_a,r_b\r\n1,2,hello,0,1\r\n3,4,,1,0\r\n";
    let read = RewardTable::parse(windows, 1).unwrap();
    assert_eq!(
        (read.rows(), read.dimension(), read.context(0), read.rewards(0)),
        (1, 2, &[1.0, 2.0][..], &[0.0, 1.0][..])
    );
    assert_eq!(read.best_constant(), (1, 1.0));
}
