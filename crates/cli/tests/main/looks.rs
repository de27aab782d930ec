//! The look of each kind of message at 60 and 100 columns, with and without colour.

use wakeman_cli::{Console, TermStyle, render};
use wakeman_present::*;
use wakeman_types::*;

use crate::samples::*;

fn colored(width: usize) -> TermStyle {
    TermStyle { width, color: true, unicode: true, endless: false }
}

/// What the terminal gets, with its escape character made visible.
fn look(doc: &Doc, style: TermStyle) -> String {
    render(doc, &style).replace('\x1b', "␛")
}

fn finding_card() -> Doc {
    doc(&View::Finding(Box::new(asked(finding()))), &ctx())
}

fn settled_card() -> Doc {
    doc(&View::Settled(Box::new(settled(ProposalState::Verified))), &ctx())
}

fn some_findings() -> Doc {
    let snoozed = FindingState::Snoozed { by: "ada".into(), until: ago(-90) };
    let all = [finding(), Finding { state: snoozed, ..about(error()) }, Finding { proposal: None, ..recovered() }];
    findings_table(&all, &ctx())
}

#[test]
fn a_finding() {
    insta::assert_snapshot!(look(&finding_card(), TermStyle::plain(100)), @r#"
    ┃ 🔴 Sign-ups down 62 % since 14:10 (25 min ago)
    ┃ 36 where 95 were expected (80–112) · still falling
    ┃ 32 ┤        ░░░░░░░⡀░░░░░░░░░⡀░░░░░░░░░
    ┃    │⡀░░⣀⠤⢄⣀⣀⠤⠒⠒⠤⡠⠔⠉⠈⠑⠒⠒⠉⠉⠑⠤⠒⠉⠈⠢⠔⠒⠒⠒⠢⢄⡠⠤⠒⢄░░⢀⣀⣀░░░                                    ░░░░░░░
    ┃    │⠈⠢⠊░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░⠉⠉⠁░░⠑⠤⠤⠒⠑⢄⡀░⣀⣀⡀░░░⣀░░░      ⣀░░░░░⣀░░⢀⠤⠢⢄⡠⡄░░░░░░░
    ┃    │                                           ░░░░░⠈⠉░░⠈⠢⠒⠉░⠑⠤⠒⠊⠉⠉⠢⡠⠊░⠑⠤⠒⠊⠉░⠉⠊⠁░░░░⠘⡄░░
    ┃    │                                                                                 ⠱⠤⠤⠒⠒⠒⠒
    ┃  0 ┤
    ┃    └────────────────────────────────────────────────────────────▲──────────────────▲────────
    ┃     09:35                                              checkout-fast 13:00    #482 14:04
    ┃
    ┃ Likely cause, 87 %: #482 "signup: new form", merged 14:04 by lin
    ┃   · 6 min before the drop; went live 14:08
    ┃   · touches web/signup/form.ts, named in 31 new errors
    ┃ Less likely: flag checkout-fast 5 % (its users are no worse off) · none of these 6 %
    ┃
    ┃ [ Useful ] [ Noise ] [ Snooze ] [ Why ] [ Propose revert of #482 ]
    ┃ F-128
    "#);
    insta::assert_snapshot!(look(&finding_card(), TermStyle::plain(60)), @r#"
    ┃ 🔴 Sign-ups down 62 % since 14:10 (25 min ago)
    ┃ 36 where 95 were expected (80–112) · still falling
    ┃ 32 ┤   ░░░░░⢀⡀░⢀⣀░░⣀░░░░░░
    ┃    │⢄⢀⠔⠤⠤⠊⠉⠢⠃⠈⠉⠁░⠑⠉░⠑⠉⠉⠑⠔⠊⢣⣀⠤⠤⡀⢀⡀░                 ⡀░░░░░░
    ┃    │░⠁░░░░              ░░░░░░⠈⠁⠈⠢⠔⠒⢄⠤⠒⢄⣀⠤⢄⢀⠔⢢⣀⠤⠒⢄⠎⠈⠊⢣░░░░
    ┃    │                                  ░░░░░⠁░░░      ⠘⣄⡠⠤⠤
    ┃  0 ┤
    ┃    └─────────────────────────────────────▲──────────▲─────
    ┃     09:35                                      #482 14:04
    ┃                                 checkout-fast 13:00  14:35
    ┃
    ┃ Likely cause, 87 %: #482 "signup: new form", merged 14:04
    ┃   by lin
    ┃   · 6 min before the drop; went live 14:08
    ┃   · touches web/signup/form.ts, named in 31 new errors
    ┃ Less likely: flag checkout-fast 5 % (its users are no
    ┃   worse off) · none of these 6 %
    ┃
    ┃ [ Useful ] [ Noise ] [ Snooze ] [ Why ]
    ┃ [ Propose revert of #482 ]
    ┃ F-128
    "#);
}

#[test]
fn a_finding_in_color() {
    insta::assert_snapshot!(look(&finding_card(), colored(60)), @r#"
    ␛[31m┃␛[0m 🔴 ␛[1mSign-ups down 62 % since 14:10 (25 min ago)␛[0m
    ␛[31m┃␛[0m 36 where 95 were expected (80–112) · still falling
    ␛[31m┃␛[0m ␛[2m32 ┤␛[0m   ␛[2m░░░░░␛[0m⢀⡀␛[2m░␛[0m⢀⣀␛[2m░░␛[0m⣀␛[2m░░░░░░␛[0m
    ␛[31m┃␛[0m ␛[2m   │␛[0m⢄⢀⠔⠤⠤⠊⠉⠢⠃⠈⠉⠁␛[2m░␛[0m⠑⠉␛[2m░␛[0m⠑⠉⠉⠑⠔⠊⢣⣀⠤⠤⡀⢀⡀␛[2m░␛[0m                 ⡀␛[2m░░░░░░␛[0m
    ␛[31m┃␛[0m ␛[2m   │░␛[0m⠁␛[2m░░░░␛[0m              ␛[2m░░░░░░␛[0m⠈⠁⠈⠢⠔⠒⢄⠤⠒⢄⣀⠤⢄⢀⠔⢢⣀⠤⠒⢄⠎⠈⠊␛[1;31m⢣␛[0m␛[2m░░░░␛[0m
    ␛[31m┃␛[0m ␛[2m   │␛[0m                                  ␛[2m░░░░░␛[0m⠁␛[2m░░░␛[0m      ␛[1;31m⠘⣄⡠⠤⠤␛[0m
    ␛[31m┃␛[0m ␛[2m 0 ┤␛[0m
    ␛[31m┃␛[0m ␛[2m   └─────────────────────────────────────␛[0m␛[1;36m▲␛[0m␛[2m──────────␛[0m␛[1;36m▲␛[0m␛[2m─────␛[0m
    ␛[31m┃␛[0m     ␛[2m09:35␛[0m                                      #482 14:04
    ␛[31m┃␛[0m                                 checkout-fast 13:00  ␛[2m14:35␛[0m
    ␛[31m┃␛[0m
    ␛[31m┃␛[0m ␛[1mLikely cause, 87 %:␛[0m #482 "signup: new form", merged 14:04
    ␛[31m┃␛[0m   by lin
    ␛[31m┃␛[0m   ␛[2m·␛[0m 6 min before the drop; went live 14:08
    ␛[31m┃␛[0m   ␛[2m·␛[0m touches web/signup/form.ts, named in 31 new errors
    ␛[31m┃␛[0m Less likely: flag checkout-fast 5 % (its users are no
    ␛[31m┃␛[0m   worse off) · none of these 6 %
    ␛[31m┃␛[0m
    ␛[31m┃␛[0m ␛[2m[␛[0m ␛[1;4mU␛[0m␛[1mseful␛[0m ␛[2m]␛[0m ␛[2m[␛[0m ␛[1;4mN␛[0m␛[1moise␛[0m ␛[2m]␛[0m ␛[2m[␛[0m ␛[1;4mS␛[0m␛[1mnooze␛[0m ␛[2m]␛[0m ␛[2m[␛[0m ␛[1;4mW␛[0m␛[1mhy␛[0m ␛[2m]␛[0m
    ␛[31m┃␛[0m ␛[2m[␛[0m ␛[1;4mP␛[0m␛[1mropose revert of #482␛[0m ␛[2m]␛[0m
    ␛[31m┃␛[0m ␛[2mF-128␛[0m
    "#);
}

#[test]
fn a_finding_in_ascii_and_without_an_edge() {
    insta::assert_snapshot!(look(&finding_card(), TermStyle::plain(36).ascii()), @r#"
    [!!] Sign-ups down 62 % since 14:10
         (25 min ago)
    36 where 95 were expected (80-112)
      still falling
    32 |  ...*.*.*...
       |*******.*********.          *...
       |*...        ...***************..
       |                    ...*..   ***
     0 |
       +----------------------^-----^---
        09:35                 #482 14:04
                     checkout-fast 13:00

    Likely cause, 87 %: #482 "signup:
      new form", merged 14:04 by lin
      - 6 min before the drop; went live
        14:08
      - touches web/signup/form.ts,
        named in 31 new errors
    Less likely: flag checkout-fast 5 %
      (its users are no worse off)
      none of these 6 %

    [ Useful ] [ Noise ] [ Snooze ]
    [ Why ] [ Propose revert of #482 ]
    F-128
    "#);
}

#[test]
fn a_card() {
    let card = proposal_doc(&proposal(), &ctx());
    insta::assert_snapshot!(look(&card, TermStyle::plain(100)), @r"
    ┃ ⏳ Revert #482 on acme/app, then merge the revert
    ┃ 1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4   nothing touched them since
    ┃ 2. merge it when its checks pass                          head must still be the PR's
    ┃ Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    ┃ Needs 1 of: ada, lin · expires 15:05 · digest 4f9a1c22e07b
    ┃ [ Approve ] [ Reject ] [ Details ]
    ┃ P-31 for F-128
    ");
    insta::assert_snapshot!(look(&card, TermStyle::plain(60)), @r"
    ┃ ⏳ Revert #482 on acme/app, then merge the revert
    ┃ 1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4
    ┃    nothing touched them since
    ┃ 2. merge it when its checks pass
    ┃    head must still be the PR's
    ┃ Undo: revert the revert. Checks afterwards: sign-ups back
    ┃   in 80–112 within 40 min.
    ┃ Needs 1 of: ada, lin · expires 15:05 · digest 4f9a1c22e07b
    ┃ [ Approve ] [ Reject ] [ Details ]
    ┃ P-31 for F-128
    ");
    insta::assert_snapshot!(look(&card, colored(100)), @r"
    ␛[36m┃␛[0m ⏳ ␛[1mRevert #482 on acme/app, then merge the revert␛[0m
    ␛[36m┃␛[0m ␛[1m1.␛[0m open PR on wakeman/P-31 restoring 3 files to 9c1e0d4   ␛[2mnothing touched them since␛[0m
    ␛[36m┃␛[0m ␛[1m2.␛[0m merge it when its checks pass                          ␛[2mhead must still be the PR's␛[0m
    ␛[36m┃␛[0m Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    ␛[36m┃␛[0m Needs 1 of: ada, lin · expires 15:05 · digest ␛[1m4f9a1c22e07b␛[0m
    ␛[36m┃␛[0m ␛[2m[␛[0m ␛[1;4mA␛[0m␛[1mpprove␛[0m ␛[2m]␛[0m ␛[2m[␛[0m ␛[1;4mR␛[0m␛[1meject␛[0m ␛[2m]␛[0m ␛[2m[␛[0m ␛[1;4mD␛[0m␛[1metails␛[0m ␛[2m]␛[0m
    ␛[36m┃␛[0m ␛[2mP-31 for F-128␛[0m
    ");
}

#[test]
fn a_settled_card() {
    insta::assert_snapshot!(look(&settled_card(), TermStyle::plain(60)), @r"
    ┃ Approved by ada 14:41 → merged 14:44 (PR #483)
    ┃   → 🟢 sign-ups recovered 15:02, 94 where 93 expected
    ┃ P-31 for F-128
    ┃ Revert #482 on acme/app, then merge the revert
    ");
    insta::assert_snapshot!(look(&settled_card(), colored(120)), @r"
    ␛[32m┃␛[0m Approved by ada 14:41 → merged 14:44 (PR #483) → 🟢 ␛[32msign-ups recovered 15:02, 94 where 93 expected␛[0m
    ␛[32m┃␛[0m ␛[2mP-31 for F-128 · Revert #482 on acme/app, then merge the revert␛[0m
    ");
}

#[test]
fn a_status() {
    insta::assert_snapshot!(look(&status_doc(&status(), &ctx()), TermStyle::plain(60)), @r"
    Watching acme/app · mode propose · 0 open, 1 awaiting you
    PostHog ok 40 s ago (14 metrics, 8 % of the hourly budget)
      GitHub ok 12 s · Vercel not configured
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    default · wakeman 0.1.0 · 14:35 Europe/Berlin
    ");
    insta::assert_snapshot!(look(&status_doc(&status(), &ctx()), colored(100)), @r"
    ␛[1mWatching acme/app␛[0m · mode propose · 0 open␛[1m, 1 awaiting you␛[0m
    PostHog ␛[32mok␛[0m 40 s ago (14 metrics, 8 % of the hourly budget) · GitHub ␛[32mok␛[0m 12 s · ␛[2mVercel not configured␛[0m
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    ␛[2mdefault · wakeman 0.1.0 · 14:35 Europe/Berlin␛[0m
    ");
}

#[test]
fn a_list() {
    insta::assert_snapshot!(look(&some_findings(), TermStyle::plain(120)), @r"
        id     finding                                               since  trend            state                repair
    🔴  F-128  Sign-ups down 62 %                                    14:10  ▇█████▇▆▆▅▅▅▅▅▃  open                 P-31
    🟠  F-129  New error: TypeError in web/signup/form.ts, 31 times  14:10                   snoozed until 16:05
    🟢  F-128  Sign-ups recovered 15:02, 94 where 93 expected        14:10  ▇█████▇▆▆▅▅▅▅▅▃  over
    ");
    insta::assert_snapshot!(look(&some_findings(), TermStyle::plain(100)), @r"
        id     finding                                               since  state                repair
    🔴  F-128  Sign-ups down 62 %                                    14:10  open                 P-31
    🟠  F-129  New error: TypeError in web/signup/form.ts, 31 times  14:10  snoozed until 16:05
    🟢  F-128  Sign-ups recovered 15:02, 94 where 93 expected        14:10  over
    ");
    insta::assert_snapshot!(look(&some_findings(), TermStyle::plain(60)), @r"
    🔴 F-128 Sign-ups down 62 %
       14:10 · open · P-31
    🟠 F-129 New error: TypeError in web/signup/form.ts, 31
       times
       14:10 · snoozed until 16:05
    🟢 F-128 Sign-ups recovered 15:02, 94 where 93 expected
       14:10 · over
    ");
}

#[test]
fn a_table_that_is_cut() {
    let threads = [Thread { title: "Why did sign-ups drop ".repeat(9), ..thread().thread }];
    insta::assert_snapshot!(look(&threads_table(&threads, &ctx()), TermStyle::plain(60)), @r"
    id           title                                      last
    thread_7f00  Why did sign-ups drop Why did sign-…  1 min ago
    ");
}

#[test]
fn why() {
    insta::assert_snapshot!(look(&why_doc(&crate::samples::why(), &ctx()), TermStyle::plain(60)), @r#"
    ┃ 🔴 Sign-ups down 62 % since 14:10 (25 min ago)
    ┃
    ┃ Evidence
    ┃ 36 where 95 were expected (80–112) · still falling
    ┃ Measured over 25 min. Chance of this without any change: 1
    ┃   in 40,000.
    ┃ 32 ┤   ░░░░░⢀⡀░⢀⣀░░⣀░░░░░░
    ┃    │⢄⢀⠔⠤⠤⠊⠉⠢⠃⠈⠉⠁░⠑⠉░⠑⠉⠉⠑⠔⠊⢣⣀⠤⠤⡀⢀⡀░                 ⡀░░░░░░
    ┃    │░⠁░░░░              ░░░░░░⠈⠁⠈⠢⠔⠒⢄⠤⠒⢄⣀⠤⢄⢀⠔⢢⣀⠤⠒⢄⠎⠈⠊⢣░░░░
    ┃    │                                  ░░░░░⠁░░░      ⠘⣄⡠⠤⠤
    ┃  0 ┤
    ┃    └─────────────────────────────────────▲──────────▲─────
    ┃     09:35                                      #482 14:04
    ┃                                 checkout-fast 13:00  14:35
    ┃
    ┃ Causes
    ┃ 87 % #482 "signup: new form", merged 14:04 by lin
    ┃   · 6 min before the drop; went live 14:08
    ┃   · touches web/signup/form.ts, named in 31 new errors
    ┃ 5 % flag checkout-fast, edited 13:00 by alan to 50 % of
    ┃   users
    ┃   · its users are no worse off than the others
    ┃ 6 % none of the known changes
    ┃
    ┃ How it was told
    ┃ At once: critical. Chosen by rule-v1 (probability 1).
    ┃ It saw: severity 2 · p 2.5e-5 · hour 14
    ┃ Proposals: P-31
    ┃ F-128 · opened 14:30 · thread thread_7f00
    "#);
}

#[test]
fn a_stream_of_deliveries() {
    let mut out = Vec::new();
    let mut console = Console::new(&mut out, TermStyle::plain(60));
    let first = delivery(View::Source(silent()));
    let second = delivery(View::Recovery(Box::new(RecoveryView {
        finding: Finding { series: vec![], ..recovered() },
        proposal: None,
    })));
    let other = Delivery { thread: None, ..delivery(View::Notice(NoticeView { text: "Mode is now observe.".into() })) };
    for delivery in [first, second, other] {
        console.print(&delivery, &ctx()).unwrap();
    }
    console
        .say(&whoami_doc(&WhoamiView {
            identity: Identity {
                principal: Principal::new(Channel::Cli, "1000"),
                operator: OperatorId::new("ada"),
                role: Role::Owner,
            },
            listed: true,
            paired: None,
        }))
        .unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
    14:35 thread_7f00 ──────────────────────────────────────────
    ┃ PostHog has not answered for 9 min (429, next try 14:58).
    ┃   Its 14 metrics are unknown, not fine.

    14:35
    ┃ 🟢 Sign-ups recovered 15:02, 94 where 93 expected
    ┃ Lasted 52 min, from 14:10; ended after P-31 ran.
    ┃ F-128

    14:35 ──────────────────────────────────────────────────────
    Mode is now observe.
    You are ada (owner), as cli:1000.
    ");
}

#[test]
fn the_policies() {
    insta::assert_snapshot!(look(&ranking_doc(&ranking()), TermStyle::plain(100)), @r"
    policy      role         reward        regret  agrees       decided  reactions  worth  problem
    rule-v1     active 90 %  0.640 ▆▇▇▇██   0.260  78 % ██████      412        311    204  interrupt
    lints-v1    active 10 %  0.710 ▆▇▇▇██   0.190  78 % ██████       54        311    204  interrupt
    egreedy-v1  active       -                  -  -                  0          0      -  tip
    egreedy-v2  shadow       0.500 ▆▆▇▇██       -  78 % ██████      412        311    204  tip
    linrff-v1   available    -                  -  -                  0          0      -  replay
    worth: how many decisions of its own the log stands for as evidence
    lints-v1 against rule-v1: +0.061, 95 % between +0.012 and +0.110 (540 decisions)
    Learnt from: ada 250 (lints-v1) · lin 61 (lints-v1)
    2 logged decisions cannot be used; the session log names them
    ");
    insta::assert_snapshot!(look(&ranking_doc(&ranking()), TermStyle::plain(60)), @r"
    policy      role         reward        regret  agrees
    rule-v1     active 90 %  0.640 ▆▇▇▇██   0.260  78 % ██████
    lints-v1    active 10 %  0.710 ▆▇▇▇██   0.190  78 % ██████
    egreedy-v1  active       -                  -  -
    egreedy-v2  shadow       0.500 ▆▆▇▇██       -  78 % ██████
    linrff-v1   available    -                  -  -
    worth: how many decisions of its own the log stands for as
      evidence
    lints-v1 against rule-v1: +0.061, 95 % between +0.012 and
      +0.110 (540 decisions)
    Learnt from: ada 250 (lints-v1) · lin 61 (lints-v1)
    2 logged decisions cannot be used; the session log names
      them
    ");
    insta::assert_snapshot!(look(&ranking_doc(&ranking()), colored(100)), @r"
    ␛[2mpolicy␛[0m      ␛[2mrole␛[0m         ␛[2mreward␛[0m        ␛[2mregret␛[0m  ␛[2magrees␛[0m       ␛[2mdecided␛[0m  ␛[2mreactions␛[0m  ␛[2mworth␛[0m  ␛[2mproblem␛[0m
    ␛[1mrule-v1␛[0m     active 90 %  0.640 ▆▇▇▇██   0.260  78 % ██████      412        311    204  interrupt
    ␛[1mlints-v1␛[0m    active 10 %  0.710 ▆▇▇▇██   0.190  78 % ██████       54        311    204  interrupt
    ␛[1megreedy-v1␛[0m  active       -                  -  -                  0          0      -  tip
    ␛[1megreedy-v2␛[0m  shadow       0.500 ▆▆▇▇██       -  78 % ██████      412        311    204  tip
    ␛[1mlinrff-v1␛[0m   available    -                  -  -                  0          0      -  replay
    ␛[2mworth: how many decisions of its own the log stands for as evidence␛[0m
    lints-v1 against rule-v1: +0.061, 95 % between +0.012 and +0.110 (540 decisions)
    Learnt from: ada 250 (lints-v1) · lin 61 (lints-v1)
    2 logged decisions cannot be used; the session log names them
    ");
}
