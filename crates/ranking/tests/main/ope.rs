//! Off-policy evaluation against figures computed by other programs (obp 0.5.5, confseq 0.0.10), and by simulation.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use wakeman_ranking::PolicyId;
use wakeman_ranking::ope::*;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/ope_reference.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(|v| v.as_f64().map_or_else(|| numbers(v), |v| vec![v])).collect()
}

/// The reference's rounds and its reward model.
fn case(fixture: &Value) -> (LoggedRounds, Vec<f64>) {
    let inputs = &fixture["ope_case1"]["inputs"];
    let chosen = numbers(&inputs["action"]).iter().map(|a| *a as usize).collect();
    let (p, r) = (numbers(&inputs["pscore"]), numbers(&inputs["reward"]));
    (LoggedRounds::new(5, chosen, p, r, numbers(&inputs["action_dist"])).unwrap(), numbers(&inputs["q_hat"]))
}

#[test]
fn estimates_are_those_of_the_reference() {
    let fixture = fixture();
    let (log, model) = case(&fixture);
    let want = &fixture["ope_case1"]["expected"];
    let table = [
        ("DM", Estimator::Direct),
        ("IPS", Estimator::Ips { clip: f64::INFINITY }),
        ("IPS_clip_2", Estimator::Ips { clip: 2.0 }),
        ("IPS_clip_5", Estimator::Ips { clip: 5.0 }),
        ("SNIPS", Estimator::Snips),
        ("DR", Estimator::DoublyRobust { clip: f64::INFINITY }),
        ("DR_clip_2", Estimator::DoublyRobust { clip: 2.0 }),
        ("DR_clip_5", Estimator::DoublyRobust { clip: 5.0 }),
        ("SNDR", Estimator::SelfNormalisedDoublyRobust),
        ("SwitchDR_1", Estimator::SwitchDr { lambda: 1.0 }),
        ("SwitchDR_2", Estimator::SwitchDr { lambda: 2.0 }),
        ("SwitchDR_5", Estimator::SwitchDr { lambda: 5.0 }),
        ("DRos_1", Estimator::DrOs { lambda: 1.0 }),
        ("DRos_10", Estimator::DrOs { lambda: 10.0 }),
        ("DRos_100", Estimator::DrOs { lambda: 100.0 }),
        ("SGDR_0.05", Estimator::SubGaussianDr { lambda: 0.05 }),
        ("SGDR_0.5", Estimator::SubGaussianDr { lambda: 0.5 }),
    ];
    for (name, estimator) in table {
        let (got, want) = (estimate(estimator, &log, &model), want[name].as_f64().unwrap());
        assert!((got - want).abs() < 1e-5, "{name}: {got} where {want} is right");
    }
    let ess = fixture["ope_case1"]["ess"].as_f64().unwrap();
    assert!((effective_sample_size(&log) / ess - 1.0).abs() < 1e-5);
}

#[test]
fn lambda_is_that_of_the_reference() {
    let fixture = fixture();
    let (log, model) = case(&fixture);
    let report = evaluate(&log, &model, None).unwrap();
    let want = &fixture["ope_case1"]["expected"];
    let tuned = |name: &str, what: &str| want[name][what].as_f64().unwrap();
    assert_eq!(numbers(&fixture["ope_case1"]["lambda_grid"]), LAMBDAS);
    assert_eq!(report.lambda, tuned("SwitchDRTuned_slope", "lambda"));
    assert_eq!(report.lambda_dros, tuned("DRosTuned_slope", "lambda"));
    assert!((report.estimates.switch_dr - tuned("SwitchDRTuned_slope", "value")).abs() < 1e-5);
    assert!((report.estimates.dros - tuned("DRosTuned_slope", "value")).abs() < 1e-5);
    assert_eq!(slope(&LAMBDAS, |clip| Estimator::Ips { clip }, &log, &model), tuned("IPSTuned_slope", "lambda"));
    let fixed = evaluate(&log, &model, Some(10.0)).unwrap();
    assert!((fixed.estimates.dros - want["DRos_10"].as_f64().unwrap()).abs() < 1e-5 && fixed.lambda == 10.0);
}

