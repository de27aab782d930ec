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
    insta::assert_snapshot!(shown(finding()), @r#"
    🔴 Sign-ups down 62 % since 14:10 (25 min ago)
    36 where 95 were expected (80–112) · still falling

    Likely cause, 87 %: #482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    Less likely: flag checkout-fast 5 % (its users are no worse off) · none of these 6 %

    [ Useful ] [ Noise ] [ Snooze ] [ Why ] [ Propose revert of #482 ]
    F-128
    "#);
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
    insta::assert_snapshot!(first_lines(share, 2), @r"
    🔴 Checkout conversion down to 3.2 % since 14:10 (25 min ago)
    3.2 % where 4.6 % was expected (4.1–5.1 %) · only browser safari · steady
    ");
    let load = kind(MetricKind::Duration, "Page load", 2_400.0, 1_300.0, 1_100.0, 1_500.0, Direction::Up);
    insta::assert_snapshot!(first_lines(load, 2), @r"
    🔴 Page load up 85 % since 14:10 (25 min ago)
    2.4 s where 1.3 s was expected (1.1–1.5 s) · only browser safari · steady
    ");
    let silence = kind(MetricKind::Count, "Sign-ups", 0.0, 96.0, 80.0, 112.0, Direction::Down);
    insta::assert_snapshot!(first_lines(silence, 2), @r"
    🔴 Sign-ups down to 0 since 14:10 (25 min ago)
    0 where 96 were expected (80–112) · only browser safari · steady
    ");
    let unexpected = kind(MetricKind::Count, "Refunds", 9.0, 0.0, 0.0, 1.0, Direction::Up);
    insta::assert_snapshot!(first_lines(unexpected, 2), @r"
    🔴 Refunds up to 9 since 14:10 (25 min ago)
    9 where 0 were expected (0–1) · only browser safari · steady
    ");
}

#[test]
fn a_new_error_and_one_that_is_back() {
    insta::assert_snapshot!(shown(about(error())), @r#"
    🟠 New error: TypeError in web/signup/form.ts, 31 times since 14:10 (25 min ago)
    "Cannot read properties of undefined (reading 'email')" · in submitForm

    No change is known that could have caused it.

    [ Useful ] [ Noise ] [ Snooze ] [ Why ]
    F-129
    "#);
    let back = Finding { reopened: 2, occurrences: 1, ..about(error()) };
    let view = FindingView { news: FindingNews::Reopened, ..asked(back) };
    insta::assert_snapshot!(text(View::Finding(Box::new(view))), @r#"
    🟠 Error is back: TypeError in web/signup/form.ts, once since 14:10 (25 min ago)
    "Cannot read properties of undefined (reading 'email')" · in submitForm
    Came back for the 2nd time.

    No change is known that could have caused it.

    [ Useful ] [ Noise ] [ Snooze ] [ Why ]
    F-129
    "#);
}

#[test]
fn a_workflow_and_deployments() {
    insta::assert_snapshot!(first_lines(Finding { occurrences: 3, ..about(run()) }, 2), @r"
    🟠 Workflow CI fails on the default branch since 14:10 (25 min ago)
    3 failing runs in a row · run 8812 at 9c1e0d4
    ");
    insta::assert_snapshot!(first_lines(about(deployment("failure")), 2), @r"
    🟠 Deployment to production failed 14:10 (25 min ago)
    status failure · deployment 77 at 9c1e0d4
    ");
    insta::assert_snapshot!(first_lines(about(deployment("in_progress")), 2), @r"
    🟠 Deployment to production stuck since 14:10 (25 min ago)
    status in_progress · deployment 77 at 9c1e0d4
    ");
}

#[test]
fn a_finding_says_who_has_it_and_when_it_cannot_be_read() {
    let taken = FindingState::Acknowledged { by: "ada".into(), at: ago(3) };
    let taken = Finding { state: taken, unknown_since: Some(ago(9)), ..finding() };
    let view = FindingView { news: FindingNews::Escalated, ..asked(taken) };
    insta::assert_snapshot!(text(View::Finding(Box::new(view))), @r#"
    🔴 Sign-ups down 62 % since 14:10 (25 min ago)
    36 where 95 were expected (80–112) · still falling
    Worse than when it was first told.
    Acknowledged by ada 14:32.
    Not readable since 14:26 (9 min ago): its state is unknown, not fine.

    Likely cause, 87 %: #482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    Less likely: flag checkout-fast 5 % (its users are no worse off) · none of these 6 %

    [ Snooze ] [ Why ] [ Propose revert of #482 ]
    F-128
    "#);
    let snoozed = FindingState::Snoozed { by: "ada".into(), until: ago(-90) };
    let snoozed = Finding { state: snoozed, ..finding() };
    assert!(shown(snoozed).contains("Snoozed by ada until 16:05."));
}

fn related(subject: Subject, measure: Option<Measure>) -> Related {
    let severity = Severity::Warning;
    Related { fingerprint: "other".into(), subject, severity, since: ago(24), measure, occurrences: 12 }
}

#[test]
fn what_else_shows_the_problem_is_one_line() {
    let also = vec![
        related(finding().subject, Some(measure())),
        related(error(), None),
        related(run(), None),
        related(deployment("failure"), None),
    ];
    let shown = first_lines(Finding { also, ..finding() }, 3);
    insta::assert_snapshot!(shown.lines().last().unwrap_or_default(), @"Also: sign-ups down 62 % · TypeError in web/signup/form.ts, 12 times · workflow CI · deployment to production");
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
    insta::assert_snapshot!(shown(finding).lines().skip(3).take(9).collect::<Vec<_>>().join("\n"), @r"
    Likely cause, 60 %: flag checkout-fast, edited 13:00 by alan to 50 % of users
      · 4 min after the drop
      · its users are at 38 % of what was expected, the others at 99 %
      · names what broke: signup, form
      · contains #482, which explains it better
      · is the commit that failed
      · touches a.ts, b.ts, named in 1 new error
      · its users are no worse off than the others
    Less likely: none of these 40 %
    ");
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
    insta::assert_snapshot!(shown(finding).lines().skip(3).take(2).collect::<Vec<_>>().join("\n"), @r"
    Likely none of the known changes, 60 %
    Less likely: release v2.0 8 % (came 4 min after the drop) · release v2.1 8 % (came 4 min after the drop) · 3 others 24 %
    ");
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
    insta::assert_snapshot!(shown(recovered()), @r"
    🟢 Sign-ups recovered 15:02, 94 where 93 expected
    Lasted 52 min, from 14:10; ended after P-31 ran.
    F-128
    ");
    let resolved = |how| FindingState::Resolved { at: ago(0), how };
    let closed = Finding { state: resolved(Resolution::Closed { by: "ada".into() }), ..finding() };
    insta::assert_snapshot!(shown(closed), @r"
    ⚪ Sign-ups: closed by ada 14:35
    Lasted 25 min, from 14:10.
    F-128
    ");
    let over = |subject| Finding { state: resolved(Resolution::Recovered), ..about(subject) };
    let headlines = [error(), run(), deployment("failure")]
        .map(|subject| shown(over(subject)).lines().next().map(str::to_owned).unwrap_or_default());
    insta::assert_snapshot!(headlines.join("\n"), @r"
    🟢 TypeError in web/signup/form.ts stopped 14:35
    🟢 Workflow CI passes again 14:35
    🟢 Deployment to production went through 14:35
    ");
}

#[test]
fn a_recovery_quotes_only_numbers_that_are_back() {
    let still_low = Finding { measure: Some(measure()), ..recovered() };
    let text = text(View::Recovery(Box::new(RecoveryView { finding: still_low, proposal: None })));
    assert_eq!(text.lines().next(), Some("🟢 Sign-ups recovered 15:02"));
}

#[test]
fn why() {
    insta::assert_snapshot!(plain(&why_doc(&crate::samples::why(), &ctx())), @r#"
    🔴 Sign-ups down 62 % since 14:10 (25 min ago)

    Evidence
    36 where 95 were expected (80–112) · still falling
    Measured over 25 min. Chance of this without any change: 1 in 40,000.

    Causes
    87 % #482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    5 % flag checkout-fast, edited 13:00 by alan to 50 % of users
      · its users are no worse off than the others
    6 % none of the known changes

    How it was told
    At once: critical. Chosen by rule-v1 (probability 1).
    It saw: severity 2 · p 2.5e-5 · hour 14
    Proposals: P-31
    F-128 · opened 14:30 · thread thread_7f00
    "#);
}

#[test]
fn why_says_what_was_learnt_whoever_reacted_to_this_very_finding() {
    let arms = |now| {
        let arms = [(Interruption::Now, now), (Interruption::Digest, 1.0 - now), (Interruption::Silent, 0.0)];
        arms.map(|(arm, propensity)| Choice { arm, propensity }).to_vec()
    };
    let opinion = |policy: &str, preferred, now| PolicyOpinion { policy: policy.into(), preferred, arms: arms(now) };
    let learnt = RankingWhy {
        moved: vec![("effect_size".into(), 0.121), ("p_value".into(), -0.03), ("weekday".into(), 0.0)],
        opinions: vec![opinion("rule-v1", Interruption::Now, 0.975), opinion("lints-v1", Interruption::Digest, 0.21)],
        rewards: 14,
        history: vec![("useful".into(), 3), ("noise".into(), 1), ("without a reaction".into(), 2)],
        ..RankingWhy::default()
    };
    let told = |ranking: RankingWhy| {
        let text = plain(&why_doc(&WhyView { ranking, ..crate::samples::why() }, &ctx()));
        text.split("It saw:").nth(1).unwrap().split("Proposals").next().unwrap().trim().to_owned()
    };
    insta::assert_snapshot!(told(learnt.clone()), @r"
    severity 2 · p 2.5e-5 · hour 14
    Learnt from 14 reactions, towards now (+) or the digest (-): effect_size +0.121 · p_value -0.030
    Of this kind lately: 3 useful, 1 noise, 2 without a reaction
    rule-v1 would choose at once (probability 0.975)
    lints-v1 would choose the digest (probability 0.79)
    ");
    // Before anybody reacted there is nothing that moves it, whatever it began with.
    let first = RankingWhy { rewards: 0, history: Vec::new(), ..learnt };
    insta::assert_snapshot!(told(first), @r"
    severity 2 · p 2.5e-5 · hour 14
    rule-v1 would choose at once (probability 0.975)
    lints-v1 would choose the digest (probability 0.79)
    ");
}
