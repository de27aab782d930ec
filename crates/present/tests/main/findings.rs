//! Findings, recoveries and why.

use wakeman_present::{plain, why_doc};
use wakeman_types::*;

use crate::{samples::*, text};

fn shown(finding: Finding) -> String {
    text(View::Finding(Box::new(asked(finding))))
}

fn first_lines(finding: Finding, count: usize) -> String {
    shown(finding).lines().take(count).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_metric_that_fell() {
    insta::assert_snapshot!(shown(finding()), @"");
}

#[test]
fn a_share_and_a_duration() {
    let kind = |kind, name: &str, observed, expected, low, high, direction| Finding {
        subject: Subject::Metric { metric: MetricId::new("m"), name: name.into(), kind, event: None },
        measure: Some(Measure { observed, expected, low, high, direction, trend: Trend::Steady, ..measure() }),
        scope: Some("browser safari".into()),
        ..finding()
    };
    let share = kind(MetricKind::Ratio, "Checkout conversion", 0.032, 0.046, 0.041, 0.051, Direction::Down);
    insta::assert_snapshot!(first_lines(share, 2), @"");
    let load = kind(MetricKind::Duration, "Page load", 2_400.0, 1_300.0, 1_100.0, 1_500.0, Direction::Up);
    insta::assert_snapshot!(first_lines(load, 2), @"");
    let silence = kind(MetricKind::Count, "Sign-ups", 0.0, 96.0, 80.0, 112.0, Direction::Down);
    insta::assert_snapshot!(first_lines(silence, 2), @"");
    let unexpected = kind(MetricKind::Count, "Refunds", 9.0, 0.0, 0.0, 1.0, Direction::Up);
    insta::assert_snapshot!(first_lines(unexpected, 2), @"");
}

#[test]
fn a_new_error_and_one_that_is_back() {
    insta::assert_snapshot!(shown(about(error())), @"");
    let back = Finding { reopened: 2, occurrences: 1, ..about(error()) };
    let view = FindingView { news: FindingNews::Reopened, ..asked(back) };
    insta::assert_snapshot!(text(View::Finding(Box::new(view))), @"");
}

#[test]
fn a_workflow_and_deployments() {
    insta::assert_snapshot!(first_lines(Finding { occurrences: 3, ..about(run()) }, 2), @"");
    insta::assert_snapshot!(first_lines(about(deployment("failure")), 2), @"");
    insta::assert_snapshot!(first_lines(about(deployment("in_progress")), 2), @"");
}

#[test]
fn a_finding_says_who_has_it_and_when_it_cannot_be_read() {
    let taken = FindingState::Acknowledged { by: "ada".into(), at: ago(3) };
    let taken = Finding { state: taken, unknown_since: Some(ago(9)), ..finding() };
    let view = FindingView { news: FindingNews::Escalated, ..asked(taken) };
    insta::assert_snapshot!(text(View::Finding(Box::new(view))), @"");
    let snoozed = FindingState::Snoozed { by: "ada".into(), until: ago(-90) };
    let snoozed = Finding { state: snoozed, ..finding() };
    assert!(shown(snoozed).contains("Snoozed by ada until 16:05."));
}

#[test]
fn every_reason_has_words() {
    let reasons = vec![
        Reason::Lead { lead_ms: -4 * MINUTE_MS },
        Reason::SplitConfirms { exposed: 0.38, unexposed: 0.99 },
        Reason::NamesSubject { words: vec!["signup".into(), "form".into()] },
        Reason::Carries { changes: vec!["#482".into()] },
        Reason::SameCommit,
        Reason::FilesInErrors { files: vec!["a.ts".into(), "b.ts".into()], errors: 1 },
        Reason::SplitClears,
    ];
    let cause = CandidateCause { change: flag(), probability: 0.6, reasons };
    let finding = Finding { causes: vec![cause], none_probability: 0.4, ..finding() };
    insta::assert_snapshot!(shown(finding).lines().skip(3).take(9).collect::<Vec<_>>().join("\n"), @"");
}

#[test]
fn no_cause_is_claimed_when_none_is_likely() {
    let others = (0..5).map(|i| CandidateCause {
        change: Change {
            reference: ChangeRef::Release { tag: format!("v2.{i}") },
            kind: ChangeKind::Release,
            ..merge()
        },
        probability: 0.08,
        reasons: vec![Reason::Lead { lead_ms: -4 * MINUTE_MS }],
    });
    let finding = Finding { causes: others.collect(), none_probability: 0.6, ..finding() };
    insta::assert_snapshot!(shown(finding).lines().skip(3).take(2).collect::<Vec<_>>().join("\n"), @"");
}

#[test]
fn certainty_is_never_claimed() {
    let sure = CandidateCause { probability: 1.0, ..finding().causes[0].clone() };
    let finding = Finding { causes: vec![sure], none_probability: 0.0, ..finding() };
    let text = shown(finding);
    assert!(text.contains("Likely cause, 99 %:") && text.contains("none of these <1 %"), "{text}");
}

#[test]
fn recoveries() {
    let shown = |finding| text(View::Recovery(Box::new(RecoveryView { finding, proposal: None })));
    insta::assert_snapshot!(shown(recovered()), @"");
    let resolved = |how| FindingState::Resolved { at: ago(0), how };
    let closed = Finding { state: resolved(Resolution::Closed { by: "ada".into() }), ..finding() };
    insta::assert_snapshot!(shown(closed), @"");
    let over = |subject| Finding { state: resolved(Resolution::Recovered), ..about(subject) };
    let headlines = [error(), run(), deployment("failure")]
        .map(|subject| shown(over(subject)).lines().next().map(str::to_owned).unwrap_or_default());
    insta::assert_snapshot!(headlines.join("\n"), @"");
}

#[test]
fn a_recovery_quotes_only_numbers_that_are_back() {
    let still_low = Finding { measure: Some(measure()), ..recovered() };
    let text = text(View::Recovery(Box::new(RecoveryView { finding: still_low, proposal: None })));
    assert_eq!(text.lines().next(), Some("🟢 Sign-ups recovered 15:02"));
}

#[test]
fn why() {
    insta::assert_snapshot!(plain(&why_doc(&crate::samples::why(), &ctx())), @"");
}
