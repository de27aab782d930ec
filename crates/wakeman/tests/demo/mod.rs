//! The main job, seen from outside: the binary, its exit codes, its JSON Lines.

use std::{
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;

use crate::served::play;

fn wakeman(args: &[&str]) -> Output {
    let temporary = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_wakeman"))
        .args(args)
        .current_dir(temporary.path())
        .env_remove("WAKEMAN_ROOT")
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

/// What a newcomer plays first, with every card approved; it is played once, however many look at it.
fn first_play() -> &'static Output {
    static PLAY: OnceLock<Output> = OnceLock::new();
    PLAY.get_or_init(|| wakeman(&["demo", "--answer", "approve", "--json", "--speed", "max"]))
}

/// The cause an incident's finding names first.
fn top(incident: &Value) -> &str {
    incident["top_causes"][0]["id"].as_str().unwrap_or_default()
}

#[test]
fn a_bad_merge_is_found_explained_approved_reverted_and_verified() {
    let lines = lines(first_play());
    let summary = lines.last().unwrap();
    assert_eq!(summary["type"], "summary");
    let drop = &summary["incidents"][0];
    assert_eq!(drop["detected"], true, "{summary:#}");
    assert!(drop["minutes_to_detect"].as_f64().unwrap() <= 30.0, "{drop:#}");
    assert_eq!(drop["proposal_kind"], "plan");
    assert_eq!(drop["proposal_steps"], serde_json::json!(["github.revert_pr", "github.merge_pr"]));
    assert_eq!((&drop["executed"], &drop["verified"]), (&Value::Bool(true), &Value::Bool(true)), "{summary:#}");
    assert_eq!(summary["false_findings"], 0, "{summary:#}");
    assert_eq!(summary["untrusted_effects"], 0);

    let proposal = of_type(&lines, "proposal")[0];
    let decision = of_type(&lines, "decision")[0];
    assert_eq!(proposal["digest"], decision["digest"], "what was shown is what was approved");
    let receipts = of_type(&lines, "receipt");
    assert_eq!(receipts.iter().filter(|r| r["id"] == proposal["id"] && r["outcome"] == "done").count(), 2);
    assert_eq!(of_type(&lines, "verification")[0]["result"], "recovered");
    let order: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    let first = |kind: &str| order.iter().position(|k| *k == kind).unwrap();
    assert!(first("finding") < first("proposal") && first("proposal") < first("decision"));
    assert!(first("decision") < first("receipt") && first("receipt") < first("verification"));
}

#[test]
fn the_true_cause_is_the_likeliest_one() {
    let lines = lines(&wakeman(&["demo", "--answer", "reject", "--json", "--seed", "7"]));
    let summary = lines.last().unwrap();
    for incident in summary["incidents"].as_array().unwrap() {
        assert_eq!(top(incident), "signup-form", "{incident:#}");
        let causes = incident["top_causes"].as_array().unwrap();
        let shares: Vec<f64> = causes.iter().map(|cause| cause["probability"].as_f64().unwrap()).collect();
        assert!(shares.windows(2).all(|pair| pair[0] >= pair[1]), "highest first: {incident:#}");
        assert_eq!(incident["executed"], false, "nobody said yes");
    }
    assert_eq!(summary["effects"], 0, "a rejected proposal changes nothing outside");
}

#[test]
fn two_plays_of_one_seed_are_the_same_to_the_byte() {
    let (one, two) = (first_play(), wakeman(&["demo", "--answer", "approve", "--json"]));
    assert!(one.status.success());
    assert_eq!(String::from_utf8_lossy(&one.stdout), String::from_utf8_lossy(&two.stdout));
}

#[test]
fn where_nothing_is_wrong_nobody_is_woken() {
    let summary = play("quiet").summary();
    assert_eq!(summary["incidents"], serde_json::json!([]));
    assert_eq!((&summary["false_findings"], &summary["effects"]), (&Value::from(0), &Value::from(0)), "{summary:#}");
}

#[test]
fn a_drop_without_a_cause_is_told_as_such_and_nothing_is_proposed_for_it() {
    let incident = &play("unexplained").summary()["incidents"][0];
    assert_eq!(incident["detected"], true, "{incident:#}");
    assert_eq!(incident["top_causes"][0]["id"], "none", "{incident:#}");
    assert_eq!(incident["executed"], false);
}

#[test]
fn a_bad_flag_is_turned_off_and_the_metric_comes_back() {
    let incident = &play("flag-rollback").summary()["incidents"][0];
    assert_eq!(incident["proposal_kind"], "posthog.set_flag", "{incident:#}");
    assert_eq!(top(incident), "checkout-fast", "{incident:#}");
    assert_eq!(
        (&incident["executed"], &incident["verified"]),
        (&Value::Bool(true), &Value::Bool(true)),
        "{incident:#}"
    );
}

/// The named scenario, played with every card approved: the only incident, and that it is the same in a lab of its own and in the
/// demo's.
fn repaired(scenario: &str) -> Value {
    let (served, own) = (play(scenario), wakeman(&["demo", "--scenario", scenario, "--answer", "approve", "--json"]));
    assert_eq!(served.text, String::from_utf8_lossy(&own.stdout), "the same to the byte");
    let summary = served.summary();
    assert_eq!((&summary["untrusted_effects"], &summary["false_findings"]), (&Value::from(0), &Value::from(0)));
    let incident = summary["incidents"][0].clone();
    let (executed, verified) = (&incident["executed"], &incident["verified"]);
    assert_eq!((executed, verified), (&Value::Bool(true), &Value::Bool(true)), "{incident:#}");
    assert_eq!(summary["effects"], 1, "one call, once: {summary:#}");
    incident
}

#[test]
fn a_workflow_that_fails_by_chance_is_run_again_and_passes() {
    let incident = repaired("red-main");
    assert_eq!(incident["proposal_kind"], "github.rerun_failed_jobs");
    assert_eq!(top(&incident), "none", "{incident:#}");
}

#[test]
fn a_bad_deployment_is_rolled_back_and_the_metric_comes_back() {
    let incident = repaired("vercel-rollback");
    assert_eq!(incident["proposal_kind"], "vercel.rollback");
    assert_eq!(
        top(&incident),
        "new-environment",
        "a redeploy of the same commit is not that commit's merge: {incident:#}"
    );
}

#[test]
fn a_recorded_series_plays_to_its_end() {
    let summary = play("replay").summary();
    assert_eq!((&summary["type"], top(&summary["incidents"][0])), (&Value::from("summary"), "dispatch"), "{summary:#}");
}

#[test]
fn a_finding_that_comes_back_is_summed_up_once_for_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.toml");
    let metric = "[[metric]]\nname = \"Sign-ups\"\nkind = \"count\"\nevent = \"signed_up\"\nlevel = 55\n";
    let bad = |name: &str, at: f64, pr: u32| {
        let merge = format!(
            "[[change]]\nid = \"{name}\"\nat = {at}\nkind = \"merge\"\ntitle = \"signup: {name}\"\nauthor = \"lin\"\n\
             files = [\"web/signup/a.ts\"]\npr = {pr}\n"
        );
        let after = at + 0.05;
        merge
            + &format!(
                "[[incident]]\nid = \"drop-{name}\"\nat = {after}\nmetric = \"Sign-ups\"\neffect = \"drop\"\n\
                 magnitude = 0.7\ncause = \"{name}\"\nfix = \"github.revert_pr\"\n"
            )
    };
    let head =
        "[scenario]\nname = \"twice\"\nseed = 21\nstart = \"2026-04-14T09:00:00Z\"\nhours = 5\nwarmup_hours = 432\n";
    std::fs::write(&path, format!("{head}{metric}{}{}", bad("a", 1.0, 401), bad("b", 2.5, 402))).unwrap();
    let lines = lines(&wakeman(&["demo", "--scenario", path.to_str().unwrap(), "--answer", "approve", "--json"]));
    let summary = lines.last().unwrap();
    let incidents = summary["incidents"].as_array().unwrap();
    assert!(incidents.iter().all(|incident| incident["finding_id"] == "F-1"), "{summary:#}");
    let tops: Vec<&str> = incidents.iter().map(top).collect();
    assert_eq!(tops, ["a", "b"], "{summary:#}");
}

