//! A finding and its card, worked with from a second terminal: through the socket of a daemon, and on their own when none runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    asking::{Lab, at_home, wait},
    daemon::{Home, Process, said},
};

/// When sign-ups have been low for a while in the scenario bad-merge.
const LOW: &str = "2026-01-22T10:20:00Z";

/// An instance with F-1 and P-1, and the daemon if there is to be one.
fn incident(served: bool) -> (Home, Lab, Option<Process>) {
    let (home, lab) = at_home("bad-merge");
    wait(lab.client().advance(LOW)).unwrap();
    let daemon = served.then(|| home.daemon().0);
    until(&home, "a card", |home| {
        if daemon.is_none() {
            let look = home.run(&["run", "--once"]);
            assert!(look.status.success(), "{}", said(&look));
        }
        home.json(&["proposals", "--state", "pending"])[0]["id"] == "P-1"
    });
    (home, lab, daemon)
}

fn until(home: &Home, what: &str, is_so: impl Fn(&Home) -> bool) {
    let begun = Instant::now();
    while !is_so(home) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {}", home.json(&["status"]));
    }
}

fn words(home: &Home, args: &[&str]) -> String {
    let output = home.run(args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// How it ends and what it says on standard error.
fn refused(home: &Home, args: &[&str]) -> (Option<i32>, String) {
    let output = home.run(args);
    (output.status.code(), said(&output))
}

/// Every verb that only looks.
fn looks(home: &Home) {
    let status = home.json(&["status"]);
    assert_eq!((&status["open_findings"], &status["awaiting"]), (&json!(1), &json!(1)), "{status:#}");
    assert!(words(home, &["status"]).contains("1 open, 1 awaiting you"));
    assert_eq!(home.json(&["findings"])[0]["id"], "F-1");
    assert_eq!(home.json(&["findings", "--state", "resolved"]), json!([]));
    assert!(words(home, &["findings"]).contains("F-1"));
    let finding = words(home, &["finding", "F-1"]);
    assert!(finding.contains("signed_up down") && finding.contains("#482"), "{finding}");
    let why = words(home, &["why", "F-1"]);
    assert!(why.contains("#482") && why.contains("before the drop"), "{why}");
    let proposals = words(home, &["proposals"]);
    assert!(proposals.contains("P-1") && proposals.contains("Revert #482"), "{proposals}");
    let thread = home.json(&["findings"])[0]["thread"].clone();
    let threads = home.json(&["threads"]);
    assert!(threads.as_array().unwrap().iter().any(|one| one["threadId"] == thread), "{threads:#}");
    assert_eq!(home.json(&["whoami"])["identity"]["role"], "owner");
}

/// Verbs about the finding, and the card approved by its digest; what the lab took of it.
fn works(home: &Home, lab: &Lab, more: &[&str]) {
    let (code, told) = refused(home, &["approve", "P-1"]);
    assert_eq!(code, Some(2), "{told}");
    let digest = home.json(&["proposals"])[0]["digest"].as_str().unwrap()[..12].to_owned();
    assert!(told.contains(&format!("wakeman approve P-1 --digest {digest}")), "{told}");
    let (code, told) = refused(home, &["approve", "P-1", "--digest", "000000000000"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(applied(lab).is_empty(), "nobody said yes to exactly this yet");
    let acknowledged = home.json(&["ack", "F-1"]);
    assert_eq!(acknowledged["state"]["state"], "acknowledged", "{acknowledged:#}");
    let approved = home.json(&[&["approve", "P-1", "--digest", &digest], more].concat());
    assert_eq!(approved["decisions"][0]["verdict"], "approve", "{approved:#}");
    until(home, "the revert", |_| applied(lab).iter().any(|path| path.ends_with("/pulls")));
    assert_eq!(home.json(&["snooze", "F-1", "2h"])["state"]["state"], "snoozed");
    let resolved = home.json(&["resolve", "F-1"]);
    assert_eq!(resolved["state"]["state"], "resolved", "{resolved:#}");
    assert_eq!(home.json(&["status"])["open_findings"], 0);
}

/// The paths of what was applied.
fn applied(lab: &Lab) -> Vec<String> {
    let effects = wait(lab.client().effects()).unwrap();
    effects.into_iter().filter(|effect| effect.applied).map(|effect| effect.path).collect()
}

#[test]
fn every_verb_works_through_the_socket_of_a_daemon() {
    let (home, lab, daemon) = incident(true);
    looks(&home);
    works(&home, &lab, &[]);
    assert_eq!(daemon.unwrap().stop(), Some(0));
    assert_eq!(home.json(&["findings"])[0]["state"]["state"], "resolved", "and what was said is there without it");
}

#[test]
fn every_verb_works_on_its_own_when_no_daemon_runs() {
    let (home, lab, _) = incident(false);
    looks(&home);
    // The step alone: the checks that the next one waits for come with the lab's time, which stands still.
    works(&home, &lab, &["--step"]);
}

#[test]
fn a_rejected_card_changes_nothing_outside_and_who_may_not_approve_is_refused() {
    let (home, lab, _) = incident(false);
    let digest = home.json(&["proposals"])[0]["digest"].as_str().unwrap().to_owned();
    let file = home.instance().join("read-only/settings.json");
    let before = std::fs::read_to_string(&file).unwrap();
    let mut others: Value = serde_json::from_str(&before).unwrap();
    others["operators"] = json!([{"id": "ada", "role": "owner", "principals": ["cli:4242424"]}]);
    others["approvals"] = json!({"default": {"approvers": ["ada"]}});
    std::fs::write(&file, others.to_string()).unwrap();
    let (code, told) = refused(&home, &["approve", "P-1", "--digest", &digest]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("Only ada can approve P-1"), "{told}");
    std::fs::write(&file, before).unwrap();
    let rejected = home.json(&["reject", "P-1", "--reason", "by hand"]);
    assert_eq!((&rejected["state"], &rejected["decisions"][0]["reason"]), (&json!("rejected"), &json!("by hand")));
    let (code, told) = refused(&home, &["approve", "P-1", "--digest", &digest]);
    assert_eq!(code, Some(3), "{told}");
    assert!(applied(&lab).is_empty());
}

#[test]
fn what_is_approved_in_mode_observe_is_not_run_and_the_answer_says_so() {
    let (home, lab, _) = incident(false);
    assert_eq!(home.json(&["mode", "observe"])["mode"], "observe");
    let digest = home.json(&["proposals"])[0]["digest"].as_str().unwrap().to_owned();
    let approved = home.run(&["approve", "P-1", "--digest", &digest]);
    let told = String::from_utf8_lossy(&approved.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(approved.status.success(), "{told}");
    assert!(told.contains("Held by mode observe, so nothing is run: it begins once "), "{told}");
    assert!(told.contains(" says `mode propose` by ") && told.contains(", else it expires."), "{told}");
    let noted = String::from_utf8_lossy(&approved.stderr).into_owned();
    assert!(!noted.contains("goes on with it"), "{noted}");
    assert!(!home.run(&["run", "--once"]).stdout.is_empty() && applied(&lab).is_empty());
    assert_eq!(home.json(&["proposals"])[0]["state"], "approved");
}
