//! How long a picture takes and how large it is. Bound: 30 ms and 60 KB each.

#[path = "../tests/main/samples.rs"]
mod samples;

use wakeman_present::{Chart, Theme, chart_png};
use wakeman_types::{CandidateCause, Finding};

fn main() {
    for (name, finding) in [("drop", samples::finding()), ("full", full())] {
        for theme in [Theme::Dark, Theme::Light] {
            println!("{name} {theme:?}: {} bytes", picture(&finding, theme).len());
        }
    }
    divan::main();
}

/// As much as a finding can hold: 96 points, five changes.
fn full() -> Finding {
    let mut finding = samples::finding();
    let step = |i: i64| samples::ago(480 - i * 5);
    let shape = samples::series(samples::ago(25));
    finding.series = (0..96).map(|i| wakeman_types::SeriesPoint { at: step(i), ..shape[i as usize % 60] }).collect();
    let cause = |i: i64| {
        let change = wakeman_types::Change { at: samples::ago(40 + 70 * i), ..samples::merge() };
        CandidateCause { change, probability: 0.1, reasons: Vec::new() }
    };
    finding.causes = (0..5).map(cause).collect();
    finding
}

fn picture(finding: &Finding, theme: Theme) -> Vec<u8> {
    let chart = Chart::of(finding, &samples::ctx()).expect("invariant: the sample has a series");
    chart_png(&chart, theme).expect("invariant: there is memory for a picture")
}

#[divan::bench(args = [Theme::Dark, Theme::Light])]
fn drop(theme: Theme) -> Vec<u8> {
    picture(&samples::finding(), theme)
}

#[divan::bench]
fn ninety_six_points_five_changes() -> Vec<u8> {
    picture(&full(), Theme::Dark)
}