#[test]
fn a_card_for_what_waits_for_the_digest_comes_under_what_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drift.toml");
    let text = "[scenario]\nname = \"drift\"\nseed = 17\nstart = \"2026-04-14T09:00:00Z\"\nhours = 3\nwarmup_hours = 432\n\
                [[metric]]\nname = \"Checkouts\"\nkind = \"count\"\nevent = \"checkout_completed\"\nlevel = 30\n\
                [[metric]]\nname = \"Checkout time\"\nkind = \"duration\"\nof = \"Checkouts\"\nevent = \"checkout_completed\"\n\
                level = 400\nnoise = \"normal\"\ndispersion = 0.05\n\
                [[change]]\nid = \"m\"\nat = 1.0\nkind = \"merge\"\ntitle = \"pay: retry queue\"\nauthor = \"lin\"\n\
                files = [\"api/pay/queue.go\"]\npr = 9\n\
                [[incident]]\nid = \"slow\"\nat = 1.0\nmetric = \"Checkout time\"\neffect = \"shift\"\nmagnitude = 1.8\n\
                onset_minutes = 300\ncause = \"m\"\nfix = \"github.revert_pr\"\n";
    std::fs::write(&path, text).unwrap();
    let lines = lines(&wakeman(&["demo", "--scenario", path.to_str().unwrap(), "--answer", "reject", "--json"]));
    let finding = of_type(&lines, "finding")[0];
    assert_eq!(finding["interruption"], "digest", "{finding:#}");
    let told: Vec<(&str, &str)> = of_type(&lines, "delivery")
        .iter()
        .map(|delivery| (delivery["class"].as_str().unwrap(), delivery["text"].as_str().unwrap()))
        .collect();
    assert!(told[0].0 == "note" && told[0].1.contains("Checkout time up"), "{told:#?}");
    assert!(told[1].0 == "card" && told[1].1.contains("Revert #9"), "{told:#?}");
}

