//! The study of simulated operators.

use wakeman_ranking::operators::study;

#[test]
fn noise_falls_and_nothing_that_matters_is_lost() {
    for seed in 1..=4 {
        let report = study(seed).unwrap();
        assert_eq!(report.critical_missed, 0);
        assert!(report.noise_fall >= 0.7, "seed {seed}: noise fell by {}", report.noise_fall);
        assert!(report.useful_kept >= 0.95, "seed {seed}: {} of the useful kept", report.useful_kept);
        assert_eq!(study(seed).unwrap(), report);
    }
}
