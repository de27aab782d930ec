//! Cards, and what becomes of them.

use wakeman_present::{details_doc, plain, proposal_doc, settled_line};
use wakeman_types::*;

use crate::{samples::*, text};

fn line(state: ProposalState) -> String {
    settled_line(&settled(state), &ctx()).text()
}

#[test]
fn a_card() {
    insta::assert_snapshot!(text(View::Proposal(Box::new(ProposalView { proposal: proposal() }))), @"");
}

#[test]
fn a_card_that_two_must_approve() {
    let decisions = vec![decision("ada", Verdict::Approve, ago(1))];
    let card = plain(&proposal_doc(&Proposal { needed: 2, decisions, ..proposal() }, &ctx()));
    assert!(card.contains("Needs 2 of: ada, lin · approved by ada 14:34 · expires 15:05"), "{card}");
}

#[test]
fn a_card_nobody_may_approve_or_that_is_too_late_says_so() {
    let card = plain(&proposal_doc(&Proposal { approvers: vec![], ..proposal() }, &ctx()));
    assert!(card.contains("Nobody may approve it: settings name no approver"), "{card}");
    let late = proposal_doc(&Proposal { expires_at: ago(1), ..proposal() }, &ctx());
    assert!(plain(&late).contains("expired 14:34"));
    assert!(late.buttons.is_empty());
}

#[test]
fn every_state_has_its_line() {
    let lines = ProposalState::ALL.map(|state| format!("{:<14}{}", state.name(), line(state)));
    insta::assert_snapshot!(lines.join("\n"), @"");
}

#[test]
fn every_state_without_a_finding_has_its_line() {
    let alone = |state| {
        let view = SettledView { finding: None, verification: None, ..settled(state) };
        format!("{:<14}{}", state.name(), settled_line(&view, &ctx()).text())
    };
    let states =
        [ProposalState::Expired, ProposalState::Superseded, ProposalState::Verified, ProposalState::NotRecovered];
    insta::assert_snapshot!(states.map(alone).join("\n"), @"");
}

#[test]
fn a_settled_card_in_its_thread() {
    insta::assert_snapshot!(text(View::Settled(Box::new(settled(ProposalState::Verified)))), @"");
    insta::assert_snapshot!(text(View::Settled(Box::new(settled(ProposalState::Superseded)))), @"");
}

#[test]
fn each_class_of_step_says_what_it_did() {
    let arguments = serde_json::json!({"key": "checkout-fast", "active": false});
    let number = serde_json::json!({"number": 90});
    let done = |kind: &str, arguments: &serde_json::Value, output: &serde_json::Value| {
        settled_step(step(1, kind, arguments.clone()), ago(-9), Outcome::Done { output: output.clone() })
    };
    let nothing = serde_json::json!({});
    let steps = vec![
        done("posthog.set_flag", &arguments, &nothing),
        done("posthog.set_flag", &nothing, &nothing),
        done("github.open_issue", &nothing, &number),
        done("github.revert_pr", &nothing, &nothing),
        done("vercel.rollback", &nothing, &nothing),
    ];
    let proposal = Proposal { steps, ..proposal_in(ProposalState::Succeeded) };
    let view = SettledView { proposal, finding: None, verification: Some(VerificationResult::Unknown) };
    insta::assert_snapshot!(settled_line(&view, &ctx()).text().replace(" → ", "\n"), @"");
}

#[test]
fn details_show_everything_the_digest_covers() {
    insta::assert_snapshot!(plain(&details_doc(&proposal_in(ProposalState::Executing), &ctx())), @"");
    let buttons = details_doc(&proposal(), &ctx()).buttons;
    assert_eq!(buttons.iter().map(|b| b.label.as_str()).collect::<Vec<_>>(), ["Approve", "Reject"]);
}