#[test]
fn without_a_terminal_to_ask_on_the_demo_says_which_flag_helps() {
    let output = wakeman(&["demo"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--answer"));
}

#[test]
fn a_scenario_that_is_not_there_is_a_usage_error_with_the_names_there_are() {
    let output = wakeman(&["demo", "--scenario", "nope", "--answer", "approve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad-merge"));
}

#[test]
fn services_that_fall_silent_cost_a_demo_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silent.toml");
    let outage =
        |service: &str| format!("[[outage]]\nat = 0.2\nminutes = 20\nservice = \"{service}\"\nmode = \"timeout\"\n");
    let text = "[scenario]\nname = \"silent\"\nseed = 1\nstart = \"2026-05-11T06:00:00Z\"\nhours = 1\nwarmup_hours = 48\n\
                [[metric]]\nname = \"Orders\"\nkind = \"count\"\nevent = \"order_placed\"\nlevel = 60\n";
    std::fs::write(&path, format!("{text}{}{}", outage("posthog"), outage("github"))).unwrap();
    let begun = std::time::Instant::now();
    let lines = lines(&wakeman(&["demo", "--scenario", path.to_str().unwrap(), "--answer", "reject", "--json"]));
    assert_eq!(lines.last().unwrap()["false_findings"], 0);
    assert!(begun.elapsed().as_secs() < 60, "a lost call of a real service costs 20 s: {:?}", begun.elapsed());
}
