//! Cards, and what becomes of them.

use wakeman_present::{check_words, details_doc, plain, proposal_doc, settled_line};
use wakeman_types::*;

use crate::{samples::*, text};

fn line(state: ProposalState) -> String {
    settled_line(&settled(state), &ctx()).text()
}

#[test]
fn a_card() {
    insta::assert_snapshot!(text(View::Proposal(Box::new(ProposalView { proposal: proposal() }))), @r"
    ⏳ Revert #482 on acme/app, then merge the revert
    1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4 (nothing touched them since)
    2. merge it when its checks pass (head must still be the PR's)
    Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    Needs 1 of: ada, lin · expires 15:05 · digest 4f9a1c22e07b
    [ Approve ] [ Reject ] [ Details ]
    P-31 for F-128
    ");
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
    let offered: Vec<&str> = late.buttons.iter().map(|button| button.label.as_str()).collect();
    assert_eq!(offered, ["New proposal"]);
}

#[test]
fn every_state_has_its_line() {
    let lines = ProposalState::ALL.map(|state| format!("{:<14}{}", state.name(), line(state)));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    drafted       Drafted 14:44, not shown yet
    pending       Waits for a decision until 15:05
    approved      Approved by ada 14:41 → not begun yet
    rejected      Rejected by lin 14:41: "we roll forward"
    expired       P-31 expired at 15:05, nothing was run. Sign-ups are still low.
    superseded    P-32 took the place of P-31 14:44
    executing     Approved by ada 14:41 → PR #483 opened 14:42 → step 2 of 2: merge it when its checks pass, waits for its checks, next try 14:45
    succeeded     Approved by ada 14:41 → merged 14:44 (PR #483) → to be checked: sign-ups back in 80–112 within 40 min
    failed        Approved by ada 14:41 → PR #483 opened 14:42 → 🟠 failed 14:44 at step 2: the head moved to 77aa001; ask for a new proposal
    needs_review  Approved by ada 14:41 → 🟠 it is not known since 14:44 whether it took effect at step 1: GitHub closed the connection; look for a revert of #482. Once you have looked, say `resolve P-31 done` or `resolve P-31 failed`
    verified      Approved by ada 14:41 → merged 14:44 (PR #483) → 🟢 sign-ups recovered 15:02, 94 where 93 expected
    not_recovered Approved by ada 14:41 → merged 14:44 (PR #483) → 🔴 sign-ups not back by 14:44, 36 where 95 expected
    "#);
}

#[test]
fn every_state_without_a_finding_has_its_line() {
    let alone = |state| {
        let view = SettledView { finding: None, verification: None, ..settled(state) };
        format!("{:<14}{}", state.name(), settled_line(&view, &ctx()).text())
    };
    let states =
        [ProposalState::Expired, ProposalState::Superseded, ProposalState::Verified, ProposalState::NotRecovered];
    insta::assert_snapshot!(states.map(alone).join("\n"), @r"
    expired       P-31 expired at 15:05, nothing was run.
    superseded    A newer proposal took the place of P-31 14:44
    verified      Approved by ada 14:41 → merged 14:44 (PR #483) → 🟢 checked 15:02
    not_recovered Approved by ada 14:41 → merged 14:44 (PR #483) → 🟠 not as it should be 14:44
    ");
}

#[test]
fn what_was_approved_and_is_held_back_says_by_what_and_whose_word_lets_it_go_on() {
    let held = |state, observe, halted| {
        let halt = control().halt.filter(|_| halted);
        let held = Some(HeldView { observe, halt, owners: vec![OperatorId::new("ada"), OperatorId::new("lin")] });
        settled_line(&SettledView { held, finding: None, ..settled(state) }, &ctx()).text()
    };
    use ProposalState::{Approved, Executing, Rejected};
    let lines = [
        held(Approved, true, false),
        held(Approved, false, true),
        held(Executing, true, true),
        held(Rejected, true, false),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Approved by ada 14:41 → not begun yet. Held by mode observe, so nothing is run: it begins once ada or lin says `mode propose` by 15:05, else it expires.
    Approved by ada 14:41 → not begun yet. Held by the halt of ada 14:30, so nothing is run: it begins once ada or lin says `resume` by 15:05, else it expires.
    Approved by ada 14:41 → PR #483 opened 14:42 → step 2 of 2: merge it when its checks pass, waits for its checks, next try 14:45. Held by the halt of ada 14:30 and mode observe, so nothing is run: it goes on once ada or lin says `resume` and `mode propose`.
    Rejected by lin 14:41: "we roll forward"
    "#);
}

#[test]
fn a_settled_card_in_its_thread() {
    insta::assert_snapshot!(text(View::Settled(Box::new(settled(ProposalState::Verified)))), @r"
    Approved by ada 14:41 → merged 14:44 (PR #483) → 🟢 sign-ups recovered 15:02, 94 where 93 expected
    P-31 for F-128 · Revert #482 on acme/app, then merge the revert
    ");
    insta::assert_snapshot!(text(View::Settled(Box::new(settled(ProposalState::Superseded)))), @r"
    P-32 took the place of P-31 14:44
    [ Show P-32 ]
    P-31 for F-128 · Revert #482 on acme/app, then merge the revert
    ");
}

#[test]
fn what_waits_for_no_yes_any_more_says_the_way_on_in_buttons() {
    let labels = |proposal: Proposal, finding: Option<Finding>| {
        let view = SettledView { proposal, finding, verification: None, held: None };
        let doc = wakeman_present::settled_doc(&view, &ctx());
        doc.buttons.iter().map(|button| format!("{}: {}", button.label, button.verb)).collect::<Vec<_>>()
    };
    let mut unrun = proposal_in(ProposalState::Failed);
    let reason = "the flag changed since you approved (version 12 → 13, by alan 14:52)".to_owned();
    for step in &mut unrun.steps {
        (step.intended_at, step.tries, step.outcome) = (None, 0, None);
    }
    unrun.steps[0].outcome = Some(Outcome::Failed { reason });
    let both = ["Show difference: proposal P-31", "New proposal: renew P-31"];
    assert_eq!(labels(unrun.clone(), Some(finding())), both);
    assert_eq!(labels(unrun, None), both);
    let expired = proposal_in(ProposalState::Expired);
    assert_eq!(labels(expired.clone(), Some(finding())), ["New proposal: renew P-31"]);
    assert!(labels(expired.clone(), Some(recovered())).is_empty(), "there is nothing left to repair");
    let newer = Finding { proposal: Some(ProposalId::new(32)), ..finding() };
    assert_eq!(labels(expired.clone(), Some(newer)), ["Show P-32: proposal P-32"]);
    let mut superseded = proposal_in(ProposalState::Superseded);
    superseded.note = Some("P-33 takes its place".to_owned());
    assert_eq!(labels(superseded, None), ["Show P-33: proposal P-33"]);
    for state in [ProposalState::Failed, ProposalState::Rejected, ProposalState::Succeeded, ProposalState::NeedsReview]
    {
        assert!(labels(proposal_in(state), Some(finding())).is_empty(), "{state:?}");
    }
    // A card that is asked for again says the same.
    let asked = proposal_doc(&expired, &ctx());
    assert_eq!(asked.buttons.iter().map(|button| button.label.as_str()).collect::<Vec<_>>(), ["New proposal"]);
}

#[test]
fn a_card_whose_reason_went_away_is_withdrawn_with_the_reason() {
    let mut view = settled(ProposalState::Superseded);
    view.finding = None;
    view.proposal.note = Some(wakeman_present::recovered_words(&finding()));
    insta::assert_snapshot!(settled_line(&view, &ctx()).text(), @"P-31 is withdrawn 14:44, nothing was run: sign-ups recovered by themselves");
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
    let view = SettledView { proposal, finding: None, verification: Some(VerificationResult::Unknown), held: None };
    insta::assert_snapshot!(settled_line(&view, &ctx()).text().replace(" → ", "\n"), @r"
    Approved by ada 14:41
    flag checkout-fast off 14:44
    flag set 14:44
    issue #90 opened 14:44
    PR opened 14:44
    production rolled back to an earlier deployment 14:44
    🟠 could not be checked
    ");
}

#[test]
fn details_show_everything_the_digest_covers() {
    insta::assert_snapshot!(plain(&details_doc(&proposal_in(ProposalState::Executing), &ctx())), @r#"
    Revert #482 on acme/app, then merge the revert
    1. open PR on wakeman/P-31 restoring 3 files to 9c1e0d4 (nothing touched them since)
    2. merge it when its checks pass (head must still be the PR's)
    Undo: revert the revert. Checks afterwards: sign-ups back in 80–112 within 40 min.
    Approved by ada 14:41 → PR #483 opened 14:42 → step 2 of 2: merge it when its checks pass, waits for its checks, next try 14:45

    What the digest covers
      kind plan
      target {"repository":"acme/app"}
      arguments {"steps":[]}
      revision {"merge_sha":"9c1e0d4aa"}
      digest 4f9a1c22e07b0000000000000000000000000000000000000000000000000000
      step 1: 1 call, begun 14:42, settled 14:42
    P-31 for F-128
    "#);
    let buttons = details_doc(&proposal(), &ctx()).buttons;
    assert_eq!(buttons.iter().map(|b| b.label.as_str()).collect::<Vec<_>>(), ["Approve", "Step 1 only", "Reject"]);
}

#[test]
fn the_check_afterwards_is_named_for_every_subject() {
    let subjects = [error(), run(), deployment("failure")].map(about);
    let bare = Finding { measure: None, ..finding() };
    let words = [finding(), bare].into_iter().chain(subjects).map(|finding| check_words(&finding, 40 * MINUTE_MS));
    insta::assert_snapshot!(words.collect::<Vec<_>>().join("\n"), @r"
    sign-ups back in 80–112 within 40 min
    sign-ups back in its expected band within 40 min
    no more TypeError in web/signup/form.ts within 40 min
    workflow CI passes within 40 min
    deployment to production succeeds within 40 min
    ");
}
