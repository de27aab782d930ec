//! The charts as pictures, beside the ones that were looked at (`tests/pictures/`; `UPDATE_PICTURES=1` writes them anew).

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use wakeman_present::{Chart, IMAGE_HEIGHT, IMAGE_WIDTH, RenderContext, Theme, chart_alt, chart_image, chart_png};
use wakeman_types::*;

use crate::samples::*;

/// A picture for a chat is at most this large.
const BYTES_MAX: usize = 60_000;
/// A channel of a pixel may differ this much: rounding differs between processors.
const CHANNEL_SLACK: u8 = 24;
/// And this many pixels may differ more.
const PIXELS_SLACK: usize = 60;

/// A metric of its own with the shape `value(i)` around `expected(i)`, band `spread` to both sides.
fn metric(kind: MetricKind, name: &str, points: i64, value: fn(i64) -> f64, expected: fn(i64) -> f64) -> Finding {
    let spread = 0.25;
    let series = (0..points).map(|i| SeriesPoint {
        at: ago(points * 5 - i * 5),
        value: value(i),
        expected: expected(i),
        low: expected(i) * (1.0 - spread),
        high: expected(i) * (1.0 + spread),
    });
    let subject = Subject::Metric { metric: MetricId::new("m"), name: name.into(), kind, event: None };
    Finding { subject, series: series.collect(), ..finding() }
}

fn wave(i: i64) -> f64 {
    60.0 + 20.0 * (i as f64 / 11.0).sin()
}

fn noisy(i: i64) -> f64 {
    wave(i) * (1.0 + [0.08, -0.11, 0.02, 0.12, -0.05, -0.02, 0.05][i as usize % 7])
}

fn cause(change: Change, minutes: i64) -> CandidateCause {
    CandidateCause { change: Change { at: ago(minutes), ..change }, probability: 0.2, reasons: vec![] }
}

fn pull(number: u64) -> Change {
    Change { reference: ChangeRef::PullRequest { number, merge_sha: "9c1e".into() }, ..merge() }
}

fn flag_of(key: &str) -> Change {
    let reference = ChangeRef::Flag { id: 7, key: key.into(), active: Some(true), rollout: Some(0.5) };
    Change { title: key.into(), reference, ..flag() }
}

fn unknown_gaps() -> Finding {
    let mut finding = metric(MetricKind::Count, "Checkouts", 72, noisy, wave);
    finding.series.retain(|point| {
        let minutes = NOW.since(point.at) / MINUTE_MS;
        !(180..260).contains(&minutes) && minutes != 120 && minutes > 45
    });
    Finding { since: ago(30), unknown_since: Some(ago(45)), causes: vec![], ..finding }
}

fn many_markers() -> Finding {
    let causes = vec![
        cause(pull(482), 31),
        cause(flag_of("checkout-fast"), 36),
        cause(pull(479), 48),
        cause(pull(475), 52),
        cause(flag_of("new-onboarding"), 240),
    ];
    Finding { causes, ..finding() }
}

fn long_labels() -> Finding {
    let name = "Sign-ups of invited members on the enterprise plan in the new onboarding with single sign-on";
    let causes = vec![
        cause(flag_of("a-flag-with-a-very-long-key-that-nobody-can-read"), 20),
        cause(flag_of("another-flag-with-a-long-key-indeed"), 24),
        cause(flag_of("旗-无字体"), 150),
    ];
    Finding { causes, ..metric(MetricKind::Count, name, 60, |i| noisy(i) * 1_000.0, |i| wave(i) * 1_000.0) }
}

fn nan_among() -> Finding {
    let mut finding = finding();
    for i in [3, 20, 21, 22, 59] {
        finding.series[i].value = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::NAN][i % 5];
    }
    finding
}

fn spike() -> Finding {
    let value = |i| if (48..52).contains(&i) { 410.0 } else { noisy(i) };
    let over = FindingState::Resolved { at: ago(40), how: Resolution::Recovered };
    Finding {
        since: ago(60),
        state: over,
        causes: vec![cause(pull(482), 70)],
        ..metric(MetricKind::Count, "Errors", 60, value, wave)
    }
}

