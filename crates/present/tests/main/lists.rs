//! Status, lists, threads, notices.

use wakeman_present::*;
use wakeman_types::*;

use crate::{samples::*, text};

#[test]
fn status_of_a_quiet_day() {
    insta::assert_snapshot!(plain(&status_doc(&status(), &ctx())), @r"
    Watching acme/app · mode propose · 0 open, 1 awaiting you
    PostHog ok 40 s ago (14 metrics, 8 % of the hourly budget) · GitHub ok 12 s · Vercel not configured
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    default · wakeman 0.1.0 · 14:35 Europe/Berlin
    ");
}

#[test]
fn status_of_a_bad_day_names_what_fails_first() {
    let components = vec![
        component("github", true, Some(12), ""),
        component("posthog", false, Some(540), "429, next try 14:58"),
        component("store", false, None, "database is read-only"),
    ];
    let warnings =
        vec!["read-only/settings.json: monitor.intervallMs is not a setting; did you mean monitor.intervalMs?".into()];
    let view = StatusView { components, warnings, open_findings: 1_204, interruptions: 3, undelivered: 2, ..status() };
    insta::assert_snapshot!(plain(&status_doc(&view, &ctx())), @r"
    Watching acme/app · mode propose · 1,204 open, 1 awaiting you
    PostHog failing, last ok 9 min ago (429, next try 14:58) · store failing, never ok (database is read-only) · GitHub ok 12 s ago
    Interruptions this week 3 of 2 · next wakeup tomorrow 09:00
    2 messages of the last month could not be delivered; the log says why
    Setting: read-only/settings.json: monitor.intervallMs is not a setting; did you mean monitor.intervalMs?
    default · wakeman 0.1.0 · 14:35 Europe/Berlin
    ");
    let fresh = StatusView { watching: String::new(), components: vec![], ..status() };
    insta::assert_snapshot!(plain(&status_doc(&fresh, &ctx())), @r"
    Watching nothing yet · mode propose · 0 open, 1 awaiting you
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    default · wakeman 0.1.0 · 14:35 Europe/Berlin
    ");
}

#[test]
fn what_somebody_should_look_at_stands_behind_what_fails() {
    let attention = |seconds| ComponentView {
        attention: true,
        ..component("calendars", true, seconds, "read-only/off.ics: not there")
    };
    let said = |components: Vec<ComponentView>| {
        let view = StatusView { components, ..status() };
        plain(&status_doc(&view, &ctx())).lines().nth(1).unwrap().to_owned()
    };
    assert_eq!(
        said(vec![component("github", true, Some(3), ""), attention(None), component("posthog", false, None, "")]),
        "PostHog failing, never ok · calendars to look at, never ok (read-only/off.ics: not there) · GitHub ok 3 s ago"
    );
    assert_eq!(
        said(vec![component("github", true, Some(7_200), "starting"), component("posthog", true, None, "starting")]),
        "GitHub last ok 2 h ago · PostHog not asked yet"
    );
    assert_eq!(
        said(vec![attention(Some(7_200))]),
        "calendars to look at, last ok 2 h ago (read-only/off.ics: not there)"
    );
}

#[test]
fn status_of_a_damaged_database_says_so_first_and_counts_nothing_it_cannot_read() {
    let safe = SafeMode {
        reason: "storage/wakeman.db is damaged".into(),
        steps: vec!["stop `wakeman run`".into(), "mkdir -p damaged".into()],
        unread: true,
    };
    let components = vec![component("database", false, None, "damaged; it is only read")];
    let view = StatusView { components, safe_mode: Some(safe), open_findings: 0, ..status() };
    insta::assert_snapshot!(plain(&status_doc(&view, &ctx())), @r"
    Safe mode: storage/wakeman.db is damaged
    What can still be read is shown; nothing is written to the database. Nothing is watched, told or run.
    1. stop `wakeman run`
    2. mkdir -p damaged
    Findings and proposals are unknown: they cannot be read
    database failing, never ok (damaged; it is only read)
    default · wakeman 0.1.0 · 14:35 Europe/Berlin
    ");
}

#[test]
fn many_odd_settings_are_counted() {
    let view = StatusView { components: vec![], warnings: vec!["x".into(); 21], ..status() };
    assert!(plain(&status_doc(&view, &ctx())).contains("21 settings to look at; `wakeman doctor` names them"));
}

#[test]
fn findings() {
    let snoozed = FindingState::Snoozed { by: "ada".into(), until: ago(-90) };
    let taken = FindingState::Acknowledged { by: "ada".into(), at: ago(3) };
    let all = [
        finding(),
        Finding { state: taken, ..about(error()) },
        Finding { state: snoozed, ..about(run()) },
        Finding { unknown_since: Some(ago(1)), ..about(deployment("error")) },
        recovered(),
    ];
    insta::assert_snapshot!(plain(&findings_table(&all, &ctx())), @r"
    🔴 F-128 · Sign-ups down 62 % · 14:10 · ▇█████▇▆▆▅▅▅▅▅▃ · open · P-31
    🟠 F-129 · New error: TypeError in web/signup/form.ts, 31 times · 14:10 · with ada
    🟠 F-129 · Workflow CI fails on the default branch · 14:10 · snoozed until 16:05
    🟠 F-129 · Deployment to production failed · 14:10 · unknown
    🟢 F-128 · Sign-ups recovered 15:02, 94 where 93 expected · 14:10 · ▇█████▇▆▆▅▅▅▅▅▃ · over · P-31
    ");
    assert_eq!(plain(&findings_table(&[], &ctx())), "No findings.");
}

#[test]
fn proposals() {
    let all = ProposalState::ALL.map(proposal_in);
    insta::assert_snapshot!(plain(&proposals_table(&all, &ctx())), @r"
    ⏳ P-31 · Revert #482 on acme/app, then merge the revert · F-128 · drafted 14:44 · 4f9a1c22e07b
    ⏳ P-31 · Revert #482 on acme/app, then merge the revert · F-128 · waits until 15:05 · 4f9a1c22e07b
    P-31 · Revert #482 on acme/app, then merge the revert · F-128 · approved 14:44 · 4f9a1c22e07b
    P-31 · Revert #482 on acme/app, then merge the revert · F-128 · rejected 14:44 · 4f9a1c22e07b
    P-31 · Revert #482 on acme/app, then merge the revert · F-128 · expired 14:44 · 4f9a1c22e07b
    P-31 · Revert #482 on acme/app, then merge the revert · F-128 · superseded 14:44 · 4f9a1c22e07b
    P-31 · Revert #482 on acme/app, then merge the revert · F-128 · under way 14:44 · 4f9a1c22e07b
    P-31 · Revert #482 on acme/app, then merge the revert · F-128 · done 14:44 · 4f9a1c22e07b
    🟠 P-31 · Revert #482 on acme/app, then merge the revert · F-128 · failed 14:44 · 4f9a1c22e07b
    🟠 P-31 · Revert #482 on acme/app, then merge the revert · F-128 · needs a look since 14:44 · 4f9a1c22e07b
    🟢 P-31 · Revert #482 on acme/app, then merge the revert · F-128 · helped 14:44 · 4f9a1c22e07b
    🟠 P-31 · Revert #482 on acme/app, then merge the revert · F-128 · did not help 14:44 · 4f9a1c22e07b
    ");
    assert_eq!(plain(&proposals_table(&[], &ctx())), "No proposals.");
}

#[test]
fn threads_and_a_thread() {
    insta::assert_snapshot!(plain(&threads_table(&[thread().thread], &ctx())), @"thread_7f00 · Sign-ups down 62 % · cli · 1 min ago");
    insta::assert_snapshot!(plain(&thread_doc(&thread(), &ctx())), @r"
    Sign-ups down 62 %

    14:30 wakeman
      🔴 Sign-ups down 62 % since 14:10 (20 min ago)
      · 6 min before the drop
      F-128

    14:31 operator
      why F-128␛[2J

    14:33 Model's note:
      The form's e-mail field was renamed; see https[:]//evil.example/x

    thread_7f00 · cli
    ");
    assert_eq!(plain(&threads_table(&[], &ctx())), "No threads.");
}

#[test]
fn whoami() {
    let principal = Principal::new(Channel::Cli, "1000");
    let identity = Identity { principal, operator: OperatorId::new("ada"), role: Role::Owner };
    let listed = WhoamiView { identity: identity.clone(), listed: true, paired: None };
    insta::assert_snapshot!(plain(&whoami_doc(&listed)), @"You are ada (owner), as cli:1000.");
    let own = Identity { operator: OperatorId::new("cli:1000"), ..identity };
    insta::assert_snapshot!(plain(&whoami_doc(&WhoamiView { identity: own, listed: false, paired: None })), @r"
    You are cli:1000 (owner).
    No operator in read-only/settings.json lists cli:1000; to be known by name, add it to operators[].principals.
    ");
}

#[test]
fn a_source_that_is_silent_and_back() {
    insta::assert_snapshot!(text(View::Source(silent())), @"PostHog has not answered for 9 min (429, next try 14:58). Its 14 metrics are unknown, not fine.");
    let one = SourceNotice { source: "GitHub".into(), reason: String::new(), next_try: None, metrics: 0, ..silent() };
    insta::assert_snapshot!(text(View::Source(one)), @"GitHub has not answered for 9 min. Merges, runs and deployments since then are unknown.");
    insta::assert_snapshot!(text(View::Source(SourceNotice { silent_since: None, ..silent() })), @"PostHog answers again.");
}

#[test]
fn a_digest_and_an_empty_one() {
    insta::assert_snapshot!(text(View::Digest(digest())), @r"
    ⚪ 2 findings since yesterday 09:00 that could wait
    1. Invites down 26 % since 12:15 (2 h 20 min ago) · few users hit · F-130
    2. Exports down 19 % since 12:15 (2 h 20 min ago) · inside alarm budget · F-131
    ");
    insta::assert_snapshot!(text(View::Digest(DigestView { lines: vec![], ..digest() })), @"⚪ Nothing changed since yesterday 09:00.");
}

#[test]
fn a_notice_keeps_its_lines() {
    let text = text(View::Notice(NoticeView { text: "First line.\r\nSecond \u{1b}[31mline.\n".into() }));
    assert_eq!(text, "First line.\nSecond ␛[31mline.");
}

#[test]
fn help_names_every_word() {
    insta::assert_snapshot!(plain(&help_doc()), @r"
    status · one look at everything
    findings [STATE] · what is wrong: open, acknowledged, snoozed, resolved
    finding F-12 · one finding
    why F-12 · everything behind a finding, or a tip like T-1
    proposals [STATE] · repairs, the ones that wait for you first
    proposal P-3 · one proposal with the exact payload behind its card
    approve P-3 [step [N]] [DIGEST] · run exactly what the card shows, or only the next step of its plan
    reject P-3 [REASON] · do not run it
    renew P-3 · the same again as a fresh card, where it expired or was not run
    ack F-12 · it is mine
    snooze F-12 2h · quiet for that long, then again if it still holds
    resolve F-12 | P-3 done|failed · it is over; or what became of a step in doubt
    mute F-12 [2h] · tell nobody of it for that long, or for a week
    unmute F-12 · tell of it again
    mode [MODE] · what it may do by itself: observe, propose, execute
    halt [REASON] · stop all execution at once
    resume · go on after a halt
    tip · the one thing worth doing next, or that there is none
    feedback F-12 useful|noise · whether that, or a tip like T-1, was worth telling you; what you are told is learnt from it
    wakeups [history | pause|resume|run|skip ID | add WHEN: WHAT | edit ID WHEN] · what is told at which hours; WHEN like weekdays 09:00 only changed, WHAT a prompt or your words
    ranking [status | promote POLICY | rollback | reset OPERATOR] · which policies decide what interrupts you, how well they do, and which one shall
    forget OPERATOR · erase what was learnt of somebody, and their reactions
    threads [ID] · conversations, or one of them
    whoami · who you are taken for
    help · these words
    ");
}

#[test]
fn a_halt_and_a_mode_set_at_run_time_say_who_and_when() {
    let (by, principal): (OperatorId, Principal) = (OperatorId::new("ada"), "telegram:1".parse().unwrap());
    let halt = HaltSet { by: by.clone(), principal: principal.clone(), at: ago(5), reason: Some("wrong flag".into()) };
    let set = ModeSet { mode: ExecutionMode::Execute, by: by.clone(), principal: principal.clone(), at: ago(60) };
    let mute = Mute {
        subject: "Sign-ups".into(),
        fingerprint: "metric:exports".into(),
        finding: FindingId::new(131),
        by,
        principal,
        at: ago(30),
        until: Some(ago(-90)),
    };
    let view = StatusView {
        mode: "execute".into(),
        mode_set: Some(set.clone()),
        halt: Some(halt.clone()),
        mutes: 1,
        components: vec![],
        ..status()
    };
    insta::assert_snapshot!(plain(&status_doc(&view, &ctx())), @r#"
    Watching acme/app · mode execute (set by ada 13:35) · 0 open, 1 awaiting you · 1 muted
    Halted by ada 14:30 (wrong flag): nothing is run until an owner says "resume".
    Interruptions this week 1 of 2 · next wakeup tomorrow 09:00
    default · wakeman 0.1.0 · 14:35 Europe/Berlin
    "#);
    let view = ControlView {
        mode: ExecutionMode::Execute,
        configured: ExecutionMode::Propose,
        set: Some(set),
        halt: Some(halt),
        classes: vec!["github.rerun_failed_jobs".into()],
        per_hour: 4,
        mutes: vec![Mute { until: None, subject: String::new(), ..mute.clone() }, mute],
        owners: vec![],
    };
    insta::assert_snapshot!(plain(&control_doc(&view, &ctx())), @r#"
    Halted by ada 14:30 (wrong flag): nothing is run until an owner says "resume".
    Mode execute (set by ada 13:35; the settings say propose)
    Unattended: github.rerun_failed_jobs, each at most 4 times an hour.
    F-131 muted by ada 14:05 until "unmute F-131"
    F-131 Sign-ups muted by ada 14:05 until 16:05
    "#);
    let calm = ControlView { set: None, halt: None, classes: vec![], mutes: vec![], ..view };
    insta::assert_snapshot!(plain(&control_doc(&calm, &ctx())), @r"
    Mode execute (settings)
    Nothing runs unattended: execute.classes in read-only/settings.json names no class.
    ");
}
