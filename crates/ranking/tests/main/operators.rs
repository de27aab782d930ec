//! The study of simulated operators.

use wakeman_ranking::operators::{StudyReport, study};

#[test]
fn noise_falls_and_nothing_that_matters_is_lost() {
    let reports: Vec<StudyReport> = (1..=8).map(|seed| study(seed).unwrap()).collect();
    let mut sums = [0_u32; 4];
    for report in &reports {
        assert_eq!(report.critical_missed, 0);
        let one = |of: &dyn Fn(&wakeman_ranking::operators::OperatorResult) -> u32| {
            report.operators.iter().map(of).sum::<u32>()
        };
        let all = [one(&|o| o.rule.noise), one(&|o| o.lints.noise), one(&|o| o.rule.useful), one(&|o| o.useful_kept)];
        sums.iter_mut().zip(all).for_each(|(sum, one)| *sum += one);
        println!(
            "seed {}: noise fell by {:.3}, useful kept {:.3} {all:?}",
            report.seed, report.noise_fall, report.useful_kept
        );
    }
    let [noise, learnt_noise, useful, kept] = sums.map(f64::from);
    let (fall, kept) = (1.0 - learnt_noise / noise, kept / useful);
    println!("all: {fall:.4} {kept:.4}");
    assert!(fall >= 0.7, "noise fell by {fall}");
    assert!(kept >= 0.95, "{kept} of the useful kept");
    assert_eq!(study(1).unwrap(), reports[0]);
}
