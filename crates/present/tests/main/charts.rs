//! Sparklines and braille charts.

use proptest::prelude::*;
use wakeman_present::{CellRole, Chart, braille_chart, sparkline};
use wakeman_types::*;

use crate::samples::*;

fn drawn(chart: &Chart, width: usize, height: usize) -> String {
    let row = |cells: &Vec<wakeman_present::ChartCell>| cells.iter().map(|cell| cell.ch).collect::<String>();
    let rows: Vec<String> =
        braille_chart(chart, width, height).iter().map(|cells| row(cells).trim_end().into()).collect();
    rows.join("\n")
}

#[test]
fn a_sparkline_has_one_bar_a_value() {
    assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "▁▂▃▄▅▆▇█");
    assert_eq!(sparkline(&[5.0, 5.0]), "██");
    assert_eq!(sparkline(&[0.0, 0.0]), "▁▁");
    assert_eq!(sparkline(&[1.0, f64::NAN, 1.0]), "█ █");
    assert_eq!(sparkline(&[]), "");
}

#[test]
fn a_chart_shows_the_band_the_drop_and_the_changes() {
    let chart = Chart::of(&finding(), &ctx()).unwrap();
    insta::assert_snapshot!(drawn(&chart, 60, 5), @r"
    32 ┤   ░░░░░░⣀░░⣀⡀░⢀⡀░░░░░░
       │⢄⢀⠔⠢⠤⠊⠉⠢⠊░⠉⠉░⠈⠊⠁⠈⠊⠉⠉⠱⠒⠉⢆⣀⠤⠤⡀⢀⡀░                  ⡀░░░░░░
       │░⠁░░░░              ░░░░░░░⠈⠁⠈⠢⠔⠒⠢⡠⠔⢄⣀⠤⠤⡀⡠⠒⢄⡠⠔⠢⡠⠊⠈⠊⡇░░░░
       │                                    ░░░░⠈░░░░      ⢸⣀⠤⠤⠤
     0 ┤
       └──────────────────────────────────────▲───────────▲─────
        09:35                                        #482 14:04
                                     checkout-fast 13:00   14:35
    ");
}

#[test]
fn what_leaves_the_band_is_told_apart() {
    let chart = Chart::of(&finding(), &ctx()).unwrap();
    let rows = braille_chart(&chart, 60, 5);
    let outside = |row: &Vec<wakeman_present::ChartCell>| row.iter().position(|cell| cell.role == CellRole::Outside);
    let first = rows.iter().filter_map(outside).min().unwrap();
    assert!(first > 45, "the series leaves its band only at its end, not in column {first}");
}

#[test]
fn two_changes_at_one_time_do_not_cover_each_other() {
    let mut finding = finding();
    finding.causes[1].change.at = ago(40);
    let chart = Chart::of(&finding, &ctx()).unwrap();
    let picture = drawn(&chart, 60, 3);
    assert!(picture.contains("#482 14:04") && picture.contains("checkout-fast 13:55"), "{picture}");
}

#[test]
fn there_is_no_chart_without_a_series_or_without_room() {
    assert_eq!(Chart::of(&about(run()), &ctx()), None);
    let broken = SeriesPoint { at: ago(1), value: f64::NAN, expected: 0.0, low: 0.0, high: 0.0 };
    assert_eq!(Chart::of(&Finding { series: vec![broken; 9], ..finding() }, &ctx()), None);
    let chart = Chart::of(&finding(), &ctx()).unwrap();
    assert_eq!(drawn(&chart, 20, 5), "");
    assert_eq!(drawn(&chart, 60, 0), "");
}

proptest! {
    #[test]
    fn a_chart_of_anything_stays_in_its_frame(
        values in prop::collection::vec(-1e12f64..1e12, 0..100),
        spread in 0f64..1e12,
        width in 0usize..130,
        height in 0usize..12,
    ) {
        let series = values.iter().enumerate().map(|(i, &value)| SeriesPoint {
            at: ago(500 - i as i64), value, expected: value, low: value - spread, high: value / 2.0 + spread,
        });
        let finding = Finding { series: series.collect(), ..finding() };
        if let Some(chart) = Chart::of(&finding, &ctx()) {
            let rows = braille_chart(&chart, width, height);
            prop_assert!(rows.is_empty() || rows.len() <= height + 4);
            prop_assert!(rows.iter().all(|row| row.len() <= width));
        }
        prop_assert_eq!(sparkline(&values).chars().count(), values.len());
    }
}
