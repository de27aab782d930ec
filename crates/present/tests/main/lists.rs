//! Status, lists, threads, notices.

use wakeman_present::*;
use wakeman_types::*;

use crate::{samples::*, text};

#[test]
fn status_of_a_quiet_day() {
    insta::assert_snapshot!(plain(&status_doc(&status(), &ctx())), @"");
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
    let view = StatusView { components, warnings, open_findings: 1_204, interruptions: 3, ..status() };
    insta::assert_snapshot!(plain(&status_doc(&view, &ctx())), @"");
    let fresh = StatusView { watching: String::new(), components: vec![], ..status() };
    insta::assert_snapshot!(plain(&status_doc(&fresh, &ctx())), @"");
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
    insta::assert_snapshot!(plain(&findings_table(&all, &ctx())), @"");
    assert_eq!(plain(&findings_table(&[], &ctx())), "No findings.");
}

#[test]
fn proposals() {
    let all = ProposalState::ALL.map(proposal_in);
    insta::assert_snapshot!(plain(&proposals_table(&all, &ctx())), @"");
    assert_eq!(plain(&proposals_table(&[], &ctx())), "No proposals.");
}

#[test]
fn threads_and_a_thread() {
    insta::assert_snapshot!(plain(&threads_table(&[thread().thread], &ctx())), @"");
    insta::assert_snapshot!(plain(&thread_doc(&thread(), &ctx())), @"");
    assert_eq!(plain(&threads_table(&[], &ctx())), "No threads.");
}

#[test]
fn whoami() {
    let principal = Principal::new(Channel::Cli, "1000");
    let identity = Identity { principal, operator: OperatorId::new("ada"), role: Role::Owner };
    let listed = WhoamiView { identity: identity.clone(), listed: true };
    insta::assert_snapshot!(plain(&whoami_doc(&listed)), @"");
    let own = Identity { operator: OperatorId::new("cli:1000"), ..identity };
    insta::assert_snapshot!(plain(&whoami_doc(&WhoamiView { identity: own, listed: false })), @"");
}

#[test]
fn a_source_that_is_silent_and_back() {
    insta::assert_snapshot!(text(View::Source(silent())), @"");
    let one = SourceNotice { source: "GitHub".into(), reason: String::new(), next_try: None, metrics: 0, ..silent() };
    insta::assert_snapshot!(text(View::Source(one)), @"");
    insta::assert_snapshot!(text(View::Source(SourceNotice { silent_since: None, ..silent() })), @"");
}

#[test]
fn a_digest_and_an_empty_one() {
    insta::assert_snapshot!(text(View::Digest(digest())), @"");
    insta::assert_snapshot!(text(View::Digest(DigestView { lines: vec![], ..digest() })), @"");
}

#[test]
fn a_notice_keeps_its_lines() {
    let text = text(View::Notice(NoticeView { text: "First line.\r\nSecond \u{1b}[31mline.\n".into() }));
    assert_eq!(text, "First line.\nSecond ␛[31mline.");
}

#[test]
fn help_names_every_word() {
    insta::assert_snapshot!(plain(&help_doc()), @"");
}