#[test]
fn extremes_are_reckoned_with_or_named() {
    let fixture = fixture();
    let (log, model) = case(&fixture);
    let plain = evaluate(&log, &model, None).unwrap();
    for lambda in [f64::INFINITY, f64::MAX, 1e308] {
        let found = evaluate(&log, &model, Some(lambda)).unwrap();
        assert!((found.estimates.dros - plain.estimates.dr).abs() < 1e-12, "{lambda}");
        assert!((found.estimates.switch_dr - plain.estimates.dr).abs() < 1e-12 && found.lambda.is_finite());
    }
    let none = evaluate(&log, &model, Some(0.0)).unwrap();
    assert!((none.estimates.dros - none.estimates.dm).abs() < 1e-12);
    let tiny = |p: f64| LoggedRounds::new(1, vec![0; 2], vec![0.5, p], vec![1.0; 2], vec![1.0; 2]);
    let said = tiny(1e-310).unwrap_err().to_string();
    assert_eq!(
        said,
        "row 1: the chosen arm has propensity 1e-310; below 1e-50 nothing can be weighed by it, leave the row out"
    );
    let smallest = evaluate(&tiny(1e-50).unwrap(), &[1e50, -1e50], None).unwrap();
    assert!(smallest.estimates.dr.is_finite() && smallest.intervals.dr.0.is_finite() && smallest.ess.is_finite());
    let said = evaluate(&tiny(0.5).unwrap(), &[0.0, 1e308], None).unwrap_err().to_string();
    assert_eq!(said, "row 1: the reward model says 1e308; it must be a number from -1e50 to 1e50");
    let table = [
        ("x_0,arm,propensity,reward\n1,a,0.5,1", "line 2: there is only one row; give at least two below the header"),
        (
            "x_0,arm,propensity,reward\n1,a,0.5,1\n1,b,1e-310,0",
            "line 3: `propensity` is 1e-310; below 1e-50 nothing can be weighed by it; leave the row out",
        ),
        (
            "arm,propensity,reward,pi_a,q_a\na,0.5,1,1,1e308",
            "line 2: `q_a` is 1e308; predictions lie from -1e50 to 1e50",
        ),
    ];
    for (text, want) in table {
        assert_eq!(LogFile::parse(text).unwrap_err().to_string(), want);
    }
}

#[test]
fn of_equal_widths_the_last_candidate_comes_first() {
    // The target never does what was done, so every weight is 0 and no λ matters; obp ends at the first of its grid.
    let log = LoggedRounds::new(2, vec![0; 6], vec![1.0; 6], vec![1.0, 0.0, 1.0, 0.0, 1.0, 1.0], [0.0, 1.0].repeat(6));
    let model: Vec<f64> = (0..12).map(|i| f64::from(i % 5) / 5.0).collect();
    let found = evaluate(&log.unwrap(), &model, None).unwrap();
    assert_eq!((found.lambda, found.lambda_dros), (1.0, 1.0));
}

#[test]
fn bounds_are_those_of_the_reference() {
    let fixture = fixture();
    let (log, model) = case(&fixture);
    // The largest value that any round could have had: the most probable arm, had it been chosen at the smallest propensity.
    let inputs = &fixture["ope_case1"]["inputs"];
    let most = numbers(&inputs["action_dist"]).into_iter().fold(0.0, f64::max);
    let largest = most / numbers(&inputs["pscore"]).into_iter().fold(1.0, f64::min);
    let unclipped = f64::INFINITY;
    for (name, estimator) in
        [("IPS", Estimator::Ips { clip: unclipped }), ("DR", Estimator::DoublyRobust { clip: unclipped })]
    {
        let values = rounds(estimator, &log, &model);
        for delta in [0.05, 0.1] {
            for (kind, got) in [
                ("student_t", student_t_lower(&values, delta)),
                ("bernstein", bernstein_lower(&values, largest, delta)),
                ("hoeffding", hoeffding_lower(&values, largest, delta)),
            ] {
                let want = fixture["ope_case1"]["lower_bounds"][format!("{name}_{kind}_{delta}")].as_f64().unwrap();
                // The inputs are rounded to 1e-6, and the largest value is a factor of these bounds.
                assert!((got - want).abs() < 1e-5 * largest, "{name} {kind} {delta}: {got} {want}");
            }
        }
    }
}

