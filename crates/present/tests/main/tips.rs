//! Tips, and what the prompts brought.

use wakeman_present::*;
use wakeman_types::*;

use crate::samples::*;

fn tip() -> Tip {
    Tip {
        id: TipId::new(7),
        kind: TipKind::Pull,
        about: "#471".into(),
        title: "#471 \"retry\u{202e} uploads\" stands still for 12 days".into(),
        body: "An open pull request, last changed 22 Oct 09:00. Merge it, close it, or ask lin what it waits for."
            .into(),
        finding: None,
        proposal: None,
        url: None,
        prompt_version: None,
        policy: "egreedy-v1".into(),
        propensity: 0.96,
        explored: false,
        at: NOW,
        worth: None,
    }
}

#[test]
fn a_tip_names_the_thing_and_the_next_step() {
    let view = |tip| TipView { tip, considered: 3, notice: None, as_of: NOW };
    insta::assert_snapshot!(plain(&tip_view_doc(&view(Some(tip())), &ctx())), @r#"
    Tip: #471 "retry⟨U+202E⟩ uploads" stands still for 12 days
    An open pull request, last changed 22 Oct 09:00. Merge it, close it, or ask lin what it waits for.
    [ Useful ] [ Noise ]
    T-7 · 14:35 · egreedy-v1
    "#);
    let by_model = Tip {
        title: "Run the form's tests before merging".into(),
        body: "CI failed 3 times since #482 [click](https://evil.example).".into(),
        kind: TipKind::Idea,
        prompt_version: Some("tip-generator/v1".into()),
        explored: true,
        worth: Some(1.0),
        ..tip()
    };
    insta::assert_snapshot!(plain(&tip_doc(&by_model, &ctx())), @r"
    Model's tip: Run the form's tests before merging
    CI failed 3 times since #482 [click](https[:]//evil.example).
    Noted: useful.
    T-7 · 14:35 · egreedy-v1, by chance · tip-generator/v1
    ");
    insta::assert_snapshot!(plain(&tip_view_doc(&view(None), &ctx())), @"Nothing worth a tip now.");
}

#[test]
fn prompts_with_what_they_brought() {
    let stat = |version: &str, rewards, mean| PromptStat {
        id: "tip-generator".into(),
        version: version.into(),
        shown: 12,
        rewards,
        mean,
        lower: 0.21,
        upper: 0.93,
    };
    let interval = "95 %, at all times".to_owned();
    let view = |prompts| PromptStatsView { prompts, interval: interval.clone(), as_of: NOW };
    let all = vec![stat("v1", 7, Some(0.714)), stat("v2", 0, None)];
    insta::assert_snapshot!(plain(&prompt_stats_doc(&view(all))), @r"
    tip-generator/v1 · 12 · 7 · 0.71 · 0.21 and 0.93
    tip-generator/v2 · 12 · 0 · - · nobody reacted
    95 %, at all times
    ");
    insta::assert_snapshot!(plain(&prompt_stats_doc(&view(Vec::new()))), @"No prompt's text was shown to anybody yet, so there is nothing to count.");
}