fn ratio() -> Finding {
    let value = |i: i64| if i > 50 { 0.93 } else { 0.975 + 0.006 * (i as f64).sin() };
    let mut finding = metric(MetricKind::Ratio, "Checkout success", 60, value, |_| 0.975);
    finding.series.iter_mut().for_each(|point| (point.low, point.high) = (0.96, 0.988));
    finding
}

fn duration() -> Finding {
    let value = |i: i64| if i > 40 { 2_900.0 + 90.0 * (i as f64).sin() } else { 1_300.0 + 120.0 * (i as f64).cos() };
    Finding { since: ago(95), ..metric(MetricKind::Duration, "Ladezeit Übersicht", 60, value, |_| 1_300.0) }
}

fn samples() -> Vec<(&'static str, Finding)> {
    vec![
        ("drop", finding()),
        ("spike", spike()),
        ("flat", metric(MetricKind::Count, "Exports", 40, |_| 5.0, |_| 5.0)),
        ("zero", metric(MetricKind::Count, "Exports", 40, |_| 0.0, |_| 0.0)),
        ("unknown", unknown_gaps()),
        ("ratio", ratio()),
        ("duration", duration()),
        ("markers", many_markers()),
        ("long", long_labels()),
        ("nan", nan_among()),
    ]
}

fn at(finding: Finding) -> Option<Chart> {
    Chart::of(&finding, &ctx())
}

fn pixels(file: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (IMAGE_WIDTH, IMAGE_HEIGHT, png::ColorType::Rgb));
    pixels
}

fn compare(name: &str, file: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(format!("{name}.png"));
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        fs::write(&path, file).unwrap();
    }
    let kept =
        fs::read(&path).unwrap_or_else(|_| panic!("there is no {}; UPDATE_PICTURES=1 writes it", path.display()));
    let (old, new) = (pixels(&kept), pixels(file));
    let differs = |(one, other): &(&[u8], &[u8])| one.iter().zip(*other).any(|(a, b)| a.abs_diff(*b) > CHANNEL_SLACK);
    let differing = old.chunks(3).zip(new.chunks(3)).filter(differs).count();
    assert!(differing <= PIXELS_SLACK, "{name}: {differing} pixels differ; look at it, then UPDATE_PICTURES=1");
}

#[test]
fn every_shape_looks_as_it_did_when_it_was_looked_at() {
    for (name, finding) in samples() {
        compare(name, &chart_png(&at(finding).unwrap(), Theme::Dark).unwrap());
    }
    compare("light", &chart_png(&at(many_markers()).unwrap(), Theme::Light).unwrap());
}

#[test]
fn a_picture_is_small_enough_for_a_chat() {
    for (name, finding) in samples() {
        for theme in [Theme::Dark, Theme::Light] {
            let size = chart_png(&at(finding.clone()).unwrap(), theme).unwrap().len();
            assert!(size <= BYTES_MAX, "{name} {theme:?}: {size} bytes");
        }
    }
}

#[test]
fn a_message_with_numbers_has_a_picture_and_its_words() {
    let found = View::Finding(Box::new(asked(finding())));
    let image = chart_image(&found, &ctx()).unwrap();
    assert_eq!(image.png, chart_png(&at(finding()).unwrap(), Theme::Dark).unwrap(), "chats get the dark one");
    insta::assert_snapshot!(image.alt, @"Chart: Sign-ups, 09:35 to 14:35; newest 8 where 22 were expected (16–27); 5 of 60 points outside the expected band; changes: #482 14:04, checkout-fast 13:00.");
    let over = View::Recovery(Box::new(RecoveryView { finding: recovered(), proposal: None }));
    assert!(chart_image(&over, &ctx()).is_some());
}

#[test]
fn a_message_without_numbers_has_no_picture() {
    let without = |series: Vec<SeriesPoint>| View::Finding(Box::new(asked(Finding { series, ..finding() })));
    let one = finding().series[0];
    let no_number = SeriesPoint { value: f64::NAN, ..one };
    for view in [without(vec![]), without(vec![one]), without(vec![no_number; 60]), without(vec![one; 60])] {
        assert_eq!(chart_image(&view, &ctx()), None);
    }
    let card = View::Proposal(Box::new(ProposalView { proposal: proposal() }));
    assert_eq!(chart_image(&card, &ctx()), None);
}

