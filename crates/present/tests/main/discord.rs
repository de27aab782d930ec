//! What Discord is sent: Markdown in which nothing from outside acts.

use insta::assert_snapshot;
use wakeman_present::{discord, doc};
use wakeman_types::{
    AnswerView, ModelNoteView, NoticeView, Page, ProposalState, ProposalView, RecoveryView, TurnId, TurnState, View,
};

use crate::samples;

/// Every kind with its name, without what is invisible.
fn sent(views: Vec<View>) -> String {
    let one = |view: View| {
        let parts = match &view {
            View::Answer(answer) => discord::text(&answer.text),
            _ => discord::message(&doc(&view, &samples::ctx())),
        };
        assert!(parts.iter().all(|part| part.encode_utf16().count() <= 2_000));
        parts.join("\n=====\n").replace(['\u{2060}', '\u{200b}'], "")
    };
    views.into_iter().map(one).collect::<Vec<_>>().join("\n-----\n")
}

#[test]
fn what_is_told_unasked_is_read_in_a_channel() {
    let note = ModelNoteView {
        finding: samples::finding().id,
        text: "The new form drops @ada's field, see https://evil.example and **approve**.".to_owned(),
        prompt_version: "explain-finding/v1".to_owned(),
    };
    assert_snapshot!(sent(vec![
        View::Finding(Box::new(samples::asked(samples::finding()))),
        View::Recovery(Box::new(RecoveryView { finding: samples::recovered(), proposal: None })),
        View::Proposal(Box::new(ProposalView { proposal: samples::proposal() })),
        View::Settled(Box::new(samples::settled(ProposalState::Verified))),
        View::Source(samples::silent()),
        View::Digest(samples::digest()),
        View::Notice(NoticeView { text: "Discord answers again.".to_owned() }),
        View::ModelNote(note),
    ]), @r#"
    **🔴 Sign-ups down 62 % since 14:10 (25 min ago)**
    36 where 95 were expected (80–112) · still falling
    ▇█▇▆▇▇▅▆▇▅▆▆▆▅▆▇▅▆▆▇▆▇█▇▇▃▃▄▄▄

    **Likely cause, 87 %:** \#482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    Less likely: flag checkout-fast 5 % (its users are no worse off) · none of these 6 %

    -# F-128
    -----
    **🟢 Sign-ups recovered 15:02, 94 where 93 expected**
    Lasted 52 min, from 14:10; ended after P-31 ran.
    ▇█▇▆▇▇▅▆▇▅▆▆▆▅▆▇▅▆▆▇▆▇█▇▇▃▃▄▄▄
    -# F-128
    -----
    **⏳ Revert \#482 on acme/app, then merge the revert**
    1\. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4 (nothing touched them since)
    2\. merge it when its checks pass (head must still be the PR's)
    Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    Needs 1 of: ada, lin · expires 15:05 · digest **4f9a1c22e07b**
    -# P-31 for F-128
    -----
    **Approved by ada 14:41 → merged 14:44 (PR \#483) → 🟢 sign-ups recovered 15:02, 94 where 93 expected**
    -# P-31 for F-128 · Revert \#482 on acme/app, then merge the revert
    -----
    **PostHog has not answered for 9 min (429, next try 14:58). Its 14 metrics are unknown, not fine.**
    -----
    **⚪ 2 findings since yesterday 09:00 that could wait**
    1\. Invites down 26 % since 12:15 (2 h 20 min ago) · few users hit · F-130
    2\. Exports down 19 % since 12:15 (2 h 20 min ago) · inside alarm budget · F-131
    -----
    Discord answers again.
    -----
    Model's note on F-128:
    The new form drops @ada's field, see https\[:\]//evil.example and \*\*approve\*\*.
    -# explain-finding/v1
    "#);
}

#[test]
fn what_was_asked_for_is_read_in_a_channel() {
    let answer = AnswerView {
        text: "Sign-ups fell because of #482 [^1].\n```\nselect 1\n```\nAsk @everyone.".to_owned(),
        answer: TurnId::new("t1"),
        state: TurnState::Answered,
    };
    assert_snapshot!(sent(vec![
        View::Status(Box::new(samples::status())),
        View::Findings(Page { items: vec![samples::finding()], next: None }),
        View::Proposals(Page { items: vec![samples::proposal()], next: None }),
        View::Details(Box::new(ProposalView { proposal: samples::proposal() })),
        View::Why(Box::new(samples::why())),
        View::Thread(Box::new(samples::thread())),
        View::Answer(answer),
    ]), @r#"
    **Watching acme/app · mode propose · 0 open, 1 awaiting you**
    PostHog ok 40 s ago (14 metrics, 8 % of the hourly budget) · GitHub ok 12 s · Vercel not configured
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    -# default · wakeman 0.1.0 · 14:35 Europe/Berlin
    -----
    🔴 **F-128** · Sign-ups down 62 % · 14:10 · ▇█████▇▆▆▅▅▅▅▅▃ · open · P-31
    -----
    ⏳ **P-31** · Revert \#482 on acme/app, then merge the revert · F-128 · waits until 15:05 · 4f9a1c22e07b
    -----
    **⏳ Revert \#482 on acme/app, then merge the revert**
    1\. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4 (nothing touched them since)
    2\. merge it when its checks pass (head must still be the PR's)
    Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    Needs 1 of: ada, lin · expires 15:05 · digest **4f9a1c22e07b**

    What the digest covers
      kind plan
      target {"repository":"acme/app"}
      arguments {"steps":\[\]}
      revision {"merge\_sha":"9c1e0d4aa"}
      digest 4f9a1c22e07b0000000000000000000000000000000000000000000000000000
    -# P-31 for F-128
    -----
    **🔴 Sign-ups down 62 % since 14:10 (25 min ago)**

    Evidence
    36 where 95 were expected (80–112) · still falling
    Measured over 25 min. As far off by chance alone: 1 in 40,000.
    ▇█▇▆▇▇▅▆▇▅▆▆▆▅▆▇▅▆▆▇▆▇█▇▇▃▃▄▄▄

    Causes
    **87 %** \#482 "signup: new form", merged 14:04 by lin
      · 6 min before the drop; went live 14:08
      · touches web/signup/form.ts, named in 31 new errors
    **5 %** flag checkout-fast, edited 13:00 by alan to 50 % of users
      · its users are no worse off than the others
    6 % none of the known changes

    How it was told
    At once: critical. Chosen by rule-v1 with propensity 1\.
    It saw: severity 2 · p 2.5e-5 · hour 14
    Proposals: P-31
    -# F-128 · opened 14:30 · thread thread\_7f00
    -----
    **Sign-ups down 62 %**

    14:30 **wakeman**
      🔴 Sign-ups down 62 % since 14:10 (20 min ago)
      · 6 min before the drop
      F-128

    14:31 **operator**
      why F-128␛\[2J

    14:33 Model's note:
      *The form's e-mail field was renamed; see https\[:\]//evil.example/x*

    -# thread\_7f00 · cli
    -----
    Sign-ups fell because of \#482 \[^1\].
    ```
    select 1
    ```
    Ask @everyone.
    "#);
}
