//! When a shadow may decide, and when it has to stop.

use wakeman_ranking::ope::{Bound, DifferenceBound};
use wakeman_ranking::promotion::*;

fn difference(lower: f64, upper: f64, rounds: u64) -> DifferenceBound {
    DifferenceBound { estimate: f64::midpoint(lower, upper), bound: Bound { lower, upper }, rounds }
}

fn good() -> Evidence {
    Evidence {
        difference: difference(0.02, 0.2, 900),
        ess: 180.0,
        agreement: 0.83,
        interruptions_per_week: 1.4,
        budget_per_week: 2.0,
    }
}

#[test]
fn each_condition_refuses_alone_and_says_what_is_needed() {
    assert_eq!(refusals(&good(), &Requirements::DEFAULT), []);
    type Edit = fn(&mut Evidence);
    let table: [(Edit, Condition, &str); 9] = [
        (
            |e| e.difference.bound.lower = -0.013,
            Condition::LowerBound,
            "not proven better: by what is known the gain may be as low as -0.013; it must be above +0.000",
        ),
        (
            |e| e.difference.bound.lower = 0.0,
            Condition::LowerBound,
            "not proven better: by what is known the gain may be as low as +0.000; it must be above +0.000",
        ),
        (|e| e.ess = 99.0, Condition::SampleSize, "too little evidence: worth 99 decisions, 100 are needed"),
        (
            |e| e.agreement = 0.31,
            Condition::Agreement,
            "agrees with the active policy in 31 % of decisions, 50 % are needed",
        ),
        (
            |e| e.difference.estimate = -0.1,
            Condition::LowerBound,
            "not proven better: by what is known the gain may be as low as -0.100; it must be above +0.000",
        ),
        (
            |e| e.difference.estimate = 0.3,
            Condition::LowerBound,
            "not surely better: what it brings has changed, to 0.300 by now; wait until that is settled",
        ),
        (|e| e.interruptions_per_week = 3.5, Condition::Safety, "would interrupt 3.5 times a week, 2.0 are allowed"),
        (|e| e.ess = f64::NAN, Condition::SampleSize, "too little evidence: worth NaN decisions, 100 are needed"),
        (
            |e| e.difference.bound.lower = f64::NAN,
            Condition::LowerBound,
            "not proven better: by what is known the gain may be as low as NaN; it must be above +0.000",
        ),
    ];
    for (edit, condition, words) in table {
        let mut evidence = good();
        edit(&mut evidence);
        let refused = refusals(&evidence, &Requirements::DEFAULT);
        assert_eq!((refused.len(), refused[0].condition, refused[0].to_string().as_str()), (1, condition, words));
    }
    let all: Vec<String> = judge(&good(), &Requirements::DEFAULT).iter().map(ToString::to_string).collect();
    assert_eq!(
        all,
        [
            "better by at least 0.020",
            "evidence enough: worth 180 decisions",
            "agrees with the active policy in 83 % of decisions",
            "would interrupt 1.4 times a week, 2.0 are allowed"
        ]
    );
}

#[test]
fn stages_take_their_share_and_keep_it() {
    for stage in [Stage::Shadow, Stage::Tenth, Stage::Half, Stage::Whole] {
        let taken = (0..20_000).filter(|seed| stage.takes(*seed)).count() as f64 / 20_000.0;
        assert!((taken - stage.share()).abs() < 0.012, "{stage:?} {taken}");
        assert!((0..5000).all(|seed| !stage.takes(seed) || stage.next().takes(seed)), "what was its own stays its own");
    }
}

#[test]
fn it_advances_holds_and_rolls_back_by_table() {
    let table = [
        (Stage::Shadow, difference(-1.0, -0.5, 999), Move::Hold),
        (Stage::Tenth, difference(-0.5, 0.6, 10), Move::Hold),
        (Stage::Tenth, difference(-0.5, 0.6, 50), Move::Advance),
        (Stage::Tenth, difference(-0.6, 0.5, 50), Move::Hold),
        (Stage::Half, difference(-0.5, -0.01, 5), Move::Rollback),
        (Stage::Whole, difference(-0.5, -0.01, 500), Move::Rollback),
        (Stage::Whole, difference(0.01, 0.5, 500), Move::Hold),
    ];
    for (stage, since, want) in table {
        assert_eq!(next_move(stage, &since), want, "{stage:?} {since:?}");
    }
}
