//! How often the betting interval leaves out the true mean at any time, over 10,000 runs of 1,000 values of several kinds; at most one run
//! in twenty may. `cargo bench -p wakeman-ranking --bench coverage`

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use wakeman_ranking::ope::BettingSequence;

const RUNS: u64 = 10_000;
const LENGTH: usize = 1000;
const ALPHA: f64 = 0.05;

/// A name, the true mean, and a draw.
type Kind = (&'static str, f64, fn(&mut ChaCha8Rng) -> f64);

fn coin(random: &mut ChaCha8Rng, share: f64) -> f64 {
    f64::from(u8::from(random.random::<f64>() < share))
}

fn main() {
    let kinds: [Kind; 5] = [
        ("coin 0.5", 0.5, |r| coin(r, 0.5)),
        ("coin 0.1", 0.1, |r| coin(r, 0.1)),
        ("coin 0.01", 0.01, |r| coin(r, 0.01)),
        ("even", 0.5, |r| r.random()),
        ("rarely one, else one half", 0.51, |r| 0.5 + 0.5 * coin(r, 0.02)),
    ];
    for (name, mean, draw) in kinds {
        let missed = (0..RUNS).filter(|seed| {
            let mut random = ChaCha8Rng::seed_from_u64(*seed);
            let values: Vec<f64> = (0..LENGTH).map(|_| draw(&mut random)).collect();
            BettingSequence::refutes(&values, mean, ALPHA)
        });
        let covered = 1.0 - missed.count() as f64 / RUNS as f64;
        println!("{name:<28} covered at all times in {:.2} % of the runs", covered * 100.0);
    }
}