#[test]
fn the_words_say_what_the_picture_shows() {
    let words: Vec<String> = samples().into_iter().map(|(_, finding)| chart_alt(&at(finding).unwrap())).collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    Chart: Sign-ups, 09:35 to 14:35; newest 8 where 22 were expected (16–27); 5 of 60 points outside the expected band; changes: #482 14:04, checkout-fast 13:00.
    Chart: Errors, 09:35 to 14:35; newest 49 where 44 were expected (33–55); 4 of 60 points outside the expected band; changes: #482 13:25.
    Chart: Exports, 11:15 to 14:35; newest 5 where 5 were expected (3.8–6.2); all inside the expected band; changes: #482 14:04, checkout-fast 13:00.
    Chart: Exports, 11:15 to 14:35; newest 0 where 0 were expected (0–0); all inside the expected band; changes: #482 14:04, checkout-fast 13:00.
    Chart: Checkouts, 08:35 to 14:35; newest 50 where 48 were expected (36–60); all inside the expected band; 3 stretches without numbers, unknown.
    Chart: Checkout success, 09:35 to 14:35; newest 93 % where 97.5 % was expected (96–98.8 %); 9 of 60 points outside the expected band; changes: #482 14:04, checkout-fast 13:00.
    Chart: Ladezeit Übersicht, 09:35 to 14:35; newest 3 s where 1.3 s was expected (1–1.6 s); 19 of 60 points outside the expected band; changes: #482 14:04, checkout-fast 13:00.
    Chart: Sign-ups, 09:35 to 14:35; newest 8 where 22 were expected (16–27); 5 of 60 points outside the expected band; changes: #482 14:04, checkout-fast 13:59, #479 13:47 and 2 more.
    Chart: Sign-ups of invited members on the enterprise plan in the n…, 09:35 to 14:35; newest 49,385 where 44,093 were expected (33,070–55,117); all inside the expected band; changes: a-flag-with-a-very-long… 14:15, another-flag-with-a-lon… 14:11, 旗-无字体 12:05.
    Chart: Sign-ups, 09:35 to 14:30; newest 8 where 21 were expected (16–26); 4 of 55 points outside the expected band; 2 stretches without numbers, unknown; changes: #482 14:04, checkout-fast 13:00.
    ");
}

#[test]
fn times_are_the_readers() {
    let chart = |zone| Chart::of(&finding(), &RenderContext::new(NOW, zone)).unwrap();
    let labels = |chart: &Chart| chart.time_ticks.iter().map(|tick| tick.label.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(labels(&chart(chrono_tz::Europe::Berlin)), "10:00 11:00 12:00 13:00 14:00");
    assert_eq!(labels(&chart(chrono_tz::Asia::Kolkata)), "15:00 16:00 17:00 18:00 19:00");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn anything_is_drawn_or_has_no_picture(
        values in prop::collection::vec(any::<f64>(), 0..40),
        steps in prop::collection::vec(1i64..40, 40),
        spread in any::<f64>(),
        title in "\\PC{0,60}",
        step_ms in any::<i64>(),
    ) {
        let mut minutes = 0;
        let series = values.iter().zip(steps).map(|(&value, step)| {
            minutes += step;
            SeriesPoint { at: ago(900 - minutes), value, expected: value, low: value - spread, high: value / 2.0 + spread }
        });
        let subject = Subject::Metric { metric: MetricId::new("m"), name: title, kind: MetricKind::Duration, event: None };
        let finding = Finding { series: series.collect(), subject, step_ms, ..finding() };
        if let Some(chart) = at(finding) {
            let file = chart_png(&chart, Theme::Light).unwrap();
            prop_assert!(file.len() <= BYTES_MAX);
            pixels(&file);
            chart_alt(&chart);
        }
    }
}
