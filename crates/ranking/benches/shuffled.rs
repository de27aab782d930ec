//! What the policies bring on files whose rewards are shuffled against their contexts, where there is nothing to learn but the best arm.
//! `cargo bench -p wakeman-ranking --bench shuffled -- DIR [SHUFFLES] [ROWS A POLICY PLAYS AT MOST]`
//!
//! A policy plays each shuffle with seeds 1, 2 and 3; its lead is the mean of the three less what the best single arm brings on all rows.
//! Beside it stands what three coins of that arm's odds come to: no policy that learns nothing can vary less while it chooses that arm
//! rarely, so a lead within a few of these is chance, and a leak would show as a mean above zero.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use wakeman_ranking::{
    PolicyId,
    backtest::{RewardTable, play},
};

const SEEDS: [u64; 3] = [1, 2, 3];
const BOUND: f64 = 0.02;
const ROWS: usize = 8000;

/// The file with the rows of its reward columns in another order.
fn shuffled(text: &str, seed: u64) -> String {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.take(ROWS).map(|line| line.split(',').collect()).collect();
    let of_rewards = |name: &str| name.trim_matches('"').starts_with("r_");
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut out = header.join(",");
    for (row, other) in rows.iter().zip(order) {
        let fields =
            header.iter().enumerate().map(|(at, name)| if of_rewards(name) { rows[other][at] } else { row[at] });
        out.push('\n');
        out.push_str(&fields.collect::<Vec<_>>().join(","));
    }
    out
}

/// Mean and deviation.
fn spread(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt())
}

fn report(name: &str, text: &str, policy: PolicyId, shuffles: u64) {
    let (mut leads, mut single, mut coin, mut rows) = (Vec::new(), Vec::new(), 0.0, 0);
    for shuffle in 0..shuffles {
        let table = RewardTable::parse(&shuffled(text, shuffle), ROWS).unwrap();
        let best = table.best_constant().1;
        rows = table.rows();
        coin = (best * (1.0 - best) / rows as f64 / SEEDS.len() as f64).sqrt();
        let each = SEEDS.map(|seed| play(&table, policy, seed).unwrap().mean_reward - best);
        single.extend(each);
        leads.push(each.iter().sum::<f64>() / each.len() as f64);
    }
    let (mean, deviation) = spread(&leads);
    let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let over = leads.iter().filter(|lead| **lead > BOUND).count() as f64 / leads.len() as f64 * 100.0;
    println!(
        "{name:<14} {policy:<11} {rows:>5} rows: mean {mean:+.4}, deviation {deviation:.4} (three coins {coin:.4}), \
         above {BOUND} in {over:.1} %, largest {:+.4}; largest of one seed {:+.4}",
        most(&leads),
        most(&single),
    );
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(folder) = args.next() else {
        println!("skipped: name a folder of CSV files with x_* and r_<arm> columns");
        return;
    };
    let shuffles: u64 = args.next().map_or(200, |text| text.parse().unwrap());
    // So that a large file takes no longer than a small one: its deviation is smaller, too.
    let rows_most: usize = args.next().map_or(200_000, |text| text.parse().unwrap());
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "csv")) {
        let text = std::fs::read_to_string(file).unwrap();
        let rows = text.lines().count().min(ROWS);
        let shuffles = shuffles.min((rows_most / rows).max(5) as u64);
        for policy in PolicyId::ALL.into_iter().filter(|policy| policy.config().is_some()) {
            report(&file.file_stem().unwrap().to_string_lossy(), &text, policy, shuffles);
        }
    }
}
