//! Every kind of message in a terminal of 60 columns, as far as its look is not the subject of a test of its own.

use wakeman_cli::{TermStyle, render};
use wakeman_present::*;
use wakeman_types::*;

use crate::samples::*;

fn looks_like(views: Vec<View>) -> String {
    let one = |view: View| render(&doc(&view, &ctx()), &TermStyle::plain(60)).replace('\x1b', "␛");
    views.into_iter().map(one).collect::<Vec<_>>().join("-----\n")
}

#[test]
fn what_is_told_unasked_or_looked_at_is_read_in_a_terminal() {
    let note = ModelNoteView {
        finding: finding().id,
        text: "The new form drops @ada's field, see https://evil.example.".to_owned(),
        prompt_version: "explain-finding/v1".to_owned(),
    };
    let told = [View::Digest(digest()), View::ModelNote(note)];
    insta::assert_snapshot!(looks_like(told.into_iter().chain(looks()).collect()), @r#"
    ┃ ⚪ 2 findings since yesterday 09:00 that could wait
    ┃ 1. Invites down 26 % since 12:15 (2 h 20 min ago)
    ┃    few users hit · F-130
    ┃ 2. Exports down 19 % since 12:15 (2 h 20 min ago)
    ┃    inside alarm budget · F-131
    -----
    ┃ Model's note on F-128:
    ┃ The new form drops @ada's field, see
    ┃   https[:]//evil.example.
    ┃ explain-finding/v1
    -----
    Morning brief · since yesterday 20:00
    🔴 F-128 Sign-ups down 62 % since 14:10 (25 min ago)

    Model's note:
      Look at @ada's form, see https[:]//evil.example.
    -----
    ┃ 🔴 200 findings at once since 14:31 (4 min ago)
    ┃ The worst: Sign-ups down 62 % since 14:10 (25 min ago)
    ┃   F-128
    ┃ They are told in this one message; `findings` lists them
    ┃   all.
    -----
    Tip: #471 "retry⟨U+202E⟩ uploads" has stood still for
      12 days
    An open pull request, last changed 22 Oct 09:00. Merge it,
      close it, or ask lin what it waits for.
    [ Useful ] [ Noise ] [ Why ]
    T-7 · 14:35 · egreedy-v1
    -----
    Tip: #471 "retry⟨U+202E⟩ uploads" has stood still for
      12 days
    Chosen by egreedy-v1 for its score (probability 0.96); one
      of 2 items.
    Its score against the others: priority +0.212
    The others: F-3
    ada: noise
    T-7 · shown to ada 14:35
    -----
    P-31 is rejected. Why? Answer this message, and the reason
      is kept with it.
    -----
    Halted by ada 14:30 (wrong *flag*): nothing is run until an
      owner says "resume".
    Mode execute (set by ada 13:35; the settings say propose)
    Unattended: github.rerun_failed_jobs, each at most 4 times
      an hour.
    -----
    rule-v1 (interrupt, active 90 %): reward 0.640 ▆▇▇▇██
      regret 0.260 · agrees in 78 % · 311 reactions
    lints-v1 (interrupt, active 10 %): reward 0.710 ▆▇▇▇██
      regret 0.190 · agrees in 78 % · 311 reactions
    egreedy-v1 (tip, active): nothing is known yet
    egreedy-v2 (tip, shadow): reward 0.500 ▆▆▇▇██
      agrees in 78 % · 311 reactions
    linrff-v1 (replay, available): nothing is known yet
    lints-v1 against rule-v1: +0.061, 95 % between +0.012 and
      +0.110 (540 decisions)
    Learnt from: ada 250 (lints-v1) · lin 61 (lints-v1)
    2 logged decisions cannot be used; the session log names
      them
    -----
    morning-brief-1a2b3c Morning brief
       0 9 * * 1-5 Europe/Berlin · tomorrow 09:00
       skipped 09:00
    -----
      due  wakeup         became   why              thread
    09:00  morning-brief  skipped  nothing changed
    -----
    id           title               channel       last
    thread_7f00  Sign-ups down 62 %  cli      1 min ago
    -----
    You are ada (owner), as telegram:42.
    -----
    status one look at everything
    findings [STATE] what is wrong: open, acknowledged, snoozed,
       resolved
    finding F-12 one finding
    why F-12 everything behind a finding, or a tip like T-1
    proposals [STATE] repairs, the ones that wait for you first
    proposal P-3 one proposal with the exact payload behind its
       card
    approve P-3 [step [N]] [DIGEST] run exactly what the card
       shows, or only the next step of its plan
    reject P-3 [REASON] do not run it
    renew P-3 the same again as a fresh card, where it expired
       or was not run
    ack F-12 it is mine
    snooze F-12 2h quiet for that long, then again if it still
       holds
    resolve F-12 | P-3 done|failed it is over; or what became of
       a step in doubt
    mute F-12 [2h] tell nobody of it for that long, or for a
       week
    unmute F-12 tell of it again
    mode [MODE] what it may do by itself: observe, propose,
       execute
    halt [REASON] stop all execution at once
    resume go on after a halt
    tip the one thing worth doing next, or that there is none
    feedback F-12 useful|noise whether that, or a tip like T-1,
       was worth telling you; what you are told is learnt from
       it
    wakeups [history | pause|resume|run|skip ID | add WHEN: WHAT
       | edit ID WHEN] what is told at which hours; WHEN like
       weekdays 09:00 only changed, WHAT a prompt or your words
    ranking [status | promote POLICY | rollback | reset
       OPERATOR] which policies decide what interrupts you, how
       well they do, and which one shall
    forget OPERATOR erase what was learnt of somebody, and their
       reactions
    threads [ID] conversations, or one of them
    whoami who you are taken for
    help these words
    "#);
}

#[test]
fn what_was_asked_for_is_read_in_a_terminal() {
    // A finding with its causes, and a status, have tests of their own.
    let asked = answers().into_iter().filter(|view| !matches!(view, View::Why(_) | View::Status(_)));
    insta::assert_snapshot!(looks_like(asked.collect()), @r#"
        id     finding             since  state  repair
    🔴  F-128  Sign-ups down 62 %  14:10  open   P-31
    -----
        id    proposal                         state
    ⏳  P-31  Revert #482 on acme/app, then…   waits until 15:05
    -----
    ┃ ⏳ Revert #482 on acme/app, then merge the revert
    ┃ 1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4
    ┃    nothing touched them since
    ┃ 2. merge it when its checks pass
    ┃    head must still be the PR's
    ┃ Undo: revert the revert. Checks afterwards: sign-ups back
    ┃   in 80–112 within 40 min.
    ┃ Needs 1 of: ada, lin · expires 15:05 · digest 4f9a1c22e07b
    ┃
    ┃ What the digest covers
    ┃   kind plan
    ┃   target {"repository":"acme/app"}
    ┃   arguments {"steps":[]}
    ┃   revision {"merge_sha":"9c1e0d4aa"}
    ┃   digest
    ┃   4f9a1c22e07b00000000000000000000000000000000000000000000
    ┃   00000000
    ┃ [ Approve ] [ Step 1 only ] [ Reject ]
    ┃ P-31 for F-128
    -----
    Sign-ups down 62 %

    14:30 wakeman
      🔴 Sign-ups down 62 % since 14:10 (20 min ago)
      · 6 min before the drop
      F-128

    14:31 operator
      why F-128␛[2J

    14:33 Model's note:
      The form's e-mail field was renamed; see
      https[:]//evil.example/x

    thread_7f00 · cli
    -----
    Sign-ups fell because of #482 [^1].
    ```
    select 1
    ```
    Ask @everyone.
    "#);
}
