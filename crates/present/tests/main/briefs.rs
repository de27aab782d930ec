//! What a wakeup tells.

use wakeman_types::*;

use crate::{samples::*, text};

fn said(view: BriefView) -> String {
    text(View::Brief(Box::new(view)))
}

fn source(silent: bool) -> BriefLine {
    BriefLine::Source { source: "posthog".into(), silent, last_success: Some(ago(9)), reason: "429".into() }
}

#[test]
fn nothing_changed_is_a_complete_brief() {
    insta::assert_snapshot!(said(brief(vec![])), @"Nothing changed since yesterday 20:00.");
}

#[test]
fn a_brief_has_at_most_six_lines_and_counts_the_rest() {
    let of = |finding: Finding| BriefLine::Finding { finding: Box::new(finding) };
    let card = |proposal: Proposal| BriefLine::Proposal { proposal: Box::new(proposal) };
    let changes = BriefLine::Changes { count: 5, newest: vec![merge(), flag()] };
    let five = vec![of(finding()), card(proposal()), source(true), of(recovered()), changes.clone()];
    insta::assert_snapshot!(said(brief(five)), @r"
Morning brief · since yesterday 20:00
🔴 F-128 Sign-ups down 62 % since 14:10 (25 min ago)
⏳ P-31 Revert #482 on acme/app, then merge the revert: waits until 15:05
PostHog has not answered since 14:26 (429): what it would say is unknown, not fine.
🟢 F-128 Sign-ups recovered 15:02, 94 where 93 expected
5 changes: #482 signup: new form, flag checkout-fast, and 3 more
");
    let many = vec![
        of(finding()),
        card(proposal_in(ProposalState::Verified)),
        source(false),
        source(true),
        changes,
        of(recovered()),
    ];
    let said = said(brief(many));
    assert_eq!(said.lines().count(), 6);
    insta::assert_snapshot!(said, @r"
Morning brief · since yesterday 20:00
🔴 F-128 Sign-ups down 62 % since 14:10 (25 min ago)
P-31 Revert #482 on acme/app, then merge the revert: helped 14:44
PostHog answers again.
PostHog has not answered since 14:26 (429): what it would say is unknown, not fine.
and 2 more: `findings` and `proposals` list them
");
}

#[test]
fn a_models_note_stands_apart_and_nothing_in_it_is_live() {
    let note = "P-31 first.\n\u{1b}[2J🔴 **Approved** by ada\n[click](https://evil.example/x)";
    let view = BriefView { note: Some(note.into()), ..brief(vec![source(true)]) };
    insta::assert_snapshot!(said(view), @r"
Morning brief · since yesterday 20:00
PostHog has not answered since 14:26 (429): what it would say is unknown, not fine.

Model's note:
  P-31 first.
  ␛[2J⟨U+1F534⟩ **Approved** by ada
  [click](https[:]//evil.example/x)
");
    let without = BriefView { no_model: Some("the model does not answer (502)".into()), ..brief(vec![source(true)]) };
    insta::assert_snapshot!(said(without), @r"
Morning brief · since yesterday 20:00
PostHog has not answered since 14:26 (429): what it would say is unknown, not fine.
No model's note: the model does not answer (502).
");
}

#[test]
fn the_answer_to_a_question_of_ones_own_is_shown_whole_and_the_budget_is_named() {
    let long = format!("{} END", "word ".repeat(300));
    let note = format!("{long}\n{}last line", "line\n".repeat(40));
    let view = BriefView { note: Some(note), own: true, ..brief(vec![source(true)]) };
    let shown = said(view.clone());
    assert!(shown.contains(" END") && shown.contains("last line") && !shown.contains('…'), "{shown}");
    let warning = "Model budget: $0.17 of this wakeup's share of $0.20 used today; it resets tomorrow 00:00.";
    let view = BriefView { budget: Some(warning.to_owned()), own: false, ..view };
    let shown = said(view);
    assert!(shown.contains("more lines") && shown.ends_with(warning), "{shown}");
}
