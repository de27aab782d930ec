//! Tips, and what the prompts brought.

use wakeman_present::*;
use wakeman_types::*;

use crate::samples::*;

#[test]
fn a_tip_names_the_thing_and_the_next_step() {
    let view = |tip| TipView { tip, considered: 3, notice: None, as_of: NOW };
    insta::assert_snapshot!(plain(&tip_view_doc(&view(Some(tip())), &ctx())), @r#"
    Tip: #471 "retry⟨U+202E⟩ uploads" has stood still for 12 days
    An open pull request, last changed 22 Oct 09:00. Merge it, close it, or ask lin what it waits for.
    [ Useful ] [ Noise ] [ Why ]
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
    [ Why ]
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
    insta::assert_snapshot!(plain(&prompt_stats_doc(&view(Vec::new()))), @"No prompt's tip or note was shown yet.");
}

#[test]
fn why_a_tip_was_shown() {
    let why = TipWhyView {
        tip: tip(),
        operator: OperatorId::new("ada"),
        others: vec!["F-3".into(), "P-2".into()],
        moved: vec![("priority".into(), 0.212), ("age".into(), -0.04), ("overdue".into(), 0.0)],
        rewards: 6,
        opinions: vec![
            TipPreference { policy: "egreedy-v1".into(), about: "#471".into(), propensity: 0.96 },
            TipPreference { policy: "linucb-v1".into(), about: "F-3".into(), propensity: 1.0 },
        ],
        reactions: vec!["noise".into(), "useful".into()],
        silent: false,
        seed: 7,
    };
    let told = |why: &TipWhyView| plain(&doc(&View::TipWhy(Box::new(why.clone())), &ctx()));
    insta::assert_snapshot!(told(&why), @r#"
    Tip: #471 "retry⟨U+202E⟩ uploads" has stood still for 12 days
    Chosen by egreedy-v1 for its score (probability 0.96); one of 3 items.
    Its score against the others: priority +0.212 · age -0.040
    The others: F-3, P-2
    egreedy-v1 would show #471 (probability 0.96)
    linucb-v1 would show F-3 (probability 1)
    ada: noise, useful
    T-7 · shown to ada 14:35
    "#);
    let first = TipWhyView { others: vec![], moved: vec![], rewards: 0, reactions: vec![], silent: true, ..why };
    insta::assert_snapshot!(told(&TipWhyView { tip: Tip { explored: true, ..tip() }, ..first }), @r#"
    Tip: #471 "retry⟨U+202E⟩ uploads" has stood still for 12 days
    Chosen by egreedy-v1 by chance, to learn (probability 0.96); it was the only item.
    No tip was rated yet, so nothing is learnt.
    egreedy-v1 would show #471 (probability 0.96)
    linucb-v1 would show F-3 (probability 1)
    ada: no reaction in time
    T-7 · shown to ada 14:35
    "#);
}

#[test]
fn the_policies_in_a_chat_are_lines() {
    insta::assert_snapshot!(plain(&doc(&View::Ranking(Box::new(ranking())), &ctx())), @r"
    rule-v1 (interrupt, active 90 %): reward 0.640 ▆▇▇▇██ · regret 0.260 · agrees in 78 % · 311 reactions
    lints-v1 (interrupt, active 10 %): reward 0.710 ▆▇▇▇██ · regret 0.190 · agrees in 78 % · 311 reactions
    egreedy-v1 (tip, active): nothing is known yet
    egreedy-v2 (tip, shadow): reward 0.500 ▆▆▇▇██ · agrees in 78 % · 311 reactions
    linrff-v1 (replay, available): nothing is known yet
    lints-v1 against rule-v1: +0.061, 95 % between +0.012 and +0.110 (540 decisions)
    Learnt from: ada 250 (lints-v1) · lin 61 (lints-v1)
    2 logged decisions cannot be used; the session log names them
    ");
    let empty =
        RankingView { policies: vec![policy("rule-v1", "active")], operators: vec![], unusable: 0, ..ranking() };
    insta::assert_snapshot!(plain(&doc(&View::Ranking(Box::new(empty)), &ctx())), @"rule-v1 (interrupt, active): nothing is known yet");
    let gone = ForgottenView { operator: OperatorId::new("lin"), reactions: 1, states: 4 };
    assert_eq!(forgotten_line(&gone), "Forgotten: lin, with 1 reaction.");
    assert_eq!(reset_line(1), "1 learnt state reset; what is told from now on counts.");
}

#[test]
fn what_was_learnt_is_looked_at() {
    let (ada, at) = (OperatorId::new("ada"), tip().at);
    let score = |policy: &str, about: &str, score, propensity| ScoreRow {
        policy: policy.into(),
        about: about.into(),
        title: "stands \u{202e}still".into(),
        score,
        propensity,
    };
    let scores = vec![score("egreedy-v1", "#471", 0.7124, 0.975), score("egreedy-v1", "F-3", 0.2, 0.025)];
    let view = |scores| ScoresView { operator: ada.clone(), scores, notice: None, as_of: NOW };
    insta::assert_snapshot!(plain(&scores_doc(&view(scores))), @r"
    egreedy-v1 · #471 · 0.712 · 0.975 · stands ⟨U+202E⟩still
    egreedy-v1 · F-3 · 0.200 · 0.025 · stands ⟨U+202E⟩still
    For ada.
    ");
    insta::assert_snapshot!(plain(&scores_doc(&view(Vec::new()))), @"Nothing could be a tip now, so there is nothing to score.");
    let stat = |policy: &str, rewards, mean| LearntStat {
        operator: ada.clone(),
        policy: policy.into(),
        told: 12,
        rewards,
        silent: 3,
        mean,
        lower: 0.21,
        upper: 0.93,
        last: at,
    };
    let stats = vec![stat("rule-v1", 7, Some(0.714)), stat("egreedy-v1", 0, None)];
    let view = |stats| LearntStatsView { stats, interval: "95 %, however often you look".into(), as_of: NOW };
    insta::assert_snapshot!(plain(&learnt_stats_doc(&view(stats), &ctx())), @r"
    ada · rule-v1 · 12 · 7 · 3 · 0.71 · 0.21 and 0.93 · 14:35
    ada · egreedy-v1 · 12 · 0 · 3 · - · no reaction yet · 14:35
    95 %, however often you look
    ");
    insta::assert_snapshot!(plain(&learnt_stats_doc(&view(Vec::new()), &ctx())), @"Nothing a policy chose was told yet.");
    let row = |id: &str, chosen: &str, operator, reward| FeatureRow {
        at,
        id: id.into(),
        policy: "rule-v1".into(),
        chosen: chosen.into(),
        operator,
        reward,
        features: vec![("severity".into(), 1.0), ("p_value".into(), 2.5e-5)],
    };
    let rows = vec![row("T-7", "#471", Some(ada.clone()), Some(1.0)), row("F-12", "digest", None, None)];
    insta::assert_snapshot!(plain(&features_doc(&FeaturesView { rows, as_of: NOW }, &ctx())), @r"
    T-7 · 14:35 · rule-v1 chose #471 · ada · reward 1
    severity 1 · p_value 2.5e-5
    F-12 · 14:35 · rule-v1 chose digest · no reaction
    severity 1 · p_value 2.5e-5
    ");
    insta::assert_snapshot!(plain(&features_doc(&FeaturesView { rows: Vec::new(), as_of: NOW }, &ctx())), @"Nothing was decided yet.");
}