#[test]
fn betting_sequences_are_those_of_the_reference() {
    let fixture = fixture();
    let case = &fixture["confseq"]["beta"];
    let at = numbers(&case["at_t"]);
    let want = case["expected"]["betting_cs_breaks1000_runint"].as_array().unwrap();
    let mut sequence = BettingSequence::new(0.05);
    for (i, value) in numbers(&case["x"]).into_iter().enumerate() {
        sequence.observe(value);
        if let Some(place) = at.iter().position(|t| *t == (i + 1) as f64) {
            let (bound, want) = (sequence.bound(), numbers(&want[place]));
            // A mean on the very edge may fall on either side of it: one step of the grid.
            let near = (bound.lower - want[0]).abs() < 1.5e-3 && (bound.upper - want[1]).abs() < 1.5e-3;
            assert!(near, "t = {}: {bound:?} {want:?}", i + 1);
        }
    }
}

/// Share of runs in which the interval leaves out the true mean at any time.
fn missed(runs: u64, length: usize, mean: f64, draw: fn(&mut ChaCha8Rng) -> f64) -> f64 {
    let miss = |seed: &u64| {
        let mut random = ChaCha8Rng::seed_from_u64(*seed);
        let values: Vec<f64> = (0..length).map(|_| draw(&mut random)).collect();
        BettingSequence::refutes(&values, mean, 0.05)
    };
    (0..runs).filter(miss).count() as f64 / runs as f64
}

#[test]
fn the_interval_holds_at_all_times_in_ninety_five_of_a_hundred_runs() {
    let coin = |random: &mut ChaCha8Rng| f64::from(u8::from(random.random::<f64>() < 0.1));
    let even = |random: &mut ChaCha8Rng| random.random::<f64>();
    let rare = |random: &mut ChaCha8Rng| 0.5 + if random.random::<f64>() < 0.02 { 0.5 } else { -0.01 };
    for (name, mean, draw) in [
        ("coin", 0.1, coin as fn(&mut ChaCha8Rng) -> f64),
        ("even", 0.5, even),
        ("rare", 0.5 + 0.02 * 0.5 - 0.98 * 0.01, rare),
    ] {
        let share = missed(2000, 400, mean, draw);
        assert!(share <= 0.05, "{name}: left out in {share} of the runs");
    }
}

/// A log of a policy that plays arm 1 of 2 with probability 0.25; arm `a` pays with probability 0.3 + 0.4 a x.
fn simulated(seed: u64, length: usize) -> (Vec<f64>, Vec<usize>, Vec<f64>, Vec<f64>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut xs, mut chosen, mut propensities, mut rewards) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..length {
        let x = random.random::<f64>();
        let arm = usize::from(random.random::<f64>() < 0.25);
        let pays = 0.3 + 0.4 * arm as f64 * x;
        xs.push(x);
        chosen.push(arm);
        propensities.push(if arm == 1 { 0.25 } else { 0.75 });
        rewards.push(f64::from(u8::from(random.random::<f64>() < pays)));
    }
    (xs, chosen, propensities, rewards)
}

#[test]
fn every_estimator_finds_the_truth_and_the_difference_is_bounded() {
    let (xs, chosen, propensities, rewards) = simulated(3, 4000);
    let target: Vec<f64> = (0..4000).flat_map(|_| [0.1, 0.9]).collect();
    let active: Vec<f64> = (0..4000).flat_map(|_| [0.75, 0.25]).collect();
    let model = cross_fitted(&xs, 1, 2, &chosen, &rewards).unwrap();
    let log = LoggedRounds::new(2, chosen, propensities, rewards, target).unwrap();
    let report = evaluate(&log, &model, None).unwrap();
    let (truth, all) = (0.3 + 0.4 * 0.9 * 0.5, report.estimates);
    for (name, got) in [
        ("ips", all.ips),
        ("snips", all.snips),
        ("dm", all.dm),
        ("dr", all.dr),
        ("switch_dr", all.switch_dr),
        ("dros", all.dros),
    ] {
        assert!((got - truth).abs() < 0.04, "{name} {got} {truth}");
    }
    assert!(report.intervals.dr.0 < truth && truth < report.intervals.dr.1 && report.ess > 1000.0);
    let differences = clipped_difference(&log, &active, &model, 5.0).unwrap();
    let found = difference_bound(&differences, 5.0);
    let truth = 0.4 * 0.5 * (0.9 - 0.25);
    assert!(found.bound.lower > 0.0 && found.bound.lower < truth && truth < found.bound.upper, "{found:?}");
    assert!(differences.iter().all(|d| d.abs() <= 5.0));
}

#[test]
fn a_bound_on_equals_includes_zero() {
    for seed in 0..20 {
        let (xs, chosen, propensities, rewards) = simulated(seed, 400);
        let active: Vec<f64> = (0..400).flat_map(|_| [0.75, 0.25]).collect();
        let model = cross_fitted(&xs, 1, 2, &chosen, &rewards).unwrap();
        let log = LoggedRounds::new(2, chosen, propensities, rewards, active.clone()).unwrap();
        let found = difference_bound(&clipped_difference(&log, &active, &model, 4.0).unwrap(), 4.0);
        assert!(found.bound.lower <= 0.0 && found.bound.upper >= 0.0, "{found:?}");
    }
}

/// `good` rounds that are better by 0.18 each, then `bad` that are worse by 0.22, with much noise.
fn turned(seed: u64, good: usize, bad: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut noisy = |mean: f64| mean + 0.9 * (random.random::<f64>() - 0.5) + 0.9 * (random.random::<f64>() - 0.5);
    (0..good + bad).map(|i| noisy(if i < good { 0.18 } else { -0.22 })).collect()
}

#[test]
fn a_bound_follows_what_turns() {
    for (good, soon) in [(0, 200), (100, 250), (300, 350), (600, 350)] {
        for seed in 0..2 {
            let all = turned(seed, good, 2000);
            let at = |rounds: usize| difference_bound(&all[..rounds], 5.0);
            assert!(good < 300 || at(good).bound.lower > 0.0, "{good} {seed}: {:?}", at(good));
            let after = at(good + soon);
            assert!(after.bound.upper < 0.0, "{good} {seed}: {after:?}");
            let late = at(good + 2000);
            assert!(late.bound.lower < -0.22 && late.bound.upper > -0.22 && late.bound.upper < -0.1, "{late:?}");
            assert!((late.estimate + 0.22).abs() < 0.1 && late.rounds >= 1000, "{late:?}");
            let back: Vec<f64> = all.iter().chain(&turned(seed + 9, 2500, 0)).copied().collect();
            let mended = difference_bound(&back, 5.0);
            assert!(mended.bound.lower > 0.0 && mended.estimate > 0.1, "what recovers is seen, too: {mended:?}");
        }
    }
}

#[test]
fn a_constant_difference_is_missed_in_at_most_five_of_a_hundred_runs() {
    let missed = (0..300).filter(|seed| {
        let all: Vec<f64> = turned(*seed, 800, 0).into_iter().map(|d| d - 0.18).collect();
        [100, 200, 400, 800].iter().any(|n| {
            let found = difference_bound(&all[..*n], 2.0).bound;
            found.lower > 0.0 || found.upper < 0.0
        })
    });
    assert!(missed.count() <= 15);
}

#[test]
fn an_interval_that_everything_refutes_begins_anew() {
    let mut sequence = BettingSequence::new(0.05);
    let mut narrowest = 1.0_f64;
    for i in 0..2000 {
        sequence.observe(f64::from(u8::from((i / 200) % 2 == 1)));
        let Bound { lower, upper } = sequence.bound();
        narrowest = narrowest.min(upper - lower);
        assert!(i != 399 || lower > 0.9, "{lower} {upper}");
    }
    assert!(narrowest >= 0.0009, "no interval of hardly any width: {narrowest}");
    (0..2000).for_each(|_| sequence.observe(0.8));
    let bound = sequence.bound();
    assert!(bound.lower < 0.8 && bound.upper > 0.8, "{bound:?}");
}

#[test]
fn a_learner_is_judged_by_what_it_knew() {
    let (xs, chosen, propensities, rewards) = simulated(5, 1500);
    let said = |policy| progressive_propensities(policy, &xs, 1, 2, &chosen, &rewards);
    assert!(said(PolicyId::RuleV1).is_none());
    let late = xs.iter().map(|x| x * 2.0).collect::<Vec<_>>();
    for policy in [PolicyId::LinucbV1, PolicyId::LintsV1] {
        let target = said(policy).unwrap().unwrap();
        let half =
            progressive_propensities(policy, &xs[..700], 1, 2, &chosen[..700], &rewards[..700]).unwrap().unwrap();
        assert_eq!(target[..1400], half, "no round depends on a later one");
        let scaled = progressive_propensities(policy, &late, 1, 2, &chosen, &rewards).unwrap().unwrap();
        assert!(target.iter().zip(scaled).all(|(a, b)| (a - b).abs() < 1e-6), "units do not matter");
        let log = LoggedRounds::new(2, chosen.clone(), propensities.clone(), rewards.clone(), target).unwrap();
        let model = cross_fitted(&xs, 1, 2, &chosen, &rewards).unwrap();
        let report = evaluate(&log, &model, None).unwrap();
        assert!(report.estimates.dr > report.logged + 0.08, "{policy} {:?}", report.estimates);
    }
}

#[test]
fn logs_that_cannot_be_are_named() {
    let log = |p: f64, r: f64, t: [f64; 2], arm: usize| {
        LoggedRounds::new(2, vec![0, arm], vec![0.5, p], vec![0.0, r], [0.5, 0.5].into_iter().chain(t).collect())
    };
    let said = [
        log(0.0, 1.0, [0.5, 0.5], 1),
        log(f64::NAN, 1.0, [0.5, 0.5], 1),
        log(0.5, 1.5, [0.5, 0.5], 1),
        log(0.5, 1.0, [0.5, 0.9], 1),
        log(0.5, 1.0, [0.5, 0.5], 2),
    ]
    .map(|log| log.unwrap_err().to_string());
    assert_eq!(
        said,
        [
            "row 1: the chosen arm has propensity 0; it must be above 0 and at most 1, log the probability it was chosen with",
            "row 1: the chosen arm has propensity NaN; it must be above 0 and at most 1, log the probability it was chosen with",
            "row 1: the reward is 1.5; it must be a number from 0 to 1",
            "row 1: the target policy's probabilities are no distribution (sum 1.4); they must be from 0 to 1 and sum to 1",
            "row 1: there is no arm 2; there are 2 (from 0)",
        ]
    );
    let table = [
        (
            "x_0,arm,reward\n1,a,1",
            "line 1: there is no column propensity; the header needs context columns x_*, arm, propensity and reward; pi_<arm> and q_<arm> are optional",
        ),
        (
            "x_0,arm,propensity,reward\n1,a,0.5,1\n1,b,0,1",
            "line 3: `propensity` is 0; it must be above 0 and at most 1: log the probability the chosen arm had",
        ),
        ("x_0,arm,propensity,reward\n1,a,,1", "line 2: `propensity` is \"\"; give a finite number"),
        ("x_0,arm,propensity,reward\n1,a,0.5,-1", "line 2: `reward` is -1; scale rewards to lie from 0 to 1"),
        (
            "x_0,arm,propensity,reward,pi_a,pi_b\n1,a,0.5,1,0.5,0.9",
            "line 2: `pi_a` is 0.5; the pi_<arm> of a row must sum to 1",
        ),
        (
            "x_0,arm,propensity,reward,pi_a,pi_b\n1,c,0.5,1,0.5,0.5",
            "line 2: `arm` is c; it must be one of the arms in pi_<arm> and q_<arm>",
        ),
        (
            "x_0,arm,propensity,reward,pi_a,pi_b,q_a\n1,a,0.5,1,0.5,0.5,1",
            "line 1: there is no column q_b; the header needs context columns x_*, arm, propensity and reward; pi_<arm> and q_<arm> are optional",
        ),
        (
            "arm,propensity,reward\na,0.5,1",
            "line 1: there is no column x_*; the header needs context columns x_*, arm, propensity and reward; pi_<arm> and q_<arm> are optional",
        ),
        ("x_0,arm,propensity,reward\n", "line 1: there are no rows; give at least one below the header"),
    ];
    for (text, want) in table {
        assert_eq!(LogFile::parse(text).unwrap_err().to_string(), want);
    }
    let read = LogFile::parse("x_0,arm,propensity,reward\n1,10,0.5,1\n2,9,1,0\n").unwrap();
    assert_eq!((read.arms, read.chosen), (vec!["9".to_owned(), "10".to_owned()], vec![1, 0]));
}
